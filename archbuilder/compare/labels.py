"""Names by which people tell networks, data and recipes apart, no longer than they must be."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from archbuilder.compare.statistics import Conditions, Group, Network
from archbuilder.compare.words import exact
from archbuilder.show.text import printable

K = TypeVar("K", bound=Hashable)

PREFIX = 8


def network_labels(groups: Iterable[Group]) -> dict[Network, str]:
    """Return a label per network: name and budget, with the beginning of its hash where these collide."""
    names: defaultdict[Network, set[str]] = defaultdict(set)
    for group in groups:
        names[group.network].update(group.names)
    choices = {}
    for network, spellings in names.items():
        digest, budget, cost = network
        name = " ".join([" / ".join(sorted(spellings)), *(f"@{_limit(*each)}" for each in budget)])
        whole = f"{name} {digest} {cost.params} {cost.macs} {cost.peak_activations} {cost.trainable_params}"
        choices[network] = (name, f"{name} {digest[:PREFIX]}", f"{name} {digest}", whole)
    return shortest(choices)


def budget_label(budget: Mapping[str, int]) -> str:
    """Return a budget as people write it, and exactly: 300k, 300,400, or 40M macs; nothing for none."""
    return " ".join(_limit(*each) for each in budget.items())


def data_labels(conditions: Iterable[Conditions]) -> dict[Conditions, str]:
    """Return the name of each one's data, with fingerprint and split sizes only where names collide."""
    choices: dict[tuple[Any, ...], tuple[str, ...]] = {}
    known = list(conditions)
    for c in known:
        sizes = " ".join(f"{split}={size}" for split, size in c.splits)
        marked = f"{c.data} {c.fingerprint[:PREFIX]}"
        whole = f"{c.data} {c.fingerprint} {sizes}"
        choices[_data(c)] = (c.data, marked, f"{c.data} {sizes}", f"{marked} {sizes}", whole)
    labels = shortest(choices)
    return {c: labels[_data(c)] for c in known}


def recipe_labels(hashes: Iterable[str]) -> dict[str, str]:
    """Return A, B, ... for each recipe hash in order of hashes, or no label for the only recipe."""
    ordered = sorted(set(hashes))
    if len(ordered) == 1:
        return {ordered[0]: ""}
    return {digest: _letters(i) for i, digest in enumerate(ordered)}


def set_labels(conditions: Iterable[Conditions]) -> dict[Conditions, str]:
    """Return for each set of comparable groups what tells it from the others; one set needs no label."""
    known = list(dict.fromkeys(conditions))
    data = data_labels(known)
    recipes = recipe_labels(c.recipe_hash for c in known)
    parts = {
        c: (
            data[c],
            f"recipe {recipes[c.recipe_hash]}",
            f"{c.epochs:,} epochs",
            f"{c.weights} weights",
            f"{c.n:,} images",
        )
        for c in known
    }
    varying = [i for i in range(5) if len({part[i] for part in parts.values()}) > 1]
    return {c: ", ".join(parts[c][i] for i in varying) for c in known}


def differences(settings: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return, for each dotted key in which the recipes differ, its value in each of them as text."""
    flat = [flat_settings(each) for each in settings]
    keys = sorted({key for each in flat for key in each})
    values = {key: [each.get(key, "unset") for each in flat] for key in keys}
    return {key: each for key, each in values.items() if len(set(each)) > 1}


def flat_settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings of a recipe by dotted key, each value as text."""
    return {key: repr(value) for key, value in dotted(settings)}


def dotted(settings: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Yield each value that is no mapping, or an empty one, with its dotted key."""
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def shortest(choices: Mapping[K, Sequence[str]]) -> dict[K, str]:
    """Return for each key the first of its labels that no other key has in the same place, or the last."""
    taken = Counter((i, label) for labels in choices.values() for i, label in enumerate(labels))
    return {
        key: next((label for i, label in enumerate(labels) if taken[i, label] == 1), labels[-1])
        for key, labels in choices.items()
    }


def _limit(kind: str, limit: int) -> str:
    return exact(limit) + ("" if kind == "params" else f" {printable(kind)}")


def _data(conditions: Conditions) -> tuple[Any, ...]:
    return conditions.data, conditions.fingerprint, conditions.splits


def _letters(i: int) -> str:
    """Return A, B, ..., Z, AA, AB, ... for 0, 1, ..."""
    last = chr(ord("A") + i % 26)
    return last if i < 26 else _letters(i // 26 - 1) + last
