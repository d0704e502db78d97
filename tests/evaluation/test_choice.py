"""The data is the run's unless the command line chooses, in the grammar that training has."""

from __future__ import annotations

from pathlib import Path

import pytest

from archbuilder.errors import ConfigError
from archbuilder.evaluation.choice import chosen_data
from archbuilder.language.yaml import load
from archbuilder.paths import conf_dir

OWN = {"name": "digits", "size": 16, "channels": 3, "holdout": 0.2}


def test_nothing_said_is_the_run_s_own_data() -> None:
    assert chosen_data(OWN, []) == OWN


def test_a_key_changes_the_run_s_own_data() -> None:
    assert chosen_data(OWN, ["data.size=32"]) == {**OWN, "size": 32}
    assert OWN["size"] == 16


@pytest.mark.parametrize("name", sorted(path.stem for path in (conf_dir() / "data").glob("*.yaml")))
def test_a_name_chooses_from_the_shipped_ones_and_leaves_nothing_of_the_run_s(name: str) -> None:
    made = chosen_data(OWN, [f"data={name}"])
    shipped = load(conf_dir() / "data" / f"{name}.yaml")
    assert made.keys() >= shipped.keys() - {"defaults"}
    assert made["name"] == shipped["name"]


def test_keys_come_on_top_of_the_choice_wherever_they_stand() -> None:
    made = chosen_data(None, ["data.root='/a b'", "data=cifar10", "data.holdout=10"])
    assert (made["name"], made["root"], made["holdout"]) == ("cifar10", "/a b", 10)
    assert chosen_data(None, ["data=arrays", "data.labels=[a b,c]"])["labels"] == ["a b", "c"]


def test_a_choice_of_one_s_own_may_inherit(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.yaml").write_text("defaults: [digits, _self_]\nsize: 9\n")
    assert chosen_data(None, ["data=mine"], tmp_path) == {**OWN, "size": 9}
    with pytest.raises(ConfigError, match="did you mean 'mine'"):
        chosen_data(None, ["data=mime"], tmp_path)
    with pytest.raises(ConfigError, match="is no folder"):
        chosen_data(None, ["data=mine"], tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("override", "where", "words"),
    [
        ("data=digit", "data", "did you mean 'digits'"),
        ("data=null", "data", "needs the name"),
        ("data=digits,cifar10", "data", "not a sweep"),
        ("~data.size", "data.size", "written plainly"),
        ("model.classes=3", "model.classes", "only given data"),
        ("size=3", "size", "only given data"),
        ("data.size=[", "overrides", "no viable alternative"),
        ("nonsense", "overrides", "nonsense"),
    ],
)
def test_what_cannot_be_meant_is_refused(override: str, where: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        chosen_data(OWN, [override])
    assert caught.value.where == where
