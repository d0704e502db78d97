"""Shipped YAML files with something edited at random, in their text or in their data: from one number, one edit."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from archbuilder.language.source import models, read_source
from archbuilder.language.yaml import load
from archbuilder.paths import conf_dir
from tests.language.random_models import places
from tests.test_models import BLOCKS

FILES = sorted((conf_dir() / "model").rglob("*.yaml")) + sorted((conf_dir() / "block").rglob("*.yaml"))
assert len(FILES) == len(models()) + len(BLOCKS)

ODD = ["\t", ":", "-", "{", "}", "[", "]", "&a ", "*a", "'", '"', "#", "!!int ", "!!python/name:x ", "|", ">", "%"]
ODD += [
    "\0",
    "é",
    "\u2028",
    "\ufeff",
    "\x85",
    "${a}",
    "${",
    "???",
    "~",
    "<<: ",
    "? ",
    "---\n",
    "...\n",
    "\r",
    "😀",
    "@",
]
NUMBERS = [
    "0",
    "-1",
    "1.5",
    "1e3",
    "1e400",
    "10000000",
    "10000001",
    "9" * 30,
    "9" * 5000,
    ".nan",
    "-.inf",
    "0x10",
    "1:30",
]
VALUES: list[Any] = [None, True, False, 0, -1, 1, 2, 3.0, 2.5, 10**7, 10**9, 10**400, 1e300, float("nan"), float("inf")]
VALUES += [
    "",
    "x",
    "relu",
    "conv",
    "9**9**9",
    "1 / 0",
    "in_channels * 2",
    "out",
    "1 if",
    "a.b",
    "__import__('os')",
    "null",
]
VALUES += [[], [1], [1, 2], [3, 8, 8], [None], ["x", "y"], {}, {"a": 1}, {"block": "conv"}, {"block": "conv", "out": 8}]
VALUES += [
    [[[]]],
    {"x": {"y": {"z": 1}}},
    "${model.classes}",
    "${x}",
    "x" * 5000,
    list(range(1000)),
    (1, 2),
    b"x",
    {1, 2},
]
KEYS: list[Any] = [
    "block",
    "from",
    "repeat",
    "out",
    "when",
    "style",
    "input",
    "",
    "x",
    "_x",
    "a.b",
    "on",
    "é",
    1,
    True,
    None,
]


@dataclass(frozen=True)
class Edit:
    """What to expand, and what was done, in words."""

    source: Path | Mapping[Any, Any]
    what: str


def edit(number: int, folder: Path) -> Edit:
    """Return the edit of this number; files are written below `folder`."""
    draw = random.Random(number)
    path = draw.choice([path for path in FILES if draw.random() < 0.3 or "imagenet" not in path.parts] or FILES)
    if draw.random() < 0.5:
        text = path.read_text(encoding="utf-8")
        for _ in range(draw.choice([1, 1, 1, 2])):
            text = _edit_text(draw, text)
        return Edit(_write(path, text, folder), f"text of {path.name}: {text!r}")
    name = path.relative_to(conf_dir() / path.relative_to(conf_dir()).parts[0]).with_suffix("").as_posix()
    content = load(path) if _is_block(path) else read_source(name, [])
    content = copy.deepcopy(content)
    for _ in range(draw.choice([1, 1, 1, 2])):
        _edit_data(draw, content)
    source = {**_caller(path.stem), "blocks": {path.stem: content}} if _is_block(path) else content
    return Edit(source, f"data of {path.name}: {content!r:.5000}")


def _is_block(path: Path) -> bool:
    return path.parent.name == "block"


def _caller(block: str) -> dict[str, Any]:
    """Return a model that uses a block once."""
    use = {"block": block, **BLOCKS[block][0]}
    return {"input": [8, 18, 18], "style": {"norm": "batch", "act": "relu"}, "stages": {"use": use}}


def _write(path: Path, text: str, folder: Path) -> Path:
    """Write an edited file, and for a block's a model beside it that uses it; return the model's."""
    (folder / "block").mkdir(exist_ok=True)
    if not _is_block(path):
        target = folder / path.name
        target.write_bytes(text.encode("utf-8", "surrogatepass"))
        return target
    (folder / "block" / path.name).write_bytes(text.encode("utf-8", "surrogatepass"))
    caller = folder / "caller.yaml"
    caller.write_text(yaml.safe_dump(_caller(path.stem), sort_keys=False), encoding="utf-8")
    return caller


def _edit_text(draw: random.Random, text: str) -> str:
    """Return a text with one thing changed."""
    lines = text.splitlines(keepends=True)
    if not lines:
        return draw.choice(ODD)
    i, j = draw.randrange(len(lines)), draw.randrange(len(lines))
    at = draw.randrange(len(text) + 1)
    how = draw.choice([0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 8])
    if how == 0:
        del lines[i]
    elif how == 1:
        lines.insert(j, lines[i])
    elif how == 2:
        lines[i], lines[j] = lines[j], lines[i]
    elif how == 3:
        lines[i] = " " * draw.choice([0, 1, 2, 3, 4, 9]) + lines[i].lstrip(" ")
    elif how == 4:
        return text[:at]
    elif how == 5:
        return text[:at] + draw.choice(ODD) + text[at:]
    elif how == 6:
        return text[:at] + text[at + 1 :]
    else:
        found = list(re.finditer(r"\d+" if how == 7 else r"\w+", text))
        if not found:
            return text
        word = draw.choice(found)
        other = _number(draw, word.group()) if how == 7 else draw.choice(found).group()
        return text[: word.start()] + other + text[word.end() :]
    return "".join(lines)


def _number(draw: random.Random, digits: str) -> str:
    """Return another number: half of the time one that is near."""
    near = [int(digits) + 1, max(int(digits) - 1, 0), 2 * int(digits), int(digits) // 2 or 1]
    return str(draw.choice(near)) if draw.random() < 0.6 else draw.choice(NUMBERS)


def _edit_data(draw: random.Random, content: Any) -> None:
    """Change one thing somewhere inside a mapping."""
    found = places(content)
    if not found:
        return
    *path, key = draw.choice(found)
    inside = content
    for step in path:
        inside = inside[step]
    how = draw.randrange(5)
    if type(inside[key]) is int and how > 1:
        inside[key] = draw.choice([inside[key] + 1, max(inside[key] - 1, 0), 2 * inside[key], draw.choice(VALUES)])
    elif how == 0:
        del inside[key]
    elif how == 1 and isinstance(inside, dict):
        name = draw.choice([*KEYS, f"{key}x", str(key)[1:], str(key).upper(), draw.choice(found)[-1]])
        inside[name] = inside.pop(key)
    elif how == 2:
        *other, last = draw.choice(found)
        value = content
        for step in (*other, last):
            value = value[step]
        inside[key] = copy.deepcopy(value)
    else:
        inside[key] = draw.choice(VALUES)
