"""What lies in the file that W&B writes offline, for which it has no reader of its own in Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BLOCK = 32768
HEAD = 7
"""Bytes of the file's own head, and of the head of each piece: checksum (4), length (2), kind (1)."""
WHOLE, LAST = 1, 4


@dataclass
class Told:
    """One sitting of a run, as W&B was told it."""

    id: str = ""
    name: str = ""
    project: str = ""
    group: str = ""
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None


def read(folder: Path) -> list[Told]:
    """Return the sittings in a run's folder, the first one first."""
    return [_told(path) for path in sorted(folder.glob("wandb/offline-run-*/run-*.wandb"))]


def _told(path: Path) -> Told:
    from wandb.proto import wandb_internal_pb2

    kinds: Any = wandb_internal_pb2
    told = Told()
    for data in _records(path.read_bytes()):
        record = kinds.Record.FromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            told.id, told.name = record.run.run_id, record.run.display_name
            told.project, told.group = record.run.project, record.run.run_group
            told.tags = list(record.run.tags)
        elif kind == "config":
            told.config |= _items(record.config.update)
        elif kind == "history":
            told.history.append(_items(record.history.item))
        elif kind == "summary":
            told.summary |= _items(record.summary.update)
        elif kind == "exit":
            told.exit_code = record.exit.exit_code
    return told


def _items(items: Any) -> dict[str, Any]:
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}


def _records(content: bytes) -> Iterator[bytes]:
    """Yield the records of a file in LevelDB's log format: pieces within blocks."""
    at, record = HEAD, b""
    while at + HEAD <= len(content):
        if BLOCK - at % BLOCK < HEAD:  # no room for a head: the block is filled up
            at += BLOCK - at % BLOCK
            continue
        length, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        record += content[at + HEAD : at + HEAD + length]
        at += HEAD + length
        if kind in (WHOLE, LAST):
            yield record
            record = b""
