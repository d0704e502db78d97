"""OmegaConf's `${...}` in a model: resolved after it is known how far it will grow."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from archbuilder.errors import ConfigError
from archbuilder.language.plain import texts

HEAVIEST = 1_000_000
# What a value, and finding it by its name, weigh beside one character: about their time in OmegaConf.
_VALUE, _REFERENCE = 25, 100
_SIMPLE = re.compile(r"\$\{([^${}]*)\}")
# All of OmegaConf's functions but the one that reads a key.
_RESOLVER = re.compile(r"\$\{\s*(?!oc\.select\s*:)[\w.]+\s*:[^}]*\}?")
_READ_A_KEY = ("oc.select", "oc.dict.keys", "oc.dict.values", "oc.deprecated")

Path = tuple[Any, ...]


def resolve(content: Any, where: str) -> Any:
    """Return plain data with every `${key}` replaced by what it names.

    Raises ConfigError where that cannot be done, and where a few lines would grow into very many.
    """
    if not any("${" in text for text in texts(content)):
        return content
    check_references(content, where)
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        if _Weights(content, where).of(()) > HEAVIEST:
            raise ConfigError(where, "its interpolations ${...} would grow too large; write fewer within one another")
        return OmegaConf.to_container(OmegaConf.create(content), resolve=True)
    except RecursionError:
        raise ConfigError(where, "its interpolations ${...} lead into one another too deeply") from None
    except (OmegaConfBaseException, ValueError) as error:
        raise ConfigError(where, " ".join(str(error).split())) from None


def check_references(content: Any, where: str) -> None:
    """Refuse OmegaConf's resolvers, `${oc.env:HOME}` for one: a network says nothing of the place where it is read.

    Raises ConfigError.
    """
    for text in texts(content):
        found = _RESOLVER.search(text)
        if found:
            what = f"'{found.group()}' asks something outside the model; write ${{key}}, or the value"
            raise ConfigError(where, what)


@dataclass(frozen=True)
class _Weights:
    """How heavy each part of a mapping will be once its interpolations are resolved."""

    content: Any
    where: str
    known: dict[Path, int | None] = field(default_factory=dict)

    def of(self, path: Path) -> int:
        """Return the weight of what lies at a path; what is not there, OmegaConf will tell."""
        path, value = self._find(path)
        if path in self.known:
            found = self.known[path]
            if found is None:
                raise ConfigError(self.where, f"${{{'.'.join(map(str, path))}}} leads back to itself")
            return found
        self.known[path] = None
        if isinstance(value, dict | list):
            keys = value if isinstance(value, dict) else range(len(value))
            weight = _VALUE + sum(self.of((*path, key)) for key in keys)
        elif isinstance(value, str):
            weight = _VALUE + len(value) + sum(_REFERENCE + self._target(path, text) for text in self._names(value))
        else:
            weight = _VALUE
        self.known[path] = weight
        return weight

    def _names(self, text: str) -> list[str]:
        if "${" in _SIMPLE.sub("", text):
            raise ConfigError(
                self.where, f"'{text:.60}' has an interpolation within another, or one without an end; write ${{key}}"
            )
        return _SIMPLE.findall(text)

    def _target(self, path: Path, text: str) -> int:
        """Return the weight of what one `${text}` at a path stands for."""
        resolver, colon, rest = text.partition(":")
        if colon:
            # What other resolvers return, whoever registered them has to answer for.
            return self._target(path, rest.partition(",")[0]) if resolver.strip() in _READ_A_KEY else _REFERENCE
        key = text.strip().replace("[", ".").replace("]", "")
        names = key.lstrip(".")
        up = len(key) - len(names)
        return self.of((*(path[: max(len(path) - up, 0)] if up else ()), *(names.split(".") if names else ())))

    def _find(self, path: Path) -> tuple[Path, Any]:
        """Return the value at a path with the path as it is written; a reference on the way there stands for it."""
        value = self.content
        written: Path = ()
        for name in path:
            if isinstance(value, str):
                break
            known = isinstance(value, dict) and name in value
            key = int(name) if str(name).isdecimal() and not known else name
            try:
                value, written = value[key], (*written, key)
            except (LookupError, TypeError):
                return path, None
        return written, value
