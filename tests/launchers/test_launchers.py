"""What holds for a sweep whatever runs its jobs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from archbuilder.record import read_record
from tests.data.examples import npz
from tests.launchers.sweeps import LAUNCHERS, sweep


@dataclass(frozen=True)
class Twice:
    """A sweep of two jobs, of which one fails since its data are missing, and the same command with the data there."""

    folder: Path
    first: CompletedProcess[str]
    files: dict[str, int]
    """What the first start left, with the times of their last changes."""
    second: CompletedProcess[str]

    def job(self, data: str) -> Path:
        """Return the folder of the job on `a.npz` or `b.npz`."""
        [found] = [path for path in self.folder.glob("*/.hydra/overrides.yaml") if f"={data}" in path.read_text()]
        return found.parents[1]


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Twice]:
    """What gives the sweep of a launcher, which is run when it is first asked for."""

    @functools.cache
    def run(launcher: str) -> Twice:
        top: Path = tmp_path_factory.mktemp(launcher)
        command = ("data.train=b.npz,a.npz", *LAUNCHERS[launcher])
        first = sweep(top, *command)
        [folder] = (top / "runs").iterdir()
        files = {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
        npz(top / "b.npz", 40, seed=1)
        return Twice(folder, first, files, sweep(top, *command))

    return run


@pytest.fixture(params=LAUNCHERS)
def twice(request: pytest.FixtureRequest, sweeps: Callable[[str], Twice]) -> Twice:
    return sweeps(request.param)


def test_a_job_that_fails_neither_stops_nor_hides_the_others(twice: Twice) -> None:
    assert twice.first.returncode == 1, twice.first.stderr
    recorded = [path for path in twice.files if path.endswith("/record.json")]
    failures = [path for path in twice.files if path.endswith("/failure.txt")]
    assert recorded == [str(twice.job("a.npz") / "record.json")]
    assert failures == [str(twice.job("b.npz") / "failure.txt")]
    assert str(twice.folder / "comparison.csv") in twice.files
    table = " ".join(twice.first.stdout[twice.first.stdout.index("accuracy %") :].split())
    assert "Left out (1)" in table
    assert "b.npz" in table
    assert "Traceback" not in twice.first.stdout + twice.first.stderr


def test_the_same_command_trains_only_what_is_not_finished(twice: Twice) -> None:
    assert twice.second.returncode == 0, twice.second.stderr
    for name in ("record.json", "weights.safetensors", "metrics.csv"):
        path = twice.job("a.npz") / name
        assert path.stat().st_mtime_ns == twice.files[str(path)]
    assert not (twice.job("b.npz") / "failure.txt").exists()
    assert "Left out" not in twice.second.stdout


def test_there_is_one_folder_and_one_record_for_each_job(twice: Twice) -> None:
    jobs = [path for path in twice.folder.iterdir() if path.is_dir() and path.name != ".submitit"]
    assert sorted(jobs) == sorted([twice.job("a.npz"), twice.job("b.npz")])
    assert [read_record(job).results[0].n for job in jobs] == [4, 4]


def test_folders_have_the_names_that_they_have_without_a_launcher(twice: Twice, sweeps: Callable[[str], Twice]) -> None:
    basic = sweeps("basic")
    assert twice.folder.name == basic.folder.name
    assert [twice.job(data).name for data in ("a.npz", "b.npz")] == [
        basic.job(data).name for data in ("a.npz", "b.npz")
    ]
