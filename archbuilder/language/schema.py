"""The language as a JSON Schema, for editors: completion, and a mistake underlined where it is typed.

It is made from the code that reads the language, and refuses nothing that the language accepts in a layer that is made.
What only an expansion can tell (names in `from`, shapes, the values of expressions) it does not check. It is of draft
2020-12, but says nothing by `unevaluatedProperties` and the like, which the editors' servers do not know yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from archbuilder.language.blocks import KEYS as BLOCK_KEYS
from archbuilder.language.blocks import Library
from archbuilder.language.budget import AMOUNT, KINDS
from archbuilder.language.catalog import Entry, composites, plain, primitives, told
from archbuilder.language.limits import MOST_LAYERS
from archbuilder.language.model import INHERIT, SECTIONS, WEIGHT
from archbuilder.language.model import KEYS as MODEL_KEYS
from archbuilder.language.names import RESERVED
from archbuilder.language.params import DECLARATION, TYPES, Param
from archbuilder.language.scale import PARAMS as SCALE
from archbuilder.primitives.style import STYLE

Json = dict[str, Any]

_NAME = "^[A-Za-z][A-Za-z0-9_]*$"
_INTERPOLATION = r"\$\{"
"""OmegaConf's `${...}`, which may stand for anything."""


def schema(library: Library) -> Json:
    """Return the JSON Schema of model files and block files; what says `layers` is a block.

    The keys of primitives and of the library's composites are known, those of other blocks are not.
    """
    known, others = primitives(), composites(library)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "archbuilder",
        "description": "A network (input, stem, stages, head), or a block (params, layers).",
        "type": "object",
        "properties": {"layers": {"description": BLOCK_KEYS["layers"]}},
        "if": {"required": ["layers"]},
        "then": _block_file(),
        "else": _model_file(others),
        "$defs": {
            "model": _model(),
            "block": _block(),
            "layer": _layer(known, others, {}),
            "output": _layer(known, others, {"weight": {"description": WEIGHT.doc, **_value(WEIGHT)}}),
            "primitive": _by_block(known, {}),
            "primitive_output": _by_block(known, {"weight": True}),
            "composite": _by_block(others, {}),
            "composite_output": _by_block(others, {"weight": True}),
            "complete": {"required": ["block"], **_required(known)},
            "complete_composite": _required(others),
            "plain_words": _plain_words(known),
            "style": _style(),
            "plain_style": {"properties": {key: _word(of.choices) for key, of in STYLE.items() if of.choices}},
            "declaration": _declaration(),
            "shape": _shape(),
        },
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _mapping(*, null: bool = True, **more: Any) -> Json:
    """Return a mapping, or an interpolation that stands for one."""
    return {"type": ["object", "string", *(["null"] if null else [])], "pattern": _INTERPOLATION, **more}


def _named(inside: Json, **more: Any) -> Json:
    """Return a mapping from names to what is inside; what has another name can only be null, which means absent."""
    wrong = {"type": "null", "errorMessage": "A name has letters, digits and _, and starts with a letter."}
    return _mapping(patternProperties={_NAME: inside}, additionalProperties=wrong, **more)


def _block_is(names: Iterable[str]) -> Json:
    """Return the condition that a layer's block is one of these."""
    return {"required": ["block"], "properties": {"block": {"enum": list(names)}}}


# Values of parameters


def _value(param: Param) -> Json:
    """Return what a layer may say for a parameter: a value, an expression in a string, or a parameter's name."""
    low = 1 if param.type == "channels" else param.minimum
    bounds = {"minimum": low, "maximum": param.maximum}
    said = {key: bound for key, bound in bounds.items() if bound is not None}
    whole: Json = {"type": ["integer", "string"], **said}
    words = {"examples": list(param.choices)} if param.choices else {}
    values: dict[str, Json] = {
        "channels": whole,
        "integer": whole,
        "pair": {**whole, "type": [*whole["type"], "array"], "items": whole, "minItems": 2, "maxItems": 2, **words},
        "integers": {"type": ["array", "string"], "items": whole, "minItems": 1},
        "number": {**whole, "type": ["number", "string"]},
        "boolean": {"type": ["boolean", "string"]},
        "word": {"type": "string", **words},
        "block": {"type": "string"},
    }
    return values[param.type]


def _described(name: str, param: Param, from_style: Iterable[str] = ()) -> Json:
    """Return a parameter's values with what it is, and its default."""
    said: Json = {"description": told(param), **_value(param)}
    if param.required or param.default is None or name in from_style:
        return said
    return {**said, "default": plain(param)}


def _word(choices: Iterable[str]) -> Json:
    """Return one of some words."""
    return {"anyOf": [{"enum": list(choices)}, {"type": "string", "pattern": _INTERPOLATION}]}


def _shape() -> Json:
    whole = {"type": ["integer", "string"], "minimum": 1}
    return {"type": ["array", "string"], "pattern": _INTERPOLATION, "items": whole, "minItems": 3, "maxItems": 3}


def _style() -> Json:
    return _mapping(
        properties={key: _described(key, of) for key, of in STYLE.items()},
        additionalProperties=False,
    )


def _declaration() -> Json:
    """Return what declares a parameter: a type, a default value, or a mapping that says both."""
    values: dict[str, Json] = {
        "type": {"enum": list(TYPES)},
        "default": {},
        "repeat": {"const": "first"},
        "doc": {},
    }
    return {
        "type": ["object", "string", "number", "boolean", "array"],
        "examples": list(TYPES),
        # A default that is an expression does not tell its type: it has to be said.
        "pattern": rf"{_INTERPOLATION}|^[^\s+*/%()<>=-]+$",
        "properties": {key: {"description": doc, **values[key]} for key, doc in DECLARATION.items()},
        "additionalProperties": False,
    }


# Layers


def _layer(known: Mapping[str, Entry], others: Mapping[str, Entry], more: Json) -> Json:
    """Return any layer: its reserved keys, and those of a primitive where it is one."""
    named = [{"const": name, "description": one.doc} for name, one in {**known, **others}.items()]
    values: dict[str, Json] = {
        "block": {"type": "string", "anyOf": [*named, {}]},
        "from": {"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1},
        "repeat": {"type": ["integer", "string", "null"], "minimum": 1, "maximum": MOST_LAYERS},
        "when": {"type": ["boolean", "string"]},
        "style": _ref("style"),
        "after": {"type": "string"},
        "doc": {},
    }
    keys = {key: {"description": doc, **values[key]} for key, doc in RESERVED.items()}
    return _mapping(properties={**keys, **more}, **_ref("primitive_output" if more else "primitive"))


def _by_block(entries: Mapping[str, Entry], more: Json) -> Json:
    """Return, for each block, which keys a layer that names it may have."""
    return {"allOf": [{"if": _block_is([name]), "then": _keys(one, more)} for name, one in entries.items()]}


def _keys(one: Entry, more: Json) -> Json:
    params = {key: _described(key, param, one.from_style) for key, param in one.params.items()}
    reserved = dict.fromkeys(RESERVED, True)
    return {
        "description": one.doc,
        "properties": {**params, **reserved, **more},
        "additionalProperties": False,
    }


def _required(entries: Mapping[str, Entry]) -> Json:
    """Return, for each block, which parameters a layer has to say; blocks that ask for the same ones together."""
    needs = {name: [key for key, param in one.params.items() if param.required] for name, one in entries.items()}
    names = sorted((name for name in needs if needs[name]), key=lambda name: needs[name])
    grouped = groupby(names, key=lambda name: needs[name])
    return {"allOf": [{"if": _block_is(same), "then": {"required": keys}} for keys, same in grouped]}


def _plain_words(known: Mapping[str, Entry]) -> Json:
    """Return which words primitives take where no parameter is declared whose name could stand for one."""
    takers: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name, one in known.items():
        for key, param in one.params.items():
            if param.choices and param.type == "word":
                words = (*param.choices, "style") if key in STYLE else param.choices
                takers.setdefault((key, words), []).append(name)
    rules = [
        {"if": _block_is(names), "then": {"properties": {key: _word(words)}}} for (key, words), names in takers.items()
    ]
    return {"properties": {"style": _ref("plain_style")}, "allOf": rules}


# Files


def _model() -> Json:
    """Return a model as far as its keys and types go: what a variant that inherits the rest has to fulfil, too."""
    layers = _named(_ref("layer"))
    values: dict[str, Json] = {
        "doc": {},
        "input": _ref("shape"),
        "inputs": _named(_ref("shape")),
        "classes": {"type": ["integer", "string", "null"], "minimum": 1},
        "params": _named(_ref("declaration")),
        "style": _ref("style"),
        "scale": _mapping(
            properties={key: _described(key, of) for key, of in SCALE.items()}, additionalProperties=False
        ),
        "budget": _budget(),
        "blocks": _named(_ref("block")),
        **dict.fromkeys(SECTIONS, layers),
        "outputs": _named(_ref("output")),
    }
    inherit = {"description": INHERIT, "type": "array", "items": {"type": ["string", "object"]}}
    return {
        "properties": {
            "defaults": inherit,
            **{key: {"description": doc, **values[key]} for key, doc in MODEL_KEYS.items()},
        },
        "additionalProperties": False,
    }


def _budget() -> Json:
    amount = {"type": ["integer", "number", "string"], "minimum": 1, "pattern": rf"{_INTERPOLATION}|^{AMOUNT}$"}
    kinds = {kind: {"description": doc, **amount} for kind, doc in KINDS.items()}
    return _mapping(properties=kinds, additionalProperties=False, minProperties=1, maxProperties=1)


def _block() -> Json:
    """Return a block as far as its keys and types go."""
    names = {"type": "array", "items": {"type": "string", "pattern": _NAME}, "minItems": 1, "uniqueItems": True}
    values: dict[str, Json] = {
        "doc": {},
        "inputs": names,
        "params": _named(_ref("declaration"), null=False),
        "style": {"type": ["object", "string"], **_ref("style")},
        "layers": _named(_ref("layer"), null=False),
        "outputs": names,
    }
    return _mapping(
        null=False,
        properties={key: {"description": doc, **values[key]} for key, doc in BLOCK_KEYS.items()},
        additionalProperties=False,
    )


_VARIANT: Json = {"required": ["defaults"]}
_PARAMS: Json = {"required": ["params"]}


def _model_file(others: Mapping[str, Entry]) -> Json:
    """Return a whole model: one that inherits may leave anything out, and one's own block wins over a shipped one."""
    own = {"required": ["blocks"], "properties": {"blocks": {"not": {"propertyNames": {"not": {"enum": [*others]}}}}}}
    return {
        **_ref("model"),
        "allOf": [
            _unless([own], _layers("composite", "composite_output")),
            _unless([_VARIANT], _complete_model()),
            _unless([_VARIANT, own], _layers("complete_composite")),
            _unless([_VARIANT, _PARAMS], _layers("plain_words", style="plain_style", blocks=False)),
        ],
    }


def _unless(conditions: list[Json], rule: Json) -> Json:
    return {"if": {"anyOf": conditions}, "else": rule}


_SECTIONS = f"^({'|'.join(SECTIONS)})$"


def _layers(name: str, output: str = "", style: str = "", blocks: bool = True) -> Json:
    """Return the rule that every layer of a model, also inside its own blocks, is as the definition `name` says."""
    # By patterns, because an editor would propose each of `properties` once more.
    rules = {
        _SECTIONS: {"additionalProperties": _ref(name)},
        "^outputs$": {"additionalProperties": _ref(output or name)},
    }
    if style:
        rules["^style$"] = _ref(style)
    if blocks:
        inside = {"patternProperties": {"^layers$": {"additionalProperties": _ref(name)}}}
        rules["^blocks$"] = {"additionalProperties": inside}
    return {"patternProperties": rules}


def _complete_model() -> Json:
    """Return what a model has to say that inherits nothing."""
    rules = {
        _SECTIONS: {"additionalProperties": _ref("complete")},
        "^outputs$": {"additionalProperties": {**_ref("complete"), "required": ["from", "weight"]}},
        "^blocks$": {"additionalProperties": _complete_block("complete")},
        "^params$": {"additionalProperties": _COMPLETE_DECLARATION},
    }
    return {
        "patternProperties": rules,
        "oneOf": [{"required": ["input"]}, {"required": ["inputs"]}],
        "anyOf": [{"required": [section]} for section in SECTIONS],
    }


_COMPLETE_DECLARATION: Json = {
    "anyOf": [{"not": {"type": "object"}}, {"required": ["type"]}, {"required": ["default"]}],
    "if": {"required": ["repeat"]},
    "then": {"required": ["default"]},
}


def _complete_block(*rules: str) -> Json:
    """Return what a block has to say, and the rules that its layers obey."""
    layers = [{"patternProperties": {"^layers$": {"additionalProperties": _ref(rule)}}} for rule in rules]
    words = {"^style$": _ref("plain_style"), "^layers$": {"additionalProperties": _ref("plain_words")}}
    return {
        "required": ["layers"],
        "patternProperties": {"^params$": {"additionalProperties": _COMPLETE_DECLARATION}},
        "allOf": [*layers, _unless([_PARAMS], {"patternProperties": words})],
    }


def _block_file() -> Json:
    """Return a whole block."""
    return {"allOf": [_ref("block"), _complete_block("composite", "complete", "complete_composite")]}
