"""Where and how precisely to train, decided from what a machine has."""

from __future__ import annotations

from pathlib import Path

import pytest

from archbuilder.record import read_record
from archbuilder.training.auto import Available, Choice, available, choose, decided
from tests.training.runs import trained

AUTO = {"accelerator": "auto", "devices": 1, "precision": "auto"}
NONE, APPLE = Available(), Available(mps=True)
NEW = Available(("NVIDIA H200",), bfloat16=True)
OLD = Available(("NVIDIA T4",))
MANY = Available(("NVIDIA A100",) * 8, bfloat16=True)


@pytest.mark.parametrize(
    ("machine", "wanted"),
    [
        (NONE, Choice("cpu", 1, "32-true", "there is no GPU")),
        (APPLE, Choice("mps", 1, "32-true", "there is an Apple GPU")),
        (NEW, Choice("gpu", 1, "bf16-mixed", "there is NVIDIA H200, which computes in bfloat16")),
        (OLD, Choice("gpu", 1, "32-true", "there is NVIDIA T4, which has no bfloat16")),
    ],
)
def test_the_best_device_is_chosen_in_the_precision_that_it_has(machine: Available, wanted: Choice) -> None:
    assert choose(AUTO, machine) == wanted


@pytest.mark.parametrize("machine", [NONE, APPLE, NEW, OLD, MANY])
def test_what_was_said_stays_and_needs_no_word(machine: Available) -> None:
    said = {"accelerator": "gpu", "devices": 2, "precision": "16-mixed"}
    assert choose(said, machine) == Choice("gpu", 2, "16-mixed", "")


def test_one_of_several_cards_is_used_unless_a_strategy_shares_them() -> None:
    alone = choose({**AUTO, "devices": "auto"}, MANY)
    assert (alone.accelerator, alone.devices) == ("gpu", 1)
    assert "one of 8, trainer=ddp uses all" in alone.why
    together = choose({**AUTO, "devices": "auto", "strategy": "ddp"}, MANY)
    assert (together.accelerator, together.devices) == ("gpu", "auto")


def test_the_cpu_computes_in_32_bits_even_beside_a_card() -> None:
    assert choose({"accelerator": "cpu", "devices": 1, "precision": "auto"}, NEW).precision == "32-true"


@pytest.mark.parametrize("machine", [NONE, APPLE, NEW, OLD, MANY])
@pytest.mark.parametrize("strategy", ["auto", "ddp"])
def test_nothing_is_left_open_that_lightning_does_not_know(machine: Available, strategy: str) -> None:
    choice = choose({"strategy": strategy}, machine)
    assert choice.accelerator in ("cpu", "mps", "gpu")
    assert choice.precision in ("32-true", "bf16-mixed")
    assert choice.devices == ("auto" if strategy == "ddp" else 1)


def test_one_line_tells_what_was_chosen_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    settings = decided({**AUTO, "max_epochs": 3})
    choice = choose(AUTO, available())
    assert capsys.readouterr().out == f"trainer: {choice.accelerator}, {choice.precision} ({choice.why})\n"
    assert settings == {
        "accelerator": choice.accelerator, "devices": 1, "precision": choice.precision, "max_epochs": 3,
    }  # fmt: skip


def test_nothing_is_told_where_nothing_was_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    said = {"accelerator": "cpu", "devices": 1, "precision": "32-true"}
    assert decided(said) == said
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("precision", ["auto", "bf16-mixed"])
def test_the_record_tells_the_precision_that_was_used(tmp_path: Path, precision: str) -> None:
    trained(tmp_path, f"trainer.precision={precision}")
    record = read_record(tmp_path)
    used = "32-true" if precision == "auto" else precision
    assert record.training.precision == record.recipe.settings["trainer"]["precision"] == used
