"""Saving a run as it goes, and going on from where it was saved: bit for bit on the CPU."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.plugins import CheckpointIO
from lightning.pytorch.callbacks import Checkpoint

from archbuilder.errors import TrainingError
from archbuilder.training import checkpoints
from archbuilder.training.datamodule import Batches
from archbuilder.training.module import Classifier
from archbuilder.training.parts import quiet
from archbuilder.training.randomness import mixed, random_state, set_random_state
from archbuilder.training.signals import RESUME_ME, Requests, name_of, requeue, say

# Processes ask one another whether to stop or to save only every so many steps: asking is waiting.
ASK_EVERY = 8
# Between two checkpoints lies so many times what saving one takes.
RARELY = 20


class Files(CheckpointIO):
    """Gives Lightning's checkpoints the form that `checkpoints` writes and reads."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        if Path(path).suffix:  # another callback's own file
            checkpoints.write_file(Path(path), checkpoint)
        else:
            checkpoints.write(Path(path), checkpoint["global_step"], checkpoint)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        # What processes that were forked off hand back are weights alone.
        content: dict[str, Any] = checkpoints.plain(Path(path))
        return content

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


class Keeper(Checkpoint):
    """Saves after an epoch, or within one, once `every_seconds` have passed; and at the end, and when asked to stop.

    A checkpoint holds what Lightning keeps (weights, optimizer, schedule, progress, callbacks) and under `archbuilder`
    what a run is (`identity`) and what else a step depends on: random numbers, the place in the epoch, its sums.
    Saving takes a twentieth of the time at most, unless `every_seconds` is 0, which saves after every step. The first
    one that is saved takes the place of all that was in the folder.
    """

    def __init__(self, folder: Path, identity: Mapping[str, str], every_seconds: float, resumed: Path | None) -> None:
        self.folder = folder
        self.identity = dict(identity)
        self.every_seconds = every_seconds
        self.resumed = resumed
        self.requests = Requests()
        self._saved_at = time.monotonic()
        self._saving = 0.0
        """How many seconds the last save took."""
        self._saved = False
        self._finished = False
        self._state: dict[str, Any] | None = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        quiet()  # once more, in processes that are started for the training, before Lightning begins there
        vars(self).update(state)

    # -- what a checkpoint holds ---------------------------------------------------------------------------------

    def on_save_checkpoint(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        assert isinstance(module, Classifier)
        own = {"random": random_state(), "sums": module.sums()}
        checkpoint["archbuilder"] = {
            "schema": 1,
            "identity": self.identity,
            "position": list(_position(trainer)),
            "finished": self._finished,
            "processes": _gathered(trainer, own),
        }

    def on_load_checkpoint(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._state = checkpoint["archbuilder"]

    # -- going on --------------------------------------------------------------------------------------------------

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, Classifier)
        if trainer.global_rank:
            # All began with the same numbers, for the same weights; what they drop out is to differ.
            torch.manual_seed(mixed(torch.initial_seed(), trainer.global_rank))
        if self._state is not None:
            epoch, batch = self._state["position"]
            processes = self._state["processes"]
            if batch and len(processes) != trainer.world_size:
                raise TrainingError(
                    f"the checkpoint was saved by {len(processes)} process(es) in the middle of an epoch; "
                    f"go on with as many, not {trainer.world_size}"
                )
            if len(processes) == trainer.world_size:
                set_random_state(processes[trainer.global_rank]["random"])
                module.set_sums(processes[trainer.global_rank]["sums"])
            datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
            assert isinstance(datamodule, Batches)
            datamodule.go_to(epoch, batch)
            # A callback may have ended the run early; only the evaluation is missing then.
            own = self.resumed is not None and self.resumed.resolve().parent == self.folder.resolve()
            same = self._state["identity"]["settings"] == self.identity["settings"]
            trainer.should_stop = own and same and self._state["finished"]
            self._state = None
        self._saved_at = time.monotonic()
        self.requests.listen()

    # -- saving ----------------------------------------------------------------------------------------------------

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        assert isinstance(module, Classifier)
        if trainer.world_size == 1 and module.device.type == "cpu":
            # Here a look costs nothing, and saves an epoch of nonsense.
            module.check_finite(self._last_good)
        if index + 1 >= trainer.num_training_batches:
            return  # the end of the epoch is near, and evaluation before it
        # Evaluation within an epoch comes after this hook, and would be left out by a run that goes on behind it.
        every = trainer.val_check_batch or 1
        if every > 1 and (index + 1) % every == 0:
            return
        # Gradients in between two steps are not part of a checkpoint.
        if (index + 1) % trainer.accumulate_grad_batches:
            return
        if trainer.world_size == 1 or trainer.global_step % ASK_EVERY == 0:
            self._look(trainer, module)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, Classifier)
        module.check_finite(self._last_good)
        if trainer.current_epoch + 1 >= (trainer.max_epochs or 0) or trainer.should_stop:
            return  # what is left is quickly done: the run ends by itself
        self._look(trainer, module)

    def on_train_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, Classifier)
        self._finished = True
        self._save(trainer, module)
        # Before Lightning gives back what it had taken itself.
        self.requests.leave()

    def on_exception(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, exception: BaseException
    ) -> None:
        self.requests.leave()

    def _due(self) -> bool:
        interval = max(self.every_seconds, RARELY * self._saving) if self.every_seconds else 0.0
        return time.monotonic() - self._saved_at >= interval

    def _save(self, trainer: lightning.Trainer, module: Classifier) -> None:
        module.check_finite(self._last_good)
        begin = time.monotonic()
        before = [] if self._saved else checkpoints.listed(self.folder)
        trainer.save_checkpoint(self.folder)
        if trainer.is_global_zero:
            checkpoints.remove([path for path in before if path != self.resumed], self.folder)
        self._saved = True
        self._saved_at = time.monotonic()
        self._saving = self._saved_at - begin

    def _look(self, trainer: lightning.Trainer, module: Classifier) -> None:
        """Stop where one of the processes was told to; save where the first one finds that it is time."""
        stop, save = self.requests.received is not None, trainer.is_global_zero and self._due()
        if trainer.world_size > 1:
            wanted = torch.tensor([float(stop), float(save)], device=trainer.strategy.root_device)
            torch.distributed.all_reduce(wanted)
            stop, save = wanted.bool().tolist()
        if stop:
            self._stop(trainer, module)
        elif save:
            self._save(trainer, module)

    def _stop(self, trainer: lightning.Trainer, module: Classifier) -> None:
        """Save, say so and leave with the code that means: start me again."""
        number = self.requests.received or 0
        self._save(trainer, module)
        if trainer.is_global_zero:
            say(
                f"stopped by {name_of(number)} after step {trainer.global_step} (epoch {trainer.current_epoch + 1} of "
                f"{trainer.max_epochs}); the same command goes on from there{requeue(number)}"
            )
        raise SystemExit(RESUME_ME)

    def _last_good(self) -> Path | None:
        # Until the first is saved, those in the folder may be of other settings.
        return checkpoints.newest(self.folder)[0] if self._saved else self.resumed


def _position(trainer: lightning.Trainer) -> tuple[int, int]:
    """Return the epoch (from 0) and the batch in it that come next."""
    batch = trainer.fit_loop.epoch_loop.batch_progress.current.ready
    # Epochs whose batches are all done; the one in progress comes next.
    epoch: int = trainer.fit_loop.epoch_progress.current.processed  # type: ignore[attr-defined]
    return epoch, batch if batch < trainer.num_training_batches else 0


def _gathered(trainer: lightning.Trainer, own: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what every process says, in the order of their ranks."""
    if trainer.world_size == 1:
        return [own]
    every: list[Any] = [None] * trainer.world_size
    torch.distributed.all_gather_object(every, own)
    return every
