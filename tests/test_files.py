"""Files are written whole or not at all, and are as readable as any other file."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from archbuilder.files import write_bytes, write_json, write_text


def test_content_arrives_and_missing_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    write_bytes(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"


def test_text_is_utf8_whatever_the_locale(tmp_path: Path) -> None:
    write_text(tmp_path / "t", "± é\n")
    assert (tmp_path / "t").read_bytes() == "± é\n".encode()


def test_json_ends_in_a_newline_and_round_trips(tmp_path: Path) -> None:
    write_json(tmp_path / "j", {"b": [1, 2.5, None], "a": "é"})
    text = (tmp_path / "j").read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert json.loads(text) == {"b": [1, 2.5, None], "a": "é"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_none_is_refused_and_the_old_file_stays(tmp_path: Path, value: float) -> None:
    write_json(tmp_path / "j", 1)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "j", [value])
    assert (tmp_path / "j").read_text(encoding="utf-8") == "1\n"


def test_a_failure_keeps_the_old_content_and_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=f"No space left on device: '{path}'"):
        write_bytes(path, b"new, but only half of it is on the di")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "file", b"new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_others_may_read_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_bytes(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644


@pytest.mark.skipif(os.name != "posix", reason="the umask is POSIX")
def test_the_umask_of_the_process_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Another thread that makes a file meanwhile would give it to everyone.
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("the umask is that of all threads"))
    write_bytes(tmp_path / "file", b"")


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX")
def test_what_cannot_be_written_names_its_path(tmp_path: Path) -> None:
    # A disk that takes no more than 10 bytes of a file.
    program = (
        "import resource, sys; from pathlib import Path; from archbuilder.cli import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)); main(['schema', '--to', sys.argv[1]])"
    )
    path = tmp_path / "schema.json"
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"error: {path}: File too large\n")
    assert not [*tmp_path.iterdir()]
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write_bytes(tmp_path / "folder", b"")
    assert (caught.value.filename, caught.value.filename2) == (str(tmp_path / "folder"), None)
