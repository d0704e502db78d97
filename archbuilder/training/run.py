"""One run: from a resolved configuration to a folder with weights, metrics and a record."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from archbuilder.errors import ConfigError
from archbuilder.files import write_json, write_yaml
from archbuilder.graph import Graph
from archbuilder.graph_json import graph_hash, to_json
from archbuilder.language.budget import resolve_budget, stated_budget
from archbuilder.language.expand import expand_model
from archbuilder.language.interpolation import check_references
from archbuilder.language.params import Param, read
from archbuilder.language.source import library
from archbuilder.record import (
    ARCHITECTURE_FILE,
    CONFIG_FILE,
    FAILURE_FILE,
    RECORD_FILE,
    WEIGHTS_FILE,
    Architecture,
    Cost,
    Recipe,
    Record,
    content_hash,
    read_record,
    write_record,
)
from archbuilder.sweep.lock import alone_in
from archbuilder.training.settings import checked_settings, recipe_settings

if TYPE_CHECKING:
    from archbuilder.data.images import Dataset
    from archbuilder.training.fit import Fitted


def run(config: DictConfig) -> Record:
    """Train the network that `config` describes and return its record; what is finished already is not repeated.

    One process at a time: raises BusyError where another one is at work in the folder.
    Leaves `config.yaml` (the settings, everything in them resolved), `record.json`, `architecture.json`,
    `weights.safetensors`, `metrics.csv` and `checkpoints/` in `config.folder`. Raises ArchbuilderError for bad input;
    a result that was there before is then still there.
    """
    from archbuilder.training.processes import is_follower

    folder = Path(config.folder)
    with nullcontext() if is_follower(config.get("trainer")) else alone_in(folder):
        (folder / FAILURE_FILE).unlink(missing_ok=True)
        return _run(config, folder)


def _run(config: DictConfig, folder: Path) -> Record:
    check_references(OmegaConf.to_container(config, resolve=False).get("model"), "model")  # type: ignore[union-attr]
    settings = checked_settings(config)
    force = read(config.force, Param("boolean"), {}, "force")
    blocks = library(_own_blocks())
    budget = stated_budget(settings["model"])
    settings["model"] = resolve_budget(settings["model"], blocks)
    graph = expand_model(settings["model"], blocks, str(settings["name"]))
    from archbuilder.data import load

    dataset = load(settings["data"])
    _check_fit(graph, dataset)
    if not force and (folder / RECORD_FILE).is_file():
        record = read_record(folder)
        changed = _changed(record, graph, dataset)
        if not changed:
            print(f"{os.path.relpath(folder)}: finished before; force=true trains it again")
            return record
        print(f"{os.path.relpath(folder)}: finished before, but {changed} changed since; training again")
    print(f"{settings['name']} on {dataset.name}, seed {settings['seed']} -> {os.path.relpath(folder)}", flush=True)
    from archbuilder.training.auto import decided
    from archbuilder.training.fit import fit
    from archbuilder.training.processes import group, repeat_this_job
    from archbuilder.training.resume import identity, on_machine, starting_point
    from archbuilder.training.trackers import closing, make_loggers, tell, tracked

    given = identity(graph, dataset, settings)
    settings["trainer"] = decided(settings["trainer"])
    own = on_machine(given, settings["trainer"])
    repeat_this_job(config)
    start = None if force else starting_point(config.resume, folder, own)
    loggers = make_loggers(config.logger, tracked(config, given))
    with closing(loggers):
        with group():
            fitted = fit(config, settings, graph, dataset, own, start, loggers)
        record = _record(settings, graph, budget, dataset, fitted)
        if fitted.main:
            record = _write(folder, settings, graph, fitted, record)
            tell(loggers, record)
    return record


def _write(folder: Path, settings: dict[str, Any], graph: Graph, fitted: Fitted, record: Record) -> Record:
    """Write the files of a run, and return its record with the hash of the weights."""
    from archbuilder.zoo.files import entry
    from archbuilder.zoo.weights import write_weights

    # Aside first, so that an earlier result is still whole where the disk does not take all of this one.
    with TemporaryDirectory(prefix=".new-", dir=folder) as name:
        new = Path(name)
        write_yaml(new / CONFIG_FILE, settings)
        write_json(new / ARCHITECTURE_FILE, to_json(graph))
        write_weights(fitted.kept, new / WEIGHTS_FILE)
        record = replace(record, weights_sha256=entry(new / WEIGHTS_FILE)["sha256"])
        write_record(record, new)
        # The record vouches for the files beside it, so it goes first and comes last.
        (folder / RECORD_FILE).unlink(missing_ok=True)
        for file in (CONFIG_FILE, ARCHITECTURE_FILE, WEIGHTS_FILE, RECORD_FILE):
            (new / file).replace(folder / file)
    return record


def _changed(record: Record, graph: Graph, dataset: Dataset) -> str:
    """Return what equal settings no longer stand for: a block's file or the data may have been edited."""
    if record.architecture.hash != graph_hash(graph):
        return "the network"
    return "the data" if record.data.fingerprint != dataset.fingerprint else ""


def _own_blocks() -> list[Path]:
    """Return the folders of blocks beside the models that `--config-dir` brought in."""
    from hydra.core.hydra_config import HydraConfig

    if not HydraConfig.initialized():
        return []
    sources = HydraConfig.get().runtime.config_sources
    return [Path(source.path) / "block" for source in sources if source.schema == "file"]


def _check_fit(graph: Graph, dataset: Dataset) -> None:
    """Raise ConfigError where the network does not take these images, or does not answer with these classes."""
    if len(graph.inputs) != 1:
        raise ConfigError("model.inputs", "a network that is trained to classify has one input")
    wanted, given = next(iter(graph.inputs.values())), tuple(dataset.shape)
    if wanted != given:
        written = str(list(given)).replace(" ", "")
        raise ConfigError(
            "model.input",
            f"the network takes {list(wanted)}, but {dataset.name} has images of {list(given)} (channels, height, "
            f"width); write model.input={written}",
        )
    classes = len(dataset.labels)
    made = next((shape for shape in graph.shapes if shape != (classes,)), None)
    if made:
        raise ConfigError(
            "model.classes",
            f"the network answers with {list(made)}, but {dataset.name} has {classes} classes; "
            f"write model.classes={classes} and end with that many outputs, flattened",
        )


def _record(settings: dict[str, Any], graph: Graph, budget: dict[str, int], dataset: Dataset, fitted: Fitted) -> Record:
    from archbuilder.description import describe_graph
    from archbuilder.training.provenance import git_state, versions

    description = describe_graph(graph)
    parameters = list(fitted.net.parameters())
    trainable = sum(p.numel() for p in parameters if p.requires_grad)
    recipe = recipe_settings(settings, fitted.processes)
    return Record(
        architecture=Architecture(graph.name, graph_hash(graph), budget),
        cost=Cost(sum(p.numel() for p in parameters), trainable, description.macs, description.peak_activations),
        recipe=Recipe(content_hash(recipe), recipe),
        data=dataset.describe(),
        seed=settings["seed"],
        training=fitted.training,
        results=fitted.results,
        versions=versions(),
        git=git_state(),
        finished_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
