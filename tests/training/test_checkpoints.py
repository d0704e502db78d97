"""Checkpoints on disk: whole or not there, checked before they are read, the last good one kept."""

from __future__ import annotations

import os
import pickle
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from archbuilder.errors import TrainingError
from archbuilder.training import checkpoints


def content(number: int = 0, size: int = 10) -> dict[str, Any]:
    return {"archbuilder": {"number": number}, "tensor": torch.full((size,), float(number))}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = checkpoints.write(tmp_path, 7, content(3))
    assert path.name.startswith("step000000007-")
    again = checkpoints.read(path)
    assert again["archbuilder"] == {"number": 3}
    assert torch.equal(again["tensor"], torch.full((10,), 3.0))


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    paths = [checkpoints.write(tmp_path, step, content(step)) for step in (1, 2, 10, 100)]
    assert sorted(tmp_path.iterdir()) == sorted(paths[-2:])
    assert checkpoints.newest(tmp_path) == (paths[-1], [])


def test_a_folder_without_any(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path / "nowhere") == (None, [])


@pytest.mark.parametrize("harm", ["cut", "changed", "emptied"])
def test_a_damaged_one_is_left_aside_for_the_one_before(tmp_path: Path, harm: str) -> None:
    old, new = (checkpoints.write(tmp_path, step, content(step)) for step in (1, 2))
    data = bytearray(new.read_bytes())
    data[len(data) // 2] ^= 1
    new.write_bytes({"cut": bytes(data[:-100]), "changed": bytes(data), "emptied": b""}[harm])
    assert checkpoints.newest(tmp_path) == (old, [new])
    with pytest.raises(TrainingError, match="the checkpoint is damaged: its content does not fit the hash"):
        checkpoints.read(new)


def test_what_is_no_checkpoint_of_ours(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "ran"),)

    (tmp_path / "evil.ckpt").write_bytes(pickle.dumps(Payload()))
    torch.save({"payload": Payload()}, tmp_path / "zipped.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "lightning.ckpt")
    (tmp_path / "text.ckpt").write_text("not a checkpoint")
    for name, told in (
        ("evil.ckpt", "cannot be read as a checkpoint of plain data"),
        ("zipped.ckpt", "cannot be read as a checkpoint of plain data"),
        ("text.ckpt", "cannot be read as a checkpoint of plain data"),
        ("lightning.ckpt", "is no checkpoint of archbuilder"),
        ("absent.ckpt", "there is no such checkpoint"),
    ):
        with pytest.raises(TrainingError, match=told) as caught:
            checkpoints.read(tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path / name))
    assert not (tmp_path / "ran").exists()


def test_a_disk_that_takes_no_more_is_told_and_the_last_good_one_stays(tmp_path: Path) -> None:
    good = checkpoints.write(tmp_path, 1, content(1))
    code = f"""
import resource, signal, torch
from pathlib import Path
from archbuilder.training import checkpoints
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
checkpoints.write(Path({str(tmp_path)!r}), 2, {{"tensor": torch.zeros(100_000)}})
"""
    assert resource.RLIMIT_FSIZE
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "cannot be written (File too large)" in done.stderr
    assert f"{good.name} is whole, and the same command goes on from there" in done.stderr
    assert list(tmp_path.iterdir()) == [good]


def test_one_that_starts_anew_stays_beside_later_ones(tmp_path: Path) -> None:
    later = [checkpoints.write(tmp_path, step, content(step)) for step in (10, 11)]
    new = checkpoints.write(tmp_path, 1, content(1))
    assert checkpoints.listed(tmp_path) == [*reversed(later), new]


def test_removing_takes_what_a_killed_process_left_too(tmp_path: Path) -> None:
    old, new = (checkpoints.write(tmp_path, step, content(step)) for step in (1, 2))
    half = tmp_path / f".{new.name}.abcdef"
    half.write_bytes(b"half")
    (tmp_path / "mine.txt").write_text("kept")
    checkpoints.remove([new], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {old.name, "mine.txt"}
