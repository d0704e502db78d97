"""What Hydra calls around a sweep: folders by name and the plan before it, the comparison behind it."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from archbuilder.console import fail
from archbuilder.errors import ArchbuilderError
from archbuilder.sweep.lock import attend
from archbuilder.sweep.plan import write_plan
from archbuilder.sweep.states import FAILED, FINISHED, State
from archbuilder.sweep.summary import summary
from archbuilder.training import naming
from archbuilder.training.signals import stop_the_sweep_on_request

# Hydra imports this module in every process that runs a job, before it asks for a folder.
naming.register()


class SweepReport(Callback):
    """Ends a sweep with the comparison of what lies in its folder; exit code 1 where a run is not finished."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        folder = Path(config.hydra.sweep.dir)
        with _no_mere_warning():
            stop_the_sweep_on_request()
            if config.hydra.sweeper.get("storage"):
                from archbuilder.training.search import go_on

                go_on(config)
            attend(folder)
            self.began = write_plan(folder, config).began

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        folder = Path(os.path.relpath(config.hydra.sweep.dir))
        with _no_mere_warning():
            jobs = [run for run in summary(folder, time.time()).runs if run.touched >= self.began]
            compared = _compare(folder, jobs)
            print(_counts(jobs, self.began))
            if not compared or any(run.state != FINISHED for run in jobs):
                raise SystemExit(1)


@contextmanager
def _no_mere_warning() -> Iterator[None]:
    """Leave with exit code 1 on any exception: Hydra would make a warning of it, and the sweep would end well."""
    try:
        yield
    except ArchbuilderError as error:
        fail(error)
    except OSError as error:
        fail(ArchbuilderError(f"{error.filename or 'the file system'}: {error.strerror or error}"))
    except Exception:
        traceback.print_exc()
        raise SystemExit(1) from None


def _compare(folder: Path, jobs: list[State]) -> bool:
    """Print the comparison, or why there is none; return whether there is one."""
    from archbuilder.compare import compare

    print()
    if not any(run.state == FINISHED for run in jobs):
        for run in jobs:
            print(f"{run.folder.name}: {run.state}{': ' if run.reason else ''}{run.reason}", file=sys.stderr)
        return False
    try:
        compare([folder], to=folder).print()
    except ArchbuilderError as error:
        print(f"error: {error}", file=sys.stderr)
        return False
    return True


def _counts(jobs: list[State], began: float) -> str:
    """Return how many jobs of a command are finished, and how many are not: `4 jobs: 3 finished, 1 failed`."""
    finished = [run for run in jobs if run.state == FINISHED]
    before = sum(run.ended < began for run in finished)
    failed = sum(run.state == FAILED for run in jobs)
    others = len(jobs) - len(finished) - failed
    counts = [f"{len(finished)} finished" + (f" ({before} of them before)" if before else "")]
    counts += [f"{failed} failed"] * bool(failed) + [f"{others} not finished"] * bool(others)
    return f"{len(jobs)} jobs: {', '.join(counts)}"
