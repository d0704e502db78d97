"""Data sets by name: `load` turns the `data` part of a run's configuration into a Dataset."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archbuilder.data.settings import MISSING, arguments, plain
from archbuilder.errors import ConfigError, suggestion

if TYPE_CHECKING:
    from archbuilder.data.images import Dataset

# Where each source lives; a module is imported only when its source is asked for, because torch,
# torchvision and scikit-learn take seconds to import.
SOURCES = {
    "arrays": "archbuilder.data.arrays",
    "cifar10": "archbuilder.data.downloads",
    "cifar100": "archbuilder.data.downloads",
    "digits": "archbuilder.data.digits",
    "fashion_mnist": "archbuilder.data.downloads",
    "folder": "archbuilder.data.folder",
}

HINTS = {
    "train": 'say which npz files to train on, for example "data.train=folder/train_*.npz"',
    "root": "say which folder holds the images, for example data.root=my/images",
}


def load(settings: Mapping[str, Any]) -> Dataset:
    """Load the data set that `settings` describes: `name`, and the parameters of that source.

    Raises ConfigError (`data.<key>`) for settings that do not fit, DataError for files that do not.
    """
    values = plain(settings)
    name = values.pop("name", MISSING)
    if name == MISSING:
        raise ConfigError("data.name", f"say which data to use; known: {', '.join(sorted(SOURCES))}")
    if not isinstance(name, str) or name not in SOURCES:
        raise ConfigError("data.name", f"there is no data '{name}'; {suggestion(str(name), SOURCES)}")
    source = getattr(importlib.import_module(SOURCES[name]), name)
    dataset: Dataset = source(**arguments(source, values, "data", HINTS))
    return dataset
