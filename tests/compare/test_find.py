"""Every run below a folder is found once, or named with the reason why it is not counted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from archbuilder.compare.find import Problem, Run, find_runs
from archbuilder.errors import RecordError
from archbuilder.record import RECORD_FILE, write_record
from archbuilder.sweep.lock import alone_in
from tests.compare.records import record, save
from tests.zoo.packages import made_up


def folders_of(found: list[Run]) -> list[Path]:
    return [run.folder for run in found]


def test_runs_are_found_at_any_depth_in_order_of_names(tmp_path: Path) -> None:
    for place in ("b", "a/deep/er", "a/deep", "."):
        write_record(record(name=place), tmp_path / place)
    found, problems = find_runs([tmp_path])
    assert folders_of(found) == [tmp_path, tmp_path / "a/deep", tmp_path / "a/deep/er", tmp_path / "b"]
    assert [run.record.architecture.name for run in found] == [".", "a/deep", "a/deep/er", "b"]
    assert problems == []


def test_a_run_reached_by_two_folders_counts_once(tmp_path: Path) -> None:
    save(tmp_path, record(), record(seed=2))
    found, _ = find_runs([tmp_path / "1", tmp_path, tmp_path / "1", tmp_path / "0" / ".."])
    assert folders_of(found) == [tmp_path / "1", tmp_path / "0"]


def test_a_run_reached_through_a_link_counts_once(tmp_path: Path) -> None:
    save(tmp_path / "runs", record())
    (tmp_path / "picked").mkdir()
    (tmp_path / "picked" / "link").symlink_to(tmp_path / "runs" / "0")
    assert folders_of(find_runs([tmp_path / "picked"])[0]) == [tmp_path / "picked" / "link"]
    assert len(find_runs([tmp_path])[0]) == 1


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (place,) = save(tmp_path, record())
    (place / "up").symlink_to(tmp_path)
    (place / "self").symlink_to(place / "self")
    assert folders_of(find_runs([tmp_path])[0]) == [place]


@pytest.mark.parametrize("inside", ["checkpoints", ".hydra", "tensorboard", "wandb"])
def test_what_a_run_keeps_inside_is_not_searched(tmp_path: Path, inside: str) -> None:
    write_record(record(), tmp_path)
    write_record(record(seed=2), tmp_path / inside / "copy")
    found, problems = find_runs([tmp_path])
    assert (folders_of(found), problems) == ([tmp_path], [])


@pytest.mark.parametrize("name", ["checkpoints", "tensorboard", "wandb"])
def test_a_sweep_may_be_called_like_what_a_run_keeps_inside(tmp_path: Path, name: str) -> None:
    save(tmp_path / name, record(), record(seed=2))
    assert folders_of(find_runs([tmp_path])[0]) == [tmp_path / name / "0", tmp_path / name / "1"]


def test_a_failed_run_is_a_problem_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "failure.txt").write_text("loss is NaN\nat step 12\n", encoding="utf-8")
    (tmp_path / ".hydra").mkdir()
    assert find_runs([tmp_path]) == ([], [Problem(tmp_path, "failed: loss is NaN at step 12")])


def test_a_failure_without_words_is_still_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "failure.txt").write_bytes(b"")
    (tmp_path / "b" / "failure.txt").mkdir(parents=True)
    _, problems = find_runs([tmp_path])
    assert [problem.reason.split(" (")[0] for problem in problems] == [
        "failed: failure.txt is empty",
        "failed: failure.txt cannot be read",
    ]


def test_a_run_that_failed_when_it_was_trained_again_counts_and_is_told(tmp_path: Path) -> None:
    write_record(record(), tmp_path)
    (tmp_path / "failure.txt").write_text("out of memory", encoding="utf-8")
    found, problems = find_runs([tmp_path])
    assert folders_of(found) == [tmp_path]
    assert problems == [
        Problem(tmp_path, "trained again and failed: out of memory; the earlier result is counted"),
    ]


def test_a_run_at_work_is_not_called_abandoned(tmp_path: Path) -> None:
    (tmp_path / "run" / ".hydra").mkdir(parents=True)
    with alone_in(tmp_path / "run"):
        assert find_runs([tmp_path]) == ([], [Problem(tmp_path / "run", "not finished: it is being trained")])
    (problem,) = find_runs([tmp_path])[1]
    assert "remove this folder" in problem.reason


def test_a_reason_is_told_on_one_line_that_a_terminal_may_print() -> None:
    assert str(Problem(Path("run"), "failed:\n\x1b[31mred")) == "run: failed:\\n\\x1b[31mred"


def test_an_unfinished_run_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "0" / ".hydra").mkdir(parents=True)
    found, (problem,) = find_runs([tmp_path])
    assert found == []
    assert problem.folder == tmp_path / "0"
    assert problem.reason.startswith("not finished: there is no record.json")


def test_a_damaged_record_is_a_problem_that_names_the_key(tmp_path: Path) -> None:
    good, bad = save(tmp_path, record(), record(seed=2))
    path = bad / RECORD_FILE
    path.write_text(path.read_text(encoding="utf-8").replace('"macs"', '"mac"'), encoding="utf-8")
    found, problems = find_runs([tmp_path])
    assert folders_of(found) == [good]
    assert problems == [Problem(bad, "record.json:cost: unknown key 'mac'; did you mean 'macs'?")]
    assert str(problems[0]) == f"{bad}: {problems[0].reason}"


def test_a_link_to_a_lost_record_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / RECORD_FILE).symlink_to(tmp_path / "gone")
    _, (problem,) = find_runs([tmp_path])
    assert "there is no record.json here" in problem.reason


def test_a_folder_that_may_not_be_listed_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, hidden = save(tmp_path, record(), record(seed=2))
    scandir = os.scandir

    def refusing(folder: Path) -> Any:
        if folder == hidden:
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    found, problems = find_runs([tmp_path])
    assert folders_of(found) == [seen]
    assert problems == [Problem(hidden, "cannot be listed (Permission denied)")]


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    save(tmp_path, record())
    with pytest.raises(RecordError, match=r"absent: there is no such folder; name the folder of a run"):
        find_runs([tmp_path, tmp_path / "absent"])


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (place,) = save(tmp_path, record())
    with pytest.raises(RecordError, match=r"record\.json: is a file, not a folder"):
        find_runs([place / RECORD_FILE])


def test_packages_are_compared_by_another_command(tmp_path: Path) -> None:
    package = made_up(tmp_path / "zoo")
    for folder in (tmp_path / "zoo", package):
        with pytest.raises(RecordError, match=f"{folder}: there is no run .*; `archbuilder zoo report {tmp_path}/zoo`"):
            find_runs([folder])


def test_a_folder_without_any_run_is_named(tmp_path: Path) -> None:
    save(tmp_path / "runs", record())
    (tmp_path / "empty" / "sub").mkdir(parents=True)
    with pytest.raises(RecordError, match=r"empty: there is no run in or below this folder; name the folder"):
        find_runs([tmp_path / "runs", tmp_path / "empty"])
    shutil.rmtree(tmp_path / "empty" / "sub")
    with pytest.raises(RecordError, match="empty"):
        find_runs([tmp_path / "empty"])
