"""What is behind a row comes from the run's own files, stays small, and says what it could not read."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from archbuilder.api import describe, expand
from archbuilder.compare.details import MOST_GROUPS, MOST_POINTS, curve, details, layers, settings
from archbuilder.compare.find import Run
from archbuilder.compare.statistics import Group, group
from archbuilder.files import write_json
from archbuilder.graph_json import graph_hash, to_json
from archbuilder.record import ARCHITECTURE_FILE, METRICS_FILE
from tests.compare.records import record, runs

SMALL: dict[str, Any] = {
    "input": [1, 8, 8],
    "classes": 10,
    "stem": {"conv": {"block": "conv", "out": 4}},
    "stages": {"stage1": {"block": "bottleneck", "out": 8, "repeat": 2}},
    "head": {"pool": {"block": "global_pool"}, "classifier": {"block": "linear", "out": "classes"}},
}


def written(folder: Path, model: dict[str, Any]) -> str:
    """Write a network into a run's folder, and return its hash."""
    graph = expand(model)
    write_json(folder / ARCHITECTURE_FILE, to_json(graph))
    return graph_hash(graph)


def metrics(folder: Path, lines: list[str]) -> Path:
    path = folder / METRICS_FILE
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "\n".join(["epoch,step,lr,train/accuracy,train/loss,val/accuracy,val/loss", *lines]), encoding="utf-8"
    )
    return path


def numbered(*found: Run) -> dict[int, Group]:
    return dict(enumerate(group(found, "val")[0]))


def test_layers_come_outer_before_inner_with_their_costs(tmp_path: Path) -> None:
    told = layers(tmp_path, written(tmp_path, SMALL))
    assert isinstance(told, list)
    assert [(level, name, kind) for level, name, kind, *_ in told] == [
        (0, "stem", ""),
        (1, "conv", "conv"),
        (0, "stages", ""),
        (1, "stage1", ""),
        (2, "0", "bottleneck"),
        (2, "1", "bottleneck"),
        (0, "head", ""),
        (1, "pool", "global_pool"),
        (1, "classifier", "linear"),
    ]
    assert told[-1] == [1, "classifier", "linear", "10", 90, 80]
    cost = describe(SMALL)
    outer = [line for line in told if line[0] == 0]
    assert [sum(line[at] for line in outer) for at in (4, 5)] == [cost.params, cost.macs]


def test_layers_of_a_long_network_are_folded_and_few(tmp_path: Path) -> None:
    wide = {f"layer{i}": {"block": "conv", "out": 4} for i in range(300)}
    told = layers(tmp_path, written(tmp_path, SMALL | {"stages": wide}))
    assert isinstance(told, list)
    assert [line[1] for line in told] == ["stem", "stages", "head"]


def test_layers_that_cannot_be_told_say_why(tmp_path: Path) -> None:
    path = tmp_path / ARCHITECTURE_FILE
    assert layers(tmp_path, "") == f"{path} cannot be read (No such file or directory)"
    digest = written(tmp_path, SMALL)
    assert layers(tmp_path, "0" * 64) == f"{path} is not the network of the record beside it"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["nodes"][0]["op"] = "unknown"
    write_json(path, content)
    assert str(layers(tmp_path, digest)).startswith(f"{path} is damaged (layer stem.conv: ")
    for text in ("{", "[" * 100_000, "\x00", '{"schema": 2}'):
        path.write_text(text, encoding="utf-8")
        assert str(layers(tmp_path, digest)).startswith(f"{path} is damaged (")
    path.write_text(" " * 3_000_000, encoding="utf-8")
    assert layers(tmp_path, digest) == f"{path} is too large to be shown here"


def test_a_curve_skips_epochs_without_a_figure_and_lines_that_are_no_numbers(tmp_path: Path) -> None:
    lines = ["1,10,.1,.5,1,0.25,1", "2,20,.1,.5,1,,", "3,30,.1,.5,1,0.123456789,1", "x,,,", "4,40,.1,.5,1,nan,1", "5"]
    assert curve(metrics(tmp_path, lines)) == [[1, 3], [0.25, 0.12346]]


def test_a_curve_reads_the_columns_that_training_writes() -> None:
    from archbuilder.training.metrics import COLUMNS

    assert {"epoch", "val/accuracy"} <= set(COLUMNS)


def test_no_file_is_an_empty_curve(tmp_path: Path) -> None:
    assert curve(tmp_path / METRICS_FILE) == [[], []]
    (tmp_path / METRICS_FILE).write_bytes(b"\xff\xfe\x00" * 1000)
    assert curve(tmp_path / METRICS_FILE) == [[], []]


@given(st.integers(1, 1000))
def test_a_long_curve_is_thinned_evenly_and_keeps_its_ends(tmp_path_factory: Any, count: int) -> None:
    path = metrics(tmp_path_factory.mktemp("run"), [f"{epoch},0,.1,.5,1,0.5,1" for epoch in range(1, count + 1)])
    epochs, accuracies = curve(path)
    assert len(epochs) == len(accuracies) == min(count, MOST_POINTS)
    assert (epochs[0], epochs[-1]) == (1, count)
    gaps = {after - before for before, after in itertools.pairwise(epochs)}
    assert not gaps or (min(gaps) >= 1 and max(gaps) - min(gaps) <= 1)


def test_settings_are_kept_once_per_recipe_under_shared_keys() -> None:
    told = settings({"a": {"epochs": 5, "optimizer": {"lr": 0.1}}, "b": {"epochs": 5, "text": "x" * 1000}})
    assert told["keys"] == ["epochs", "optimizer.lr", "text"]
    assert told["values"]["a"] == ["5", "0.1", None]
    assert told["values"]["b"][:2] == ["5", None]
    assert len(told["values"]["b"][2]) < 250


def test_each_group_has_its_runs_facts_and_curves(tmp_path: Path) -> None:
    digest = written(tmp_path / "1", SMALL)
    metrics(tmp_path / "1", ["1,0,.1,.5,1,0.5,1"])
    found = [Run(tmp_path / str(seed), record(architecture_hash=digest, seed=seed)) for seed in (1, 2)]
    told = details(numbered(*found))
    one = told["groups"][0]
    assert one["folders"] == [str(tmp_path / "1"), str(tmp_path / "2")]
    assert one["curves"] == [[[1], [0.5]], [[], []]]
    assert one["facts"]["epochs"] == "10"
    assert one["facts"]["data"].startswith("digits (45,000 train, 5,000 val, 10,000 test; sha256 ")
    assert told["layers"][digest][0][1] == "stem"
    assert told["settings"]["keys"] == ["epochs"]


def test_the_first_groups_alone_are_told_of_and_the_first_seeds_have_curves() -> None:
    many = runs(*(record(params=1 + i) for i in range(MOST_GROUPS + 5)))
    assert list(details(numbered(*many))["groups"]) == list(range(MOST_GROUPS))
    seeds = runs(*(record(seed=i) for i in range(30)))
    one = details(numbered(*seeds))["groups"][0]
    assert (len(one["folders"]), len(one["curves"])) == (30, 10)
    crowd = runs(*(record(params=1 + i, seed=seed) for i in range(150) for seed in range(10)))
    assert sum(len(each["curves"]) for each in details(numbered(*crowd))["groups"].values()) == 1000
