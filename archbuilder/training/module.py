"""The LightningModule: a network, its loss, and totals that stay on the device until the epoch ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import lightning
import torch
from torch import Tensor, nn
from torch.nn import functional

from archbuilder.assemble import Block
from archbuilder.errors import TrainingError
from archbuilder.training.ema import AVERAGED, RAW
from archbuilder.training.parts import call

MakeSchedule = Callable[[torch.optim.Optimizer, int], torch.optim.lr_scheduler.LRScheduler]


class Means(NamedTuple):
    """Accuracy (0..1) and mean loss over n images."""

    accuracy: float
    loss: float
    n: int


class Totals(nn.Module):
    """Sums over the images of an epoch: loss, correct answers, images. Nothing here waits for the device."""

    loss: Tensor
    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        # Apple's GPUs have no float64; counts are whole numbers, so they lose nothing.
        self.register_buffer("loss", torch.zeros((), dtype=torch.float32), persistent=False)
        self.register_buffer("counts", torch.zeros(2, dtype=torch.int64), persistent=False)

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Add one batch: mean loss [], logits [N, K], labels [N], or [N, K] of mixed images."""
        wanted = labels.argmax(1) if labels.dim() == 2 else labels
        correct = (logits.detach().argmax(1) == wanted).sum()
        self.loss += loss.detach().float() * len(labels)
        self.counts += torch.stack([correct, correct.new_full((), len(labels))])

    def reset(self) -> None:
        """Start again from nothing."""
        self.loss.zero_()
        self.counts.zero_()

    def means(self, world_size: int = 1) -> Means:
        """Return the means over all processes' images; waits for the device, and for the other processes."""
        total, counts = self.loss.clone(), self.counts.clone()
        if world_size > 1:
            torch.distributed.all_reduce(total)
            torch.distributed.all_reduce(counts)
        correct, n = counts.tolist()
        return Means(correct / n, float(total) / n, n) if n else Means(0.0, 0.0, 0)


class Classifier(lightning.LightningModule):
    """A network that learns to classify: images [N, C, H, W] and labels [N] in, logits [N, K] out."""

    def __init__(
        self,
        net: Block,
        optimizer: torch.optim.Optimizer,
        make_schedule: MakeSchedule,
        label_smoothing: float = 0.0,
        averaged: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.net = net
        self.averaged = averaged
        """A copy of the network whose weights are an average over the steps."""
        self.evaluated = RAW if averaged is None else AVERAGED
        """Which of `weights` an evaluation is of."""
        self.optimizer = optimizer
        self.make_schedule = make_schedule
        self.label_smoothing = label_smoothing
        self.train_totals = Totals()
        self.val_totals = Totals()
        self.test_totals = Totals()
        self.validated = False
        """Whether the epoch in progress has been evaluated."""
        self.lr = 0.0
        """The learning rate with which the epoch in progress began."""
        self._figures: dict[str, float] | None = None
        self.losses: list[Tensor] = []
        """The loss of every step since the last look at them, on the device: nothing waits for them."""
        # Sums of each process's own images, which DDP would overwrite with the first process's at every step.
        self._ddp_params_and_buffers_to_ignore = [
            name for name, _ in self.named_buffers() if name.split(".")[0].endswith("_totals")
        ]

    @property
    def weights(self) -> dict[str, nn.Module]:
        """The network with its raw weights and, where there are, with its averaged ones; those that count come last."""
        return {RAW: self.net} if self.averaged is None else {RAW: self.net, AVERAGED: self.averaged}

    def forward(self, images: Tensor) -> Tensor:
        return self.net(images)  # type: ignore[no-any-return]

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        images, labels = batch
        made = self.net(images)
        logits, *heads = made if isinstance(made, tuple) else (made,)
        loss = functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
        for head, weight in zip(heads, self.net.graph.auxiliary.values(), strict=True):
            loss = loss + weight * functional.cross_entropy(head, labels, label_smoothing=self.label_smoothing)
        self.train_totals.add(loss, logits, labels)
        self.losses.append(loss.detach())
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        self._evaluate(self.val_totals, batch)

    def test_step(self, batch: tuple[Tensor, Tensor]) -> None:
        self._evaluate(self.test_totals, batch)

    def _evaluate(self, totals: Totals, batch: tuple[Tensor, Tensor]) -> None:
        images, labels = batch
        logits = self.weights[self.evaluated](images)
        totals.add(functional.cross_entropy(logits, labels), logits, labels)

    def check_finite(self, last_good: Callable[[], Path | None]) -> None:
        """Raise TrainingError, naming step and learning rate, where a loss was not finite; waits for the device."""
        losses, self.losses = self.losses, []
        if not losses:
            return
        bad = (~torch.stack(losses).float().isfinite()).nonzero().flatten().tolist()
        world = self.trainer.world_size
        if (world == 1 and not bad) or (world > 1 and math.isfinite(self.train_totals.means(world).loss)):
            return
        loops = self.trainer.fit_loop
        where = f"in epoch {self.trainer.current_epoch + 1}"
        if bad:
            batch = loops.total_batch_idx + 1 - len(losses) + bad[0]
            value, step = losses[bad[0]].item(), batch // self.trainer.accumulate_grad_batches + 1
            where = f"({value}) at step {step}, {where}"
        good = last_good()
        kept = f"the last good checkpoint is {good}" if good else "there is no checkpoint from before it"
        lr = self.optimizer.param_groups[0]["lr"]
        raise TrainingError(
            f"the loss is not finite {where}, at a learning rate of {lr:.3g}, so training has failed; {kept}; use a "
            "lower optimizer.lr, a longer schedule.warmup, or trainer.gradient_clip_val=1"
        )

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Raise TrainingError where the checkpoint, of the same network, is of a recipe that keeps other things."""
        averaged = any(name.startswith("averaged.") for name in checkpoint["state_dict"])
        saved = [_form(group) for group in checkpoint["optimizer_states"][0]["param_groups"]]
        own = [_form(group) for group in self.optimizer.param_groups]
        other = ["ema"] * (averaged != (self.averaged is not None))
        if {keys for keys, _ in saved} != {keys for keys, _ in own}:
            other.append("optimizer")
        elif saved != own:
            other.append("freeze, whiten or norm_bias_lr")
        if other:
            raise TrainingError(
                f"resume: the checkpoint was saved with another {' and another '.join(other)}; "
                "go on with what it was saved with, or write resume=null"
            )

    def sums(self) -> dict[str, Any]:
        """Return what the epoch in progress has summed up so far, as plain data and tensors."""
        sums = {"train": self.train_totals, "val": self.val_totals}
        tensors = {name: {"loss": each.loss.cpu(), "counts": each.counts.cpu()} for name, each in sums.items()}
        return {**tensors, "validated": self.validated, "lr": self.lr}

    def set_sums(self, sums: dict[str, Any]) -> None:
        """Put back what `sums` returned."""
        for name, totals in (("train", self.train_totals), ("val", self.val_totals)):
            totals.loss.copy_(sums[name]["loss"])
            totals.counts.copy_(sums[name]["counts"])
        self.validated = sums["validated"]
        self.lr = sums["lr"]

    def epoch_figures(self) -> dict[str, float]:
        """Return the figures of the epoch that ends: learning rate, accuracies, losses; waited for once."""
        if self._figures is None:
            world = self.trainer.world_size
            # The epoch's evaluation is over by now.
            val = _named("val", self.val_totals.means(world)) if self.validated else {}
            self._figures = {"lr": self.lr, **_named("train", self.train_totals.means(world)), **val}
        return self._figures

    def on_train_epoch_start(self) -> None:
        self.validated = False
        self._figures = None
        self.lr = float(self.optimizer.param_groups[0]["lr"])
        self.train_totals.reset()

    def on_validation_epoch_start(self) -> None:
        self.val_totals.reset()

    def on_test_epoch_start(self) -> None:
        self.test_totals.reset()

    def on_train_epoch_end(self) -> None:
        # For loggers, and for callbacks that watch a figure. Summed over all processes already.
        self.log_dict(self.epoch_figures())

    def on_validation_epoch_end(self) -> None:
        self.validated = True
        self.log_dict(_named("val", self.val_totals.means(self.trainer.world_size)), logger=False)

    def configure_optimizers(self) -> Any:
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = call(self.make_schedule, "schedule", self.optimizer, steps)
        return {"optimizer": self.optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _form(group: dict[str, Any]) -> tuple[tuple[str, ...], int]:
    """Return what a group of an optimizer holds: settings, and how many weights."""
    return tuple(sorted(set(group) - {"initial_lr"})), len(group["params"])


def _named(split: str, means: Means) -> dict[str, float]:
    return {f"{split}/accuracy": means.accuracy, f"{split}/loss": means.loss}
