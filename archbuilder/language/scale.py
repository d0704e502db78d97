"""Making a whole network wider or deeper by one factor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archbuilder.errors import ConfigError, suggestion
from archbuilder.language.expressions import divisible
from archbuilder.language.params import Param, read

NARROWEST, WIDEST = 1e-3, 1e3
PARAMS = {
    "width": Param(
        "number", 1.0, NARROWEST, WIDEST, doc="factor on every literal number of channels, but not on expressions"
    ),
    "depth": Param("number", 1.0, 1e-3, 1e3, doc="factor on every literal `repeat` in `stages`, rounded up"),
    "divisor": Param("integer", 8, 1, 1024, doc="scaled channels are multiples of it"),
}
"""The keys of a scale."""


@dataclass(frozen=True)
class Scale:
    """Factors on every literal number of channels, and on every literal `repeat` of `stages`.

    Channels are rounded to a multiple of `divisor`, repeats up (Tan and Le 2019, the authors' published code).
    """

    width: float = 1.0
    depth: float = 1.0
    divisor: int = 8

    def channels(self, number: int) -> int:
        """Return a literal number of channels, scaled and rounded once; untouched at width 1."""
        return number if self.width == 1 else divisible(number * self.width, self.divisor)

    def repeats(self, number: int) -> int:
        """Return a literal number of copies, scaled and rounded up."""
        return math.ceil(number * self.depth)


def read_scale(content: Mapping[str, Any], where: str) -> Scale:
    """Return the scale that a model states; raises ConfigError."""
    for key in content:
        if key not in PARAMS:
            raise ConfigError(f"{where}.{key}", f"no such key of a scale; {suggestion(str(key), PARAMS, 'keys')}")
    given = {key: read(value, PARAMS[key], {}, f"{where}.{key}") for key, value in content.items()}
    return Scale(**given)  # type: ignore[arg-type]
