"""Packages at other places: pushed to and pulled from whatever fsspec has a URL for, verified on both sides."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from archbuilder.errors import ArchbuilderError, PackageError
from archbuilder.files import write_bytes
from archbuilder.zoo.files import (
    LARGEST_JSON,
    MANIFEST_FILE,
    NEEDED,
    OPTIONAL,
    SIGNATURE_FILE,
    check_files,
    entry,
    parse_manifest,
)
from archbuilder.zoo.making import check_name, making, taken
from archbuilder.zoo.signing import LARGEST as LARGEST_SIGNATURE
from archbuilder.zoo.verify import refuse_failed, verify

CHUNK = 2**20
EXTRAS = {"s3": "s3", "s3a": "s3", "hf": "hub"}
"""Which extra of archbuilder brings the file system of a protocol."""


@dataclass(frozen=True)
class Place:
    """A folder that fsspec reaches: its file system, the path in it, and the URL as it may be shown to people."""

    system: Any
    path: str
    shown: str

    def file(self, name: str) -> str:
        """Return the path of one of our own file names, which are the only ones that are ever asked for."""
        return f"{self.path}/{name}"


def push(package: Path, url: str, force: bool = False) -> str:
    """Copy a package to the URL that it shall have, and return that URL as it may be shown.

    The package is verified before, and what arrived is read back. The manifest is taken away first and comes last, so
    that what is there meanwhile, or after a kill, is no package. Raises PackageError, also where there is a package
    already, unless `force` replaces it.
    """
    refuse_failed(verify(package))
    files = check_files(package)
    signed = (package / SIGNATURE_FILE).is_file()
    names = [*files, *([SIGNATURE_FILE] if signed else [])]
    with _at(url) as place:
        if place.system.exists(place.file(MANIFEST_FILE)):
            if not force:
                raise PackageError(f"{place.shown}: there is a package already; --force replaces it")
            place.system.rm_file(place.file(MANIFEST_FILE))
        for name in {*NEEDED, *OPTIONAL, SIGNATURE_FILE} - {*names}:
            if place.system.exists(place.file(name)):
                place.system.rm_file(place.file(name))
        _make_folder(place)
        for name in (*names, MANIFEST_FILE):
            place.system.put_file(str(package / name), place.file(name))
            place.system.invalidate_cache()
            _arrived(place, name, files.get(name) or entry(package / name))
        return place.shown


def pull(url: str, zoo: Path, name: str = "", *, force: bool = False, key: Path | None = None) -> Path:
    """Copy the package at a URL into the folder `zoo`, and return its path; it appears whole or not at all.

    Its name is the URL's last part, unless `name` says another. Only files of the package format are asked for, by our
    own list of their names, no more of each than the manifest says; then the package is verified, with its signature
    where a public `key` is given. Raises PackageError, also where there is a package of that name already, unless
    `force` replaces it.
    """
    name = check_name(name or url.rstrip("/").rpartition("/")[2])
    target = zoo / name
    if target.exists() and not force:
        raise PackageError(f"{taken(target)}, or replace it with --force")
    with _at(url) as place:
        files = _remote_manifest(place)
        total = sum(told["size"] for told in files.values())
        zoo.mkdir(parents=True, exist_ok=True)
        if total > shutil.disk_usage(zoo).free:
            raise PackageError(f"{place.shown}: its manifest tells of {total:,} bytes, for which {zoo} has no room")
        with making(target, replace=force) as folder:
            _fetch(place, files, folder)
            try:
                refuse_failed(verify(folder, key=key))
            except PackageError as error:
                raise PackageError(str(error).replace(str(folder), place.shown)) from None
            folder.chmod(0o755)
    return target


def shown(url: str) -> str:
    """Return a URL without the secrets that it may hold: user, password and query."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    # What looks like a port but is none is the beginning of a password with a slash in it.
    if not re.fullmatch(r"[^:]*(:\d+)?", host):
        return f"{scheme}://..."
    return f"{scheme}://{host}{parts.path}" if rest else url


@contextmanager
def _at(url: str) -> Iterator[Place]:
    """Give the place that a URL names; what its file system raises becomes a PackageError without secrets."""
    try:
        yield _place(url)
    except ArchbuilderError:
        raise
    except Exception as error:  # each file system raises what its own library does
        told = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise PackageError(f"{shown(url)}: {_without_secrets(told, url)}") from None


def _place(url: str) -> Place:
    protocol = url.partition("://")[0] if "://" in url else "file"
    if "::" in url or ".." in url.partition("://")[2].split("/"):
        raise PackageError(f"{shown(url)}: a package's URL is plain: one protocol, and no '..'")
    try:
        from fsspec.core import url_to_fs

        system, path = url_to_fs(url)
    except ImportError as error:
        extra = EXTRAS.get(protocol, "remote")
        raise PackageError(f'{shown(url)}: {error}; pip install "archbuilder[{extra}]"') from None
    system.invalidate_cache()
    return Place(system, path.rstrip("/"), shown(url).rstrip("/"))


def _make_folder(place: Place) -> None:
    """Make the folder of a package where file systems have folders; for a bucket store it would make a bucket."""
    from fsspec.asyn import AsyncFileSystem

    if not isinstance(place.system, AsyncFileSystem):
        place.system.makedirs(place.path, exist_ok=True)


def _remote_manifest(place: Place) -> dict[str, Any]:
    path = Path(f"{place.shown}/{MANIFEST_FILE}")
    content = _read(place, MANIFEST_FILE, LARGEST_JSON)
    if content is None:
        raise PackageError(f"{place.shown}: there is no {MANIFEST_FILE}, so this is no whole package")
    files = parse_manifest(content.decode(errors="replace"), path)
    for name, told in files.items():
        if told["size"] < 0 or (name.endswith(".json") and told["size"] > LARGEST_JSON):
            raise PackageError(f"{path}: tells of {told['size']:,} bytes of {name}")
    return files


def _fetch(place: Place, files: Mapping[str, Any], folder: Path) -> None:
    """Download the files of a package, its manifest and its signature into a folder."""
    for name, told in files.items():
        with (folder / name).open("wb") as file:
            digest = hashlib.sha256()
            for chunk in _chunks(place, name, told["size"]):
                file.write(chunk)
                digest.update(chunk)
        if digest.hexdigest() != told["sha256"]:
            raise _differs(place, name)
    for name, most in ((MANIFEST_FILE, LARGEST_JSON), (SIGNATURE_FILE, LARGEST_SIGNATURE)):
        content = _read(place, name, most)
        if content is not None:
            write_bytes(folder / name, content)


def _read(place: Place, name: str, most: int) -> bytes | None:
    """Return the content of a small file, None where there is none."""
    try:
        with place.system.open(place.file(name), "rb") as file:
            content: bytes = file.read(most + 1)
    except FileNotFoundError:
        return None
    if len(content) > most:
        raise PackageError(f"{place.shown}/{name}: larger than {most:,} bytes")
    return content


def _chunks(place: Place, name: str, size: int) -> Iterator[bytes]:
    """Yield the content of a file of exactly so many bytes; no more than that is read."""
    left = size
    with place.system.open(place.file(name), "rb") as file:
        while chunk := file.read(min(CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise _differs(place, name)
            yield chunk
    if left:
        raise _differs(place, name)


def _arrived(place: Place, name: str, told: Mapping[str, Any]) -> None:
    digest = hashlib.sha256()
    for chunk in _chunks(place, name, told["size"]):
        digest.update(chunk)
    if digest.hexdigest() != told["sha256"]:
        raise PackageError(f"{place.shown}/{name}: did not arrive as it was sent; push again with --force")


def _differs(place: Place, name: str) -> PackageError:
    return PackageError(f"{place.shown}/{name}: differs from what the manifest says; the package is damaged there")


def _without_secrets(told: str, url: str) -> str:
    parts = urlsplit(url)
    told = told.replace(url, shown(url))
    for secret in (parts.netloc.rpartition("@")[0], parts.netloc.rpartition("@")[0].partition(":")[2], parts.query):
        told = told.replace(secret, "...") if secret else told
    return re.sub(r"//[^/@\s]+@", "//...@", told)
