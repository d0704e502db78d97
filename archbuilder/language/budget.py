"""`budget`: reading a limit on cost, and turning it into a width."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from archbuilder.errors import ConfigError, suggestion
from archbuilder.language.blocks import Library
from archbuilder.language.model import read_model
from archbuilder.language.scale import read_scale
from archbuilder.language.width_search import GivenUpError, Trials, closest, narrowest

KINDS = {
    "params": "parameters, those of auxiliary heads included: 300000, 300k or 1.5M",
    "macs": "multiply-accumulates for one image: 40000000, 40M or 4G",
}
"""What can be limited, and how it is written."""
AMOUNT = r"(\d+(?:\.\d+)?)([kMG]?)"
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
_DIVISORS = (1, 8)
_NEAR = 0.98


def stated_budget(content: Any) -> dict[str, int]:
    """Return what a model's width is to be chosen for, such as {"params": 300000}, or nothing where it states none.

    Raises ConfigError where the budget is malformed.
    """
    if not isinstance(content, Mapping) or content.get("budget") is None:
        return {}
    kind, wanted = _read(content["budget"], "model.budget")
    return {kind: wanted}


def resolve_budget(content: Any, library: Library) -> Any:
    """Return a model as plain data with the width that its `budget` asks for in its `scale`, and no budget.

    What states no budget is returned as it is. Where the model states no divisor, channels are rounded to whole ones,
    or to multiples of 8 where that comes closer. Raises ConfigError where the budget is malformed, or cannot be
    reached; the message then says what can be.
    """
    limit = stated_budget(content)
    if not limit:
        return content
    [(kind, wanted)] = limit.items()
    bare = {key: value for key, value in content.items() if key != "budget"}
    model = read_model(bare)
    stated = content.get("scale") or {}
    if "width" in stated:
        raise ConfigError("model.scale.width", "a budget chooses the width; leave out scale.width")
    # Multiples of eight are too coarse to come near a budget, but groups may need them.
    scalings = [stated] if "divisor" in stated else [{"divisor": divisor, **stated} for divisor in _DIVISORS]
    searches = []
    for scaling in scalings:
        scale = read_scale(scaling, "model.scale")
        searches.append(Trials(replace(model, scale=scale), library, kind, len(scalings)))
    found, given_up = _best(searches, wanted)
    if not found:
        raise given_up or _unreachable(searches, kind, wanted)
    width, search = found
    return {**bare, "scale": {**scalings[searches.index(search)], "width": width}}


def _read(content: Any, where: str) -> tuple[str, int]:
    """Return which cost is limited, and to what: `{params: 300k}` or `{macs: 40M}`."""
    if not isinstance(content, Mapping) or len(content) != 1:
        told = f"a budget is {{params: 300k}} or {{macs: 40M}}, not {content!r:.60}"
        amount = re.fullmatch(AMOUNT, str(content)) and not isinstance(content, bool)
        raise ConfigError(where, f"{told}; write {where}.params={content}" if amount else told)
    [(kind, value)] = content.items()
    if kind not in KINDS:
        raise ConfigError(f"{where}.{kind}", f"no such cost; {suggestion(str(kind), KINDS)}")
    found = re.fullmatch(AMOUNT, str(value))
    number = float(found.group(1)) * _UNITS[found.group(2)] if found else 0
    if isinstance(value, bool) or not 1 <= number <= 10**15:
        raise ConfigError(f"{where}.{kind}", f"{value!r:.60} is no amount; write 300000, 300k or 1.5M")
    return kind, int(number)


def _best(searches: list[Trials], wanted: int) -> tuple[tuple[float, Trials] | None, ConfigError | None]:
    """Return the width that comes closest and the search that found it, and how a search was given up, if one was."""
    best, reached, given_up, start = None, -1, None, 1.0
    for search in searches:
        try:
            width = closest(search, wanted, start)
        except GivenUpError as error:
            given_up = given_up or ConfigError(f"model.budget.{search.kind}", f"{error}; say scale.width instead")
            continue
        cost = None if width is None else search.cost(width)
        if width is not None and cost is not None and cost > reached:
            best, reached, start = (width, search), cost, width
        if reached >= _NEAR * wanted or not search.literals:
            break
    return best, given_up


def _unreachable(searches: list[Trials], kind: str, wanted: int) -> ConfigError:
    """Return what is wrong where no width is within the budget: the model itself, if it builds under none."""
    costs = [cost for search in searches if (cost := narrowest(search)) is not None]
    if not costs:
        return searches[0].refusal
    tried = sum(len(search.made) for search in searches)
    reach = f"of the {tried} widths tried, the cheapest has {min(costs):,}" if tried > 1 else f"it has {min(costs):,}"
    return ConfigError(f"model.budget.{kind}", f"{wanted:,} cannot be reached by this network: {reach}")
