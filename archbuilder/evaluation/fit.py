"""Whether data fits a network: image sizes, and classes by their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from archbuilder.errors import DataError
from archbuilder.zoo.preprocess import Preprocess

MOST_NAMED = 5


def check_shape(preprocess: Preprocess, name: str, shape: Sequence[int], settings: Mapping[str, Any]) -> None:
    """Raise DataError where the network does not take images of this shape [C, H, W]; `settings` are the data's."""
    wanted, given = list(preprocess.shape), list(shape)
    if preprocess.resize is not None:
        # Their size is for the preprocessing to change.
        wanted, given = wanted[:1], given[:1]
        if settings.get("name") == "folder" and shape[-1] != preprocess.resize:
            raise DataError(
                f"{name}: the files are cut to {shape[-1]} pixels, but the network wants to cut them itself, from "
                f"{preprocess.resize}; write data.size={preprocess.resize}"
            )
    if wanted == given:
        return
    mends = {"channels": wanted[0], **({"size": wanted[1]} if len(set(wanted[1:])) == 1 else {})}
    current = {"channels": given[0], "size": given[-1]}
    words = [f"data.{key}={side}" for key, side in mends.items() if key in settings and current[key] != side]
    how = f"write {' '.join(words)}" if words else "choose data of that size, or resize it"
    raise DataError(
        f"{name}: images are {list(shape)} (channels, height, width), but the network takes {preprocess.shape}; {how}"
    )


def class_order(
    wanted: Sequence[str], given: Sequence[str], name: str, settings: Mapping[str, Any] = MappingProxyType({})
) -> list[int]:
    """Return for each class of the data, by its name, which of the network's classes it is.

    `settings` are those of the data. Raises DataError, saying which labels differ, unless both have the same ones.
    """
    if list(wanted) == list(given):
        return list(range(len(given)))
    lacking, extra = Counter(wanted) - Counter(given), Counter(given) - Counter(wanted)
    if lacking or extra:
        sides = []
        if lacking:
            sides.append(f"the network's {_named(lacking)} {_are(lacking)} not in the data")
        if extra:
            sides.append(f"the data's {_named(extra)} {_are(extra)} not among the network's")
        raise DataError(
            f"{name}: has {len(given)} classes and the network {len(wanted)}; {', and '.join(sides)}: "
            f"choose data with the same classes{_hint(wanted, given, settings)}"
        )
    if len(set(wanted)) < len(wanted):
        raise DataError(
            f"{name}: the classes come in another order than the network's, and several have one name, so that names "
            "do not tell which is which; choose data with the classes in the network's order"
        )
    return [list(wanted).index(label) for label in given]


def _named(labels: Counter[str]) -> str:
    names = list(labels.elements())
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(f"'{label}'" for label in names[:MOST_NAMED]) + more


def _are(labels: Counter[str]) -> str:
    return "is" if labels.total() == 1 else "are"


def _hint(wanted: Sequence[str], given: Sequence[str], settings: Mapping[str, Any]) -> str:
    # Files of arrays number their classes unless they are told the names.
    if "labels" in settings and len(wanted) == len(given) and all(label.isdigit() for label in given):
        return ", or name them in their order: data.labels=[...]"
    return ""
