"""The one YAML loader: OmegaConf's reading of numbers, plain data out, and nothing that is too large."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archbuilder.errors import ConfigError
from archbuilder.language.interpolation import resolve
from archbuilder.language.plain import DEEPEST, LONGEST_TEXT, MOST_VALUES, plain

if TYPE_CHECKING:
    import yaml

MOST_BYTES = 1_000_000


def load(path: Path) -> Any:
    """Return the content of a YAML file as plain data, interpolations resolved.

    Raises ConfigError naming the file where it cannot be read, is no YAML, says a key twice, or is too large.
    """
    return resolve(load_unresolved(path), str(path))


def load_unresolved(path: Path) -> Any:
    """Return the content of a YAML file as plain data, interpolations as they are written; raises ConfigError."""
    import yaml

    text = _text(path)
    try:
        _check_size(text, str(path))
        content = yaml.load(text, Loader=_loader())
    except yaml.YAMLError as error:
        told = " ".join(str(error).split()).replace('in "<unicode string>", line', "at line")
        if "maximum nesting depth" in told:
            raise ConfigError(str(path), "is nested too deeply to be read") from None
        raise ConfigError(str(path), f"is not valid YAML: {told}") from None
    except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
        # What PyYAML says to `!!int ""`, `!!bool x` and the like.
        raise ConfigError(str(path), f"has a value that cannot be read: {' '.join(str(error).split())}") from None
    return plain({} if content is None else content, f"{path}:")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ConfigError(str(path), f"the file is larger than {MOST_BYTES:,} bytes, which no model needs")
        return content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"cannot be read: {error}") from None


def _check_size(text: str, where: str) -> None:
    """Count the values with every alias written out, before any is made: a few lines can stand for billions."""
    import yaml

    open_: list[tuple[str | None, int]] = []
    sizes: dict[str, int] = {}
    total = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent):
            # Of an alias inside what it names nothing is known yet; it ends at the depth that `plain` allows.
            total += sizes.get(str(event.anchor), 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, total))
            total += 1
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            if event.anchor:
                sizes[event.anchor] = 1
            if len(event.value) > LONGEST_TEXT:
                raise ConfigError(where, f"a text in it is longer than {LONGEST_TEXT:,} characters")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_.pop()
            if anchor:
                sizes[anchor] = total - before
        if total > 2 * MOST_VALUES:  # the keys of mappings are counted here too
            raise ConfigError(where, f"there are more than {MOST_VALUES:,} values in it, aliases written out")
        if len(open_) > DEEPEST:
            raise ConfigError(
                where, f"is nested too deeply to be read: more than {DEEPEST} mappings and lists in one another"
            )


# As OmegaConf reads numbers (omegaconf/_utils.py, get_yaml_loader): 1e-3 is one, 1:30 and 12e03 are as there.
_FLOAT = re.compile(
    r"""^(?:
     [-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)
    |\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?
    |[-+]?[0-9]+(?:_[0-9]+)*(?::[0-5]?[0-9])+\.[0-9_]*
    |[-+]?\.(?:inf|Inf|INF)
    |\.(?:nan|NaN|NAN))$""",
    re.X,
)


@lru_cache
def _loader() -> type[yaml.SafeLoader]:
    """Return PyYAML's safe loader, the fast one where it is installed, reading as OmegaConf does."""
    import yaml

    base: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc, valid-type]
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            said: set[str] = set()
            for key, _ in node.value:
                if key.tag == yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG and key.value in said:
                    raise yaml.constructor.ConstructorError(
                        "while reading a mapping", node.start_mark, f"found duplicate key {key.value}", key.start_mark
                    )
                said.add(str(key.value))
            made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
            return made

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in Loader.yaml_implicit_resolvers.items()
    }
    return Loader
