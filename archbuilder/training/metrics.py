"""One row per epoch in `metrics.csv`, which a resumed run continues as if nothing had happened."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import lightning

from archbuilder.files import write_text
from archbuilder.record import METRICS_FILE, PROGRESS_FILE
from archbuilder.training.module import Classifier

COLUMNS = ("epoch", "step", "lr", "train/accuracy", "train/loss", "val/accuracy", "val/loss")


class MetricsFile(lightning.Callback):
    """Writes `metrics.csv` whole after each epoch; its rows are part of every checkpoint.

    An epoch that was not evaluated has no figures of val.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / METRICS_FILE
        self.rows: list[dict[str, Any]] = []
        self.begun = False

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        if trainer.is_global_zero and not self.begun:
            write_text(self.path.with_name(PROGRESS_FILE), f"{len(self.rows)}\n")
            self.begun = True

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        if not isinstance(module, Classifier):
            return
        row = {"epoch": trainer.current_epoch + 1, "step": trainer.global_step, **module.epoch_figures()}
        self.rows.append(row)
        if trainer.is_global_zero:
            text = io.StringIO()
            writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
            write_text(self.path, text.getvalue())

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = list(state_dict["rows"])
