"""Packages from weights of other libraries: transferred by order of execution, and tried before they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from archbuilder.assemble import Block, assemble
from archbuilder.description import describe_graph
from archbuilder.files import write_json
from archbuilder.graph import Graph
from archbuilder.graph_json import to_json
from archbuilder.language.source import Source, expand
from archbuilder.record import ARCHITECTURE_FILE, WEIGHTS_FILE, Cost
from archbuilder.weights import TransferError, transfer
from archbuilder.zoo.golden import uncut
from archbuilder.zoo.license import license_id
from archbuilder.zoo.preprocess import Preprocess
from archbuilder.zoo.sources import Foreign, ForeignError, fetch
from archbuilder.zoo.weights import write_weights
from archbuilder.zoo.writing import new_path, plain_name, write_package

TOLERANCE = 1e-3
"""Largest difference of two logits, as a share of the largest logit: far above rounding, far below a wrong layer."""


def import_weights(
    model: Source,
    source: str,
    zoo: Path,
    name: str = "",
    overrides: Iterable[str] = (),
    *,
    config_dir: str | Path | None = None,
    license: str | None = None,
    force: bool = False,
) -> Path:
    """Write a package of `model` with the weights, preprocessing and labels of `source`; return its path.

    `source` is torchvision:NAME or timm:NAME. Both networks answer the same pictures before anything is written,
    each with its own preprocessing; the metadata keep how far they differ. Raises ConfigError for a model that
    cannot be built, ForeignError for a source that cannot be had or that answers otherwise, TransferError where the
    two differ in structure, PackageError where the name is taken and `force` does not replace that package. The package
    appears whole or not at all.
    """
    stated = None if license is None else license_id(license)
    graph = expand(model, overrides, config_dir=config_dir)
    name = name or f"{plain_name(graph.name)}-{plain_name(re.split('[.:]', source)[-1])[:39]}"
    # Told before anything is fetched: a name that is taken, and another structure.
    target = new_path(zoo, name, force)
    with torch.device("meta"), suppress(NotImplementedError):  # which networks raise that count with tensors
        adopted(graph, fetch(source, trained=False))
    foreign = fetch(source)
    net = adopted(graph, foreign)
    preprocessing = _preprocessing(foreign)
    comparison = _compare(foreign, net, Preprocess(**preprocessing))
    metadata = _metadata(graph, foreign, preprocessing) | {"comparison": comparison}

    def fill(folder: Path) -> None:
        write_json(folder / ARCHITECTURE_FILE, to_json(graph))
        write_weights(net, folder / WEIGHTS_FILE)

    return write_package(target, metadata, fill, license=stated, force=force)


def adopted(graph: Graph, foreign: Foreign) -> Block:
    """Return the network of `graph` with the weights of `foreign`, in evaluation mode.

    Raises ForeignError where its inputs or outputs are others, TransferError where its structure is another.
    """
    shapes = list(graph.inputs.values())
    if shapes != [foreign.shape]:
        taken = " and ".join(str(list(shape)) for shape in shapes)
        wanted = str(list(foreign.shape)).replace(" ", "")
        raise ForeignError(
            f"{foreign.source} was trained for inputs of {wanted}, but {graph.name} takes {taken}; "
            f"add model.input={wanted}"
        )
    if graph.shapes[0] != (len(foreign.labels),):
        raise ForeignError(
            f"{foreign.source} tells {len(foreign.labels)} classes apart, but {graph.name} gives "
            f"{list(graph.shapes[0])}; add model.classes={len(foreign.labels)}"
        )
    net = assemble(graph)
    try:
        transfer(foreign.module, net)
    except TransferError as error:
        raise TransferError(f"{foreign.source} is not the network {graph.name}: {error}") from None
    return net.eval()


def _compare(foreign: Foreign, net: Block, preprocess: Preprocess) -> dict[str, float]:
    """Return how far both networks' logits of the same pictures differ, and how large they are; refuse too far."""
    from PIL import Image

    channels, *sides = foreign.shape
    shape = (2, *uncut(*sides), channels)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    pictures = [Image.fromarray(picture.squeeze()) for picture in pixels]
    with torch.inference_mode():
        expected = foreign.module.eval()(torch.stack([foreign.prepare(picture) for picture in pictures]))
        made = net(preprocess(pictures))
    difference, largest = float((made - expected).abs().max()), float(expected.abs().max())
    # So written that what is not a number is refused as well.
    if not (0 < largest < float("inf") and difference <= TOLERANCE * largest):
        raise ForeignError(
            f"{foreign.source} and {net.graph.name} hold weights of the same shapes, but their outputs, up to "
            f"{largest:.3g}, differ by up to {difference:.3g}: an activation, an eps, a stride or a padding is another"
        )
    return {"largest_difference": difference, "largest_output": largest}


def _preprocessing(foreign: Foreign) -> dict[str, Any]:
    plain = {key: getattr(foreign, key) for key in ("mean", "std", "resize", "interpolation")}
    return {"shape": list(foreign.shape), **plain}


def _metadata(graph: Graph, foreign: Foreign, preprocessing: dict[str, Any]) -> dict[str, Any]:
    """Return what an imported package says about itself: nothing about a training that was not seen."""
    cost = describe_graph(graph)
    return {
        "network": graph.name,
        "cost": vars(Cost(cost.params, cost.params, cost.macs, cost.peak_activations)),
        "labels": foreign.labels,
        "preprocessing": preprocessing,
        "origin": foreign.origin,
    }
