"""`budget`: the width that comes closest to a cost from below."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder.api import describe, models
from archbuilder.errors import ConfigError
from archbuilder.language import expand as expanding
from archbuilder.language import width_search
from archbuilder.language.budget import resolve_budget
from archbuilder.language.expressions import divisible
from archbuilder.language.source import library, read_source
from tests.language.models import conv, model, refused

NETWORKS = [name for name in models() if "/" not in name]
AMOUNTS = {"30k": 30_000, "100k": 100_000, "300k": 300_000, "1M": 1_000_000}
# How much of so small a budget they use, whose next width is much wider: one channel of growth more is one in every
# layer behind it, and groups want multiples of 16.
COARSE = {("densenet_small", "30k"): 0.6, ("resnext_small", "30k"): 0.8}


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
    wider = (
        describe({**content, "scale": {**content["scale"], "width": width * (1 + step / 2000)}}).params
        for step in range(1, 2000)
    )
    assert next(cost for cost in wider if cost != params) > AMOUNTS[amount]
    assert params > COARSE.get((name, amount), 0.88) * AMOUNTS[amount]


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


@pytest.mark.parametrize("name", NETWORKS)
def test_a_width_is_found_with_few_expansions(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counted, expand_read = [], expanding.expand_read

    def counting(*arguments: Any, **named: Any) -> Any:
        counted.append(name)
        return expand_read(*arguments, **named)

    monkeypatch.setattr(expanding, "expand_read", counting)
    resolved(name, "+model.budget.params=300k")
    assert 1 <= len(counted) <= 10


def all_costs(source: dict[str, Any], literals: list[int], divisor: int, highest: int) -> list[int]:
    """Return what the model costs under every width up to 16, or up to the first beyond `highest`."""
    # Rounding changes at half a multiple, or where a multiple is a tenth less than what is rounded.
    edges = {
        edge * divisor / number
        for number in literals
        for step in range(1, 16 * number // divisor)
        for edge in (step + 0.5, step / 0.9)
    }
    widths = sorted({1.0, 0.001, *(edge * (1 + side) for edge in edges for side in (-1e-6, 1e-6))})
    costs: dict[tuple[int, ...], int | None] = {}
    for width in widths:
        way = tuple(literals if width == 1 else (divisible(number * width, divisor) for number in literals))
        if way not in costs:
            try:
                cost = describe({**source, "scale": {"divisor": divisor, "width": width}}).params
            except ConfigError:
                cost = None
            costs[way] = cost
            if cost is not None and cost > highest and width > 1:
                break
    return [cost for cost in costs.values() if cost is not None]


@st.composite
def small_models(draw: st.DrawFn) -> tuple[dict[str, Any], list[int]]:
    """Return a model that many widths of do not build, and its literals."""
    first, second = draw(st.integers(4, 14)), draw(st.integers(4, 14))
    layers: dict[str, Any] = {"a": conv(first), "b": {**conv(second), "groups": draw(st.sampled_from([1, 2, 3, 5]))}}
    if draw(st.booleans()):
        layers["c"] = {"block": "reduce", "out": f"fixed({draw(st.integers(1, 24))})"}
    return model(layers), [first, second]


@settings(max_examples=15, deadline=None)
@given(small_models(), st.integers(1, 5000), st.sampled_from([None, 1, 8]))
def test_the_width_is_the_best_of_all(made: tuple[dict[str, Any], list[int]], wanted: int, divisor: int | None) -> None:
    source, literals = made
    tried = {by: all_costs(source, literals, by, wanted) for by in ([divisor] if divisor else [1, 8])}
    within = {by: max((cost for cost in costs if cost <= wanted), default=-1) for by, costs in tried.items()}
    coarse_too = divisor is None and within[1] < 0.98 * wanted
    best = max(within.values()) if coarse_too else next(iter(within.values()))
    budgeted = {**source, "budget": {"params": wanted}, **({"scale": {"divisor": divisor}} if divisor else {})}
    if best >= 0:
        assert describe(budgeted).params == best
    elif any(tried.values()):
        cheapest = min(cost for costs in tried.values() for cost in costs)
        refused(budgeted, "model.budget.params", f"{wanted:,} cannot be reached", f"has {cheapest:,}")
    else:
        with pytest.raises(ConfigError, match=r"model\.stages"):
            describe(budgeted)


@pytest.mark.parametrize(
    ("name", "amount", "least"),
    [("imagenet/regnet_y_400mf", "3M", 2_900_000), ("imagenet/resnext50_32x4d", "10M", 6_789_384)],
)
def test_where_hardly_any_width_builds_one_is_found(name: str, amount: str, least: int) -> None:
    content = resolved(name, f"+model.budget.params={amount}")
    assert least <= describe(content).params <= int(amount[:-1]) * 10**6


def test_what_is_told_to_be_the_cheapest_is() -> None:
    source = model({"a": conv(30), "b": {**conv(60), "groups": 3}})
    refused({**source, "budget": {"params": 100}}, "model.budget.params", "the cheapest has 171")
    assert describe({**source, "budget": {"params": 200}}).params == 171


def test_a_model_that_builds_only_at_other_widths_than_1_has_a_budget_too() -> None:
    layers = {"a": conv(16), "b": {"block": "reduce", "out": "fixed(64)"}}
    content = resolve_budget(model(layers, budget={"params": "20k"}), library())
    assert 11_840 <= describe(content).params <= 20_000
    thirds = model({"a": conv(10), "b": {**conv(10), "groups": 30}}, budget={"params": "5k"})
    assert 0 < describe(thirds).params <= 5000


def test_a_model_that_builds_under_no_width_is_refused_as_without_a_budget() -> None:
    source = model({"a": conv(16), "b": {"block": "reduce", "out": "16 * in_channels"}})
    with pytest.raises(ConfigError) as plain:
        describe(source)
    with pytest.raises(ConfigError) as budgeted:
        describe({**source, "budget": {"params": "20k"}})
    assert str(budgeted.value) == str(plain.value)


def test_a_width_beside_a_budget_is_refused() -> None:
    source = model({"a": conv(16)}, budget={"params": "20k"}, scale={"width": 2})
    refused(source, "model.scale.width", "a budget chooses the width; leave out scale.width")
    resolved("imagenet/efficientnet_b1", "~model.scale.width", "+model.budget.params=3M")


def test_width_goes_as_far_as_a_scale_does() -> None:
    content = resolve_budget(model({"a": conv(1)}, budget={"params": 37 * 999}), library())
    assert describe(content).params == 37 * 999
    content = resolve_budget(model({"a": conv(1)}, budget={"params": "100M"}), library())
    assert describe(content).params == 37 * 1000


def test_a_network_without_parameters_is_within_every_budget() -> None:
    source = model({"a": {"block": "max_pool", "kernel": 2}})
    for budget in ({"params": 1}, {"macs": "40M"}):
        content = resolve_budget({**source, "budget": budget}, library())
        assert content["scale"]["width"] == 1
        assert describe(content).params == 0


def test_a_budget_of_many_layers_is_answered_or_refused_soon() -> None:
    layers = {"a": conv(16), "b": {"block": "norm", "eps": "1e-5 * (copy + 1)", "repeat": 9000}}
    started = time.process_time()
    refused(
        model(layers, budget={"params": "1M"}),
        "model.budget.params",
        "too many to try width after width; say scale.width",
    )
    assert time.process_time() - started < 4


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
        ({"params": 3}, "3 cannot be reached by this network: of the"),
        ({"params": "lots"}, "'lots' is no amount; write 300000, 300k or 1.5M"),
        ({"params": -5}, "-5 is no amount"),
        ({"params": True}, "True is no amount"),
        ({"paramss": 5}, "did you mean 'params'?"),
        ({"params": 5, "macs": 5}, "a budget is {params: 300k} or {macs: 40M}"),
        (5, "write model.budget.params=5"),
        ("300k", "write model.budget.params=300k"),
        ([5], "a budget is {params: 300k} or {macs: 40M}, not [5]"),
        (True, "a budget is {params: 300k} or {macs: 40M}, not True"),
    ],
)
def test_a_bad_budget_is_told(budget: Any, telling: str) -> None:
    with pytest.raises(ConfigError) as caught:
        describe({**read_source("plain", []), "budget": budget})
    assert caught.value.where.startswith("model.budget")
    assert telling in str(caught.value)


def test_a_network_of_which_hardly_any_width_builds_is_not_searched_for_ever() -> None:
    layers = {"a": conv(2048), "b": conv(2048, groups="n")}
    source = model(layers, params={"n": {"type": "channels", "default": 499}}, budget={"params": "10M"})
    refused(source, "model.budget.params", "of 500 widths hardly any builds")


def test_a_budget_is_for_networks_of_some_thousand_layers_and_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = model({"a": conv(8, repeat=20_000)}, budget={"params": "1M"})
    refused(deep, "model.budget", "more than 10,000 layers; say scale.width")
    wide = {"a": conv(200_000), "b": {"block": "reduce", "out": "fixed(150_000)"}}
    refused(model(wide, budget={"params": 100}), "model.budget.params", "say scale.width")
    monkeypatch.setattr(width_search, "MOST_WIDTHS", 1)
    source = model({"a": conv(3000)}, budget={"params": "50k"})
    refused(source, "model.budget.params", "3,000 channels can be rounded in too many ways; say scale.width")
