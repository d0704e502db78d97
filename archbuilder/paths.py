"""Where the shipped configuration lies."""

from __future__ import annotations

from pathlib import Path


def conf_dir() -> Path:
    """Return the folder of the shipped configuration: inside an installed wheel, or beside the package."""
    package = Path(__file__).resolve().parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"
