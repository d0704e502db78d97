"""One run: from a resolved configuration to a folder with weights, metrics and a record."""

from __future__ import annotations

import math
import os
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from archbuilder.errors import ConfigError, TrainingError
from archbuilder.files import write_json
from archbuilder.graph import Graph
from archbuilder.graph_json import graph_hash, to_json
from archbuilder.language.params import Param, read
from archbuilder.record import (
    ARCHITECTURE_FILE,
    RECORD_FILE,
    WEIGHTS_FILE,
    Architecture,
    Cost,
    Recipe,
    Record,
    Result,
    Training,
    content_hash,
    read_record,
    write_record,
)
from archbuilder.training.naming import run_settings

if TYPE_CHECKING:
    import lightning

    from archbuilder.data.images import Dataset
    from archbuilder.training.module import Classifier
    from archbuilder.training.progress import Stopwatch


def run(config: DictConfig) -> Record:
    """Train the network that `config` describes and return its record; what is finished already is not repeated.

    Leaves `record.json`, `architecture.json`, `weights.safetensors`, `metrics.csv` and `checkpoints/` in
    `config.folder`. Raises ArchbuilderError for bad input, before anything is written.
    """
    folder = Path(config.folder)
    if not config.force and (folder / RECORD_FILE).is_file():
        print(f"{os.path.relpath(folder)}: finished before; force=true trains it again")
        return read_record(folder)
    settings = run_settings(config)
    _check(settings)
    graph = _graph(settings)
    from archbuilder.data import load

    dataset = load(settings["data"])
    _check_fit(graph, dataset)
    # From here on what lies in the folder is being replaced.
    (folder / RECORD_FILE).unlink(missing_ok=True)
    print(f"{settings['name']} on {dataset.name}, seed {settings['seed']} -> {os.path.relpath(folder)}", flush=True)
    module, trainer, stopwatch, seconds = _fit(config, settings, graph, dataset)
    return _finish(settings, graph, dataset, module, trainer, stopwatch, seconds, folder)


_SETTINGS = {
    "seed": Param("integer", minimum=0, maximum=2**32 - 1),
    "batch_size": Param("integer", minimum=1),
    "label_smoothing": Param("number", minimum=0, maximum=1),
    "channels_last": Param("boolean"),
}


def _check(settings: dict[str, Any]) -> None:
    """Raise ConfigError where a setting that is used as it stands is of the wrong type or out of bounds."""
    for key, param in _SETTINGS.items():
        read(settings[key], param, {}, key)


def _graph(settings: dict[str, Any]) -> Graph:
    from archbuilder.language.expand import expand_model
    from archbuilder.language.source import library

    return expand_model(settings["model"], library(), str(settings["name"]))


def _check_fit(graph: Graph, dataset: Dataset) -> None:
    """Raise ConfigError where the network does not take these images, or does not answer with these classes."""
    if len(graph.inputs) != 1:
        raise ConfigError("model.inputs", "a network that is trained to classify has one input")
    wanted, given = next(iter(graph.inputs.values())), tuple(dataset.shape)
    if wanted != given:
        raise ConfigError(
            "model.input",
            f"the network takes {list(wanted)}, but {dataset.name} has images of {list(given)} "
            f"(channels, height, width); write model.input={list(given)}".replace(", ", ","),
        )
    classes = len(dataset.labels)
    made = next((shape for shape in graph.shapes if shape != (classes,)), None)
    if made:
        raise ConfigError(
            "model.classes",
            f"the network answers with {list(made)}, but {dataset.name} has {classes} classes; "
            f"write model.classes={classes} and end with that many outputs, flattened",
        )


def _fit(
    config: DictConfig, settings: dict[str, Any], graph: Graph, dataset: Dataset
) -> tuple[Classifier, lightning.Trainer, Stopwatch, float]:
    """Train; return the module, its trainer, the stopwatch, and the seconds from start to end."""
    import lightning
    import torch

    from archbuilder.assemble import assemble
    from archbuilder.data.augment import from_settings
    from archbuilder.training.datamodule import Batches
    from archbuilder.training.module import Classifier
    from archbuilder.training.parts import call, make, make_all, quiet
    from archbuilder.training.progress import Bar, Stopwatch, progress
    from archbuilder.training.weights import decay_groups

    quiet()
    augment = from_settings(settings["augment"])
    lightning.seed_everything(settings["seed"], workers=True, verbose=False)
    net = assemble(graph)
    if config.channels_last:
        net = net.to(memory_format=torch.channels_last)
    optimizer = call(make(config.optimizer, "optimizer"), "optimizer", decay_groups(net))
    module = Classifier(net, optimizer, make(config.schedule, "schedule"), config.label_smoothing)
    batches = Batches(dataset, augment, config.batch_size, config.seed, config.channels_last)
    stopwatch = Stopwatch()
    shown = progress(stopwatch)
    trainer = make(
        config.trainer,
        "trainer",
        callbacks=[stopwatch, shown, *make_all(config.callbacks, "callbacks")],
        logger=make_all(config.logger, "logger"),
        default_root_dir=config.folder,
        enable_progress_bar=isinstance(shown, Bar),
    )
    start = time.perf_counter()
    trainer.fit(module, datamodule=batches)
    return module, trainer, stopwatch, time.perf_counter() - start


def _finish(
    settings: dict[str, Any],
    graph: Graph,
    dataset: Dataset,
    module: Classifier,
    trainer: lightning.Trainer,
    stopwatch: Stopwatch,
    seconds: float,
    folder: Path,
) -> Record:
    """Evaluate the last weights on every held-out split, and write all that a run leaves."""
    from archbuilder.description import describe_graph
    from archbuilder.training.provenance import device_name, git_state, versions
    from archbuilder.zoo.weights import write_weights

    results = _evaluate(dataset, module, trainer)
    description = describe_graph(graph)
    recipe = recipe_settings(settings)
    parameters = list(module.net.parameters())
    record = Record(
        architecture=Architecture(graph.name, graph_hash(graph)),
        cost=Cost(
            sum(p.numel() for p in parameters),
            sum(p.numel() for p in parameters if p.requires_grad),
            description.macs,
            description.peak_activations,
        ),
        recipe=Recipe(content_hash(recipe), recipe),
        data=dataset.describe(),
        seed=settings["seed"],
        training=Training(
            epochs=trainer.current_epoch,
            steps=trainer.global_step,
            seconds=seconds,
            images_per_second=stopwatch.images_per_second,
            device=device_name(module.device),
            precision=str(trainer.precision),
        ),
        results=results,
        versions=versions(),
        git=git_state(),
        finished_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
    write_json(folder / ARCHITECTURE_FILE, to_json(graph))
    write_weights(module.net, folder / WEIGHTS_FILE)
    write_record(record, folder)
    return record


def _evaluate(dataset: Dataset, module: Classifier, trainer: lightning.Trainer) -> list[Result]:
    """Return accuracy and loss of the last epoch's weights on each held-out split."""
    evaluate = {"val": (trainer.validate, module.val_totals), "test": (trainer.test, module.test_totals)}
    results = []
    for split, (run_through, totals) in evaluate.items():
        if split in dataset.splits:
            run_through(module, datamodule=trainer.datamodule, verbose=False)  # type: ignore[attr-defined]
            accuracy, loss = totals.means()
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss on {split} is {loss} at the end of training, so there is no result; "
                    "use a lower optimizer.lr, a longer schedule.warmup, or trainer.gradient_clip_val=1"
                )
            results.append(Result(split, "raw", accuracy, loss, len(dataset.splits[split])))
    return results


def recipe_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return how a network is trained, without what it is trained on, on which machine, and from which seed."""
    trainer = {
        key: settings["trainer"].get(key)
        for key in ("max_epochs", "precision", "gradient_clip_val", "accumulate_grad_batches")
    }
    plain = {key: settings[key] for key in ("augment", "optimizer", "schedule", "batch_size", "label_smoothing")}
    return {**plain, "trainer": trainer}
