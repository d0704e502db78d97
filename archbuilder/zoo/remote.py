"""Packages at other places: pushed to and pulled from whatever fsspec has a URL for, verified on both sides."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from archbuilder.errors import ArchbuilderError, PackageError
from archbuilder.files import write_bytes
from archbuilder.zoo.files import (
    IGNORED,
    KNOWN,
    LARGEST_JSON,
    MANIFEST_FILE,
    SIGNATURE_FILE,
    check_files,
    damaged,
    entry,
    parse_manifest,
)
from archbuilder.zoo.making import check_name, making, remove_leftovers, taken
from archbuilder.zoo.signing import LARGEST as LARGEST_SIGNATURE
from archbuilder.zoo.signing import check_public_key
from archbuilder.zoo.verify import refuse_failed, verify

CHUNK = 2**20
EXTRAS = {"s3": "s3", "s3a": "s3", "hf": "hub"}
"""Which extra of archbuilder brings the file system of a protocol; of others, fsspec names the package itself."""


@dataclass(frozen=True)
class Place:
    """A folder that fsspec reaches: its file system, the path in it, and the URL as it may be shown to people."""

    system: Any
    path: str
    shown: str

    def file(self, name: str) -> str:
        """Return the path of one of our own file names, which are the only ones that are ever asked for."""
        return f"{self.path}/{name}"


def push(package: Path, url: str, force: bool = False, tell: Callable[[str], object] = print) -> str:
    """Copy a package to the URL that it shall have, and return that URL as it may be shown.

    The package is verified before, and what arrived is read back; `tell` gets a line for each check that could not be
    tried. The manifest is taken away first and comes last, so that what is there meanwhile, or after a kill, is no
    package. Raises PackageError, also where files of those names are there already, unless `force` replaces them, and
    where there is anything else.
    """
    _verify(package, tell, str(package))
    files = check_files(package)
    sent = {
        name: files.get(name) or entry(package / name)
        for name in (*files, SIGNATURE_FILE, MANIFEST_FILE)
        if (package / name).is_file()
    }
    with _at(url) as place:
        there = _check_target(place, package, force)
        # Where names may be links, nothing is written through them.
        stale = there - {*files} if _is_store(place) else there
        for name in sorted(stale, key=lambda name: name != MANIFEST_FILE):
            place.system.rm_file(place.file(name))
        if not _is_store(place):  # for which it would make a bucket
            place.system.makedirs(place.path, exist_ok=True)
        for name, told in sent.items():
            place.system.put_file(str(package / name), place.file(name))
            place.system.invalidate_cache()
            _arrived(place, name, told)
        # Whoever pushed to the same place meanwhile has written other files behind ours.
        for name, told in sent.items():
            _arrived(place, name, told)
        return place.shown


def pull(
    url: str,
    zoo: Path,
    name: str = "",
    *,
    force: bool = False,
    key: Path | None = None,
    tell: Callable[[str], object] = print,
) -> Path:
    """Copy the package at a URL into the folder `zoo`, and return its path; it appears whole or not at all.

    Its name is the URL's last part, unless `name` says another. Only files of the package format are asked for, by our
    own list of their names, no more of each than the manifest says; then the package is verified, with its signature
    where a public `key` is given; `tell` gets a line for each check that could not be tried. Raises PackageError, also
    where there is something of that name already, unless it is a package that `force` replaces.
    """
    if key is not None:
        check_public_key(key)
    target = zoo / check_name(name or shown(url).rstrip("/").rpartition("/")[2])
    remove_leftovers(zoo)
    if os.path.lexists(target) and not force:
        raise PackageError(f"{taken(target)}, or replace it with --force")
    with _at(url) as place:
        manifest, files = _remote_manifest(place)
        total = sum(told["size"] for told in files.values())
        zoo.mkdir(parents=True, exist_ok=True)
        if total > shutil.disk_usage(zoo).free:
            raise PackageError(f"{place.shown}: its manifest tells of {total:,} bytes, for which {zoo} has no room")
        with making(target, replace=force) as folder:
            write_bytes(folder / MANIFEST_FILE, manifest)
            _fetch(place, files, folder)
            _verify(folder, tell, place.shown, key)
            folder.chmod(0o755)
    return target


def check_lasting(url: str) -> str:
    """Return a URL; raises PackageError where what is there ends with the process, as it does at once in a command."""
    if url.startswith("memory://"):
        raise PackageError(f"{shown(url)}: memory ends with this command; use file:// or another place that stays")
    return url


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
    if protocol in ("http", "https") and (urlsplit(url).query or urlsplit(url).fragment):
        raise PackageError(f"{shown(url)}: a package's URL has neither '?' nor '#', since names of files follow it")
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise PackageError(f'{shown(url)}: {error}; pip install "archbuilder[remote]"') from None
    try:
        system, path = url_to_fs(url)
    except ImportError as error:
        how = f'; pip install "archbuilder[{EXTRAS[protocol]}]"' if protocol in EXTRAS else ""
        raise PackageError(f"{shown(url)}: {error}{how}") from None
    system.invalidate_cache()
    return Place(system, path.rstrip("/"), shown(url).rstrip("/"))


def _is_store(place: Place) -> bool:
    """Tell whether a place, such as a bucket or the Hub, knows files alone: no folders, no links, no pipes."""
    from fsspec.asyn import AsyncFileSystem

    return isinstance(place.system, AsyncFileSystem) or "hf" in place.system.protocol


def _verify(package: Path, tell: Callable[[str], object], said: str, key: Path | None = None) -> None:
    """Refuse a package of which a check fails, and tell of those that were not tried; the path is told as `said`."""
    checks = [replace(check, told=check.told.replace(str(package), said)) for check in verify(package, key=key)]
    refuse_failed(checks)
    for check in checks:
        if check.passed is None:
            tell(f"not tried: {check.what}: {check.told}")


def _check_target(place: Place, package: Path, force: bool) -> set[str]:
    """Return which files of a package are at a place; raises PackageError where it is not free to be written to."""
    if _is_inside(place, package):
        raise PackageError(f"{place.shown}: is the package itself, or lies in it")
    try:
        listed = [name.rstrip("/") for name in place.system.ls(place.path, detail=False)]
    except FileNotFoundError:
        listed = []
    there = {name.rpartition("/")[2] for name in listed if name != place.path}.difference(IGNORED)
    for name in sorted(there - KNOWN):
        raise PackageError(
            f"{place.shown}: holds {name!r}, which is no file of a package; a package has a URL of its own, such as "
            f"{place.shown}/{package.resolve().name}"
        )
    if there and not force:
        what = "there is a package" if MANIFEST_FILE in there else f"holds {min(there)}"
        raise PackageError(f"{place.shown}: {what} already; --force replaces it")
    return there


def _is_inside(place: Place, package: Path) -> bool:
    """Tell whether a place is a package's own folder, by whatever name, or lies in it."""
    from fsspec.implementations.local import LocalFileSystem

    target = Path(place.path).resolve()
    folders = (target, *target.parents) if isinstance(place.system, LocalFileSystem) else ()
    return any(folder.exists() and folder.samefile(package) for folder in folders)


def _remote_manifest(place: Place) -> tuple[bytes, dict[str, Any]]:
    """Return a package's manifest, as it is written and what it says."""
    path = Path(f"{place.shown}/{MANIFEST_FILE}")
    content = _read(place, MANIFEST_FILE, LARGEST_JSON)
    if content is None:
        raise PackageError(f"{place.shown}: there is no {MANIFEST_FILE}, so this is no whole package")
    files = parse_manifest(content.decode(errors="replace"), path)
    for name, told in files.items():
        if told["size"] < 0 or (name.endswith(".json") and told["size"] > LARGEST_JSON):
            raise PackageError(f"{path}: tells of {told['size']:,} bytes of {name}")
    return content, files


def _fetch(place: Place, files: Mapping[str, Any], folder: Path) -> None:
    """Download the files that a manifest tells of, and the signature, into a folder."""
    for name, told in files.items():
        with (folder / name).open("wb") as file:
            digest = hashlib.sha256()
            for chunk in _chunks(place, name, told["size"]):
                file.write(chunk)
                digest.update(chunk)
        if digest.hexdigest() != told["sha256"]:
            raise damaged(f"{place.shown}/{name}")
    signature = _read(place, SIGNATURE_FILE, LARGEST_SIGNATURE)
    if signature is not None:
        write_bytes(folder / SIGNATURE_FILE, signature)


def _read(place: Place, name: str, most: int) -> bytes | None:
    """Return the content of a small file, None where there is none."""
    try:
        with _opened(place, name) as file:
            content: bytes = file.read(most + 1)
    except FileNotFoundError:
        return None
    if len(content) > most:
        raise PackageError(f"{place.shown}/{name}: larger than {most:,} bytes")
    return content


def _opened(place: Place, name: str) -> Any:
    """Return a plain file, opened for reading. Raises FileNotFoundError where there is none."""
    path = place.file(name)
    # Whoever opens a pipe may wait for ever.
    if not _is_store(place) and place.system.info(path)["type"] != "file":
        raise PackageError(f"{place.shown}/{name}: is no plain file")
    try:
        return place.system.open(path, "rb")
    except FileNotFoundError as error:
        # fsspec says so of whatever goes wrong with HTTP: no such host, no permission.
        cause = error.__cause__
        if "http" in place.system.protocol and cause is not None and getattr(cause, "status", None) != 404:
            raise cause from None
        raise


def _chunks(place: Place, name: str, size: int) -> Iterator[bytes]:
    """Yield the content of a file, of one that is larger than `size` a byte too much, so that its hash is another."""
    left = size + 1
    with _opened(place, name) as file:
        while left and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk


def _arrived(place: Place, name: str, told: Mapping[str, Any]) -> None:
    digest = hashlib.sha256()
    for chunk in _chunks(place, name, told["size"]):
        digest.update(chunk)
    if digest.hexdigest() != told["sha256"]:
        raise PackageError(
            f"{place.shown}/{name}: did not arrive as it was sent, or was overwritten since; push again with --force"
        )


def _without_secrets(told: str, url: str) -> str:
    parts = urlsplit(url)
    told = told.replace(url, shown(url))
    for secret in (parts.netloc.rpartition("@")[0], parts.netloc.rpartition("@")[0].partition(":")[2], parts.query):
        told = told.replace(secret, "...") if secret else told
    return re.sub(r"//[^/@\s]+@", "//...@", told)
