"""The files of a package: which there may be, that they are what the manifest says, and JSON that is plain data."""

from __future__ import annotations

import hashlib
import json
import math
import re
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

from archbuilder.errors import PackageError
from archbuilder.files import write_text
from archbuilder.record import ARCHITECTURE_FILE, WEIGHTS_FILE

SCHEMA = 1
MANIFEST_FILE = "manifest.json"
METADATA_FILE = "metadata.json"
GOLDEN_FILE = "golden.safetensors"
ONNX_FILE = "model.onnx"
CARD_FILE = "README.md"
NEEDED = (ARCHITECTURE_FILE, CARD_FILE, GOLDEN_FILE, METADATA_FILE, ONNX_FILE, WEIGHTS_FILE)
"""What every package holds beside its manifest."""
INT8_FILE = "model.int8.onnx"
PT2_FILE = "model.pt2"
OPTIONAL = (INT8_FILE, PT2_FILE)
"""What it may hold as well; the manifest tells of it like of the others."""
SIGNATURE_FILE = "model.sig"
"""What it may hold beside all these: a signature of them, the manifest included, which therefore cannot tell of it."""
KNOWN = frozenset((MANIFEST_FILE, *NEEDED, *OPTIONAL, SIGNATURE_FILE))
"""All that may lie in it."""
LARGEST_JSON = 4 * 2**20
"""In bytes. JSON of a package is small, at most 260 kB for the shipped networks; what is larger is not read at all."""
LONGEST_TEXT = 10_000
"""Characters of a key or text in JSON."""
DEEPEST = 200
"""Of values inside values in JSON: deeper than any network nests its blocks, shallower than what exhausts a stack."""
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that steer a terminal or turn the direction of a line, and halves of characters, which none can print."""


def write_manifest(folder: Path) -> None:
    """Write what the other files of a package in the making are: their sizes and hashes."""
    files = {name: entry(folder / name) for name in (*NEEDED, *OPTIONAL) if (folder / name).is_file()}
    write_text(folder / MANIFEST_FILE, _manifest_text({"schema": SCHEMA, "files": files}))


def check_files(folder: Path) -> dict[str, Any]:
    """Return what the manifest says of each file of a package, once every file is what it says.

    Nothing but the manifest is opened before it is known to be a plain file of the right name and size; the folder
    itself may be a link, since whoever names it knows where it leads. Raises PackageError naming the first file that
    is missing, foreign, no plain file, not to be read or not what the manifest says.
    """
    files = read_manifest(folder)
    # Hashing lets other threads run.
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda name: entry(folder / name, files[name]["size"]), files))
    for (name, told), is_so in zip(files.items(), found, strict=True):
        if told != is_so:
            raise damaged(folder / name)
    return files


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what the manifest says of each file of a package, once every file has the size that it says.

    No file but the manifest is opened: `check_files` tells whether they are the same. Raises PackageError as it does.
    """
    if not folder.is_dir():
        raise PackageError(f"{folder}: there is no such folder")
    _check_listing(folder)
    files = _read_manifest(folder)
    for name, told in files.items():
        if told["size"] != (folder / name).stat().st_size:
            raise damaged(folder / name)
    return files


def damaged(path: Path | str) -> PackageError:
    """Return the error about a file that is not what its manifest says."""
    return PackageError(f"{path}: differs from what the manifest says; the package is damaged")


def entry(path: Path, size: int | None = None) -> dict[str, Any]:
    """Return the size in bytes and the sha256 of a file; without the hash where its size is not `size`."""
    try:
        found = path.stat().st_size
        if size is not None and found != size:
            return {"size": found}
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(2**20):
                digest.update(chunk)
    except OSError as error:
        raise PackageError(f"{path}: cannot be read ({error.strerror})") from None
    return {"size": found, "sha256": digest.hexdigest()}


def read_json(path: Path) -> Any:
    """Return plain data from a JSON file of a package.

    Raises PackageError for what is no JSON, too large, too long or too deep, says a key twice, holds a number that is
    none or no finite one, characters that steer a terminal, or a word that some configuration system would act on:
    `_target_` and the like as a key, `${...}` or `$...` as a text.
    """
    return parse_json(_read_text(path), path)


def _read_text(path: Path) -> str:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise PackageError(f"{path}: is no plain file")
        if found.st_size > LARGEST_JSON:
            raise PackageError(f"{path}: larger than {LARGEST_JSON:,} bytes")
        return path.read_bytes().decode()
    except FileNotFoundError:
        raise PackageError(f"{path}: is missing, so this is no package") from None
    except (OSError, ValueError) as error:
        raise PackageError(f"{path}: cannot be read as text ({error})") from None


def parse_json(text: str, path: Path) -> Any:
    """Return plain data from a text, which `path` holds; raises PackageError as `read_json` does."""
    try:
        content = json.loads(text, object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise PackageError(f"{path}: cannot be read as JSON ({error})") from None
    for depth, kind, word in _words(content):
        if depth > DEEPEST:
            raise PackageError(f"{path}: nests values deeper than {DEEPEST}")
        if len(word) > LONGEST_TEXT:
            raise PackageError(f"{path}: has a {kind} of more than {LONGEST_TEXT:,} characters")
        if _STEERING.search(word):
            raise PackageError(f"{path}: has the {kind} {word!r:.60}, with characters that are not for people")
        if kind == "key" and re.fullmatch(r"_\w*_", word):
            raise PackageError(f"{path}: has the key '{word:.60}', which some programs would act on")
        if "${" in word or word.startswith("$"):
            raise PackageError(f"{path}: has the text {word!r:.60}, which some programs would evaluate")
    return content


def is_schema(value: Any) -> bool:
    """Tell whether a file says that it is of the schema that is read here; 1.0 and true are other texts than 1."""
    return type(value) is int and value == SCHEMA


def inert(value: Any) -> Any:
    """Return plain data without words that `read_json` refuses: `_target_` becomes `target`, texts lose their `$`."""
    if isinstance(value, dict):
        return {re.sub(r"^_(\w*)_$", r"\1", key): inert(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [inert(inner) for inner in value]
    return value.replace("$", "") if isinstance(value, str) else value


def _words(value: Any) -> Iterator[tuple[int, str, str]]:
    """Yield every key and text in plain data with its depth."""
    waiting = [(0, value)]
    while waiting:
        depth, value = waiting.pop()
        if isinstance(value, str):
            yield depth, "text", value
        elif isinstance(value, dict | list):
            yield depth, "", ""
            waiting += [(depth + 1, inner) for inner in (value.values() if isinstance(value, dict) else value)]
            yield from ((depth, "key", key) for key in value if isinstance(value, dict))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is said twice")
    return found


def _finite(word: str) -> float:
    number = float(word)
    return number if math.isfinite(number) else _no_number(word)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word:.60} is no number that is finite")


def _check_listing(folder: Path) -> None:
    """Check that the folder holds only files of the format, each a plain file, before any is opened."""
    wanted = {MANIFEST_FILE, *NEEDED}
    found = set()
    for path in _inside(folder):
        if path.name not in KNOWN:
            raise PackageError(f"{path}: does not belong into a package, which holds {', '.join(sorted(KNOWN))}")
        if path.is_symlink() or not path.is_file():
            raise PackageError(f"{path}: is no plain file")
        found.add(path.name)
    for name in sorted(wanted - found):
        raise PackageError(f"{folder / name}: is missing, so this is no whole package")


def _inside(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir()
    except OSError as error:
        raise PackageError(f"{folder}: cannot be read ({error.strerror})") from None


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST_FILE
    files = parse_manifest(_read_text(path), path)
    there = {name for name in (*NEEDED, *OPTIONAL) if (folder / name).is_file()}
    if set(files) != there:
        raise PackageError(f"{path}: does not tell of exactly the files that are there: {', '.join(sorted(there))}")
    return files


def parse_manifest(text: str, path: Path) -> dict[str, Any]:
    """Return size and sha256 of each file that a manifest, the `text` of `path`, tells of: files of the format alone.

    Raises PackageError.
    """
    content = parse_json(text, path)
    if not isinstance(content, dict) or set(content) != {"schema", "files"} or not is_schema(content["schema"]):
        raise PackageError(f"{path}: not a manifest of schema {SCHEMA}")
    files = content["files"]
    if not isinstance(files, dict) or not {*NEEDED} <= set(files) <= {*NEEDED, *OPTIONAL}:
        known = ", ".join((*NEEDED, *OPTIONAL))
        raise PackageError(f"{path}: does not tell of exactly the files of a package, which are {known}")
    for name, told in files.items():
        if not isinstance(told, dict) or set(told) != {"size", "sha256"} or type(told["size"]) is not int:
            raise PackageError(f"{path}: does not tell the size and the sha256 of {name}")
    # What says the same in another way was not written by us: so no byte of a package may change unnoticed.
    if text != _manifest_text(content):
        raise PackageError(f"{path}: is not written as manifests are; the package is damaged")
    return files


def _manifest_text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1) + "\n"
