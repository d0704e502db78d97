"""One process at a time trains into a folder, and one that is killed leaves it free."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from archbuilder.sweep.lock import LOCK_FILE, BusyError, alone_in, is_held

HOLD = """
import sys, time
from pathlib import Path
from archbuilder.sweep.lock import alone_in
with alone_in(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_nobody_else_comes_in(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "run")
    with alone_in(tmp_path / "run"):
        assert is_held(tmp_path / "run")
        with pytest.raises(BusyError, match="run: another process is training into it"), alone_in(tmp_path / "run"):
            pass
        with alone_in(tmp_path / "another"):
            pass
    assert not is_held(tmp_path / "run")
    with alone_in(tmp_path / "run"):
        pass


def test_a_folder_into_which_nothing_was_put_is_removed(tmp_path: Path) -> None:
    with alone_in(tmp_path / "empty"):
        pass
    with alone_in(tmp_path / "full"):
        (tmp_path / "full" / "something").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_whoever_looks_leaves_nothing_behind(tmp_path: Path) -> None:
    is_held(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_those_who_look_do_not_see_one_another(tmp_path: Path) -> None:
    import fcntl

    with alone_in(tmp_path / "run"):
        (tmp_path / "run" / "something").touch()
    # Another one is looking at this very moment.
    with (tmp_path / "run" / LOCK_FILE).open() as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert not is_held(tmp_path / "run")


def test_who_may_only_read_sees_it_too(tmp_path: Path) -> None:
    with alone_in(tmp_path / "run"):
        (tmp_path / "run" / LOCK_FILE).chmod(0o444)
        assert is_held(tmp_path / "run")


def test_a_killed_process_lets_go(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    assert is_held(tmp_path)
    process.kill()
    process.communicate()
    assert not is_held(tmp_path)
