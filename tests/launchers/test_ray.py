"""A Ray cluster that was started elsewhere: jobs write where the command was given."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launchers.sweeps import LAUNCHERS, RAY, sweep, until


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster of two cores, begun in another folder than the sweep."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    ray = str(Path(sys.executable).with_name("ray"))
    head = [
        ray,
        "start",
        "--head",
        "--block",
        "--node-ip-address=127.0.0.1",
        f"--port={port}",
        "--num-cpus=2",
        "--include-dashboard=false",
    ]
    with (elsewhere / "log").open("w") as log:
        process = subprocess.Popen(head, cwd=elsewhere, env={**os.environ, **RAY}, stdout=log, stderr=log, text=True)
    until(lambda: "Ray runtime started" in (elsewhere / "log").read_text(), process)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def test_jobs_on_a_cluster_write_where_the_command_was_given(tmp_path: Path, cluster: str) -> None:
    launcher = [word for word in LAUNCHERS["gpus"] if "num_cpus" not in word]
    done = sweep(tmp_path, "seed=1,2", *launcher, f"hydra.launcher.ray.init.address='{cluster}'")
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("runs/*/*/record.json"))) == 2
