"""Searching for the width under which a network comes closest to a given cost from below."""

from __future__ import annotations

import itertools
from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from archbuilder.errors import ConfigError
from archbuilder.language.blocks import Library
from archbuilder.language.limits import Counter
from archbuilder.language.model import Model
from archbuilder.language.scale import PARAMS, WIDEST, Scale

MOST_LAYERS, MOST_WIDTHS, MOST_TRIALS = 10_000, 100_000, 500
MOST_WORK = 30_000
"""Layers made in all trials together: about two seconds."""
NARROWEST = float(PARAMS["width"].minimum or 1)


class GivenUpError(Exception):
    """A search that would take too long; the message says why."""


@dataclass(frozen=True)
class _Recorder(Scale):
    """A scale that takes down which literal numbers of channels it is asked about, and what it has answered."""

    answers: dict[int, int] = field(default_factory=dict)

    def channels(self, number: int) -> int:
        if number not in self.answers:
            self.answers[number] = super().channels(number)
        return self.answers[number]


@dataclass(frozen=True)
class Trial:
    """What came of one width: a cost, or a refusal, and the numbers of channels that led to it."""

    cost: int | None
    refusal: ConfigError | None
    answers: dict[int, int]


@dataclass
class Trials:
    """The cost of one model under different widths, each made only where it may differ from those made before."""

    model: Model
    library: Library
    kind: str
    share: int = 1
    """How many searches share the work that one budget may cause."""
    made: dict[float, Trial] = field(default_factory=dict)
    literals: set[int] = field(default_factory=set)
    """Every literal number of channels that was asked about."""
    _order: list[float] = field(default_factory=list)
    _work: int = 0
    _largest: int = 0

    @property
    def scale(self) -> Scale:
        return self.model.scale

    @property
    def refusal(self) -> ConfigError:
        """The refusal of the first width tried; only where that was refused."""
        refusal = next(iter(self.made.values())).refusal
        assert refusal is not None
        return refusal

    def at(self, width: float) -> Trial:
        """Return what comes of a width. Raises GivenUpError, and ConfigError where the model is too deep."""
        if width not in self.made:
            alike = self._alike(width)
            if alike:
                return alike
            self.made[width] = self._make(width)
            insort(self._order, width)
        return self.made[width]

    def cost(self, width: float) -> int | None:
        """Return the cost under a width, or None where the network cannot be built so wide."""
        return self.at(width).cost

    def within(self, width: float, wanted: int) -> bool:
        cost = self.cost(width)
        return cost is not None and cost <= wanted

    def _alike(self, width: float) -> Trial | None:
        """Return a trial that must end alike: all that it asked for is rounded alike under this width."""
        # Channels rise with the width, so that where any trial is alike, the nearest ones are.
        scale = replace(self.scale, width=width)
        place = bisect_left(self._order, width)
        for other in self._order[max(0, place - 1) : place + 1]:
            trial = self.made[other]
            if all(scale.channels(literal) == answer for literal, answer in trial.answers.items()):
                return trial
        return None

    def _make(self, width: float) -> Trial:
        from archbuilder.description import describe_graph
        from archbuilder.language.expand import expand_read

        if len(self.made) >= MOST_TRIALS:
            raise GivenUpError(f"of {MOST_TRIALS} widths hardly any builds, so there is none to choose")
        if self._work + self._largest > MOST_WORK // self.share:
            raise GivenUpError(f"the model has {self._largest:,} layers, too many to try width after width")
        scale = _Recorder(width, self.scale.depth, self.scale.divisor)
        counter = Counter()
        cost, refusal = None, None
        try:
            graph = expand_read(replace(self.model, scale=scale), self.library, "model", counter)
            if counter.layers > MOST_LAYERS:
                what = f"the model has more than {MOST_LAYERS:,} layers; say scale.width instead"
                raise _TooDeepError("model.budget", what)
            cost = getattr(describe_graph(graph), self.kind)
        except _TooDeepError:
            raise
        except ConfigError as error:
            refusal = error
        self._work += counter.layers
        self._largest = max(self._largest, counter.layers)
        self.literals |= scale.answers.keys()
        return Trial(cost, refusal, scale.answers)


class _TooDeepError(ConfigError):
    """A model that is too deep for a search."""


def closest(trials: Trials, wanted: int, start: float = 1.0) -> float | None:
    """Return the width that costs most of those within what is wanted, or None; cost is taken to rise with width.

    The search begins at `start`. Raises GivenUpError.
    """
    first = _first_that_builds(trials, start)
    if first is None:
        return None
    low, high = _bracket(trials, wanted, first)
    best = _last_within(_ways(trials, low, high), trials, wanted)
    while high < WIDEST and not any(trial.cost is not None and trial.cost > wanted for trial in trials.made.values()):
        # Nothing that builds was seen to cost more, so what is wider may still be within.
        low, high = high, min(high * 2, WIDEST)
        wider = _last_within(_ways(trials, low, high), trials, wanted)
        if wider is None:
            break
        best = wider
    if best is None and narrowest(trials, wanted) is not None:
        # All between is too wide or does not build, but what is much narrower does.
        best = _last_within(_ways(trials, NARROWEST, low), trials, wanted)
    return None if best is None else _plainest(trials, best)


def narrowest(trials: Trials, wanted: int = 0) -> int | None:
    """Return the lowest cost found, once the narrowest width that builds is among those tried, or None.

    With `wanted`, None also where that is more. What would take too long is left out.
    """
    built = [width for width, trial in trials.made.items() if trial.cost is not None]
    if built:
        try:
            next((width for width in _ways(trials, NARROWEST, min(built)) if trials.cost(width) is not None), None)
        except GivenUpError:
            if wanted:
                raise
    lowest = min((trial.cost for trial in trials.made.values() if trial.cost is not None), default=None)
    return None if lowest is None or 0 < wanted < lowest else lowest


def _first_that_builds(trials: Trials, start: float) -> float | None:
    told = set()
    for tries, width in enumerate(dict.fromkeys((start, *_seeds()))):
        trial = trials.at(width)
        if trial.cost is not None:
            return width
        told.add(str(trial.refusal))
        if tries > 6 and len(told) == 1:
            break  # the same words under every width: the width is not what is wrong
    return None


def _seeds() -> Iterator[float]:
    """Yield widths at which a search may begin, the likeliest first."""
    powers = [2.0**step for step in range(10)]
    for number in (*powers, 3.0, 5.0, 6.0, 7.0, *map(float, range(9, 16))):
        yield from (number, 1 / number)
    # What builds at few widths only is met by small steps; most of them are rounded alike and cost nothing.
    yield from (step / 16 for step in range(1, 256))


def _bracket(trials: Trials, wanted: int, first: float) -> tuple[float, float]:
    """Return two widths close together between which the cost passes what is wanted; the first one builds."""
    low, high, width, square = NARROWEST, WIDEST, first, 1.0
    for tries in itertools.count():
        # Cost grows about with the square of the width; what does not build is taken to cost what that would be.
        known = trials.cost(width)
        square = square if known is None else max(known, 1) / width**2
        within = square * width**2 <= wanted
        low, high = (width, high) if within else (low, width)
        if high / low <= 1.01 or _count(trials, low, high) <= 2:
            break
        # Guess where it passes, and step over that by half a percent, and into another way of rounding at least, to
        # come down on the other side; where guesses lead nowhere, halve.
        guess = (wanted / square) ** 0.5
        guess = max(guess * 1.004, _next(trials, low)) if within else min(guess / 1.004, _next(trials, high, -1))
        width = guess if low < guess < high and tries < 12 else (low * high) ** 0.5
    return _widened(trials, wanted, low, high)


def _widened(trials: Trials, wanted: int, low: float, high: float) -> tuple[float, float]:
    """Return a bracket with ends that do build, or are far away where none does."""
    costs = {width: trial.cost for width, trial in trials.made.items() if trial.cost is not None}
    within = max((width for width, cost in costs.items() if cost <= wanted), default=0.0)
    beyond = min((width for width, cost in costs.items() if cost > wanted), default=WIDEST)
    return max(min(low, max(within, low / 2)), NARROWEST), min(max(high, min(beyond, high * 4)), WIDEST)


def _steps(literal: int, divisor: int, first: int, last: int) -> Iterator[float]:
    """Yield the widths at which a literal is rounded up to the next multiple, for a range of multiples."""
    for step in range(max(1, first), last + 1):
        # Rounding goes to the nearest, but never more than a tenth down.
        yield min(step + 0.5, step / 0.9) * divisor / literal


def _next(trials: Trials, width: float, sign: int = 1) -> float:
    """Return a width just beyond the next one, upwards or downwards, at which anything is rounded otherwise."""
    divisor = trials.scale.divisor
    near = [
        edge
        for literal in trials.literals
        for place in [int(width * literal / divisor)]
        for edge in _steps(literal, divisor, place - 2, place + 1)
        if sign * edge > sign * width
    ]
    return (min(near) if sign > 0 else max(near)) * (1 + sign * 1e-7) if near else width


def _count(trials: Trials, low: float, high: float) -> int:
    """Return at how many widths between two anything is rounded otherwise, about."""
    divisor = trials.scale.divisor
    return sum(int(high * number / divisor + 0.5) - int(low * number / divisor + 0.5) for number in trials.literals)


def _ways(trials: Trials, low: float, high: float) -> list[float]:
    """Return one width for every way in which the literals can be rounded between two widths, narrowest first."""
    divisor = trials.scale.divisor
    edges = {low, high}
    for literal in trials.literals:
        first, last = int(low * literal / divisor) - 1, int(high * literal / divisor) + 1
        if len(edges) + last - first > MOST_WIDTHS:
            raise GivenUpError(f"{literal:,} channels can be rounded in too many ways")
        edges |= set(_steps(literal, divisor, first, last))
    ordered = sorted(edge for edge in edges if low <= edge <= high)
    # Edges that differ by rounding alone are one.
    widths = [_short(a, b) for a, b in itertools.pairwise(ordered) if b - a > 1e-9]
    return _with_one(widths, trials) if low <= 1 <= high else widths


def _with_one(widths: list[float], trials: Trials) -> list[float]:
    """Return the widths with 1 among them, under which nothing is rounded, instead of what is the same."""
    literals = sorted(trials.literals)

    def rounded(width: float) -> list[int]:
        scale = replace(trials.scale, width=width)
        return [scale.channels(literal) for literal in literals]

    place = bisect_left(widths, sum(literals), key=lambda width: sum(rounded(width)))
    same = place < len(widths) and rounded(widths[place]) == literals
    return [*widths[:place], 1.0, *widths[place + same :]]


def _plainest(trials: Trials, width: float) -> float:
    """Return the width with the fewest decimals that leads to the same network."""
    if width == 1:
        return width
    short = _short(max(_next(trials, width, -1), NARROWEST), min(_next(trials, width), WIDEST))
    return short if trials.at(short) is trials.at(width) else width


def _short(low: float, high: float) -> float:
    """Return a number with few decimals between two; not 1, which is no width like the others."""
    for decimals in range(13):
        number = round((low + high) / 2, decimals)
        if low < number < high and number != 1:
            return number
    return (low + high) / 2


def _last_within(widths: list[float], trials: Trials, wanted: int) -> float | None:
    """Return the widest that costs no more than wanted, or None: cost rises with width."""
    low, high, step = -1, len(widths), 1
    while high - low > 1:
        # The widest are the likeliest, so the first steps down are small.
        middle = max((low + high) // 2, high - step)
        step *= 4
        # A width that does not build says nothing: ask the nearest narrower one that does.
        place = middle
        while place > low and trials.cost(widths[place]) is None:
            place -= 1
        if place == low or trials.within(widths[place], wanted):
            low = middle
        else:
            high = place
    return next((width for width in reversed(widths[: low + 1]) if trials.within(width, wanted)), None)
