"""Where a sweep stands is read off its folders."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from archbuilder.errors import RecordError
from archbuilder.sweep.lock import alone_in
from archbuilder.sweep.summary import summary
from tests.sweep.folders import begun, failed, finished, planned

BEGAN = 1_000_000.0
ATTEND = "import sys; from pathlib import Path; from archbuilder.sweep.lock import attend; attend(Path(sys.argv[1])); "
ATTEND += "print('here', flush=True); sys.stdin.read()"


@contextmanager
def attended(folder: Path) -> Iterator[None]:
    """Have the process of a command at work in a sweep's folder."""
    with subprocess.Popen([sys.executable, "-c", ATTEND, str(folder)], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        yield
        process.kill()


def test_each_run_is_in_one_state_and_what_has_not_begun_is_waiting(tmp_path: Path) -> None:
    planned(tmp_path, 7, BEGAN)
    finished(tmp_path, "a", BEGAN - 500, BEGAN - 400)  # of an earlier command, not asked for again
    finished(tmp_path, "b", BEGAN, BEGAN + 100)
    failed(tmp_path, "c", BEGAN + 100, "out of memory")
    begun(tmp_path, "d", BEGAN + 110, epochs=3)
    running = begun(tmp_path, "e", BEGAN + 120, epochs=5)
    with alone_in(running):
        found = summary(tmp_path, BEGAN + 170)
    assert [(run.folder.name, run.state) for run in found.runs] == [
        ("a", "finished"),
        ("b", "finished"),
        ("c", "failed"),
        ("d", "stopped"),
        ("e", "running"),
    ]
    assert found.waiting == 3
    assert found.counts() == "2 of 8 finished, 1 running, 1 failed, 1 stopped, 3 waiting"
    # e has half of its epochs behind it after 50 s, so 50 s to go; each of the three to come takes 100 s.
    assert found.seconds_left == pytest.approx(50 + 3 * 100)
    assert not found.over
    later = summary(tmp_path, BEGAN + 170)
    assert later.over
    with attended(tmp_path):
        assert not summary(tmp_path, BEGAN + 170).over


def test_a_failure_beside_a_record_is_that_of_the_last_attempt(tmp_path: Path) -> None:
    run = finished(tmp_path, "a", BEGAN, BEGAN + 1)
    failed(tmp_path, run.name, BEGAN + 2, "out of memory")
    assert [each.state for each in summary(tmp_path, BEGAN + 3).runs] == ["failed"]


def test_a_run_that_goes_on_is_measured_from_there(tmp_path: Path) -> None:
    planned(tmp_path, 5, BEGAN)
    run = begun(tmp_path, "a", BEGAN, epochs=92, of=100, before=90)
    with alone_in(run):
        # 2 epochs in 40 s, so 8 more take 160 s.
        assert summary(tmp_path, BEGAN + 40).runs[0].seconds_left == pytest.approx(160)


def test_metrics_of_an_earlier_training_say_nothing_of_one_that_has_not_begun(tmp_path: Path) -> None:
    run = begun(tmp_path, "a", BEGAN, epochs=10, of=10)
    os.utime(run / ".hydra" / "overrides.yaml", (BEGAN + 100, BEGAN + 100))
    with alone_in(run):
        [state] = summary(tmp_path, BEGAN + 110).runs
    assert (state.epochs, state.accuracy, state.training_for) == (0, None, 0)


def test_several_at_work_share_what_is_left(tmp_path: Path) -> None:
    planned(tmp_path, 6, BEGAN)
    runs = [begun(tmp_path, name, BEGAN, epochs=5) for name in "ab"]
    with alone_in(runs[0]), alone_in(runs[1]):
        assert summary(tmp_path, BEGAN + 50).seconds_left == pytest.approx((50 + 50 + 4 * 100) / 2)


def test_nothing_is_said_of_a_time_that_nothing_tells(tmp_path: Path) -> None:
    planned(tmp_path, 2, BEGAN)
    with alone_in(begun(tmp_path, "a", BEGAN)):
        assert summary(tmp_path, BEGAN + 1).seconds_left is None
    assert summary(tmp_path, BEGAN + 1).seconds_left is None


def test_how_many_a_search_will_make_may_be_unknown(tmp_path: Path) -> None:
    planned(tmp_path, None, BEGAN)
    finished(tmp_path, "a", BEGAN, BEGAN + 1)
    found = summary(tmp_path, BEGAN + 2)
    assert (found.waiting, found.counts(), found.over) == (None, "1 of 1 finished", True)


def test_a_run_tells_its_epochs_accuracy_and_reason(tmp_path: Path) -> None:
    failed(tmp_path, "a", BEGAN, "out of luck")
    begun(tmp_path, "b", BEGAN, epochs=7, of=20)
    a, b = summary(tmp_path, BEGAN).runs
    assert a.reason == "out of luck"
    assert (b.epochs, b.of_epochs, b.accuracy) == (7, 20, 0.07)


@pytest.mark.parametrize("damage", ["not json", "[]", '{"jobs": "many"}', "{}"])
def test_a_damaged_plan_is_no_plan(tmp_path: Path, damage: str) -> None:
    finished(tmp_path, "a", BEGAN, BEGAN + 1)
    (tmp_path / "sweep.json").write_text(damage)
    assert summary(tmp_path, BEGAN).waiting is None


def test_a_folder_of_no_sweep_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"is no sweep's folder; name one that `train.py -m` wrote"):
        summary(tmp_path, BEGAN)
    with pytest.raises(RecordError, match="there is no such folder"):
        summary(tmp_path / "nowhere", BEGAN)
