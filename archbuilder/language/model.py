"""Reading a model as written: its keys, inputs and sections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archbuilder.errors import ConfigError, suggestion
from archbuilder.graph import Shape
from archbuilder.language.blocks import Block, read_block, read_params
from archbuilder.language.layers import Layer, read_layers
from archbuilder.language.names import check_layer_name
from archbuilder.language.params import Param, read
from archbuilder.language.scale import Scale, read_scale

SECTIONS = ("stem", "stages", "head")
KEYS = {
    "doc": "what the network is and where it comes from, in a sentence",
    "input": "shape of one image: [channels, height, width]",
    "inputs": "several inputs instead of one: name to [channels, height, width]",
    "classes": "how many classes; layers of the model may say `classes` where a number is expected",
    "params": "parameters of the whole network, which its layers see: name to default value, or to a mapping",
    "style": "norm, activation and the like, for every layer that does not say otherwise",
    "scale": "factors on widths and depths of the whole network",
    "budget": "the cost to come closest to from below, by choosing the width",
    "blocks": "blocks of the model's own: name to what else would be a block file",
    "stem": "the first layers by name",
    "stages": "the body: layers by name; copies made by `repeat` count for `index`, `count` and `scale.depth`",
    "head": "the last layers by name; a model without it ends with its last layer",
    "outputs": "auxiliary heads for training alone: name to a layer with `from` and `weight`",
}
"""The keys of a model, and what each says."""
INHERIT = "other models that this one starts from, as in [/model/resnet20@_here_, _self_]; the rest says what differs"
"""What the key `defaults` says, which Hydra reads: it is gone from a model that was composed."""
_SIDE = Param("integers", minimum=1)


@dataclass(frozen=True)
class Model:
    """A model as written, its keys checked and its layers in order."""

    inputs: Mapping[str, Shape]
    classes: int | None
    params: Mapping[str, Param]
    style: Mapping[str, Any]
    scale: Scale
    blocks: Mapping[str, Block]
    layers: tuple[Layer, ...]
    auxiliary: Mapping[str, float]
    doc: str


def read_model(content: Any, where: str = "model") -> Model:
    """Return a model from plain data; raises ConfigError with the key path."""
    if not isinstance(content, Mapping):
        raise ConfigError(where, f"a model is a mapping with input and layers, not {content!r:.60}")
    for key in content:
        if key not in KEYS:
            raise ConfigError(f"{where}.{key}", f"no such key of a model; {suggestion(str(key), KEYS, 'keys')}")
    inputs = _inputs(content, where)
    layers = _sections(content, where)
    heads, weights = _outputs(content, where)
    if len(inputs) > 1 and layers[0].sources is None:
        names = ", ".join(inputs)
        raise ConfigError(
            layers[0].where, f"the model has several inputs, so its first layer must say from which: {names}"
        )
    params = read_params(content.get("params") or {}, f"{where}.params")
    if "classes" in params and content.get("classes") is not None:
        raise ConfigError(f"{where}.params.classes", f"{where}.classes has this name; say it once")
    return Model(
        inputs=inputs,
        classes=_classes(content, where),
        params=params,
        style=_mapping(content, "style", where),
        scale=read_scale(_mapping(content, "scale", where), f"{where}.scale"),
        blocks=_blocks(content, where),
        layers=_with_heads(layers, heads),
        auxiliary=weights,
        doc=str(content.get("doc") or ""),
    )


def _inputs(content: Mapping[str, Any], where: str) -> dict[str, Shape]:
    if ("input" in content) == ("inputs" in content):
        raise ConfigError(where, "say either input: [channels, height, width], or inputs: a mapping of several")
    if "input" in content:
        return {"input": _shape(content["input"], f"{where}.input")}
    several = _mapping(content, "inputs", where)
    if not several:
        raise ConfigError(f"{where}.inputs", "there are none; a model needs one at least")
    return {
        check_layer_name(name, f"{where}.inputs"): _shape(shape, f"{where}.inputs.{name}")
        for name, shape in several.items()
    }


def _shape(value: Any, where: str) -> Shape:
    shape = read(value, _SIDE, {}, where)
    if not isinstance(shape, tuple) or len(shape) != 3:
        raise ConfigError(where, f"{value!r:.60} is not [channels, height, width]")
    return shape


def _classes(content: Mapping[str, Any], where: str) -> int | None:
    if content.get("classes") is None:
        return None
    return int(read(content["classes"], Param("integer", minimum=1), {}, f"{where}.classes"))  # type: ignore[arg-type]


def _mapping(content: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = content.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}.{key}", f"a mapping is needed, not {value!r:.60}")
    return value


def _blocks(content: Mapping[str, Any], where: str) -> dict[str, Block]:
    from archbuilder import primitives

    blocks = {}
    for name, block in _mapping(content, "blocks", where).items():
        check_layer_name(name, f"{where}.blocks")
        if primitives.find(name) is not None:
            raise ConfigError(f"{where}.blocks.{name}", f"'{name}' is a primitive; call the block otherwise")
        blocks[name] = read_block(name, block, f"{where}.blocks.{name}.")
    return blocks


def _sections(content: Mapping[str, Any], where: str) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    for section in SECTIONS:
        if content.get(section) is not None:
            layers.extend(read_layers(content[section], f"{where}.{section}", f"{section}."))
    if not layers:
        raise ConfigError(where, f"there are no layers; write some in {', '.join(SECTIONS)}")
    for layer in layers:
        if layer.name.split(".")[1] in SECTIONS:
            raise ConfigError(layer.where, "a layer cannot have the name of a section")
    return tuple(layers)


def _outputs(content: Mapping[str, Any], where: str) -> tuple[tuple[Layer, ...], dict[str, float]]:
    """Return the auxiliary heads, as layers in a section of their own, and the weight of each one's loss."""
    weights: dict[str, float] = {}
    specs: dict[Any, Any] = {}
    for name, spec in _mapping(content, "outputs", where).items():
        if not isinstance(spec, Mapping):
            if spec is not None:
                raise ConfigError(
                    f"{where}.outputs.{name}", f"an output is a mapping with from and block, not {spec!r:.60}"
                )
            continue
        if name == "output":
            raise ConfigError(
                f"{where}.outputs.output", "this is what the network's own output is called; choose another name"
            )
        for key in ("from", "weight"):
            if key not in spec:
                raise ConfigError(f"{where}.outputs.{name}", f"an auxiliary output needs {key}: {_WHY[key]}")
        weights[name] = float(read(spec["weight"], WEIGHT, {}, f"{where}.outputs.{name}.weight"))  # type: ignore[arg-type]
        specs[name] = {key: value for key, value in spec.items() if key != "weight"}
    layers = read_layers(specs, f"{where}.outputs", "outputs.") if specs else ()
    for layer in layers:
        if layer.sources is None or len(layer.sources) != 1 or layer.repeat is not None:
            raise ConfigError(
                layer.where, "an auxiliary output reads one layer, once: say from: its name, and no repeat"
            )
    return layers, weights


WEIGHT = Param("number", minimum=0, doc="the share of its loss in training")
_WHY = {"from": "the layer that it reads", "weight": WEIGHT.doc}


def _with_heads(layers: tuple[Layer, ...], heads: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Return all layers in order of execution, each auxiliary head right behind the layer that it reads."""
    names = {layer.name for layer in layers}
    behind: dict[str, list[Layer]] = {}
    for head in heads:
        text = head.sources[0] if head.sources else ""
        behind.setdefault(text if text in names else text.rpartition(".")[0], []).append(head)
    order = [made for layer in layers for made in (layer, *behind.pop(layer.name, ()))]
    return (*order, *(head for heads in behind.values() for head in heads))
