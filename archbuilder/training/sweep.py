"""What Hydra calls around a sweep: folders by name and the plan before it, the comparison behind it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from archbuilder.errors import ArchbuilderError
from archbuilder.sweep.plan import write_plan
from archbuilder.sweep.states import FAILED, FINISHED
from archbuilder.sweep.summary import summary
from archbuilder.training import naming
from archbuilder.training.signals import stop_the_sweep_on_request

# Hydra imports this module in every process that runs a job, before it asks for a folder.
naming.register()


class SweepReport(Callback):
    """Ends a sweep with the comparison of what lies in its folder; exit code 1 where a run is not finished."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        stop_the_sweep_on_request()
        if config.hydra.sweeper.get("storage"):
            from archbuilder.training.search import go_on

            go_on(config)
        self.began = write_plan(Path(config.hydra.sweep.dir), config).began

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        from archbuilder.compare import compare
        from archbuilder.console import fail

        folder = Path(os.path.relpath(config.hydra.sweep.dir))
        try:
            report = compare([folder], to=folder)
        except ArchbuilderError as error:
            fail(error)
        print()
        report.print()
        jobs = [run for run in summary(folder, time.time()).runs if run.touched >= self.began]
        before = sum(run.state == FINISHED and run.ended < self.began for run in jobs)
        unfinished = [run for run in jobs if run.state != FINISHED]
        counts = [f"{len(jobs) - len(unfinished)} finished" + (f" ({before} of them before)" if before else "")]
        failed = sum(run.state == FAILED for run in unfinished)
        counts += [f"{failed} failed"] * bool(failed)
        counts += [f"{len(unfinished) - failed} not finished"] * (len(unfinished) > failed)
        print(f"{len(jobs)} jobs: {', '.join(counts)}")
        if unfinished:
            raise SystemExit(1)
