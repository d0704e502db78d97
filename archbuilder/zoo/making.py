"""A package in the making: a hidden folder that becomes the package at once, or goes away, even after a kill."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from archbuilder.errors import PackageError
from archbuilder.zoo.files import INDEX_FILE, KNOWN, MANIFEST_FILE

SUFFIX, REPLACED = ".making", ".replaced"
"""Of what is being made, and of what is about to be replaced by it."""
_LEFTOVER = re.compile(r"(?P<stem>\.(?P<target>.+)\.[0-9a-f]{12})\.(making|replaced|making\.lock)")


@contextmanager
def making(target: Path, replace: bool = False) -> Iterator[Path]:
    """Give an empty hidden folder beside `target`, which becomes `target` where all went well.

    Raises PackageError where there is something at `target` by then, unless it is a package that is to be replaced:
    then the old one stays until the new one is whole, and comes back where a process is killed between the two.
    """
    if replace:
        check_replaceable(target)
    with hidden(target.parent, target.name) as folder:
        yield folder
        old = folder.with_suffix(REPLACED)
        try:
            if replace and check_replaceable(target):
                with suppress(FileNotFoundError):  # somebody else took it away by now
                    os.rename(target, old)
            os.rename(folder, target)
        except OSError:
            if not os.path.lexists(target):
                raise
            raise taken(target) from None
        finally:
            _settle(target, old)


@contextmanager
def hidden(zoo: Path, name: str) -> Iterator[Path]:
    """Give an empty hidden folder in `zoo`, which goes away in the end.

    A lock beside it tells that its process lives: what a killed one left behind is removed here first.
    """
    zoo.mkdir(parents=True, exist_ok=True)
    remove_leftovers(zoo)
    with _locked(zoo, name) as folder:
        try:
            folder.mkdir()
            yield folder
        finally:
            _remove(folder)


def check_name(name: str) -> str:
    """Return a package's name; raises PackageError for what is none, above all for what leads to another folder."""
    if name.lower() == INDEX_FILE:
        raise PackageError(f"{name!r} is no name for a package; the index of a zoo is called so")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise PackageError(f"{name!r} is no name for a package; use at most 100 letters, digits, '.', '_' and '-'")
    return name


def taken(target: Path) -> PackageError:
    """Return the error about a name that is in use."""
    return PackageError(f"{target}: there is a package of that name; choose another with --name")


def remove_leftovers(zoo: Path) -> None:
    """Remove what processes that are gone left in the making, and put back what they were about to replace.

    Folders of living processes are left alone.
    """
    from filelock import FileLock, Timeout

    found = [match for path in zoo.glob(".*") if (match := _LEFTOVER.fullmatch(path.name))]
    for stem, target in {(match["stem"], match["target"]) for match in found}:
        lock = zoo / f"{stem}{SUFFIX}.lock"
        try:
            with FileLock(lock, timeout=0):
                _settle(zoo / target, zoo / f"{stem}{REPLACED}")
                _remove(zoo / f"{stem}{SUFFIX}")
                lock.unlink(missing_ok=True)
        except Timeout:
            continue


def check_replaceable(target: Path) -> bool:
    """Tell whether there is something to replace; raises PackageError where that is no package."""
    if not os.path.lexists(target):
        return False
    there = {path.name for path in target.iterdir()} if target.is_dir() else set()
    if MANIFEST_FILE not in there or not there <= KNOWN:
        raise PackageError(
            f"{target}: is no package, or holds other files as well, so nothing replaces it; move it away"
        )
    return True


def _settle(target: Path, old: Path) -> None:
    """Put back what was to be replaced, where nothing took its place; remove it else."""
    if os.path.lexists(old) and not os.path.lexists(target):
        os.rename(old, target)
    _remove(old)


def _remove(path: Path) -> None:
    """Remove what is there: a folder with all that is in it, of a link the link alone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _locked(zoo: Path, name: str) -> Iterator[Path]:
    """Give the path of a new folder in the making, which is ours for as long as we live."""
    from filelock import FileLock

    while True:
        folder = zoo / f".{name}.{uuid.uuid4().hex[:12]}{SUFFIX}"
        lock = zoo / f"{folder.name}.lock"
        with FileLock(lock):
            # Between making and locking it, another process may have taken the lock for a leftover.
            if not lock.exists():
                continue
            try:
                yield folder
            finally:
                lock.unlink(missing_ok=True)
            return
