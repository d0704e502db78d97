"""Whatever is done to a package: it is refused with a reason, in bounded time and memory, and nothing is executed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import archbuilder
from archbuilder.errors import ArchbuilderError, PackageError
from archbuilder.zoo.catalog import catalog_page, read_catalog
from archbuilder.zoo.diff import diff, diff_notes, diff_pages
from archbuilder.zoo.export import export
from archbuilder.zoo.facts import read_facts
from archbuilder.zoo.files import write_manifest
from archbuilder.zoo.report import record_of
from archbuilder.zoo.summary import summary_pages
from archbuilder.zoo.verify import refuse_failed, verify
from tests.training.runs import trained
from tests.zoo.tampering import (
    ARCHITECTURE,
    FILES,
    JSONS,
    MANIFEST,
    METADATA,
    WEIGHTS,
    Case,
    cases,
    graph,
    is_network,
    leaf,
    replaced,
    weighed,
)

CASES = {case.name: case for case in cases()}
SECONDS = 5
"""Of work that loading any package of this size may take, on a slow machine too."""


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of another network."""
    folder: Path = tmp_path_factory.mktemp("other")
    trained(folder / "run", "model.style.act=silu", "+model.head.classifier.bias=false")
    return export(folder / "run", folder / "zoo")


def watched(exported: Path, folder: Path, program: str = "-m tests.zoo.watched") -> dict[str, Any]:
    """Load every package in a folder in a process of its own, and return what it saw; fails if that does not end."""
    command = [sys.executable, *program.split(" ", 1), str(exported), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def tampered(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zoo with a package for every case, called by its place in the list."""
    folder: Path = tmp_path_factory.mktemp("cases")
    for place, case in enumerate(CASES.values()):
        case.tamper(Path(shutil.copytree(exported, folder / f"{place:04}")))
    return folder


@pytest.fixture(scope="module")
def outcomes(exported: Path, tampered: Path) -> dict[str, Any]:
    """What came of loading every case, by its place in the list."""
    return watched(exported, tampered)


def test_no_two_cases_have_one_name() -> None:
    assert len(CASES) == len(list(cases())) > 400


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_package_that_was_tampered_with_is_refused_and_nothing_happens(outcomes: dict[str, Any], case: Case) -> None:
    came = outcomes[f"{list(CASES).index(case.name):04}"]
    assert came["kind"] == "refused", came
    assert re.search(case.telling, came["message"]), came["message"]
    assert came["message"].isprintable()
    assert len(came["message"]) < 3000
    assert came["events"] == []
    assert came["seconds"] < SECONDS


DEEDS = {
    "unpickle": "import pickle; pickle.loads(b'cos\\nsystem\\n(S\\'true\\'\\ntR.')",
    "evaluate": "eval('1 + 1')",
    "import": "import colorsys",
    "write": "open(str(path) + '/note', 'w')",
    "read elsewhere": "open('/etc/passwd')",
    "start": "import subprocess; subprocess.run(['true'])",
    "connect": "import socket; socket.socket().connect_ex(('127.0.0.1', 9))",
}


def test_the_watch_sees_what_it_is_for(exported: Path, tmp_path: Path) -> None:
    """Else the test above would prove nothing."""
    deeds = "".join(f"    if path.name == {name!r}: {deed}\n" for name, deed in DEEDS.items())
    program = f"import tests.zoo.watched as watched\ndef load_package(path):\n{deeds}"
    for name in DEEDS:
        shutil.copytree(exported, tmp_path / "cases" / name)
    came = watched(exported, tmp_path / "cases", f"-c {program}watched.load_package = load_package\nwatched.main()")
    assert {name for name, each in came.items() if each["events"]} == set(DEEDS)


def test_what_nobody_touched_is_loaded_without_anything_happening(exported: Path, tmp_path: Path) -> None:
    shutil.copytree(exported, tmp_path / "cases" / "one")
    came = watched(exported, tmp_path / "cases")["one"]
    assert came["kind"] == "loaded"
    assert came["events"] == []


@pytest.mark.parametrize("name", FILES)
def test_no_byte_of_a_package_can_be_changed(package: Path, name: str) -> None:
    content = (package / name).read_bytes()
    draw = random.Random(f"bytes of {name}")
    for _ in range(200):
        changed = bytearray(content)
        changed[draw.randrange(len(content))] ^= draw.randrange(1, 256)
        (package / name).write_bytes(changed)
        # Where the manifest itself is changed, it may be another file that differs from what it says now.
        with pytest.raises(PackageError, match=r"\.(json|safetensors|onnx|md): " if name == MANIFEST else name):
            archbuilder.load(package)
    (package / name).write_bytes(content)
    archbuilder.load(package)


@pytest.mark.parametrize("name", FILES)
def test_no_file_of_a_package_can_be_cut(package: Path, name: str) -> None:
    content = (package / name).read_bytes()
    draw = random.Random(f"lengths of {name}")
    for length in {0, 1, 8, len(content) - 1, *(draw.randrange(len(content)) for _ in range(50))}:
        (package / name).write_bytes(content[:length])
        with pytest.raises(PackageError, match=name):
            archbuilder.load(package)


# The metadata of two networks for the same data fit both.
SWAPS = [*((name, False) for name in FILES), (ARCHITECTURE, True), (WEIGHTS, True)]


@pytest.mark.parametrize(("name", "agreeing"), SWAPS)
def test_no_file_can_be_swapped_with_that_of_another_package(
    package: Path, other: Path, name: str, agreeing: bool
) -> None:
    shutil.copyfile(other / name, package / name)
    if agreeing:
        write_manifest(package)
    with pytest.raises(PackageError, match=r"\.(json|safetensors|onnx|md): "):
        archbuilder.load(package)


def refused(package: Path) -> str:
    """Return why a package that its manifest agrees with is refused; where it is not, it has to be one that runs."""
    try:
        net = archbuilder.load(package)
    except PackageError as error:
        return str(error)
    with torch.inference_mode():
        assert net(torch.zeros(1, *net.preprocess.shape)).shape == (1, len(net.labels))
    return ""


def is_sound_or_refused(package: Path) -> None:
    told = refused(package)
    assert not told or re.search(r"\.(json|safetensors|onnx|md): ", told)
    assert not told or told.isprintable()


@pytest.mark.parametrize("name", [*JSONS, WEIGHTS])
def test_a_changed_byte_that_the_manifest_agrees_with_is_refused_or_does_no_harm(package: Path, name: str) -> None:
    content = (package / name).read_bytes()
    draw = random.Random(f"agreed bytes of {name}")
    length = min(len(content), 5000)  # of the weights the header, behind which each change is another weight
    for _ in range(200):
        changed = bytearray(content)
        changed[draw.randrange(length)] ^= draw.randrange(1, 256)
        replaced(name, bytes(changed))(package)
        is_sound_or_refused(package)


READERS: dict[str, Callable[[Path, Path], object]] = {
    "show": lambda package, _: summary_pages(read_facts(package)),
    "diff": lambda package, sound: diff_pages(diff(sound, package)),
    "diff the other way": lambda package, sound: diff_notes(diff(package, sound)),
    "report": lambda package, _: record_of(package),
    "list": lambda package, _: catalog_page(read_catalog(package.parent)),
}


def test_no_other_reader_stumbles_over_what_was_tampered_with(exported: Path, tampered: Path) -> None:
    for package in tampered.iterdir():
        for name, reader in READERS.items():
            if name != "list":
                with contextlib.suppress(ArchbuilderError):
                    reader(package, exported)
        with pytest.raises(PackageError):
            refuse_failed(verify(package))
    catalog = read_catalog(tampered)
    assert len(catalog.entries) + len(catalog.problems) == len(CASES)
    assert len(catalog.problems) > len(CASES) / 2, "what only loading opens is not looked at"


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from([[16, 16], "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
EDITS = st.lists(
    st.tuples(st.integers(0, 10**4), st.sampled_from(["set", "drop", "double", "move"]), PLAIN), min_size=1
)


def slots(content: Any) -> list[tuple[Any, Any]]:
    """Return every place in plain data: what it lies in, and its key or number there."""
    keys = list(content) if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    return [slot for key in keys for slot in ((content, key), *slots(content[key]))]


def mutated(content: Any, edits: list[tuple[int, str, Any]]) -> Any:
    """Return plain data that is changed at some of its places."""
    for place, how, value in edits:
        found = slots(content)
        if not found:
            return value
        inside, key = found[place % len(found)]
        value = json.loads(json.dumps(value))  # the same list twice would lie inside itself some time
        if how == "drop":
            del inside[key]
        elif how == "double" and isinstance(inside, list):
            inside.append(json.loads(json.dumps(inside[key])))
        elif how == "move":
            inner, other = found[(place * 7 + 1) % len(found)]
            inside[key] = json.loads(json.dumps(inner[other]))
        else:
            inside[key] = value
    return content


@pytest.fixture(scope="module")
def shared(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package whose files are written anew for each example."""
    folder: Path = tmp_path_factory.mktemp("shared")
    return Path(shutil.copytree(exported, folder / "package"))


@pytest.mark.parametrize("name", JSONS)
@settings(max_examples=150, deadline=None)
@given(edits=EDITS)
def test_any_other_content_is_refused_or_a_network_that_runs(
    exported: Path, shared: Path, name: str, edits: list[tuple[int, str, Any]]
) -> None:
    for file in JSONS:
        shutil.copyfile(exported / file, shared / file)
    content = mutated(json.loads((exported / name).read_text()), edits)
    replaced(name, json.dumps(content).encode())(shared)
    is_sound_or_refused(shared)


@settings(max_examples=100, deadline=None)
@given(edits=EDITS)
def test_any_other_metadata_are_refused_or_read_by_all(
    exported: Path, shared: Path, edits: list[tuple[int, str, Any]]
) -> None:
    content = mutated(json.loads((exported / METADATA).read_text()), edits)
    for file in JSONS:
        shutil.copyfile(exported / file, shared / file)
    replaced(METADATA, json.dumps(content).encode())(shared)
    for reader in READERS.values():
        with contextlib.suppress(ArchbuilderError):
            reader(shared, exported)


@settings(max_examples=100, deadline=None)
@given(edits=EDITS)
def test_any_other_manifest_is_refused(exported: Path, shared: Path, edits: list[tuple[int, str, Any]]) -> None:
    content = json.loads((exported / MANIFEST).read_text())
    changed = mutated(json.loads(json.dumps(content)), edits)
    for file in JSONS:
        shutil.copyfile(exported / file, shared / file)
    text = json.dumps(changed, indent=1) + "\n"
    replaced(MANIFEST, text.encode(errors="surrogatepass"))(shared)
    if text == (exported / MANIFEST).read_text():
        archbuilder.load(shared)
        return
    with pytest.raises(PackageError):
        archbuilder.load(shared)


def chained(layers: list[Callable[[str, str], dict[str, Any]]]) -> dict[str, Any]:
    """Return a network of layers one behind the other, each given its name and what it reads."""
    nodes = [leaf("flat", "flatten", "input", [1])]
    for number, layer in enumerate(layers):
        nodes.append(layer(f"a{number}", nodes[-1]["name"]))
    return graph(nodes, nodes[-1]["name"])


def test_large_numbers_are_numbers(package: Path) -> None:
    """Their sum alone is infinite."""

    def enlarge(tensors: dict[str, torch.Tensor]) -> None:
        tensors["head.classifier.linear.weight"].fill_(3e38)

    weighed(enlarge)(package)
    weight = archbuilder.load(package).get_parameter("head.classifier.linear.weight")
    assert float(weight.detach().max()) > 2e38


def laborious() -> dict[str, Callable[[Path], object]]:
    """Return what is as much work as the largest file allows, in each of the ways that there are."""

    def relu(name: str, read: str) -> dict[str, Any]:
        return leaf(name, "act", read, [1], kind="relu")

    def empty(name: str, read: str) -> dict[str, Any]:
        return {"name": name, "block": "", "reads": [read], "inputs": {"i": [1]}, "nodes": [], "outputs": {"o": "i"}}

    names = [f"a{number}" for number in range(36_000)]
    flat = leaf("flat", "flatten", "input", [1])
    wide = [flat, *(leaf(name, "identity", "flat", [1]) for name in names)]
    block = {"name": "x", "block": "", "reads": ["input"], "inputs": {"input": [1, 1, 1]}, "nodes": wide}
    many = {**block, "outputs": dict(zip(names, names, strict=True))}
    deep: list[Any] = [flat, *(leaf(name, "identity", "flat", [1]) for name in names)]
    for _ in range(48):
        inner = {"block": "", "reads": ["input"], "inputs": {"input": [1, 1, 1]}, "outputs": {"o": deep[0]["name"]}}
        deep = [{"name": "n" * 18, "nodes": deep} | inner]
    grown = [leaf("u0", "upsample", "input", [1, 32, 32], factor=32, mode="bilinear")]
    grown.append(leaf("u1", "upsample", "u0", [1, 1024, 1024], factor=32, mode="bilinear"))
    pool = {"kernel": 3, "stride": 1, "padding": 1, "ceil": False}
    for number in range(28_000):
        grown.append(leaf(f"p{number}", "max_pool", grown[-1]["name"], [1, 1024, 1024], **pool))
    grown += [leaf("g", "global_pool", grown[-1]["name"], [1, 1, 1], mode="avg"), leaf("end", "flatten", "g", [1])]
    softmax = [flat, leaf("s", "softmax", ["flat"] * 300_000, *([[1]] * 300_000))]
    lists = b"[" + b"[]," * 1_300_000 + b"[]]"
    return {
        "layers": is_network(chained([relu] * 44_000)),
        "blocks": is_network(chained([empty] * 40_000)),
        "outputs of a block": is_network(graph([many], "x")),
        "long names around many layers": is_network(graph(deep, "n" * 18)),
        "fields that have to be told apart": is_network(graph(grown, "end")),
        "inputs": is_network(graph(softmax, "s")),
        "values": replaced(METADATA, lists),
        "mappings": replaced(METADATA, b"[" + b'{"a":1},' * 450_000 + b"{}]"),
    }


@pytest.mark.slow
def test_the_most_laborious_packages_take_seconds_and_a_gigabyte_at_most(exported: Path, tmp_path: Path) -> None:
    for name, tamper in laborious().items():
        tamper(Path(shutil.copytree(exported, tmp_path / "cases" / name)))
        assert max(path.stat().st_size for path in (tmp_path / "cases" / name).glob("*.json")) > 2**21
    for name, came in watched(exported, tmp_path / "cases").items():
        assert came["kind"] in ("loaded", "refused"), (name, came)
        assert came["seconds"] < 2 * SECONDS, (name, came["seconds"])


def test_a_package_may_be_named_by_a_link_to_its_folder(package: Path, tmp_path: Path) -> None:
    """Whoever names the link knows where it leads; only what lies inside is somebody else's."""
    (tmp_path / "link").symlink_to(package)
    assert archbuilder.load(tmp_path / "link").labels == archbuilder.load(package).labels


@pytest.mark.parametrize("name", FILES)
def test_a_device_is_no_file_of_a_package(package: Path, name: str) -> None:
    (package / name).unlink()
    try:
        os.mknod(package / name, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero, which never ends
    except PermissionError:
        pytest.skip("only the administrator makes devices")
    with pytest.raises(PackageError, match=f"{name}: is no plain file"):
        archbuilder.load(package)


def test_a_path_that_is_no_folder_is_told(package: Path) -> None:
    for path in (package / METADATA, package / "nothing", Path("/dev/zero"), Path("\x1b[2J")):
        with pytest.raises(PackageError, match=r"is a file; name the folder|there is no such folder") as told:
            archbuilder.load(path)
        assert str(told.value).isprintable()


@pytest.mark.parametrize("command", ["eval", "predict"])
@pytest.mark.parametrize(
    "name", ["header name twice", "architecture.json text 4", "fifo as metadata.json", "tensor all nan"]
)
def test_the_commands_that_read_packages_tell_it_in_one_line(
    package: Path, name: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from archbuilder.cli import main

    CASES[name].tamper(package)
    with pytest.raises(SystemExit) as ended:
        main([command, str(package), *(["picture.png"] if command == "predict" else [])])
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert told.removesuffix("\n").isprintable()
