"""What somebody with bad intentions makes of a package: each way with the words that have to tell of it."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save

from archbuilder.zoo.files import NEEDED, OPTIONAL, SIGNATURE_FILE, write_manifest

MANIFEST, ARCHITECTURE, METADATA, WEIGHTS = "manifest.json", "architecture.json", "metadata.json", "weights.safetensors"
FILES = (MANIFEST, *NEEDED)
JSONS = (ARCHITECTURE, METADATA)
DEEP = "[" * 10**6
WORDS = ("_target_", "_partial_", "_args_")
TEXTS = ("${oc.env:HOME}", "$import os; os.system('id')", "x ${a.b}", "$")
ODD: tuple[Any, ...] = ([], "text", 1, 1.5, True, [1], {"a": 1})
NO_TEXT: tuple[Any, ...] = (None, 1, [], {}, True)
STEERING = ("\x1b[2J\x1b]0;hacked\x07", "a\rb", "\x00", "a\u202eb", "\ud800", "\x9b31m")


class Case(NamedTuple):
    """A way to tamper: its name, what it does to the folder of a package, and the words (a regex) that tell of it."""

    name: str
    tamper: Callable[[Path], object]
    telling: str


def edited(name: str, edit: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Return what changes the content of a JSON file, in place or to what `edit` returns, and makes the rest agree."""

    def tamper(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        made = edit(content)
        text = json.dumps(content if made is None else made, indent=1) + "\n"  # as the manifest has to be
        replaced(name, text.encode())(folder)

    return tamper


def replaced(name: str, content: bytes | Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return what writes other bytes into a file, and a manifest that agrees."""

    def tamper(folder: Path) -> None:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content(path.read_bytes()))
        if name != MANIFEST:
            write_manifest(folder)

    return tamper


def put(*where: str | int, value: Any) -> Callable[[Any], None]:
    """Return what puts a value at a place in plain data."""

    def edit(content: Any) -> None:
        *outer, last = where
        for key in outer:
            content = content[key]
        content[last] = value

    return edit


def without(*where: str | int) -> Callable[[Any], None]:
    """Return what takes away what lies at a place in plain data."""

    def edit(content: Any) -> None:
        *outer, last = where
        for key in outer:
            content = content[key]
        del content[last]

    return edit


def instead(value: Any) -> Callable[[Any], Any]:
    """Return what puts a value, not null, in the place of all data."""
    return lambda _: value


def beside(value: Any) -> Callable[[Any], Any]:
    """Return what makes a list of the data and a value."""
    return lambda content: [content, [value]]


def moved(name: str, to: str) -> Callable[[Any], None]:
    """Return what calls a file of a manifest by another name."""
    return lambda content: content["files"].update({to: content["files"].pop(name)})


def headed(edit: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    """Return what changes the header of the weights: in place, or to the text that `edit` returns."""

    def change(content: bytes) -> bytes:
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        made = edit(header)
        text = made if isinstance(made, bytes) else json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + content[8 + length :]

    return replaced(WEIGHTS, change)


def weighed(edit: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor] | None]) -> Callable[[Path], None]:
    """Return what changes the tensors of the weights."""

    def tamper(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        made = edit(tensors)
        replaced(WEIGHTS, save(tensors if made is None else made))(folder)

    return tamper


def graph(nodes: list[Any], output: str, **more: Any) -> dict[str, Any]:
    """Return an architecture of one input [1, 1, 1]."""
    inputs = {"input": [1, 1, 1]}
    plain = {"schema": 1, "name": "net", "block": "model", "reads": [], "inputs": inputs, "nodes": nodes}
    return plain | {"outputs": {"output": output}} | more


def leaf(name: str, op: str, reads: str | list[str], *shapes: list[int], **attributes: Any) -> dict[str, Any]:
    """Return one layer of an architecture."""
    reads = [reads] if isinstance(reads, str) else reads
    return {"name": name, "op": op, "reads": reads, "attributes": attributes, "shapes": list(shapes)}


def block(name: str, nodes: list[Any], output: str, shape: list[int]) -> dict[str, Any]:
    """Return a block of one input."""
    inner = {"reads": ["input"], "inputs": {"input": shape}, "nodes": nodes, "outputs": {"output": output}}
    return {"name": name, "block": "block", **inner}


def linear(out: int, reads: str = "input", name: str = "layer") -> dict[str, Any]:
    """Return a fully connected layer."""
    return leaf(name, "linear", reads, [out], out=out, bias=False, act="none")


def is_network(content: dict[str, Any], labels: int = 1) -> Callable[[Path], None]:
    """Return what puts another network into a package, one without weights, and makes the rest agree."""
    preprocessing = {"shape": [1, 1, 1], "mean": [0.5], "std": [0.5]}

    def tamper(folder: Path) -> None:
        edited(METADATA, lambda c: c.update(labels=["x"] * labels, preprocessing=preprocessing))(folder)
        replaced(WEIGHTS, save({}))(folder)
        replaced(ARCHITECTURE, json.dumps(content, separators=(",", ":")).encode())(folder)

    return tamper


def in_place_of(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return what puts something else where a file was."""

    def tamper(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return tamper


def bound(path: Path) -> None:
    """Make a socket in the file system."""
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(here)


def unlinked(name: str) -> Callable[[Path], object]:
    """Return what removes a file."""
    return lambda folder: (folder / name).unlink()


def written(name: str) -> Callable[[Path], object]:
    """Return what adds a file."""
    return lambda folder: (folder / name).write_text("import os")


def linked(name: str) -> Callable[[Path], object]:
    """Return what adds a link to a file elsewhere."""
    return lambda folder: (folder / name).symlink_to("/etc/passwd")


def piped(name: str) -> Callable[[Path], object]:
    """Return what adds a pipe, from which whoever opens it waits for ever."""
    return lambda folder: os.mkfifo(folder / name)


def filled(folder: Path) -> None:
    """Add many files."""
    for number in range(2000):
        (folder / f"x{number}").touch()


def long(length: int) -> Callable[[bytes], bytes]:
    """Return what says another length of the header of weights."""
    return lambda content: struct.pack("<Q", length) + content[8:]


def longer(more: int) -> Callable[[bytes], bytes]:
    """Return what adds to the said length of the header of weights."""
    return lambda content: long(int.from_bytes(content[:8], "little") + more)(content)


def all_are(number: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what makes one number of all of a tensor's."""
    return lambda tensor: torch.full_like(tensor, float(number))


def last_is(number: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what changes the last number of a tensor."""
    return lambda tensor: torch.cat([tensor.flatten()[:-1], torch.tensor([float(number)])]).view_as(tensor)


def of_type(kind: torch.dtype) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what converts a tensor."""
    return lambda tensor: tensor.to(kind)


def cases() -> Iterator[Case]:
    """Yield every case; no two have one name."""
    for kind in (_folders, _manifests, _jsons, _headers, _tensors, _architectures, _metadata):
        yield from kind()


def _folders() -> Iterator[Case]:
    plain = "is no plain file"
    for name in FILES:
        yield Case(f"missing {name}", unlinked(name), f"{name}: is missing")
        passwd = in_place_of(name, lambda path: path.symlink_to("/etc/passwd"))
        yield Case(f"link to passwd as {name}", passwd, f"{name}: {plain}")
        itself = in_place_of(name, lambda path: path.symlink_to(path.name))
        yield Case(f"link to itself as {name}", itself, f"{name}: {plain}")
        yield Case(f"fifo as {name}", in_place_of(name, os.mkfifo), f"{name}: {plain}")
        yield Case(f"folder as {name}", in_place_of(name, Path.mkdir), f"{name}: {plain}")
        yield Case(f"socket as {name}", in_place_of(name, bound), f"{name}: {plain}")
    for name in (*OPTIONAL, SIGNATURE_FILE):
        yield Case(f"link as {name}", linked(name), f"{name}: {plain}")
        yield Case(f"fifo as {name}", piped(name), f"{name}: {plain}")
    for name in OPTIONAL:
        yield Case(f"untold {name}", written(name), f"{MANIFEST}: does not tell of exactly the files that are there")
    for name in ("setup.py", ".hidden", "pytorch_model.bin", "__init__.py", "Manifest.json", " manifest.json"):
        yield Case(f"extra {name}", written(name), f"{name}: does not belong")
    yield Case("extra folder", lambda f: (f / "weights").mkdir(), "weights: does not belong")
    yield Case("extra fifo", lambda f: os.mkfifo(f / "pipe"), "pipe: does not belong")
    yield Case("extra escapes", lambda f: (f / "\x1b[31m\n").touch(), r"\\x1b\[31m\\n: does not belong")
    yield Case("extra no text", lambda f: open(os.fsencode(f) + b"/\xff", "w").close(), r"\\udcff: does not belong")
    yield Case("many more", filled, r"x\d+: does not belong")


def _manifests() -> Iterator[Case]:
    def one(name: str, edit: Callable[[Any], Any], telling: str = "") -> Case:
        return Case(f"manifest {name}", edited(MANIFEST, edit), telling or f"{MANIFEST}: does not tell")

    for name in ("../weights.safetensors", "/etc/passwd", "a/../" + WEIGHTS, "", ".", "..", "C:\\x", "\\\\host\\x"):
        yield one(f"also {name!r}", put("files", name, value={"size": 1, "sha256": "0" * 64}))
        yield one(f"instead {name!r}", moved(WEIGHTS, name))
    sizes: tuple[Any, ...] = ("1", 1.0, True, None, [], 1e3)
    for value in sizes:
        yield one(f"size {value!r}", put("files", METADATA, "size", value=value))
    yield one("unknown key of a file", put("files", METADATA, "mode", value=0o777))
    for key, value in (
        *(("size", value) for value in (-1, 0, 10**4000, 10**10)),
        *(("sha256", value) for value in (None, "", 0, "0" * 64, ["0" * 64])),
    ):
        told = f"{METADATA}: differs from what the manifest says"
        yield one(f"{key} {value!r:.20}", put("files", METADATA, key, value=value), told)
    schema = f"{MANIFEST}: not a manifest of schema 1"
    for value in (True, 1.0, 2, "1", None, [1]):
        yield one(f"schema {value!r}", put("schema", value=value), schema)
    yield one("unknown key", put("more", value=1), schema)
    for value in ODD:
        yield one(f"{value!r}", instead(value), schema)
        yield one(f"files {value!r}", put("files", value=value))
        yield one(f"file {value!r}", put("files", METADATA, value=value))
    otherwise = f"{MANIFEST}: is not written as manifests are"
    for name, change, telling in (
        ("in one line", lambda b: json.dumps(json.loads(b)).encode(), otherwise),
        ("other line ends", lambda b: b.replace(b"\n", b"\r"), otherwise),
        ("one other line end", lambda b: b[:-1] + b"\r", otherwise),
        ("escapes", lambda b: b.replace(b"size", b"\\u0073ize"), otherwise),
        ("more space", lambda b: b + b" ", otherwise),
        ("more behind it", lambda b: b + b"{}", "cannot be read as JSON"),
        ("marked", lambda b: b"\xef\xbb\xbf" + b, "cannot be read as JSON"),
        ("no text", lambda b: b"\xff" + b, "cannot be read as text"),
        ("wide", lambda b: b.decode().encode("utf-16"), "cannot be read as text"),
        ("empty", lambda b: b"", "cannot be read as JSON"),
    ):
        yield Case(f"manifest {name}", replaced(MANIFEST, change), f"{MANIFEST}: {telling.rpartition(': ')[2]}")


def _jsons() -> Iterator[Case]:
    """What no JSON of a package may hold, in each of them; the header of the weights is one as well."""
    for name in (*JSONS, MANIFEST):
        raw = {
            "deep": (DEEP.encode(), "recursion"),
            "deep to the end": ((DEEP + "]" * len(DEEP)).encode(), "recursion"),
            "deep mappings": (b'{"a":' * 10**5, "recursion"),
            "deeper than blocks": (b"[" * 300 + b"]" * 300, "nests values deeper than 200"),
            "too large": (b" " * (2**22 + 1), "larger than 4,194,304 bytes"),
            "long number": (b"[" + b"9" * 10**6 + b"]", "cannot be read as JSON"),
            "endless number": (b"[1e999]", "1e999 is no number that is finite"),
            "endless negative number": (b"[-1e999]", "is no number that is finite"),
            "no number": (b"[NaN]", "NaN is no number"),
            "infinity": (b"[-Infinity]", "Infinity is no number"),
            "long text": (b'["' + b"x" * 10**6 + b'"]', "text of more than 10,000 characters"),
            "long key": (b'{"' + b"x" * 10**6 + b'": 1}', "key of more than 10,000 characters"),
            "twice": (b'{"schema": 1, "schema": 1}', "said twice"),
            "twice inside": (b'[{"a": {"b": 1, "b": 2}}]', "said twice"),
            "no json": (b"import os", "cannot be read as JSON"),
            "pickle": (b"cos\nsystem\n(S'id'\ntR.", "cannot be read as JSON"),
            "binary": (bytes(range(256)), "cannot be read as text"),
        }
        for how, (content, telling) in raw.items():
            yield Case(f"{name} {how}", replaced(name, content), f"{name}: .*{telling}")
        for word in WORDS:
            yield Case(f"{name} {word}", edited(name, put(word, value="os.system")), f"{name}: has the key '{word}'")
            inside = edited(name, beside({"a": {word: "os.system"}}))
            yield Case(f"{name} {word} inside", inside, f"{name}: has the key '{word}'")
        for number, text in enumerate((*TEXTS, *STEERING)):
            yield Case(f"{name} text {number}", edited(name, put("doc", value=text)), f"{name}: has the text")
            yield Case(f"{name} key {number}", edited(name, put(text, value=1)), f"{name}: has the (key|text)")
            deep = edited(name, beside({"a": [text]}))
            yield Case(f"{name} text {number} inside", deep, f"{name}: has the text")


def _headers() -> Iterator[Case]:
    def one(name: str, edit: Callable[[Any], Any], telling: str) -> Case:
        return Case(f"header {name}", headed(edit), f"{WEIGHTS}: .*{telling}")

    def first(header: dict[str, Any]) -> Any:
        return header[min(header)]

    def of_first(edit: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda header: edit(first(header))

    def of_first_instead(value: Any) -> Callable[[Any], Any]:
        return lambda header: put(min(header), value=value)(header)

    def as_text(value: Any) -> Callable[[Any], Any]:
        return lambda _: json.dumps(value).encode()

    def offsets(start: Callable[[int, int], Any], end: Callable[[int, int], Any]) -> Callable[[Any], None]:
        def edit(header: Any) -> None:
            begun, ended = first(header)["data_offsets"]
            first(header)["data_offsets"] = [start(begun, ended), end(begun, ended)]

        return edit

    def twice(header: dict[str, Any]) -> bytes:
        text = json.dumps(header)
        name = next(iter(header))
        return f"{{{json.dumps(name)}: {json.dumps(header[name])}, {text[1:]}".encode()

    yield one("name twice", twice, "said twice")
    yield one("key twice", lambda h: json.dumps(h).replace('"dtype"', '"dtype": "F32", "dtype"').encode(), "said twice")
    yield one("metadata", put("__metadata__", value={"format": "pt"}), "has the key '__metadata__'")
    yield one("text", lambda h: h.update({"$x": first(h)}), "has the text")
    yield one("word", of_first(put("_target_", value="os.system")), "has the key '_target_'")
    yield one("more about a tensor", of_first(put("more", value=1)), "does not tell type, shape and place")
    for key in ("dtype", "shape", "data_offsets"):
        yield one(f"without {key}", of_first(without(key)), "does not tell type, shape and place")
    types: tuple[Any, ...] = ("F64", "F16", "I32", "f32", "F32 ", None, 1, ["F32"], {})
    shapes: tuple[Any, ...] = ([], [1], [10**10], [-1, -16], "[16]", None, 16, [16.5], ["16"], [[16]], [10**4000])
    for value in types:
        yield one(f"type {value!r}", of_first(put("dtype", value=value)), "has the dtype")
    for value in shapes:
        yield one(f"shape {value!r:.20}", of_first(put("shape", value=value)), "has the shape")
    for value in ODD:
        yield one(f"tensor {value!r}", of_first_instead(value), "does not tell type, shape and place")
        yield one(f"{value!r}", as_text(value), "(header|holds 'a')")
    for name, start, end in (
        ("overlapping", lambda a, b: a - 4 if a else a + 4, lambda a, b: b - 4 if a else b + 4),
        ("elsewhere", lambda a, b: 10**12, lambda a, b: 10**12 + b - a),
        ("negative", lambda a, b: a - b - 4, lambda a, b: -4),
        ("reversed", lambda a, b: b, lambda a, b: a),
        ("short", lambda a, b: a, lambda a, b: b - 4),
        ("texts", lambda a, b: str(a), lambda a, b: str(b)),
        ("fractions", lambda a, b: a + 0.5, lambda a, b: b + 0.5),
        ("beyond 64 bits", lambda a, b: a + 2**64, lambda a, b: b + 2**64),
        ("nothing", lambda a, b: None, lambda a, b: None),
    ):
        yield one(f"offsets {name}", offsets(start, end), "cannot be read as safetensors")
    yield one(
        "10 GB", lambda h: h.update(more={"dtype": "F32", "shape": [2500, 10**6], "data_offsets": [0, 10**10]}), "more"
    )
    yield one("too many", lambda h: h.update({f"x{i}": first(h) for i in range(10**4)}), "tells of more than")
    yield one("long", lambda h: json.dumps(h).encode() + b" " * 10**6, "tells of more than")
    for name, length in {"none": 0, "one": 1, "endless": 2**64 - 1, "negative": 2**63, "10 GB": 10**10}.items():
        lying = replaced(WEIGHTS, long(length))
        yield Case(f"header length {name}", lying, f"{WEIGHTS}: is no safetensors file")
    for name, more in {"shorter": -1, "longer": 1, "half": -200}.items():
        lying = replaced(WEIGHTS, longer(more))
        yield Case(f"header length {name}", lying, f"{WEIGHTS}: cannot be read")
    for name, content in {
        "empty": b"",
        "short": b"\x10",
        "pickle": b"\x80\x02cos\nsystem\nq\x00.",
        "zip": b"PK\x03\x04" * 9,
    }.items():
        yield Case(f"weights {name}", replaced(WEIGHTS, content), f"{WEIGHTS}: too small for the 123,898 parameters")
    deep = struct.pack("<Q", 10**6) + DEEP.encode()
    yield Case("header deep", replaced(WEIGHTS, deep), f"{WEIGHTS}: its header of 1,000,000 bytes tells of more")
    less = struct.pack("<Q", 5000) + DEEP.encode()
    yield Case("header less deep", replaced(WEIGHTS, less), f"{WEIGHTS}: .*recursion")
    yield Case(
        "weights and more", replaced(WEIGHTS, lambda b: b + b"\0" * 4), f"{WEIGHTS}: cannot be read as safetensors"
    )
    yield Case("weights cut", replaced(WEIGHTS, lambda b: b[:-4]), f"{WEIGHTS}: cannot be read as safetensors")
    yield Case("a hole of 10 GB", _with_a_hole, f"{WEIGHTS}: cannot be read as safetensors")


def _with_a_hole(folder: Path) -> None:
    with (folder / WEIGHTS).open("r+b") as file:
        file.seek(2**28)
        file.write(b"\0")
    write_manifest(folder)


def _tensors() -> Iterator[Case]:
    name = "head.classifier.linear.weight"

    def one(how: str, edit: Callable[[torch.Tensor], torch.Tensor], telling: str) -> Case:
        return Case(
            f"tensor {how}", weighed(lambda t: t.update({name: edit(t[name])})), f"{WEIGHTS}: .*'{name}' {telling}"
        )

    for how, number in {"nan": "nan", "inf": "inf", "negative inf": "-inf"}.items():
        all_of_it = one(f"all {how}", all_are(number), "holds a number that is not finite")
        yield all_of_it
        yield one(f"last {how}", last_is(number), "holds a number that is not finite")
    for kind in (torch.float64, torch.float16, torch.bfloat16, torch.int32, torch.uint8, torch.bool):
        yield one(f"of {kind}", of_type(kind), "has the dtype")
    yield one("of complex numbers", lambda t: t.to(torch.complex64), "has the dtype")
    for how, edit in {
        "transposed": lambda t: t.T.contiguous(),
        "in a batch": lambda t: t[None].contiguous(),
        "flat": lambda t: t.flatten(),
        "smaller": lambda t: t[:-1].contiguous(),
        "larger": lambda t: torch.cat([t, t[:1]]),
        "empty": lambda t: t[:0].contiguous(),
        "one number": lambda t: t[0, 0].clone(),
    }.items():
        yield one(how, edit, "has the shape")
    yield Case(
        "tensor missing",
        weighed(lambda t: {key: t[key] for key in t if key != name}),
        f"{WEIGHTS}: .*'{name}', which is missing",
    )
    extra = weighed(lambda t: t.update(extra=torch.zeros(1)))
    yield Case("tensor extra", extra, f"{WEIGHTS}: holds 'extra', which the architecture does not have")
    yield Case("tensors none", weighed(lambda t: {}), f"{WEIGHTS}: .*(too small|missing)")


def _architectures() -> Iterator[Case]:
    def one(name: str, edit: Callable[[Any], Any], telling: str) -> Case:
        return Case(f"architecture {name}", edited(ARCHITECTURE, edit), f"{ARCHITECTURE}: .*{telling}")

    def net(name: str, content: dict[str, Any], telling: str, file: str = ARCHITECTURE) -> Case:
        return Case(f"network {name}", is_network(content), f"{file}: .*{telling}")

    for op in ("os.system", "torch.nn.Linear", "__import__", "", "../conv", "Conv", "builtins.eval", "x" * 1000):
        yield one(f"op {op:.20}", put("nodes", 0, "op", value=op), "there is no primitive")
    for value in NO_TEXT:
        yield one(f"op {value!r}", put("nodes", 0, "op", value=value), "is not a string")
        yield one(f"name {value!r}", put("nodes", 0, "name", value=value), "is not a string")
    for key in ("name", "block", "reads", "inputs", "nodes", "outputs", "schema"):
        yield one(f"without {key}", without(key), key)
    for key in ("reads", "inputs", "nodes", "outputs"):
        for value in (*ODD[1:], None):
            yield one(f"{key} {value!r}", put(key, value=value), "")
    for key in ("op", "reads", "attributes", "shapes", "name"):
        yield one(f"layer without {key}", without("nodes", 0, key), "")
    for value in (True, 1.0, 2, "1", None):
        yield one(f"schema {value!r}", put("schema", value=value), "schema: version")
    yield one("unknown key", put("more", value=1), "unknown key 'more'")
    yield one("unknown key of a layer", put("nodes", 0, "more", value=1), "unknown key 'more'")
    yield one("unknown attribute", put("nodes", 0, "attributes", "more", value=1), "odd here: more")
    for value in (
        "__import__('os')",
        "out",
        "2 ** 99",
        None,
        {},
        [],
        0,
        -1,
        10**8,
        10**4000,
        1.5,
        True,
        [1, 2],
        "x" * 9999,
    ):
        yield one(f"out {value!r:.20}", put("nodes", 0, "attributes", "out", value=value), "")
    for value in (
        [],
        [[]],
        [[0, 16, 16]],
        [[-1]],
        [[1, 2]],
        [[True]],
        [["16"]],
        [[16.0]],
        [[10**9, 1, 1]],
        None,
        [None],
    ):
        yield one(f"shapes {value!r}", put("nodes", 0, "shapes", value=value), "")
    for name in (
        "forward",
        "state_dict",
        "__class__",
        "_modules",
        "graph",
        "labels",
        "a b",
        "",
        ".",
        "a.",
        "..",
        "import",
    ):
        renamed = {"nodes": [leaf(name, "flatten", "input", [1])]}
        yield net(f"layer {name!r}", graph([], name) | renamed, "cannot be called|is no name|attribute of that name")
    yield net("reads itself", graph([linear(1, "layer")], "layer"), "'layer' is not made before")
    yield net(
        "reads what comes later", graph([linear(1, "b", "a"), linear(1, "a", "b")], "b"), "'b' is not made before"
    )
    yield net("twice", graph([linear(1), linear(1)], "layer"), "stands twice")
    within = [leaf("a", "flatten", "input", [1]), leaf("a.b", "flatten", "a", [1])]
    yield net("inside another", graph(within, "a"), "lies inside another node")
    yield net("no output", graph([linear(1)], "nothing"), "'nothing' is not made here")
    yield net("no input", graph([linear(1)], "layer", inputs={}), "is not made before")
    yield net("huge", graph([linear(10**7), linear(10**7, "layer", "more")], "more"), "too small for the", WEIGHTS)
    yield net("10 GB", graph([linear(2500), linear(10**6, "layer", "more")], "more"), "too small for the", WEIGHTS)
    yield net("huge picture", graph([], "input", inputs={"input": [10**8, 1, 1]}), "its sides are from 1")
    several = {"outputs": {"a": "layer", "b": "layer"}}
    flat = leaf("layer", "flatten", "input", [1])
    yield net("several outputs", graph([flat], "layer") | several, "labels do not fit", METADATA)
    two = {"inputs": {"input": [1, 1, 1], "other": [1, 1, 1]}}
    yield net("several inputs", graph([flat], "layer") | two, "labels do not fit", METADATA)
    yield net(
        "long name", graph([leaf("x" * 5000, "flatten", "input", [1])], "x" * 5000), "longer than 1,000 characters"
    )
    many = ".".join("a" * 499)
    yield net("name of many parts", graph([leaf(many, "flatten", "input", [1])], many), "more than 3 parts")
    nested, name = [leaf("a", "flatten", "input", [1])], "a"
    for _ in range(60):
        nested, name = [block("b", nested, name, [1, 1, 1])], "b"
    yield net("deep", graph(nested, name), "nested deeper than 50")
    nested, name = [leaf("a", "flatten", "input", [1])], "a"
    for _ in range(4):
        nested, name = [block("b" * 300, nested, name, [1, 1, 1])], "b" * 300
    yield net("long path", graph(nested, name), "those around it have more than 1,000 characters")
    for weights in ({"output": 1.0}, {"more": 1.0}, {}, None, {"a": "1"}, {"a": -1}, [1]):
        yield net(f"auxiliary {weights!r}", graph([flat], "layer", auxiliary=weights), "auxiliary")


def _metadata() -> Iterator[Case]:
    def one(name: str, edit: Callable[[Any], Any], telling: str) -> Case:
        return Case(f"metadata {name}", edited(METADATA, edit), f"{METADATA}: .*{telling}")

    for value in (*ODD, 1.0, 2, "1", None):
        if type(value) is not int or value != 1:
            yield one(f"schema {value!r}", put("schema", value=value), "not metadata of schema 1")
    for value in (*ODD, None):
        yield one(f"{value!r}", instead([value]), "not metadata of schema 1")
    for value in (None, 1, "0123456789", {}, [], [1] * 10, [None] * 10, [["a"]] * 10, {"a": 1}):
        yield one(f"labels {value!r:.20}", put("labels", value=value), "labels are no list of names")
    for number in (1, 9, 11, 1000):
        yield one(f"{number} labels", put("labels", value=["x"] * number), "labels do not fit the outputs")
    for label in ("", "x" * 501, "a\nb", "a\tb"):
        yield one(f"label {label!r:.20}", put("labels", 0, value=label), "is no line of 1 to 500 letters")
    wrong: tuple[Any, ...] = (None, 1, "text", [], {}, [None], ["a", "b", "c"], [[1.0]] * 3, True)
    for key, values in {
        "shape": (*wrong, [3, 16], [3, 16, 16, 1], [3.0, 16.0, 16.0], [True, 16, 16], [1, 16, 16], [3, 17, 16]),
        "mean": (*wrong, [0.5], [0.5] * 4, [1, 1, 1], [True] * 3),
        "std": (*wrong, [0.5], [0.5] * 4, [0.0] * 3, [-1.0] * 3, [1, 1, 1]),
        "resize": (0, -1, 10**9, "16", 16),
        "interpolation": ("nearest", None, 2, []),
        "more": (1,),
    }.items():
        for value in values:
            edit = put("preprocessing", key, value=value)
            yield one(f"{key} {value!r}", edit, "preprocessing")
    for key in ("shape", "mean", "std"):
        yield one(f"without {key}", without("preprocessing", key), "preprocessing")
    for value in (None, [], "text", 1, {}):
        yield one(f"preprocessing {value!r}", put("preprocessing", value=value), "preprocessing is not")
    for key in ("labels", "preprocessing", "schema"):
        yield one(f"without {key} at all", without(key), "")
