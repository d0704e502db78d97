"""Composite blocks: reading one from YAML, and finding it by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import Any

from archbuilder.errors import ConfigError, suggestion
from archbuilder.language.commas import check_commas
from archbuilder.language.layers import Layer, read_layers
from archbuilder.language.names import check_layer_name, check_param_name
from archbuilder.language.params import Param, declare
from archbuilder.language.yaml import load
from archbuilder.paths import shown

KEYS = {
    "doc": "what the block is and where it comes from, in a sentence",
    "inputs": "names of its inputs; by default the one `input`",
    "params": "its parameters: name to type (required), to default value (optional), or to a mapping that says both",
    "style": "overrides of the surrounding style for everything inside",
    "layers": "its layers by name, run top to bottom; the last one's output is the block's",
    "outputs": "names of the layers that it returns, where it returns several",
}
"""The keys of a block file, and what each says."""
LONGEST = 100
"""Characters in the name of a block that has a file; some file systems take few more."""


@dataclass(frozen=True)
class Block:
    """A composite as written: inputs, parameters, style, layers; `prefix` starts the key paths inside it."""

    name: str
    prefix: str
    inputs: tuple[str, ...]
    params: Mapping[str, Param]
    style: Mapping[str, Any]
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...] | None
    doc: str


@dataclass(frozen=True)
class Library:
    """The composites that a model may use: its own first, then those in folders of block files."""

    folders: tuple[Path, ...]
    own: Mapping[str, Block]

    def find(self, name: str) -> Block | None:
        """Return the block of that name, or None."""
        if name in self.own:
            return self.own[name]
        if len(name) > LONGEST or not (name.isidentifier() and name.isascii()):
            return None
        for folder in self.folders:
            path = folder / f"{name}.yaml"
            try:
                status = path.stat()
            except OSError:
                continue
            if S_ISREG(status.st_mode):
                return _read_file(path, status.st_mtime_ns)
        return None

    def names(self) -> list[str]:
        """Return every name that `find` knows."""
        files = [path.stem for folder in self.folders for path in folder.glob("*.yaml")]
        return sorted({*self.own, *files})


@lru_cache(maxsize=1024)
def _read_file(path: Path, modified: int) -> Block:
    del modified  # part of the cache's key alone: an edited file is read again
    return read_block(path.stem, load(path), f"{shown(path)}:")


def read_block(name: str, content: Any, prefix: str) -> Block:
    """Return a composite from its YAML content; raises ConfigError with key paths that start with `prefix`."""
    where = prefix.rstrip(":.")
    if not isinstance(content, Mapping):
        raise ConfigError(where, "a block is a mapping with layers")
    for key in content:
        if key not in KEYS:
            raise ConfigError(f"{prefix}{key}", f"no such key of a block; {suggestion(str(key), KEYS, 'keys')}")
    if not content.get("layers"):
        raise ConfigError(where, "a block needs layers")
    inputs = _names(content.get("inputs", ["input"]), f"{prefix}inputs")
    layers = read_layers(content["layers"], f"{prefix}layers")
    if not layers:
        raise ConfigError(f"{prefix}layers", "every layer is null; a block needs one at least")
    if len(inputs) > 1 and layers[0].sources is None:
        raise ConfigError(
            layers[0].where,
            f"the block has several inputs, so its first layer must say from which: {', '.join(inputs)}",
        )
    outputs = _names(content["outputs"], f"{prefix}outputs") if "outputs" in content else None
    style = content.get("style", {})
    if not isinstance(style, Mapping):
        raise ConfigError(f"{prefix}style", f"a style is a mapping such as {{act: relu}}, not {style!r:.60}")
    params = read_params(content.get("params", {}), f"{prefix}params")
    return Block(name, prefix, inputs, params, style, layers, outputs, str(content.get("doc") or ""))


def read_params(content: Any, where: str) -> dict[str, Param]:
    """Return the declared parameters of a block or model; raises ConfigError."""
    if not isinstance(content, Mapping):
        raise ConfigError(where, f"a mapping from names to types or defaults is needed, not {content!r:.60}")
    check_commas(content, where)
    return {check_param_name(name, where): declare(value, f"{where}.{name}") for name, value in content.items()}


def _names(content: Any, where: str) -> tuple[str, ...]:
    if not isinstance(content, list | tuple) or not content or len(set(map(str, content))) < len(content):
        raise ConfigError(where, f"a list of different names is needed, not {content!r:.60}")
    return tuple(check_layer_name(name, where) for name in content)
