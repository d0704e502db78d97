"""What accuracy may be held against: each cost, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from archbuilder.errors import RecordError, suggestion


@dataclass(frozen=True)
class Axis:
    """A cost of a row: the row's field, its title with the unit, its column in tables, in words what a front asks of
    another row, and how many of the unit are one."""

    field: str
    title: str
    column: str
    no_worse: str
    unit: float = 1.0
    more_is_better: bool = False

    def shown(self, row: Any) -> float:
        """Return a row's value in the unit of the title."""
        return float(getattr(row, self.field)) * self.unit

    def cost(self, row: Any) -> float:
        """Return a row's value so that less is better."""
        value = float(getattr(row, self.field))
        return -value if self.more_is_better else value


PARAMS = Axis("params", "parameters", "params", "as few params")
AXES = {
    axis.field: axis
    for axis in (
        PARAMS,
        Axis("macs", "MACs for one image", "MACs", "as few MACs"),
        Axis("images_per_second", "training images per second", "img/s", "as many img/s", more_is_better=True),
        Axis("latency", "latency of one image (ms)", "ms", "as short a latency", unit=1000.0),
    )
}


def axis(name: str) -> Axis:
    """Return the axis of that name; raises RecordError."""
    if name not in AXES:
        raise RecordError(f"--x: accuracy cannot be held against '{name}'; {suggestion(name, AXES, 'there are')}")
    return AXES[name]
