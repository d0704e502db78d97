"""The command that trained a run, as Hydra keeps it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from archbuilder.errors import ConfigError
from archbuilder.language.yaml import load_unresolved

OVERRIDES_FILE = Path(".hydra", "overrides.yaml")
# Where and how visibly it ran, which changes nothing of what was learned.
_INCIDENTAL = re.compile(r"[+~]*(hydra|force|folder|sweep|logger|callbacks|resume|checkpoint)\b")
_MACHINE_PATH = re.compile(r"(^|[^\w.])(/|~|[A-Za-z]:[\\/])")


def training_command(run: Path) -> str | None:
    """Return `python train.py` with the overrides of a run, or None where its folder does not tell them.

    A path of the machine is named PATH, and what only says where the results went is left out.
    """
    try:
        overrides = load_unresolved(run / OVERRIDES_FILE)
    except ConfigError:
        return None
    if not isinstance(overrides, list) or not all(isinstance(text, str) for text in overrides):
        return None
    words = [_without_paths(text) for text in overrides if not _INCIDENTAL.match(text)]
    return shlex.join(["python", "train.py", *words])


def _without_paths(override: str) -> str:
    key, equals, value = override.partition("=")
    # train.py itself takes model.x=1 for ++model.x=1.
    key = key.removeprefix("++") if key.startswith("++model.") else key
    return f"{key}{equals}{'PATH' if _MACHINE_PATH.search(value) else value}"
