"""The network of a package, from its architecture: checked, but without its weights."""

from __future__ import annotations

from pathlib import Path

from archbuilder.errors import ArchbuilderError, PackageError
from archbuilder.graph import Graph
from archbuilder.graph_json import from_json
from archbuilder.primitives import check
from archbuilder.record import ARCHITECTURE_FILE
from archbuilder.zoo.files import read_json


def read_graph(package: Path) -> Graph:
    """Return the network of a package, checked but without its weights. Raises PackageError."""
    path = package / ARCHITECTURE_FILE
    content = read_json(path)
    try:
        graph = from_json(content)
        check(graph)
    except ArchbuilderError as error:
        raise PackageError(f"{path}: {error}") from None
    return graph
