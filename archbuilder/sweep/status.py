"""`archbuilder sweep status`: where a sweep stands, once or as it goes."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.sweep.states import FAILED, RUNNING, STOPPED, State
from archbuilder.sweep.summary import Summary, summary

if TYPE_CHECKING:
    from rich.console import RenderableType

EVERY_SECONDS = 2.0


def status(folder: Path, watch: bool = False) -> None:
    """Print where a sweep stands; with `watch`, again and again until nothing is at work any more.

    Raises RecordError for a folder of no sweep.
    """
    from rich.console import Console
    from rich.live import Live

    console = Console()
    state = summary(folder, time.time())
    if not watch:
        console.print(page(state))
        return
    # Ctrl-C is how one stops looking.
    with contextlib.suppress(KeyboardInterrupt), Live(page(state), console=console, auto_refresh=False) as live:
        while not state.over:
            time.sleep(EVERY_SECONDS)
            state = summary(folder, time.time())
            live.update(page(state), refresh=True)


def page(state: Summary) -> RenderableType:
    """Return what is printed: the counts, the time left, and each run that is at work, failed or was stopped."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    left = "" if state.seconds_left is None else f"; about {duration(state.seconds_left)} left"
    if state.over and (state.waiting or state.of(FAILED) or state.of(STOPPED)):
        left = "; nothing is at work: the sweep's command, given again, goes on"
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for kind in (RUNNING, FAILED, STOPPED):
        for run in state.of(kind):
            table.add_row(Text(run.state), Text(run.folder.name), Text(_told(run)))
    return Group(Text(state.counts() + left), *([table] if table.row_count else []))


def duration(seconds: float) -> str:
    """Return a time as people say it: 40 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _told(run: State) -> str:
    if run.state == FAILED:
        return run.reason
    told = f"epoch {run.epochs} of {run.of_epochs}" if run.of_epochs else f"epoch {run.epochs}"
    if run.accuracy is not None:
        told += f", val {run.accuracy:.2%}"
    return told if run.seconds_left is None else f"{told}, about {duration(run.seconds_left)} left"
