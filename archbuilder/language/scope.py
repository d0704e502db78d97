"""What names stand for inside one scope of layers, and reading `from`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from archbuilder.errors import ConfigError, suggestion
from archbuilder.graph import Shape
from archbuilder.language.layers import Layer


@dataclass(frozen=True)
class Made:
    """A value: how nodes refer to it, and its shape."""

    ref: str
    shape: Shape


@dataclass(frozen=True)
class Known:
    """What the name of a layer stands for: its outputs, and its copies or named outputs."""

    outputs: tuple[Made, ...]
    members: Mapping[str, Made] = field(default_factory=dict)
    absent: bool = False


@dataclass(frozen=True)
class Scope:
    """The names that the layers of one scope may read: those made so far, and those still to come."""

    known: Mapping[str, Known]
    all: frozenset[str]
    in_model: bool

    def read(self, layer: Layer, texts: Sequence[str]) -> tuple[Made, ...]:
        """Return the values that a layer reads."""
        return tuple(value for text in texts for value in self._resolve(text, layer))

    def _resolve(self, text: str, layer: Layer) -> tuple[Made, ...]:
        """Return the values that one name in `from` stands for: a layer, `x.1`, or `x.*`."""
        section = layer.name.split(".")[0] + "." if self.in_model else ""
        where = f"{layer.where}.from"
        for full in dict.fromkeys((section + text, text)):
            if full in self.known:
                found = self.known[full]
                if len(found.outputs) > 1:
                    raise ConfigError(where, f"'{text}' has several outputs; say which: {_members(text, found)}")
                return found.outputs
            stem, _, member = full.rpartition(".")
            if stem in self.known and (self.known[stem].members or self.known[stem].absent):
                return _member(text, self.known[stem], member, where)
        raise self._unknown(text, section, layer, where)

    def _unknown(self, text: str, section: str, layer: Layer, where: str) -> ConfigError:
        if section + text == layer.name or text == layer.name:
            return ConfigError(where, f"'{text}' is this layer itself; name an earlier one")
        if section + text in self.all or text in self.all:
            return ConfigError(
                where,
                f"'{text}' comes later, but layers run top to bottom; move it up, or read an earlier one",
            )
        names = [name.removeprefix(section) for name in self.known]
        elsewhere = [name for name in names if name.endswith(f".{text}")]
        hint = suggestion(elsewhere[0] if elsewhere else text, names, "before it")
        return ConfigError(where, f"there is no layer '{text}' before this one; {hint}")


def _member(text: str, found: Known, member: str, where: str) -> tuple[Made, ...]:
    if member == "*":
        return found.outputs if found.absent else tuple(found.members.values())
    if member in found.members:
        return (found.members[member],)
    if found.absent and not found.members and member.isascii() and member.isdigit():
        # Of an absent primitive nobody asked how many outputs it would have.
        return found.outputs
    stem = text.rpartition(".")[0]
    raise ConfigError(where, f"'{stem}' has no '{member}'; there are {_members(stem, found)}")


def _members(stem: str, found: Known) -> str:
    names = list(found.members)
    several = names if len(names) <= 10 else [*names[:3], "...", names[-1]]
    return ", ".join([*(f"{stem}.{name}" for name in several or ["0"]), f"{stem}.*"]).replace(f"{stem}....", "...")
