"""How many jobs a command makes is what Hydra's own sweeper makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from archbuilder.sweep.plan import read_plan, write_plan

BASIC = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


def command(*words: str, **sweeper: object) -> DictConfig:
    return OmegaConf.create(
        {"hydra": {"sweeper": {"_target_": BASIC, "params": None, **sweeper}, "overrides": {"task": list(words)}}}
    )


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["model=plain"],
        ["model=plain,nin", "seed=1,2,3", "batch_size=64"],
        ["seed=range(1,8,2)", "ema=choice(0.9,0.99)"],
        ["seed=shuffle(1,2,3)", "model.stages.stage1.out=16,32", "~model.stages.stage3"],
        ["seed=1,2", "seed=1,2,3"],
    ],
    ids=" ".join,
)
def test_as_many_as_the_sweeper_makes(tmp_path: Path, words: list[str]) -> None:
    [batch] = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(words), None)
    assert write_plan(tmp_path, command(*words)).jobs == len(batch)


def test_an_experiments_own_choices_count_where_the_command_says_nothing_else(tmp_path: Path) -> None:
    params = {"model": "a,b,c", "budget": "30k,100k"}
    assert write_plan(tmp_path, command(params=params)).jobs == 6
    assert write_plan(tmp_path, command("model=a,b", "seed=1,2", params=params)).jobs == 8


def test_what_is_said_twice_is_one_run(tmp_path: Path) -> None:
    assert write_plan(tmp_path, command("seed=1,1,2")).jobs == 2


def test_a_search_makes_as_many_as_it_is_asked_for(tmp_path: Path) -> None:
    assert write_plan(tmp_path, command(_target_="optuna", n_trials=20)).jobs == 20
    assert write_plan(tmp_path, command(_target_="another")).jobs is None


def test_what_the_sweeper_will_refuse_is_left_to_it(tmp_path: Path) -> None:
    assert write_plan(tmp_path, command("seed=(((")).jobs is None


def test_a_plan_comes_back(tmp_path: Path) -> None:
    assert read_plan(tmp_path) is None
    assert write_plan(tmp_path, command("seed=1,2")) == read_plan(tmp_path)
