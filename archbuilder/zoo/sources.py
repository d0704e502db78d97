"""Trained networks of torchvision and timm, with what they declare about pictures and classes."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from archbuilder.data.pictures import INTERPOLATIONS
from archbuilder.errors import ArchbuilderError

EXAMPLES = "torchvision:ResNet50_Weights.IMAGENET1K_V2 or timm:resnet50.a1_in1k"
# These leave out their auxiliary heads unless told otherwise.
_AUXILIARY = ("googlenet", "inception_v3")
PATIENCE = 5.0
"""Seconds within which a server that can be reached begins to answer."""
_TENSORS_ONLY = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"


class ForeignError(ArchbuilderError):
    """Weights of another library that cannot be had or used; the message names them and the reason."""


@dataclass(frozen=True)
class Foreign:
    """A trained network of another library, with its own preprocessing and the same as plain data.

    `prepare` is the library's own code from a PIL image to [C, H, W] for `module`. `shape` is [C, H, W], `resize`
    the shorter side before the crop in pixels; `mean` and `std`, of pixels scaled to 0..1, lead to what the first
    convolution sees. `origin` names source, address and version, and a license only where one is declared.
    """

    source: str
    module: nn.Module
    prepare: Callable[[Any], Tensor]
    shape: tuple[int, int, int]
    mean: list[float]
    std: list[float]
    resize: int
    interpolation: str
    labels: list[str]
    origin: dict[str, str]


def fetch(source: str, trained: bool = True) -> Foreign:
    """Return what `torchvision:NAME` or `timm:NAME` stands for, downloaded where it is not in the library's cache.

    Where it need not be `trained`, nothing is downloaded: the module is on torch's `meta` device. Checkpoints are
    read as tensors, never as objects. Raises ForeignError for a name that is not known, weights that cannot be
    fetched, and preprocessing or classes that a package cannot hold.
    """
    library, _, name = source.partition(":")
    if library not in _READERS or not name:
        raise ForeignError(f"'{source}' names no weights of torchvision or timm; write {EXAMPLES}, for example")
    return _READERS[library](name, trained)


def _torchvision(name: str, trained: bool) -> Foreign:
    import torchvision

    model, weights = _torchvision_weights(name)
    source = f"torchvision:{weights!r}"
    if not weights.meta.get("categories"):
        raise ForeignError(f"{source}: declares no classes, so it is no classifier; choose other weights")
    options = {"aux_logits": True} if model in _AUXILIARY else {}
    if trained:
        with _fetching(source):
            net = torchvision.models.get_model(model, weights=weights, **options)
    else:
        unused = {"init_weights": False} if model in _AUXILIARY else {}
        with torch.device("meta"):
            net = torchvision.models.get_model(model, num_classes=len(weights.meta["categories"]), **options, **unused)
    preset = weights.transforms()
    mean, std = _folded(net, preset.mean, preset.std)
    return Foreign(
        source=source,
        module=net.eval(),
        prepare=preset,
        shape=(len(mean), preset.crop_size[0], preset.crop_size[0]),
        mean=mean,
        std=std,
        resize=preset.resize_size[0],
        interpolation=_known_interpolation(preset.interpolation.value, source),
        labels=list(weights.meta["categories"]),
        origin=_origin(source, torchvision.__version__, weights.url, weights.meta.get("license")),
    )


def _torchvision_weights(name: str) -> tuple[str, Any]:
    """Return a classifier's name and its weights by the name of these; raises ForeignError with the nearest."""
    from torchvision import models

    known = {
        f"{enum.__name__}.{key}": (model, weights)
        for model in models.list_models(module=models)
        for enum in [models.get_model_weights(model)]
        for key, weights in enum.__members__.items()
    }
    if name not in known:
        own = [key for key, (model, _) in known.items() if model == name.lower()]
        raise ForeignError(f"torchvision:{name}: torchvision has no such weights; {_nearest(name, known, own)}")
    return known[name]


def _folded(net: nn.Module, mean: list[float], std: list[float]) -> tuple[list[float], list[float]]:
    """Return the mean and deviation that stand for `mean` and `std` and what `net` itself does to its input.

    torchvision's GoogLeNet and Inception v3 turn one normalisation into another before their first layer: a
    factor and an offset for each channel, found here by trying zero and one.
    """
    if not getattr(net, "transform_input", False):
        return [float(value) for value in mean], [float(value) for value in std]
    inner: Any = net
    offset, end = (
        inner._transform_input(torch.full((1, len(mean), 1, 1), value, dtype=torch.float64)).flatten().tolist()
        for value in (0.0, 1.0)
    )
    # (x * factor + offset) of x = (p - m) / s is (p - (m - offset * s / factor)) / (s / factor).
    stds = [s / (one - zero) for s, zero, one in zip(std, offset, end, strict=True)]
    means = [m - zero * s for m, zero, s in zip(mean, offset, stds, strict=True)]
    # Without the last digits, which are rounding: 0.5 rather than 0.5000000000000001.
    return [round(value, 12) for value in means], [round(value, 12) for value in stds]


def _timm(name: str, trained: bool) -> Foreign:
    timm = _load_timm()
    known = timm.list_models(pretrained=True)
    if name not in known and name not in timm.list_models(pretrained=True, include_tags=False):
        own = [key for key in known if key.partition(".")[0] == name.lower().partition(".")[0]]
        raise ForeignError(f"timm:{name}: timm has no such weights; {_nearest(name, known, own)}")
    if trained:
        with _fetching(f"timm:{name}"), _once():
            net = timm.create_model(name, pretrained=True)
    else:
        with torch.device("meta"):
            net = timm.create_model(name)
    return from_timm(net)


def from_timm(net: nn.Module) -> Foreign:
    """Return a network that timm made, with the preprocessing and classes of its weights; raises ForeignError."""
    timm = _load_timm()
    declared: Any = net.pretrained_cfg
    source = f"timm:{declared['architecture']}" + (f".{declared['tag']}" if declared.get("tag") else "")
    config = timm.data.resolve_model_data_config(net)
    width, high, wide = config["input_size"]
    if high != wide:
        raise ForeignError(f"{source}: wants pictures of {high}x{wide}; a package holds square crops only")
    if config["crop_mode"] != "center":
        raise ForeignError(
            f"{source}: prepares pictures by the crop mode '{config['crop_mode']}'; a package only cuts the centre out"
        )
    subset = timm.data.infer_imagenet_subset(net)
    classes: Any = net.num_classes
    names = timm.data.ImageNetInfo(subset).label_descriptions() if subset else [f"class_{i}" for i in range(classes)]
    hub = declared.get("hf_hub_id")
    url = f"https://huggingface.co/{hub}" if hub else declared.get("url")
    return Foreign(
        source=source,
        module=net.eval(),
        prepare=timm.data.create_transform(**config, is_training=False),
        shape=(width, high, wide),
        mean=[float(value) for value in config["mean"]],
        std=[float(value) for value in config["std"]],
        resize=math.floor(high / config["crop_pct"]),
        interpolation=_known_interpolation(config["interpolation"], source),
        labels=list(names),
        origin=_origin(source, timm.__version__, url, declared.get("license")),
    )


def _load_timm() -> Any:
    try:
        import timm
    except ModuleNotFoundError as error:
        if error.name != "timm":
            raise
        raise ForeignError('timm is not installed; pip install "archbuilder[timm]"') from None
    return timm


_READERS: dict[str, Callable[[str, bool], Foreign]] = {"torchvision": _torchvision, "timm": _timm}


@contextmanager
def _fetching(source: str) -> Iterator[None]:
    """Tell whatever goes wrong while a library fetches weights, and have it read tensors alone.

    Neither library always asks torch for that, but torch obeys its environment.
    """
    before = os.environ.get(_TENSORS_ONLY)
    os.environ[_TENSORS_ONLY] = "1"
    try:
        yield
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ForeignError(
            f"{source}: its weights can be neither found in the cache nor downloaded and read ({reason:.300}); "
            "look whether this machine has a network connection, and delete a damaged file from the cache"
        ) from error
    finally:
        if before is None:
            del os.environ[_TENSORS_ONLY]
        else:
            os.environ[_TENSORS_ONLY] = before


@contextmanager
def _once() -> Iterator[None]:
    """Have huggingface_hub look into its cache alone where its server cannot be reached, instead of trying for long."""
    from huggingface_hub import constants, get_session

    before = constants.HF_HUB_OFFLINE
    if not before:
        try:
            get_session().head(constants.ENDPOINT, timeout=PATIENCE)
        except Exception:  # of whatever library it is that huggingface_hub asks by
            constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _known_interpolation(name: str, source: str) -> str:
    if name not in INTERPOLATIONS:
        raise ForeignError(f"{source}: resizes pictures by '{name}'; a package knows {', '.join(INTERPOLATIONS)}")
    return name


def _origin(source: str, version: str, url: str | None, declared_license: str | None) -> dict[str, str]:
    told = {"source": source, "version": version, "url": url, "license": declared_license}
    return {key: value for key, value in told.items() if value}


def _nearest(name: str, known: Iterable[str], own: list[str]) -> str:
    """Return a hint for a name that is not known: the weights of the same network, or a name that is near."""
    near = own or difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"write {EXAMPLES}, for example"
