"""A folder of one's own: networks in model/, blocks in block/, as `--config-dir` gives it to a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from archbuilder.errors import ConfigError
from archbuilder.language.source import expand, models, resolve


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    folder = tmp_path / "it's, mine"
    (folder / "model" / "big").mkdir(parents=True)
    (folder / "block").mkdir()
    (folder / "block" / "twice.yaml").write_text("layers:\n  one: {block: conv, out: 2 * block_in}\n")
    (folder / "model" / "tiny.yaml").write_text("input: [3, 8, 8]\nstages:\n  a: {block: twice}\n")
    (folder / "model" / "nin.yaml").write_text("input: [1, 4, 4]\nstages:\n  a: {block: identity}\n")
    (folder / "model" / "big" / "tiny.yaml").write_text(
        "defaults: [/model/tiny@_here_, _self_]\nstages:\n  b: {block: twice}\n"
    )
    (folder / "model" / "variant.yaml").write_text(
        "defaults: [/model/resnet20@_here_, _self_]\nstages:\n  stage1: {block: twice, repeat: null, out: null}\n"
    )
    return folder


def test_a_network_of_ones_own_by_name_with_blocks_of_ones_own(mine: Path) -> None:
    assert expand("tiny", config_dir=mine).shapes == ((6, 8, 8),)
    assert expand("big/tiny", config_dir=str(mine)).shapes == ((12, 8, 8),)
    assert expand("big/tiny", config_dir=mine).name == "big/tiny"


def test_shipped_ones_are_still_there_and_ones_own_come_first(mine: Path) -> None:
    assert expand("resnet20", config_dir=mine) == expand("resnet20")
    assert expand("nin", config_dir=mine).shapes == ((1, 4, 4),)
    assert {"tiny", "big/tiny", "resnet20"} <= set(models(mine))
    assert "tiny" not in models()


def test_a_block_is_found_for_a_mapping_too(mine: Path) -> None:
    model = {"input": [3, 8, 8], "stages": {"a": {"block": "twice"}}}
    assert expand(model, config_dir=mine).shapes == ((6, 8, 8),)
    with pytest.raises(ConfigError, match="there is no block 'twice'"):
        expand(model)


def test_mistakes(mine: Path) -> None:
    with pytest.raises(ConfigError, match="there is no model 'tinny'; did you mean 'tiny'"):
        expand("tinny", config_dir=mine)
    with pytest.raises(ConfigError, match="is no folder; name the one that holds model/ and block/"):
        expand("tiny", config_dir=mine / "model" / "tiny.yaml")


def test_what_is_resolved_has_a_width_for_its_budget() -> None:
    resolved = resolve("resnet20", ["model.budget.params=100k"])
    assert "budget" not in resolved.content
    assert 0 < resolved.content["scale"]["width"] < 1
    graph = resolved.expand()
    assert graph == expand("resnet20", ["model.budget.params=100k"])
    assert expand(resolved.content).nodes == graph.nodes
