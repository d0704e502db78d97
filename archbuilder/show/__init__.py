"""Seeing a network before it exists: its tree of costs, several side by side, a diagram. Imports no torch."""
