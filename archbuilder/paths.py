"""Where files lie, above all the shipped configuration."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def is_file(path: Path) -> bool:
    """Tell whether there is a file; what cannot even be a file's name is none."""
    try:
        return path.is_file()
    except OSError:  # a name that is too long, for one
        return False


def shown(path: Path) -> str:
    """Return a path as messages name it: `conf/...` for what is shipped, seen from here what is below, else whole."""
    if path.is_relative_to(conf_dir()):
        return f"conf/{path.relative_to(conf_dir()).as_posix()}"
    if path.is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd()).as_posix()
    return str(path)


def choices(folders: Iterable[Path]) -> list[str]:
    """Return the names by which Hydra knows the YAML files in and below folders of one group."""
    return [
        path.relative_to(folder).with_suffix("").as_posix() for folder in folders for path in folder.rglob("*.yaml")
    ]


def conf_dir() -> Path:
    """Return the folder of the shipped configuration: inside an installed wheel, or beside the package."""
    package = Path(__file__).resolve().parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"
