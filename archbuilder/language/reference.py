"""All keys and blocks of the language in words: for the terminal, and as the page docs/reference.md.

`python -m archbuilder.language.reference --to docs/reference.md` writes the page anew.
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from archbuilder.console import fail
from archbuilder.errors import ArchbuilderError
from archbuilder.files import write_text
from archbuilder.language import expressions, limits, overrides, plain, yaml
from archbuilder.language.blocks import KEYS as BLOCK_KEYS
from archbuilder.language.blocks import Library
from archbuilder.language.budget import KINDS
from archbuilder.language.catalog import (
    Entry,
    composites,
    default,
    entry,
    kind,
    layer_lines,
    primitives,
    style_line,
    told,
)
from archbuilder.language.expressions import FUNCTIONS, LARGEST
from archbuilder.language.model import INHERIT
from archbuilder.language.model import KEYS as MODEL_KEYS
from archbuilder.language.names import RESERVED
from archbuilder.language.params import DECLARATION, SURROUNDINGS, TYPES, Param, wanted
from archbuilder.language.scale import PARAMS as SCALE
from archbuilder.primitives.style import STYLE


def listing(library: Library) -> str:
    """Return all blocks, one line each: primitives, then composites."""
    kinds = {"primitives": primitives(), "composites": composites(library)}
    width = max(len(name) for entries in kinds.values() for name in entries)
    groups = []
    for heading, entries in kinds.items():
        lines = [f"  {name:{width}}  {one.doc.partition(chr(10))[0]}".rstrip() for name, one in entries.items()]
        groups.append("\n".join([f"{heading}:", *lines]))
    return "\n\n".join(groups)


def page(name: str, library: Library) -> str:
    """Return all there is to say about one block; raises ConfigError with the nearest one."""
    one = entry(name, library)
    lines = [f"{one.name}: {one.doc}", "", f"source: {one.source}", f"inputs: {one.inputs}"]
    if one.outputs:
        lines.append(f"outputs: {one.outputs}")
    if one.params:
        lines += ["", "parameters:", *_aligned(_rows(one.params, one.from_style))]
    if one.composite is not None:
        lines += ["", *style_line(one.composite), "layers:", *(f"  {line}" for line in layer_lines(one.composite))]
    return "\n".join(lines)


def _rows(params: Mapping[str, Param], from_style: frozenset[str] = frozenset()) -> list[list[str]]:
    """Return for each parameter its name, what it takes, what holds without it, and what it is."""
    return [[key, kind(of), default(key, of, from_style), told(of)] for key, of in params.items()]


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def markdown(library: Library) -> str:
    """Return the reference of the language, with the blocks of a library, as a page of Markdown.

    Primitives that came from elsewhere are left out: the page is about what is shipped.
    """
    own = {name: one for name, one in primitives().items() if one.source.startswith("archbuilder.")}
    parts = [
        _INTRODUCTION,
        "## A model\n\nThe keys of a model file.",
        _keys({"defaults": INHERIT, **MODEL_KEYS}),
        "`scale`:",
        _params(SCALE),
        "`budget`, one of:",
        _keys(KINDS),
        "## A block\n\nThe keys of a block file, or of an entry of a model's `blocks`.",
        _keys(BLOCK_KEYS),
        "A parameter is declared by a type, by a default value, or by a mapping with these keys.",
        _keys(DECLARATION),
        "The types:",
        _keys({name: wanted(Param(name)) for name in TYPES}),
        "## A layer\n\nThe keys of every layer; all others are parameters of its block.",
        _keys(RESERVED),
        "## A style\n\nWhat holds where no style says anything is the default.",
        _params(STYLE),
        "## Expressions\n\n" + _EXPRESSIONS,
        _keys({f"{name}{_signature(name)}": _doc(name) for name in FUNCTIONS}),
        "Besides parameters, these names have a value; in a model's own layers `classes` has, too.",
        _keys(SURROUNDINGS),
        _limits(),
        "## Primitives",
        *map(_section, own.values()),
        "## Composites",
        *map(_section, composites(library).values()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _limits() -> str:
    return f"""## Limits

So that no file can eat the machine, what is larger than this is refused before it is made:

| | at most |
| --- | --- |
| layers | {limits.MOST_LAYERS:,}, of which {limits.MOST_DIFFERENT:,} may differ from one another |
| values that layers read, all together | {limits.MOST_READS:,} |
| parameters | {limits.MOST_PARAMS:,} |
| output elements of all layers, per image | {limits.MOST_ELEMENTS:,} |
| blocks within one another | {limits.DEEPEST} |
| a number | {LARGEST:,} |
| an expression | {expressions.LONGEST} characters |
| a YAML file | {yaml.MOST_BYTES:,} bytes |
| values in a model or block | {plain.MOST_VALUES:,}, mappings and lists {plain.DEEPEST} deep |
| a key, a text | {plain.LONGEST_KEY} and {plain.LONGEST_TEXT:,} characters |
| overrides, all together | {overrides.LONGEST:,} characters |"""


_INTRODUCTION = """# Reference of the language

Every key and every block. This page is made from the code by
`python -m archbuilder.language.reference --to docs/reference.md`; [language.md](language.md) teaches the language by
examples, and `archbuilder blocks NAME` prints one of the blocks."""

_EXPRESSIONS = """Where a number, or true or false, is expected, a string is an expression: numbers, names of
parameters, `+ - * / // % **`, comparisons, `and or not`, `a if c else b`, and these functions. Where a word or a block
is expected, the name of a parameter stands for its value."""


def _signature(name: str) -> str:
    """Return the arguments of a function of expressions, types left out."""
    signature = inspect.signature(FUNCTIONS[name])
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()]
    return str(inspect.Signature(bare))


def _doc(name: str) -> str:
    """Return what a function gives, from its docstring."""
    first = inspect.cleandoc(FUNCTIONS[name].__doc__ or "").partition("\n\n")[0]
    return " ".join(first.split()).removeprefix("Return ").rstrip(".")


def _keys(docs: Mapping[str, str]) -> str:
    return _rows_of_markdown(["key", "what it says"], ([f"`{key}`", doc] for key, doc in docs.items()))


def _params(params: Mapping[str, Param], from_style: frozenset[str] = frozenset()) -> str:
    rows = ([f"`{key}`", *rest] for key, *rest in _rows(params, from_style))
    return _rows_of_markdown(["key", "takes", "default", "what it is"], rows)


def _rows_of_markdown(headings: list[str], rows: Iterable[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _section(one: Entry) -> str:
    outputs = f" Outputs: {one.outputs}." if one.outputs else ""
    parts = [f"### {one.name}", one.doc, f"Inputs: {one.inputs}.{outputs} Source: {_link(one)}."]
    of_style = [key for key in one.params if key in STYLE and key in one.from_style]
    if len(of_style) < len(one.params):
        own = {key: param for key, param in one.params.items() if key not in of_style}
        parts.append(_params(own, one.from_style))
    if of_style:
        parts.append(
            f"From the [style](#a-style) where the layer says none: {', '.join(f'`{key}`' for key in of_style)}."
        )
    if one.composite is not None:
        lines = [*style_line(one.composite), "layers:", *(f"  {line}" for line in layer_lines(one.composite))]
        parts.append("\n".join(["```yaml", *lines, "```"]))
    return "\n\n".join(parts)


def _link(one: Entry) -> str:
    path = one.source if one.composite is not None else f"{one.source.replace('.', '/')}.py"
    return f"[{path}](../{path})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the page of the shipped blocks, or write it; what is wrong is told, and the old page then stays."""
    from archbuilder.language.source import library

    parser = argparse.ArgumentParser("python -m archbuilder.language.reference", description="docs/reference.md")
    parser.add_argument("--to", type=Path, metavar="FILE", help="write it there (default: print it)")
    to = parser.parse_args(arguments).to
    try:
        text = markdown(library())
        if to is None:
            print(text, end="")
        else:
            write_text(to, text)
    except ArchbuilderError as error:
        fail(error)
    except OSError as error:
        fail(ArchbuilderError(f"{error.filename}: {error.strerror}"))


if __name__ == "__main__":
    main()
