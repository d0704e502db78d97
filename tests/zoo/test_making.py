"""A package appears at once or not at all, also when its process is killed; living ones leave one another alone."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
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


def package(folder: Path, content: str = "old") -> Path:
    """Write what looks like a package from outside."""
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(content)
    return folder


def content(folder: Path) -> str:
    return (folder / "manifest.json").read_text()


def replacing(target: Path, killed_at: int, before: bool) -> None:
    """Replace a package, and die right before or after one of the times that something is renamed."""
    rename, times = os.rename, 0

    def rename_or_die(source: Any, to: Any) -> None:
        nonlocal times
        times += 1
        if times == killed_at and before:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(source, to)
        if times == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    os.rename = rename_or_die  # type: ignore[assignment]
    with making(target, replace=True) as folder:
        (folder / "manifest.json").write_text("new")


@pytest.mark.parametrize(
    ("killed_at", "before", "left"), [(1, True, "old"), (1, False, "old"), (2, True, "old"), (2, False, "new")]
)
def test_a_replacement_killed_at_any_rename_leaves_the_old_one_or_the_new_one(
    tmp_path: Path, killed_at: int, before: bool, left: str
) -> None:
    target = package(tmp_path / "zoo" / "mine")
    process = started(replacing, target, killed_at, before)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert len(list(target.parent.glob(".mine.*"))) > 0
    remove_leftovers(target.parent)
    assert [path.name for path in target.parent.iterdir()] == ["mine"]
    assert content(target) == left


def replace_meanwhile(target: Path, monkeypatch: pytest.MonkeyPatch, deed: Callable[[Path, Path], object]) -> None:
    """Replace a package while something else happens right before the second rename, or instead of it."""
    rename = os.rename

    def watched(source: Path, to: Path) -> None:
        if source.name.endswith(".making"):
            deed(source, to)
        rename(source, to)

    monkeypatch.setattr(os, "rename", watched)
    with making(target, replace=True) as folder:
        (folder / "manifest.json").write_text("new")


def test_the_old_one_comes_back_where_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Path) -> None:
        raise PermissionError(13, "no")

    target = package(tmp_path / "mine")
    with pytest.raises(PermissionError):
        replace_meanwhile(target, monkeypatch, fail)
    assert content(target) == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_somebody_elses_new_one_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PackageError, match="there is a package of that name"):
        replace_meanwhile(package(tmp_path / "mine"), monkeypatch, lambda _, to: package(to, "other's"))
    assert content(tmp_path / "mine") == "other's"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_what_somebody_else_took_away_needs_no_replacement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = package(tmp_path / "mine")
    rename = os.rename

    def taken_away(source: Path, to: Path) -> None:
        if source == target:
            shutil.rmtree(target)
        rename(source, to)

    monkeypatch.setattr(os, "rename", taken_away)
    with making(target, replace=True) as folder:
        (folder / "manifest.json").write_text("new")
    assert content(target) == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_only_a_package_is_replaced(tmp_path: Path) -> None:
    for name in ("folder", "more", "file", "zoo"):
        (tmp_path / name).mkdir()
    (tmp_path / "folder" / "README.md").write_text("my project")
    (package(tmp_path / "more" / "mine") / "thesis.tex").write_text("x")
    (tmp_path / "file" / "mine").write_text("x")
    package(tmp_path / "zoo" / "mine" / "net")
    (tmp_path / "link").symlink_to("nowhere")
    for target in (
        tmp_path / "folder",
        tmp_path / "link",
        *(tmp_path / name / "mine" for name in ("more", "file", "zoo")),
    ):
        with pytest.raises(PackageError, match="is no package, or holds other files"), making(target, replace=True):
            raise AssertionError("it is told at once")
        assert os.path.lexists(target)
    assert (tmp_path / "more" / "mine" / "thesis.tex").exists()


def test_of_a_link_to_a_package_the_link_is_replaced(tmp_path: Path) -> None:
    real = package(tmp_path / "real")
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "mine").symlink_to(real)
    with making(tmp_path / "zoo" / "mine", replace=True) as folder:
        (folder / "manifest.json").write_text("new")
    assert [path.name for path in (tmp_path / "zoo").iterdir()] == ["mine"]
    assert not (tmp_path / "zoo" / "mine").is_symlink()
    assert content(real) == "old"


def test_files_and_links_are_leftovers_too_and_other_hidden_names_are_not(tmp_path: Path) -> None:
    real = package(tmp_path / "real")
    mine = [".mine.making", ".mine.0123456789ab.making.txt", ".0123456789ab.making"]
    for name in mine:
        (tmp_path / name).mkdir()
    package(tmp_path / "net")
    (tmp_path / ".net.0123456789ab.making").write_text("x")
    (tmp_path / ".net.0123456789ab.replaced").symlink_to(real)
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"real", "net", *mine}
    assert content(real) == "old"


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
    for _ in range(moments):
        process = started(exporting, run, zoo)
        time.sleep(drawn.uniform(0, duration))
        process.kill()
        process.join()
        if visible(zoo):  # it was done before
            assert visible(zoo) == ["mine"]
            archbuilder.load(zoo / "mine")
            (zoo / "mine").rename(tmp_path / f"done{_}")
    archbuilder.load(export(run, zoo, "mine"))
    assert [path.name for path in zoo.iterdir()] == ["mine"]
