"""Folders of runs in every state, as `train.py -m` leaves them."""

from __future__ import annotations

import os
from pathlib import Path

from archbuilder.files import write_json, write_text
from archbuilder.record import FAILURE_FILE, PROGRESS_FILE, write_record
from tests.compare.records import record

HEADER = "epoch,step,lr,train/accuracy,train/loss,val/accuracy,val/loss\n"


def begun(sweep: Path, name: str, at: float, epochs: int = 0, of: int = 10, before: int = 0) -> Path:
    """Make the folder of a run that began at a time and has so many epochs behind it, some of them `before` that."""
    run = sweep / name
    write_text(run / ".hydra" / "overrides.yaml", "[]\n")
    write_text(run / ".hydra" / "config.yaml", f"trainer:\n  max_epochs: {of}\nfolder: ${{hydra:runtime.output_dir}}\n")
    os.utime(run / ".hydra" / "overrides.yaml", (at, at))
    write_text(run / PROGRESS_FILE, f"{before}\n")
    os.utime(run / PROGRESS_FILE, (at, at))
    if epochs:
        rows = "".join(f"{epoch},1,0.1,0.5,1.0,0.{epoch:02},1.0\n" for epoch in range(1, epochs + 1))
        write_text(run / "metrics.csv", HEADER + rows)
    return run


def finished(sweep: Path, name: str, at: float, ended: float) -> Path:
    """Make the folder of a run that began and ended at these times."""
    run = begun(sweep, name, at, 10)
    path = write_record(record(), run)
    os.utime(path, (ended, ended))
    return run


def failed(sweep: Path, name: str, at: float, reason: str) -> Path:
    """Make the folder of a run that failed."""
    run = begun(sweep, name, at)
    write_text(run / FAILURE_FILE, f"{reason}\nmore\n")
    return run


def planned(sweep: Path, jobs: int | None, began: float) -> None:
    """Write what the last command was to do."""
    write_json(sweep / "sweep.json", {"jobs": jobs})
    os.utime(sweep / "sweep.json", (began, began))
