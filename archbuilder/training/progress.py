"""What a person sees while training: one line per epoch, and in a terminal a bar."""

from __future__ import annotations

import functools
import sys
import time
from typing import Any

import lightning
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.callbacks.progress.tqdm_progress import Tqdm

from archbuilder.training.module import Classifier
from archbuilder.training.processes import is_launched


class Stopwatch(lightning.Callback):
    """Measures the seconds spent on training batches, evaluation left out, and counts their images."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.images = 0
        self.sittings = 0.0
        """Wall seconds of earlier sittings, where the run was resumed."""
        self._since: float | None = None
        self._started = time.perf_counter()

    @property
    def wall_seconds(self) -> float:
        return self.sittings + time.perf_counter() - self._started

    def state_dict(self) -> dict[str, Any]:
        running = time.perf_counter() - self._since if self._since is not None else 0.0
        return {"seconds": self.seconds + running, "images": self.images, "wall": self.wall_seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seconds, self.images, self.sittings = (state_dict[key] for key in ("seconds", "images", "wall"))

    def on_fit_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._started = time.perf_counter()

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        # An epoch that is gone on with has no start.
        self._since = time.perf_counter()

    @property
    def images_per_second(self) -> float:
        return self.images / self.seconds if self.seconds else 0.0

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._since = time.perf_counter()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        self.images += len(batch[1]) * trainer.world_size

    def on_validation_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._stop(module)

    def on_validation_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        # Evaluation may come in the middle of an epoch; training batches may follow it.
        self._since = time.perf_counter() if trainer.training else None

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._stop(module)

    def _stop(self, module: lightning.LightningModule) -> None:
        if self._since is not None:
            if module.device.type == "cuda":
                # Kernels are only queued so far; without this their time would count as evaluation.
                import torch

                torch.cuda.synchronize(module.device)
            self.seconds += time.perf_counter() - self._since
            self._since = None


class Lines(lightning.Callback):
    """Prints one line per epoch: loss, accuracies, images per second, time left."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self.stopwatch = stopwatch
        self.started = time.perf_counter()
        self.epochs = 0

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        batches: Any = trainer.datamodule  # type: ignore[attr-defined]
        if trainer.is_global_zero and batches is not None:
            print(f"images: {batches.where}", flush=True)
        self.started = time.perf_counter()

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        if not isinstance(module, Classifier):
            return
        # Every process takes part in the sums behind the line; one prints it.
        line = self.line(trainer, module)
        if trainer.is_global_zero:
            # Above the bar where there is one, which a plain print would break.
            bar = trainer.progress_bar_callback
            (bar.print if isinstance(bar, Bar) else functools.partial(print, flush=True))(line)

    def line(self, trainer: lightning.Trainer, module: Classifier) -> str:
        """Return the line of the epoch that just ended."""
        epoch, epochs = trainer.current_epoch + 1, trainer.max_epochs or 0
        figures = module.epoch_figures()
        val = f"{figures['val/accuracy']:6.2%}" if module.validated else "     -"
        self.epochs += 1
        left = (time.perf_counter() - self.started) / self.epochs * (epochs - epoch)
        speed = f"{self.stopwatch.images_per_second:,.0f} img/s  {left:.0f} s left"
        return (
            f"epoch {epoch:>{len(str(epochs))}}/{epochs}  loss {figures['train/loss']:.3f}  "
            f"train {figures['train/accuracy']:6.2%}  val {val}  {speed}"
        )


class Bar(TQDMProgressBar):
    """Lightning's bar over the batches of the epoch in progress; it leaves nothing behind."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=10, leave=False)

    def get_metrics(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> dict[str, Any]:
        return {}  # the line of the epoch tells them

    def on_train_epoch_start(self, trainer: lightning.Trainer, *arguments: Any) -> None:
        super().on_train_epoch_start(trainer, *arguments)
        self.train_progress_bar.set_description(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}")

    def init_validation_tqdm(self) -> Tqdm:
        return Tqdm(disable=True)

    def init_test_tqdm(self) -> Tqdm:
        return Tqdm(disable=True)


def progress(stopwatch: Stopwatch) -> list[lightning.Callback]:
    """Return a line per epoch, which survives in a log, and in a terminal a bar for the epoch in progress.

    Jobs that are trained at once share the terminal, and would write their bars over one another.
    """
    return [Lines(stopwatch), *([Bar()] if sys.stdout.isatty() and not is_launched() else [])]
