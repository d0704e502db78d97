"""The network of a package without its weights: checked, and what is wrong told with the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import archbuilder
from archbuilder.errors import PackageError
from archbuilder.zoo.architecture import read_graph


def test_it_is_the_network_that_loading_gives(package: Path) -> None:
    loaded = archbuilder.load(package).graph
    (package / "weights.safetensors").unlink()
    assert read_graph(package) == loaded


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"schema": 2})])
def test_what_is_none_is_told_with_its_file_once(package: Path, content: str) -> None:
    (package / "architecture.json").write_text(content)
    with pytest.raises(PackageError) as error:
        read_graph(package)
    assert str(error.value).startswith(f"{package}/architecture.json: ")
    assert str(error.value).count("architecture.json") == 1
