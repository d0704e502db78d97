"""What Hydra calls around a sweep: folders by name before it, the comparison behind it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from archbuilder.errors import ArchbuilderError
from archbuilder.record import FAILURE_FILE
from archbuilder.training import naming
from archbuilder.training.signals import stop_the_sweep_on_request

# Hydra imports this module in every process that runs a job, before it asks for a folder.
naming.register()


class SweepReport(Callback):
    """Ends a sweep with the comparison of what lies in its folder; exit code 1 where a run failed."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        stop_the_sweep_on_request()
        if config.hydra.sweeper.get("storage"):
            from archbuilder.training.search import go_on

            go_on(config)

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
        if any((problem.folder / FAILURE_FILE).is_file() for problem in report.problems):
            raise SystemExit(1)
