"""The commands in docs/sweeps.md: all of them compose, and those that need no cluster run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.guide import examples
from tests.launchers.sweeps import RAY, ROOT

PAGE = ROOT / "docs" / "sweeps.md"
COMMANDS = [
    line
    for one in examples(PAGE.read_text())
    for line in one.text.splitlines()
    if one.language == "bash" and line.startswith("python train.py")
]
SMALL = ("data.size=16", "model.input=[3,16,16]", "trainer=cpu", "trainer.max_epochs=1", "seed=1")
# Why not: tests/launchers/test_ray.py has a cluster of its own, test_submitit.py looks at what SLURM is asked for.
NOT_RUN = ("ray.init.address=", "hydra/launcher=slurm")
FEWER = {
    "hydra/launcher=gpus": ("hydra.launcher.ray.remote.num_gpus=0", "+hydra.launcher.ray.init.num_cpus=2"),
    "hydra/sweeper=pareto": ("hydra.sweeper.n_trials=2",),
}


def train(folder: Path, command: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the page in a folder, with more words behind it."""
    words = shlex.split(command.removeprefix("python train.py"))
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **RAY}
    return subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *words, *more],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_the_page_has_commands_for_every_launcher_and_sweeper() -> None:
    shipped = {path.relative_to(ROOT / "conf").with_suffix("") for path in (ROOT / "conf" / "hydra").rglob("*.yaml")}
    assert shipped
    for path in shipped:
        assert any(f"{path.parent}={path.name}" in command for command in COMMANDS), path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_key_of_a_command_is_known(tmp_path: Path, command: str) -> None:
    plain = (
        re.sub(r" -m |'[^']*interval[^']*'", " ", command).replace("plain,fire_small", "plain").replace("1,2,3", "1")
    )
    done = train(tmp_path, plain, "--cfg", "hydra")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", [one for one in COMMANDS if not any(word in one for word in NOT_RUN)])
def test_a_command_trains_and_compares(tmp_path: Path, command: str) -> None:
    fewer = [word for name, words in FEWER.items() if name in command for word in words]
    done = train(tmp_path, command, *SMALL, *fewer)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("runs/*/*/record.json"))) == 2
    assert len(list(tmp_path.glob("runs/*/comparison.csv"))) == 1
