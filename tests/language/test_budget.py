"""`budget`: the width that comes closest to a cost from below."""

from __future__ import annotations

from typing import Any

import pytest

from archbuilder.api import describe, models
from archbuilder.errors import ConfigError
from archbuilder.language.budget import resolve_budget
from archbuilder.language.source import library, read_source
from tests.language.models import conv, model, refused

NETWORKS = [name for name in models() if "/" not in name]
AMOUNTS = {"100k": 100_000, "300k": 300_000, "1M": 1_000_000}


def resolved(name: str, *overrides: str) -> dict[str, Any]:
    made: dict[str, Any] = resolve_budget(read_source(name, list(overrides)), library())
    return made


@pytest.mark.parametrize("amount", AMOUNTS)
@pytest.mark.parametrize("name", NETWORKS)
def test_no_slightly_wider_network_would_still_be_within_the_budget(name: str, amount: str) -> None:
    content = resolved(name, f"+model.budget.params={amount}")
    params = describe(content).params
    assert params <= AMOUNTS[amount]
    assert "budget" not in content
    assert describe(name, [f"model.budget.params={amount}"]).params == params
    # The next width that rounds any layer otherwise is beyond the budget.
    width = content["scale"]["width"]
    wider = [
        describe({**content, "scale": {**content["scale"], "width": width * (1 + step / 2000)}}).params
        for step in range(1, 200)
    ]
    assert next(cost for cost in wider if cost != params) > AMOUNTS[amount]
    assert params > 0.88 * AMOUNTS[amount]


def test_a_divisor_that_is_said_is_kept() -> None:
    content = resolved("fire_small", "+model.budget.params=300k", "+model.scale.divisor=8")
    assert content["scale"]["divisor"] == 8
    assert describe(content).params == 295_318


def test_macs_can_be_limited_too() -> None:
    content = resolved("resnet20", "+model.budget.macs=20M")
    assert 18_000_000 < describe(content).macs <= 20_000_000


def test_widths_that_do_not_build_are_skipped() -> None:
    source = {
        "input": [3, 8, 8], "budget": {"params": 5000},
        "stages": {"a": {"block": "conv", "out": 16}, "b": {"block": "conv", "out": 16, "groups": 4}},
    }  # fmt: skip
    content = resolve_budget(source, library())
    assert describe(content).params <= 5000
    assert describe(content).outputs[0][0] % 4 == 0


def test_from_some_width_on_nothing_may_build() -> None:
    # A block that reduces refuses to widen: the input's 64 channels are the most that come out.
    content = resolved("article/reduce", "+model.budget.params=1G")
    assert describe(content).outputs == ((64, 28, 28),)


def test_a_budget_beyond_the_width_of_64_is_met_too() -> None:
    source = model({"a": conv(8), "b": conv(8)}, budget={"params": "30M"})
    content = resolve_budget(source, library())
    assert 64 < content["scale"]["width"] < 1000
    assert 0.99 * 30_000_000 < describe(content).params <= 30_000_000


def test_the_widest_that_a_scale_may_state_is_the_end() -> None:
    source = model({"a": conv(8), "b": conv(8)}, budget={"params": "9G"})
    content = resolve_budget(source, library())
    assert content["scale"]["width"] == 1000
    assert describe(content).params == describe({**content, "scale": {"width": 1000, "divisor": 1}}).params < 9 * 10**9


def test_a_network_that_gets_too_large_before_it_gets_too_wide_is_as_wide_as_it_may_be() -> None:
    content = resolved("resnet20", "+model.budget.macs=100000G")
    width = content["scale"]["width"]
    assert 0.98 * 10**11 < describe(content).params <= 10**11
    with pytest.raises(ConfigError, match=r"parameters up to here; at most|output elements"):
        describe({**content, "scale": {**content["scale"], "width": width * 1.02}})


@pytest.mark.parametrize("amount", ["100k", "9G"])
def test_few_networks_are_tried(amount: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from archbuilder.language import expand

    tried: list[Any] = []
    plain = expand.expand_read

    def counted(*given: Any) -> Any:
        tried.append(given)
        return plain(*given)

    monkeypatch.setattr(expand, "expand_read", counted)
    resolved("resnet20", f"+model.budget.params={amount}")
    assert 3 < len(tried) < 40


def test_what_states_no_budget_is_left_alone() -> None:
    content = read_source("resnet20", [])
    assert resolve_budget(content, library()) is content


def test_a_scale_that_is_none_is_told_beside_a_budget_too() -> None:
    with pytest.raises(ConfigError, match="a mapping is needed") as caught:
        describe({**read_source("plain", []), "budget": {"params": "100k"}, "scale": 3})
    assert caught.value.where == "model.scale"


@pytest.mark.parametrize(
    ("budget", "telling"),
    [
        ({"params": 3}, "3 cannot be reached by this network: the narrowest that builds has"),
        ({"params": "lots"}, "'lots' is no amount; write 300000, 300k or 1.5M"),
        ({"params": -5}, "-5 is no amount"),
        ({"params": True}, "True is no amount"),
        ({"paramss": 5}, "did you mean 'params'?"),
        ({"params": 5, "macs": 5}, "a budget is {params: 300k} or {macs: 40M}"),
        (5, "a budget is"),
    ],
)
def test_a_bad_budget_is_told(budget: Any, telling: str) -> None:
    with pytest.raises(ConfigError) as caught:
        describe({**read_source("plain", []), "budget": budget})
    assert caught.value.where.startswith("model.budget")
    assert telling in str(caught.value)


def test_a_network_of_which_hardly_any_width_builds_is_not_searched_for_ever() -> None:
    layers = {"a": {"block": "channel_shuffle", "groups": "n // 2"}, "b": conv(2048)}
    source = model(layers, params={"n": {"type": "channels", "default": 4}}, budget={"params": "100M"})
    content = resolve_budget(source, library())
    assert describe(content).layers[1].shape == (round(2048 * content["scale"]["width"]), 8, 8)
    assert 1 <= content["scale"]["width"] < 2.5  # four channels are shuffled in four groups at most
    none = model({"a": {"block": "channel_shuffle", "groups": 3}, "b": conv(2048)}, budget={"params": "100M"})
    with pytest.raises(ConfigError, match="4 channels cannot be dealt out"):
        describe(none)


def test_a_budget_is_for_networks_of_some_thousand_layers_and_channels() -> None:
    deep = model({"a": conv(8, repeat=20_000)}, budget={"params": "1M"})
    refused(deep, "model.budget", "more than 10,000 layers; say scale.width")
    wide = model({"a": conv(5_000_000)}, budget={"params": "180M"})
    refused(wide, "model.budget", "5,000,000 channels can be rounded in too many ways")
