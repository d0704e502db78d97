"""A package in the making: a hidden folder that becomes the package at once, or goes away, even after a kill."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archbuilder.errors import PackageError
from archbuilder.zoo.files import INDEX_FILE

SUFFIX = ".making"


@contextmanager
def making(target: Path, replace: bool = False) -> Iterator[Path]:
    """Give an empty hidden folder beside `target`, which becomes `target` where all went well.

    A lock beside it tells that its process lives: what a killed one left behind is removed here first. Raises
    PackageError where there is something at `target` by then, unless it is to be replaced: then it stays until the new
    one is whole, and between the two a killed process leaves neither, never a part of one.
    """
    zoo = target.parent
    zoo.mkdir(parents=True, exist_ok=True)
    remove_leftovers(zoo)
    with _locked(zoo, target.name) as folder:
        folder.mkdir()
        try:
            yield folder
            if replace and os.path.lexists(target):
                # Of the same ending, and so removed as a leftover if it cannot be here.
                old = folder.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}{SUFFIX}")
                os.rename(target, old)
            try:
                os.rename(folder, target)
            except OSError:
                if not os.path.lexists(target):
                    raise
                raise taken(target) from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if replace:
        remove_leftovers(zoo)


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
    """Remove folders in the making whose process is gone; those of living ones are left alone."""
    from filelock import FileLock, Timeout

    for name in {path.name.removesuffix(".lock") for path in zoo.glob(f".*{SUFFIX}*")}:
        if not name.endswith(SUFFIX):
            continue
        folder, lock = zoo / name, zoo / f"{name}.lock"
        try:
            with FileLock(lock, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
                lock.unlink(missing_ok=True)
        except Timeout:
            continue


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
