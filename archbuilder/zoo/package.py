"""The package format: a folder of plain files that is read without running anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from archbuilder.assemble import Block
from archbuilder.description import total_cost
from archbuilder.errors import ArchbuilderError, PackageError
from archbuilder.features import keep_features
from archbuilder.graph import Graph, without_auxiliary
from archbuilder.record import ARCHITECTURE_FILE, WEIGHTS_FILE
from archbuilder.zoo.architecture import read_graph
from archbuilder.zoo.files import METADATA_FILE, check_files, read_json, read_manifest
from archbuilder.zoo.metadata import check_metadata
from archbuilder.zoo.preprocess import Preprocess
from archbuilder.zoo.weights import read_weights


class Loaded(Block):
    """A network from a package, in evaluation mode: [N, C, H, W], as `preprocess` gives them, to logits [N, K].

    `labels` names the classes in the order of the logits; `metadata` tells cost, results and provenance. One that was
    loaded with features gives these instead.
    """

    def __init__(self, graph: Graph, metadata: dict[str, Any]) -> None:
        super().__init__(graph)
        self.metadata = metadata
        self.labels: list[str] = list(metadata["labels"])
        self.preprocess = Preprocess(**metadata["preprocessing"])


def load_package(path: Path, features: Sequence[str] = ()) -> Loaded:
    """Return the network of a package in evaluation mode, with `features` the part of it that leads to these layers.

    Everything is checked before it is used: sizes and hashes of the files, the architecture against the
    primitives, names, shapes and types of the weights. Raises PackageError naming the file and the reason, ConfigError
    for features that are not there.
    """
    files = check_files(path)
    net = read_network(path, read_json(path / METADATA_FILE))
    # A package that took its place meanwhile would give the one's labels and the other's weights.
    if read_manifest(path) != files:
        raise PackageError(f"{path}: another package took its place while it was read; load it again")
    return _part(net, features) if features else net


def _part(net: Loaded, features: Sequence[str]) -> Loaded:
    """Return the network that gives the outputs of some layers instead of its own, with the same weights."""
    with torch.device("meta"):
        part = Loaded(keep_features(net.graph, features), net.metadata)
    weights = net.state_dict()
    part.load_state_dict({name: weights[name] for name in part.state_dict()}, assign=True)
    return part.eval()


def read_network(path: Path, metadata: Any) -> Loaded:
    """Return the network whose architecture and weights lie in a folder, in evaluation mode; checked as in a package.

    Raises PackageError naming the file and the reason.
    """
    metadata = check_metadata(metadata, path / METADATA_FILE)
    graph = read_graph(path)
    try:
        params = total_cost(graph).params
        size = (path / WEIGHTS_FILE).stat().st_size
    except ArchbuilderError as error:
        raise PackageError(f"{path / ARCHITECTURE_FILE}: {error}") from None
    except OSError as error:
        raise PackageError(f"{path / WEIGHTS_FILE}: cannot be read ({error.strerror})") from None
    # Before any memory is taken: weights of that many parameters need a file of that many bytes.
    if 4 * params > size:
        raise PackageError(f"{path / WEIGHTS_FILE}: too small for the {params:,} parameters of the architecture")
    outputs = without_auxiliary(graph).shapes
    if len(graph.inputs) != 1 or outputs != ((len(metadata["labels"]),),):
        raise PackageError(f"{path / METADATA_FILE}: its labels do not fit the outputs of the architecture")
    if next(iter(graph.inputs.values())) != tuple(metadata["preprocessing"]["shape"]):
        raise PackageError(f"{path / METADATA_FILE}: its preprocessing does not fit the input of the architecture")
    # Its weights come from the file: no others are drawn, and no memory is taken for them.
    with torch.device("meta"):
        net = Loaded(graph, metadata)
    read_weights(net, path / WEIGHTS_FILE)
    return net.eval()
