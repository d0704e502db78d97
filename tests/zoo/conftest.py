"""One short run and its package, made once: making the ONNX takes a second or more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from archbuilder.zoo.export import export
from tests.training.runs import trained


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run, which tests must not change."""
    folder: Path = tmp_path_factory.mktemp("run")
    trained(folder)
    return folder


@pytest.fixture(scope="session")
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of that run, which tests must not change."""
    return export(run, tmp_path_factory.mktemp("zoo"))


@pytest.fixture
def package(exported: Path, tmp_path: Path) -> Path:
    """A copy of the package, alone in a zoo, to do damage to."""
    return Path(shutil.copytree(exported, tmp_path / "zoo" / exported.name))
