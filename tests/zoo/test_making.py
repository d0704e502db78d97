"""A package appears at once or not at all, also when its process is killed; living ones leave one another alone."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import archbuilder
from archbuilder.errors import PackageError
from archbuilder.zoo.export import export
from archbuilder.zoo.making import making, remove_leftovers

# One process that has imported everything, from which the others come: what is killed is the export alone.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(
    ["archbuilder.zoo.export", "archbuilder.data.digits", "onnxruntime", "onnxscript", "sklearn.datasets"]
)


def visible(zoo: Path) -> list[str]:
    """Return what a zoo seems to hold: hidden names are nobody's packages."""
    return sorted(path.name for path in zoo.iterdir() if not path.name.startswith(".")) if zoo.exists() else []


def started(work: Callable[..., None], *arguments: Any) -> Any:
    process = processes.Process(target=work, args=arguments)
    process.start()
    return process


def test_what_was_made_appears_at_the_end_and_nothing_else_stays(tmp_path: Path) -> None:
    zoo = tmp_path / "new" / "zoo"
    with making(zoo / "mine") as folder:
        (folder / "file").write_text("whole")
        assert visible(zoo) == []
    assert [path.name for path in zoo.iterdir()] == ["mine"]
    assert (zoo / "mine" / "file").read_text() == "whole"


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> None:
        with making(tmp_path / "mine") as folder:
            (folder / "file").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert list(tmp_path.iterdir()) == []


def test_of_two_of_one_name_the_first_to_end_wins(tmp_path: Path) -> None:
    def one(content: str, then: Callable[[], None] = lambda: None) -> None:
        with making(tmp_path / "mine") as folder:
            (folder / "file").write_text(content)
            then()

    with pytest.raises(PackageError, match="there is a package of that name"):
        one("late", lambda: one("early"))
    assert (tmp_path / "mine" / "file").read_text() == "early"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def dying(target: Path) -> None:
    with making(target) as folder:
        (folder / "file").write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)


def waiting(target: Path, go_on: Path) -> None:
    with making(target) as folder:
        (folder / "file").write_text("whole")
        while not go_on.exists():
            time.sleep(0.01)


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_makes_is_not(tmp_path: Path) -> None:
    zoo, go_on = tmp_path / "zoo", tmp_path / "go on"
    zoo.mkdir()
    living = started(waiting, zoo / "alive", go_on)
    while not list(zoo.glob(".alive.*/file")):
        time.sleep(0.01)
    dead = started(dying, zoo / "dead")
    dead.join()
    assert dead.exitcode == -signal.SIGKILL
    assert len(list(zoo.glob(".dead.*"))) == 2  # a folder and its lock
    assert visible(zoo) == []
    remove_leftovers(zoo)
    assert list(zoo.glob(".dead.*")) == []
    assert len(list(zoo.glob(".alive.*"))) == 2
    go_on.touch()
    living.join()
    assert [path.name for path in zoo.iterdir()] == ["alive"]


def test_a_lock_without_a_folder_is_a_leftover_too(tmp_path: Path) -> None:
    (tmp_path / ".mine.0123456789ab.making.lock").touch()
    (tmp_path / ".others.lock").touch()
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".others.lock"]


def exporting(run: Path, zoo: Path) -> None:
    export(run, zoo, "mine")


@pytest.mark.parametrize("moments", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_an_export_killed_at_any_moment_leaves_nothing_that_looks_like_a_package(
    run: Path, tmp_path: Path, moments: int
) -> None:
    zoo = tmp_path / "zoo"
    began = time.monotonic()
    whole = started(exporting, run, tmp_path / "timed")
    whole.join()
    assert whole.exitcode == 0
    duration = time.monotonic() - began
    drawn = random.Random(moments)
    left_behind = 0
    for _ in range(moments):
        process = started(exporting, run, zoo)
        time.sleep(drawn.uniform(0, duration))
        process.kill()
        process.join()
        if visible(zoo):  # it was done before
            assert visible(zoo) == ["mine"]
            archbuilder.load(zoo / "mine")
            (zoo / "mine").rename(tmp_path / f"done{_}")
        left_behind += bool(list(zoo.glob(".*"))) if zoo.exists() else 0
    assert left_behind or moments < 30
    archbuilder.load(export(run, zoo, "mine"))
    assert [path.name for path in zoo.iterdir()] == ["mine"]
