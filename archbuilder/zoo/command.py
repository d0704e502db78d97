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
_MACHINE_PATH = re.compile(r"(^|[^\w.])(/|~|[A-Za-z]:/|\.\.(/|$))|\\")
_SECRET = re.compile(r"(token|key|secret|password)\w*$", re.IGNORECASE)
"""The end of a key whose value is nobody else's business."""
_SECRET_INSIDE = re.compile(r"(token|key|secret|password)\w*['\"]?\s*[:=]", re.IGNORECASE)


def training_command(run: Path) -> str | None:
    """Return `python train.py` with the overrides of a run, or None where its folder does not tell them on one line.

    A path of the machine is named PATH, what may be a secret SECRET, and what only says where the results went is left
    out.
    """
    try:
        overrides = load_unresolved(run / OVERRIDES_FILE)
    except ConfigError:
        return None
    if not isinstance(overrides, list) or not all(isinstance(text, str) for text in overrides):
        return None
    words = [_for_others(text) for text in overrides if not _INCIDENTAL.match(text)]
    command = shlex.join(["python", "train.py", *words])
    return command if len(command.splitlines()) == 1 else None


def _for_others(override: str) -> str:
    """Return an override without what is only for the machine or the person that gave it."""
    key, equals, value = override.partition("=")
    # train.py itself takes model.x=1 for ++model.x=1.
    key = key.removeprefix("++") if key.startswith("++model.") else key
    if value and (_SECRET.search(key) or _SECRET_INSIDE.search(value)):
        value = "SECRET"
    elif _MACHINE_PATH.search(value):
        value = "PATH"
    return f"{key}{equals}{value}"
