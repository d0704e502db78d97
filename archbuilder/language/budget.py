"""Finding the width under which a network comes closest to a given cost from below."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from archbuilder.errors import ConfigError, suggestion
from archbuilder.graph import walk
from archbuilder.language.blocks import Library
from archbuilder.language.limits import TooLargeError
from archbuilder.language.model import Model, read_model
from archbuilder.language.scale import NARROWEST, WIDEST, Scale, read_scale

MOST_LAYERS, MOST_WIDTHS, MOST_TRIALS = 10_000, 100_000, 500
KINDS = {
    "params": "parameters, those of auxiliary heads included: 300000, 300k or 1.5M",
    "macs": "multiply-accumulates for one image: 40000000, 40M or 4G",
}
"""What can be limited, and how it is written."""
AMOUNT = r"(\d+(?:\.\d+)?)([kMG]?)"
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}


def resolve_budget(content: Any, library: Library) -> Any:
    """Return a model as plain data with the width that its `budget` asks for in its `scale`, and no budget.

    What states no budget is returned as it is. Raises ConfigError where the budget is malformed, or cannot be
    reached; the message then says what can be.
    """
    if not isinstance(content, Mapping) or content.get("budget") is None:
        return content
    kind, wanted = _read(content["budget"], "model.budget")
    bare = {key: value for key, value in content.items() if key != "budget"}
    model = read_model(bare)
    # Multiples of eight are too coarse to come near a budget, so rounding is to whole channels unless it is said.
    scaling = {"divisor": 1, **(content.get("scale") or {})}
    solver = _Solver(replace(model, scale=read_scale(scaling, "model.scale")), library, kind)
    literals = solver.literals()
    try:
        width = _widest(solver, literals, wanted)
    except _HardlyAnyError as error:
        # From some width on none may build at all: then the widest is to be looked for below that.
        try:
            width = _widest(replace(solver, costs={}, unbuilt=math.inf), literals, wanted)
        except _HardlyAnyError:
            raise error from None
    if width is None:
        raise _unreachable(replace(solver, costs={}), kind, wanted)
    return {**bare, "scale": {**scaling, "width": width}}


def _widest(solver: _Solver, literals: set[int], wanted: int) -> float | None:
    """Return the widest width that costs no more than wanted, or None."""
    low, high = _bracket(solver, wanted)
    # The bracket itself nearly always holds the answer; where hardly a width builds, that lies further down.
    for lowest in (low / 1.02, low / 2):
        widths = _widths(literals, solver.model.scale, max(lowest, NARROWEST), high)
        best = _last_within(widths, solver, wanted)
        while best >= 0 and not solver.within(widths[best], wanted):
            best -= 1
        if best >= 0:
            return widths[best]
    return None


def _read(content: Any, where: str) -> tuple[str, int]:
    """Return which cost is limited, and to what: `{params: 300k}` or `{macs: 40M}`."""
    if not isinstance(content, Mapping) or len(content) != 1:
        raise ConfigError(where, f"a budget is {{params: 300k}} or {{macs: 40M}}, not {content!r:.60}")
    [(kind, value)] = content.items()
    if kind not in KINDS:
        raise ConfigError(f"{where}.{kind}", f"no such cost; {suggestion(str(kind), KINDS)}")
    found = re.fullmatch(AMOUNT, str(value))
    number = float(found.group(1)) * _UNITS[found.group(2)] if found else 0
    if isinstance(value, bool) or not 1 <= number <= 10**15:
        raise ConfigError(f"{where}.{kind}", f"{value!r:.60} is no amount; write 300000, 300k or 1.5M")
    return kind, int(number)


@dataclass(frozen=True)
class _Recorder(Scale):
    """A scale of one that takes down every literal number of channels it is asked about."""

    seen: set[int] = field(default_factory=set)

    def channels(self, number: int) -> int:
        self.seen.add(number)
        return number


class _HardlyAnyError(ConfigError):
    """Many widths were tried of which hardly any builds."""


@dataclass(frozen=True)
class _Solver:
    """The cost of one model under different widths; `unbuilt` stands for that of a width that does not build."""

    model: Model
    library: Library
    kind: str
    costs: dict[float, float | None] = field(default_factory=dict)
    unbuilt: float | None = None

    def literals(self) -> set[int]:
        """Return every literal number of channels in the model and its blocks."""
        from archbuilder.language.expand import expand_read

        recorder = _Recorder()
        graph = expand_read(replace(self.model, scale=recorder), self.library, "model")
        if sum(1 for _ in walk(graph)) > MOST_LAYERS:
            raise ConfigError(
                "model.budget", f"the model has more than {MOST_LAYERS:,} layers; say scale.width instead"
            )
        return recorder.seen

    def cost(self, width: float) -> float | None:
        """Return the cost under a width: infinite beyond what a model may be, None where it cannot be built."""
        if width not in self.costs:
            if len(self.costs) >= MOST_TRIALS:
                what = f"of {MOST_TRIALS} widths hardly any builds, so there is none to choose; say scale.width instead"
                raise _HardlyAnyError(f"model.budget.{self.kind}", what)
            from archbuilder.description import describe_graph
            from archbuilder.language.expand import expand_read

            scale = replace(self.model.scale, width=width)
            try:
                graph = expand_read(replace(self.model, scale=scale), self.library, "model")
                self.costs[width] = getattr(describe_graph(graph), self.kind)
            except TooLargeError:
                self.costs[width] = math.inf
            except ConfigError:
                self.costs[width] = self.unbuilt
        return self.costs[width]

    def within(self, width: float, wanted: int) -> bool:
        cost = self.cost(width)
        return cost is not None and cost <= wanted


def _bracket(solver: _Solver, wanted: int) -> tuple[float, float]:
    """Return two widths at most one percent apart, between which the cost passes what is wanted."""
    low, high, width = NARROWEST, WIDEST, 1.0
    square = 1.0
    for tries in itertools.count():
        # Cost grows about with the square of the width. What does not build is taken to cost that much; the search
        # below steps down past it.
        known = solver.cost(width)
        square = square if known is None or known == math.inf else max(known, 1) / width**2
        cost = math.inf if known == math.inf else square * width**2
        low, high = (width, high) if cost <= wanted else (low, width)
        if high / low <= 1.01:
            break
        # Guess where it passes, and step over that by half a percent to come down on the other side; where guesses
        # lead nowhere, halve.
        guess = (wanted / square) ** 0.5 * (1.004 if cost <= wanted else 1 / 1.004)
        width = guess if low < guess < high and tries < 12 else (low * high) ** 0.5
    return low, high


def _widths(literals: set[int], scale: Scale, low: float, high: float) -> list[float]:
    """Return one width for every way in which the literals can be rounded between two widths, narrowest first.

    The widest that a scale may state is among them where `high` is that.
    """
    edges = {low, high}
    for literal in literals:
        first, last = int(low * literal / scale.divisor), int(high * literal / scale.divisor) + 1
        if len(edges) + last - first > MOST_WIDTHS:
            raise ConfigError("model.budget", f"{literal:,} channels can be rounded in too many ways; say scale.width")
        edges |= {(step + 0.5) * scale.divisor / literal for step in range(first, last + 1)}
    ordered = sorted(edge for edge in edges if low <= edge <= high)
    # Edges that differ by rounding alone are one.
    pairs = [(a, b) for a, b in itertools.pairwise(ordered) if b - a > 1e-9]
    return [1.0 if a < 1 < b else WIDEST if b == WIDEST else _short(a, b) for a, b in pairs]


def _short(low: float, high: float) -> float:
    """Return the number with the fewest decimals strictly between two."""
    for decimals in range(13):
        number = round((low + high) / 2, decimals)
        if low < number < high:
            return number
    return (low + high) / 2


def _last_within(widths: list[float], solver: _Solver, wanted: int) -> int:
    """Return the place of the widest that costs no more than wanted, or -1: cost rises with width."""
    low, high, step = -1, len(widths), 1
    while high - low > 1:
        # The widest are the likeliest, so the first steps down are small.
        middle = max((low + high) // 2, high - step)
        step *= 4
        # A width that does not build says nothing: ask the nearest narrower one that does.
        place = middle
        while place > low and solver.cost(widths[place]) is None:
            place -= 1
        if place == low or solver.within(widths[place], wanted):
            low = middle
        else:
            high = place
    return low


def _unreachable(solver: _Solver, kind: str, wanted: int) -> ConfigError:
    widths = [NARROWEST * 2**step for step in range(20)]
    cheapest = next((cost for cost in map(solver.cost, widths) if cost is not None), None)
    reach = (
        f"the narrowest that builds has {cheapest:,}" if cheapest and cheapest < math.inf else "no width of it builds"
    )
    return ConfigError(f"model.budget.{kind}", f"{wanted:,} cannot be reached by this network: {reach}")
