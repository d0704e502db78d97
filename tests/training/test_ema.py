"""Averaged weights: what is averaged, what is evaluated and saved, and that a resumed average is the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import archbuilder
from archbuilder.errors import ConfigError
from archbuilder.record import read_record
from archbuilder.training import checkpoints
from archbuilder.training.ema import Ema, averaged_copy, decay_at, tensors, update
from archbuilder.training.module import Classifier
from archbuilder.training.settings import checked_settings, recipe_settings
from tests.training.runs import configured, trained

DECAY = 0.9


class Noise:
    """The same batches in every epoch."""

    def __init__(self, batches: int) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(3)
        for _ in range(self.batches):
            yield torch.randn(8, 3, 8, 8, generator=generator), torch.arange(8)


class Keep(lightning.Callback):
    """Keeps the raw weights after every batch."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Tensor]] = []

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        assert isinstance(module, Classifier)
        self.kept.append({name: t.clone() for name, t in module.net.state_dict().items()})


def classifier() -> Classifier:
    """Return a small network that is to be averaged, the same each time."""
    torch.manual_seed(0)
    net: Any = archbuilder.build("plain", ["model.scale.width=0.5", "model.input=[3,8,8]"])
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    return Classifier(
        net, optimizer, lambda o, n: torch.optim.lr_scheduler.ConstantLR(o, 1.0, 0), 0.0, averaged_copy(net)
    )


def fit(module: Classifier, epochs: int, *callbacks: lightning.Callback, **options: Any) -> lightning.Trainer:
    """Train with averaging on the CPU, quietly."""
    resumed = options.pop("resumed", None)
    trainer = lightning.Trainer(
        accelerator="cpu", max_epochs=epochs, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[Ema(DECAY), *callbacks], **options,
    )  # fmt: skip
    trainer.fit(module, Noise(4), ckpt_path=resumed, weights_only=True)
    return trainer


def test_the_average_equals_one_made_by_hand() -> None:
    module, keep = classifier(), Keep()
    by_hand = {name: t.clone() for name, t in module.net.state_dict().items()}
    fit(module, 2, keep)
    for step, weights in enumerate(keep.kept, start=1):
        decay = min(DECAY, (1 + step) / (10 + step))
        for name, new in weights.items():
            by_hand[name] = decay * by_hand[name] + (1 - decay) * new if new.is_floating_point() else new
    assert len(keep.kept) == 8
    assert module.averaged is not None
    averaged = module.averaged.state_dict()
    for name, wanted in by_hand.items():
        torch.testing.assert_close(averaged[name], wanted)
    kernel = "stem.conv.conv.weight"
    assert not torch.allclose(averaged[kernel], keep.kept[-1][kernel])
    # The statistics of norms are averaged like weights, their counts are those of the raw network.
    assert int(averaged["stem.conv.norm.num_batches_tracked"]) == 8


def test_with_accumulation_it_is_updated_with_the_optimizer() -> None:
    module, keep = classifier(), Keep()
    start = module.net.state_dict()["stem.conv.conv.weight"].clone()
    fit(module, 1, keep, accumulate_grad_batches=2)
    by_hand = start
    for step, batch in ((1, 1), (2, 3)):
        decay = decay_at(step, DECAY)
        by_hand = decay * by_hand + (1 - decay) * keep.kept[batch]["stem.conv.conv.weight"]
    assert module.averaged is not None
    torch.testing.assert_close(module.averaged.state_dict()["stem.conv.conv.weight"], by_hand)


def test_a_resumed_average_goes_on_exactly(tmp_path: Path) -> None:
    whole = classifier()
    fit(whole, 4)
    first = classifier()
    fit(first, 2).save_checkpoint(tmp_path / "half.ckpt")
    second = classifier()
    fit(second, 4, resumed=tmp_path / "half.ckpt")
    one, other = whole.state_dict(), second.state_dict()
    assert [name for name in one if name.startswith("averaged.")]
    assert not torch.equal(one["averaged.stem.conv.conv.weight"], first.state_dict()["averaged.stem.conv.conv.weight"])
    for name, wanted in one.items():
        assert torch.equal(other[name], wanted), name


def test_the_average_is_neither_trained_nor_stepped() -> None:
    module = classifier()
    assert module.averaged is not None
    assert not any(parameter.requires_grad for parameter in module.averaged.parameters())


def test_the_past_counts_less_while_it_is_short() -> None:
    decays = [decay_at(step, 0.999) for step in range(1, 20_000)]
    assert decays[0] == pytest.approx(2 / 11)
    assert decays == sorted(decays)
    assert decays[-1] == 0.999


def test_an_update_of_equal_weights_changes_nothing() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    same = averaged_copy(net)
    update(tensors(same), tensors(net), 0.5)
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), same.state_dict().values(), strict=True))


def test_a_run_records_both_evaluates_the_average_as_it_goes_and_saves_it(tmp_path: Path) -> None:
    trained(tmp_path, "ema=0.9", "trainer.max_epochs=3", "seed=0")
    record = read_record(tmp_path)
    raw, averaged = record.results
    assert [(r.split, r.weights, r.n) for r in (raw, averaged)] == [("val", "raw", 359), ("val", "averaged", 359)]
    assert raw.loss != averaged.loss
    last = (tmp_path / "metrics.csv").read_text().splitlines()
    row = dict(zip(last[0].split(","), last[-1].split(","), strict=True))
    assert float(row["val/loss"]) == pytest.approx(averaged.loss)

    from archbuilder.data import load
    from archbuilder.data.batches import BatchSource

    net = archbuilder.build("plain", ["model.input=[3,16,16]"]).eval()
    net.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    dataset = load({"name": "digits", "size": 16, "channels": 3, "holdout": 0.2})
    with torch.inference_mode():
        correct = sum(int((net(x).argmax(1) == y).sum()) for x, y in BatchSource(dataset, "val", 512))
    assert averaged.accuracy == correct / 359
    newest, _ = checkpoints.newest(tmp_path / "checkpoints")
    assert newest is not None
    checkpoint = checkpoints.read(newest)["state_dict"]
    saved = load_file(tmp_path / "weights.safetensors")
    assert torch.equal(checkpoint["averaged.stem.conv.conv.weight"], saved["stem.conv.conv.weight"])
    assert not torch.equal(checkpoint["net.stem.conv.conv.weight"], saved["stem.conv.conv.weight"])


def test_an_average_over_more_steps_than_there_are_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for decay, told in ((0.9, False), (0.95, True)):
        trained(tmp_path / str(decay), f"ema={decay}")
        assert ("ema: an average over about 20 steps lags behind in 11" in capsys.readouterr().out) is told


@pytest.mark.parametrize("value", [-0.1, 0, 1, 1.5, "often"])
def test_a_decay_that_is_none_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(ConfigError, match=r"^ema: "):
        checked_settings(configured(tmp_path, f"ema={value}"))


def test_averaging_is_a_part_of_the_recipe(tmp_path: Path) -> None:
    with_it, without = (recipe_settings(checked_settings(configured(tmp_path, f"ema={e}"))) for e in ("0.9", "null"))
    assert with_it != without
