"""Read the records of runs and compare them honestly: statistics, fronts, table, picture."""

from archbuilder.compare.report import Report, compare

__all__ = ["Report", "compare"]
