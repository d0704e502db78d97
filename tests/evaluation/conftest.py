"""One short run and its package, shared by the tests of this folder, which must not change them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from archbuilder.zoo.export import export
from tests.training.runs import trained


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run: digits at 16x16, one epoch."""
    folder: Path = tmp_path_factory.mktemp("evaluated") / "run"
    trained(folder, "batch_size=32")
    return folder


@pytest.fixture(scope="session")
def packaged(finished: Path) -> Path:
    """The package of that run."""
    return export(finished, finished.parent / "zoo")


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of the run's folder to do damage to."""
    return Path(shutil.copytree(finished, tmp_path / "run"))
