"""Errors that are told to people: where, what, how to mend."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Mapping
from typing import Any


class ArchbuilderError(Exception):
    """Bad input: the message is one paragraph that says where, what is wrong, and how to mend it."""


class ConfigError(ArchbuilderError):
    """A model, block or run configuration that cannot be built; `where` is the dotted key path."""

    def __init__(self, where: str, what: str) -> None:
        # Names are told as they were written: a line break in one must not break the paragraph.
        self.where, self.what = _shown(where), _shown(what)
        super().__init__(self.where, self.what)

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class DataError(ArchbuilderError):
    """Images or labels that cannot be used; the message names the file."""


class TrainingError(ArchbuilderError):
    """A training that came to nothing; the message says when and what to try."""


class RecordError(ArchbuilderError):
    """A run's folder or record that cannot be read; the message names the file."""


class PackageError(ArchbuilderError):
    """A zoo package that is damaged or foreign; the message names the file and the reason."""

    def __init__(self, message: str) -> None:
        # Much of it may be words of somebody with bad intentions, and is printed to a terminal.
        super().__init__(_shown(message))


_LONGEST = 2_000


def _shown(text: str) -> str:
    """Return a text as it may be printed: what is no letter escaped, the middle of a long one left out."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def like(word: str, known: Iterable[str]) -> list[str]:
    """Return the name that is most like a word, in upper or lower case, whole or by its last part; or nothing."""
    names = sorted(set(known))
    lower = word.lower()
    last = [name for name in names if re.split("[./]", name)[-1].lower() == lower]
    if last:
        return last[:1]
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(word, names, cutoff=0.6)
    near = near or [by_lower[name] for name in difflib.get_close_matches(lower, by_lower, cutoff=0.6)]
    return near[:1] if len(near) < 2 else [max(near, key=lambda name: _alike(lower, name.lower()))]


def _alike(word: str, name: str) -> tuple[float, int]:
    """Return how like two words are, and for how long they begin alike, which decides between equals."""
    alike = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(word, name, strict=False)))
    return difflib.SequenceMatcher(None, name, word).ratio(), alike


def suggestion(word: str, known: Iterable[str], noun: str = "known") -> str:
    """Return `did you mean 'x'?`, or the list of what is known where nothing is near."""
    names = sorted(set(known))
    near = like(word, names)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"{noun}: {', '.join(names)}" if names else f"nothing is {noun} here"


def nearest_key(word: str, node: Mapping[str, Any]) -> str:
    """Return a hint at the key that was meant: of this level, else of the next, as in optimizer.lr."""
    below = {key: f"{group}.{key}" for group, inner in node.items() if isinstance(inner, Mapping) for key in inner}
    deeper = like(word, below)
    return f"did you mean '{below[deeper[0]]}'?" if deeper and not like(word, node) else suggestion(word, node, "keys")
