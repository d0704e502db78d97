"""Models of absurd sizes, and a process of its own that measures how they are refused.

`python -m tests.language.absurd` prints one line of JSON for each: its name, the refusal, and process seconds.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from archbuilder.api import expand
from archbuilder.errors import ConfigError
from tests.language.models import chain, conv, model

MEMORY = 512 * 2**20
"""Bytes that all of them together may take, beside what is taken when they start."""
SECONDS = 20

IDENTITY = {"block": "identity"}
MILLION = 10**6


def text(content: str, name: str = "mine.yaml") -> Callable[[Path], Any]:
    """Return how to make a file of this content."""

    def make(folder: Path) -> Path:
        (folder / name).write_text(content, encoding="utf-8")
        return folder / name

    return make


def laughs(references: Callable[[int], str], last: str) -> Callable[[Path], Any]:
    """Return how to make a file of thirty lines, each of which stands for nine of the one before."""
    lines = [f"a0: {last}", *(f"a{i}: {references(i - 1)}" for i in range(1, 30))]
    return text("\n".join(lines))


def nested(outer: Any, inner: Any, leaf: dict[str, Any] = IDENTITY, more: dict[str, Any] | None = None) -> Any:
    """Return copies within copies, both told by expressions over parameters."""
    blocks = {
        "one": {"params": {"n": 1}, "layers": {"a": {"block": "two", "n": "n", "repeat": outer}}},
        "two": {"params": {"n": 1}, "layers": {"a": {**leaf, "repeat": inner}, **(more or {})}},
    }
    return model({"use": {"block": "one", "n": 1000, "repeat": 1000}}, blocks=blocks)


def wide(layers: int, members: int = 99_000) -> Any:
    """Return layers that all read every copy of another."""
    fans = {f"f{i}": {"block": "add", "from": "x.*"} for i in range(layers)}
    return model({"x": {**IDENTITY, "repeat": members}, **fans})


def dense(layers: int) -> Any:
    """Return layers that each read all earlier ones."""
    names = [f"a{i}" for i in range(layers)]
    return model({name: {"block": "add", "from": ["input", *names[:i]]} for i, name in enumerate(names)})


def itself(_: Path) -> Any:
    content: dict[str, Any] = model({"a": conv()})
    content["stages"]["b"] = content
    return content


def list_of_itself(_: Path) -> Any:
    content: list[Any] = []
    content += [content, content]
    return model({"a": conv(content)})


def shared(_: Path) -> Any:
    """Return a mapping of few objects that are shared many times: aliases, from Python."""
    value: Any = ["x"]
    for _level in range(40):
        value = [value] * 9
    return model({"a": conv(value)})


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"x": value}
    return model({"a": conv(value)})


def inherited(folder: Path) -> Any:
    """Return a file whose base is a bomb of aliases."""
    laughs(lambda i: f"&b{i} [{', '.join([f'*b{i - 1}'] * 9)}]" if i else "&b0 [x]", "3")(folder).rename(
        folder / "base.yaml"
    )
    return text("defaults: [base@_here_, _self_]\ninput: [3, 8, 8]\n", "variant.yaml")(folder)


ALIASES = laughs(lambda i: f"&b{i} [{', '.join([f'*b{i - 1}'] * 9)}]" if i else "&b0 [x, x]", "3")
MERGES = text(
    "\n".join(["a0: &a0 {x: 1}", *(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 30))])
)
SELF = {"params": {"body": "block"}, "layers": {"a": {"block": "body", "body": "body"}}}
PAIR = {
    "params": {"body": "block", "other": "block"},
    "layers": {"a": {"block": "body", "body": "other", "other": "body"}},
}
DOUBLING = {f"b{i}": {"layers": {"a": {"block": f"b{i + 1}"}, "b": {"block": f"b{i + 1}"}}} for i in range(40)}
GROWN = {"c0": IDENTITY, **{f"c{i}": {"block": "concat", "from": [f"c{i - 1}"] * 100} for i in range(1, 9)}}

# What each is, how to make it in a folder, and what its refusal tells.
CASES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "repeat 10^9": (lambda _: model({"a": {**IDENTITY, "repeat": 10**9}}), "model.stages.a.repeat: .* too large"),
    "repeat 1000 * 1000": (lambda _: model({"a": {**IDENTITY, "repeat": "1000 * 1000"}}), "a.repeat: .*too large"),
    "10^12 channels": (lambda _: model({"a": conv(10**12)}), "model.stages.a.out: .* too large"),
    "10^7 of 10^7 channels": (lambda _: model({"a": conv(10**7), "b": conv(10**7)}), "stages.b: .* parameters"),
    "linear of 10^7 x 10^7": (
        lambda _: model({"a": conv(10**5), "f": {"block": "linear", "out": 10**7}}),
        "stages.f: .* parameters",
    ),
    "an image of 10^7 x 10^7": (lambda _: model(chain("a"), input=[3, 10**7, 10**7]), "model.input: .* elements"),
    "a second image of 10^7 x 10^7": (
        lambda _: {"inputs": {"a": [1, 1, 1], "b": [1, 10**7, 10**7]}, "stages": {"c": {**IDENTITY, "from": "a"}}},
        "model.inputs.b: .* elements",
    ),
    "an image that grows": (
        lambda _: model({"up": {"block": "upsample", "factor": 64, "repeat": 9}}),
        "stages.up: .* elements",
    ),
    "a layer of 10^10 elements ten times": (
        lambda _: model({"a": {**IDENTITY, "repeat": 100}}, input=[100, 10**4, 10**4]),
        "model.stages.a: .* elements",
    ),
    "parameters of many layers": (
        lambda _: model({"a": conv(10**4), "b": conv(10**4, repeat=1000)}),
        "model.stages.b: .* parameters",
    ),
    "concat of concats": (lambda _: model(GROWN), "stages.c[0-9]: .*(side|elements)"),
    "a concat of 10^5 names": (
        lambda _: model({"a": IDENTITY, "b": {"block": "concat", "from": ["a"] * 10**5}}),
        "model: .* values",
    ),
    "a block in itself": (
        lambda _: model({"u": {"block": "m"}}, blocks={"m": {"layers": {"a": {"block": "m", "repeat": 9}}}}),
        "contains itself: m -> m",
    ),
    "blocks in one another": (
        lambda _: model(
            {"u": {"block": "m"}},
            blocks={"m": {"layers": {"a": {"block": "n"}}}, "n": {"layers": {"a": {"block": "m"}}}},
        ),
        "contains itself: m -> n -> m",
    ),
    "a block given itself": (
        lambda _: model({"u": {"block": "m", "body": "m"}}, blocks={"m": SELF}),
        "contains itself: m -> m",
    ),
    "blocks given one another": (
        lambda _: model({"u": {"block": "m", "body": "n", "other": "m"}}, blocks={"m": PAIR, "n": PAIR}),
        "contains itself: m -> n -> m",
    ),
    "forty doublings": (
        lambda _: model({"u": {"block": "b0"}}, blocks={**DOUBLING, "b40": {"layers": chain("a")}}),
        "100,000 layers",
    ),
    "9**9**9": (lambda _: model({"a": conv("9**9**9")}), "model.stages.a.out: .*beyond"),
    "9**9**9 in a default": (
        lambda _: model(
            {"u": {"block": "m"}},
            blocks={"m": {"params": {"n": {"type": "integer", "default": "9**9**9"}}, "layers": chain("a")}},
        ),
        "params.n: .*beyond",
    ),
    "a long chain": (lambda _: model({"a": conv("+".join(["1"] * MILLION))}), "10,000|longer"),
    "a chain of powers": (lambda _: model({"a": conv("**".join(["9"] * 100))}), "model.stages.a.out"),
    "many parentheses": (lambda _: model({"a": conv("(" * 290)}), "model.stages.a.out"),
    "many signs": (lambda _: model({"a": conv("-" * 289 + "1")}), "model.stages.a.out"),
    "many conditions": (lambda _: model({"a": conv("1 if 1 else " * 20 + "1")}), "model.stages.a.out"),
    "nested repeats by parameters": (lambda _: nested("n", "n"), "100,000 layers"),
    "nested repeats of convolutions": (lambda _: nested("n", "n", conv()), "100,000 layers"),
    "nested repeats by channels": (lambda _: nested("250 * in_channels", "250 * block_in"), "100,000 layers"),
    "nested repeats by the copy": (lambda _: nested("1000 + copy", "1000 + copy"), "100,000 layers"),
    "nested repeats by all that varies": (
        lambda _: nested("100 + copy", "100 + copy + index", conv("4 + 0 * copy"), chain("b", "c")),
        "20,000 layers differ",
    ),
    "many layers that read 10^5 values": (lambda _: wide(1000), "reads? more than 1,000,000"),
    "layers that read all before them": (lambda _: dense(3000), "values"),
    "shared many times": (shared, "model: .*(values|deeply)"),
    "a mapping in itself": (itself, "nested too deeply"),
    "a list of itself": (list_of_itself, "nested too deeply|values"),
    "nested 10^5 deep": (lambda _: deep(10**5), "nested too deeply"),
    "YAML nested 10^5 deep": (text("[" * 10**5), "nested too deeply"),
    "YAML mappings nested 10^5 deep": (text("{a: " * 10**5), "nested too deeply"),
    "YAML nested by lines": (text("\n".join(" " * i + "a:" for i in range(1200))), "nested too deeply"),
    "billions by aliases": (ALIASES, "values in it, aliases written out"),
    "billions by merges": (MERGES, "values in it, aliases written out"),
    "an alias in itself": (text("a: &a [*a, *a]\n"), "nested too deeply|values"),
    "a merge of itself": (text("a: &a {<<: *a}\n"), "no such key of a model"),
    "billions by aliases, inherited": (inherited, "values in it, aliases written out"),
    "billions by interpolations": (laughs(lambda i: f"${{model.a{i}}}" * 9, "x"), "grow too large"),
    "billions by interpolated lists": (
        laughs(lambda i: "[" + f"'${{model.a{i}}}', " * 9 + "]", "[x]"),
        "grow too large",
    ),
    "billions by relative interpolations": (laughs(lambda i: f"${{.a{i}}}" * 9, "x"), "grow too large"),
    "an interpolation of itself": (text("a: ${model.a}${model.a}\n"), "leads back to itself"),
    "a chain of interpolations": (
        text("\n".join(["a0: 1", *(f"a{i}: ${{model.a{i - 1}}}" for i in range(1, 5000))])),
        "grow too large",
    ),
    "a file of 10 MB": (text("a: 1\n" * 2 * MILLION), "larger than 1,000,000 bytes"),
    "a file of commas": (text("[" + "1," * 400_000 + "]"), "values in it"),
    "a key of 10^6 characters": (lambda _: model({"a" * MILLION: conv()}), "model.stages: the key 'aaa"),
    "a text of 10^6 characters": (lambda _: model({"a": conv("a" * MILLION)}), "model.stages.a.out: 'aaa"),
    "a key of 10^5 characters in YAML": (text("a" * 10**5 + ": 1"), "is not valid YAML|longer"),
    "a text of 10^6 characters in YAML": (text("a: " + "b" * 900_000), "longer than 10,000"),
    "a number to the base of sixty": (text("a: " + "1:" * 400_000 + "1"), "longer than 10,000"),
    "a floating number to the base of sixty": (text("a: " + "1:" * 4000 + "1.5"), "cannot be read"),
    "a number of 10^5 digits": (text("a: 0x" + "F" * 9_000), "beyond every limit"),
    "a model's name of 10^6 characters": (lambda _: "x" * MILLION, "there is no model"),
    "a block's name of 10^4 characters": (lambda _: model({"a": {"block": "x" * 9999}}), "there is no block"),
    "many layers that wait for one another": (
        lambda _: model({f"a{i}": {**IDENTITY, "after": f"a{i ^ 1}"} for i in range(20_000)}),
        "wait for one another",
    ),
    "many layers, the last misspelt": (
        lambda _: model({**chain(*(f"a{i}" for i in range(20_000))), "b": {**IDENTITY, "from": "aa"}}),
        "there is no layer 'aa'",
    ),
    "many auxiliary outputs": (
        lambda _: model(
            chain(*(f"a{i}" for i in range(9000))),
            outputs={
                f"o{i}": {**IDENTITY, "from": f"stages.a{i}", "weight": -1 if i == 8999 else 1} for i in range(9000)
            },
        ),
        "model.outputs",
    ),
    "many auxiliary outputs that end badly": (
        lambda _: model(
            chain(*(f"a{i}" for i in range(9000))),
            outputs={f"o{i}": {**IDENTITY, "from": f"stages.a{i}", "weight": 1} for i in range(9000)},
            head={"z": conv(0)},
        ),
        "model.head.z.out",
    ),
    "a shape of 10^5 sides": (lambda _: model(chain("a"), input=[1] * 90_000), "model.input: "),
    "10^5 unknown keys": (lambda _: {f"k{i}": 1 for i in range(99_000)}, "model.k0: no such key"),
    "10^5 parts": (lambda _: model({"a": {"block": "split", "sizes": [1] * 90_000}}), "stages.a.sizes: .* add up"),
    "inputs that differ, 10^5 of them": (
        lambda _: model(
            {"x": {"block": "upsample", "factor": 2, "repeat": 8}, "a": {"block": "add", "from": ["x.*"] * 9000}}
        ),
        "stages.a: the inputs have different shapes",
    ),
    "a budget of a deep network": (
        lambda _: model({"a": conv(8, repeat=50_000)}, budget={"params": 1}),
        "model.budget: .* more than 10,000 layers",
    ),
    "a budget of a wide network": (
        lambda _: model(
            {"a": conv(200_000), "b": {"block": "reduce", "out": "fixed(150_000)"}}, budget={"params": 100}
        ),
        "model.budget.params: of 500 widths hardly any builds",
    ),
    "a budget beyond every budget": (lambda _: model({"a": conv()}, budget={"params": 10**16}), "model.budget.params"),
    "an absurd scale": (lambda _: model({"a": conv(repeat=10**4)}, scale={"depth": 1e3}), "model.stages.a.repeat"),
}

OVERRIDES: dict[str, tuple[list[str], str]] = {
    "an override of 10^6 characters": (["model.stages.stage1.out=" + "1" * MILLION], "overrides: "),
    "an override of parentheses": (["model.stages.stage1.out=" + "(" * 5000], "overrides: "),
    "an override nested deep": (["model.stages.stage1.out=" + "[" * 1000 + "]" * 1000], ""),
    "overrides by the thousand": (["model.classes=3"] * 1000, "overrides: "),
    "an override that is a bomb": (
        [f"+model.params.a{i}='{f'${{model.params.a{i - 1}}}' * 9}'" for i in range(1, 20)],
        "grow too large|too deeply",
    ),
}


def measure(name: str, source: Any, overrides: list[str]) -> None:
    """Print how a model is refused, and after how many seconds of this process."""
    signal.alarm(SECONDS)
    started, refused, told = time.process_time(), False, "accepted"
    try:
        expand(source, overrides)
    except ConfigError as error:
        refused, told = True, str(error)
    except Exception as error:  # whatever else happens is what the test is after
        told = f"{type(error).__name__} {error!r:.200}"
    seconds = time.process_time() - started
    signal.alarm(0)
    print(json.dumps({"name": name, "refused": refused, "told": told, "seconds": seconds}), flush=True)


def _stop(*_: object) -> None:
    raise TimeoutError(f"still at it after {SECONDS} s")


def main(only: str = "") -> None:
    """Measure all cases, or those whose name has this in it."""
    signal.signal(signal.SIGALRM, _stop)
    expand("resnet20", ["model.classes=3"])  # imports what is needed
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
    for name, (make, _) in CASES.items():
        if only in name:
            with tempfile.TemporaryDirectory() as folder:
                measure(name, make(Path(folder)), [])
    for name, (overrides, _) in OVERRIDES.items():
        if only in name:
            measure(name, "resnet20", overrides)


if __name__ == "__main__":
    main(*sys.argv[1:])
