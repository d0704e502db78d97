"""A contact sheet of what augmentation makes of some training images, each effect alone and all together."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from archbuilder.data import load
from archbuilder.data.augment import Augment, from_settings
from archbuilder.data.batches import scale_and_offset
from archbuilder.data.colour import levels
from archbuilder.data.draws import alternated, draw
from archbuilder.data.images import Array, Dataset, Images
from archbuilder.errors import ConfigError
from archbuilder.paths import conf_dir

ROWS = 8
VIEWS = 3
CELL = 64  # pixels of a view at least; larger images keep their size
GAP = 4
GROUP_GAP = 20
DPI = 100


class Group(NamedTuple):
    """Neighbouring columns: what is done in them, and the views, uint8 [N, H, W, C] each."""

    title: str
    views: list[Array]


def settings(overrides: Sequence[str], config_dir: str | Path | None = None) -> dict[str, Any]:
    """Return `data`, `augment` and `seed` of a run's configuration with overrides in Hydra's grammar.

    Raises what Hydra raises for overrides that do not fit, and ConfigError where a part is missing.
    """
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    places = []
    if config_dir is not None:
        if not Path(config_dir).is_dir():
            raise ConfigError("--config-dir", f"{config_dir} is no folder; name the one that holds data/ or augment/")
        # Quoted for Hydra's grammar: a path may hold anything.
        quoted = str(Path(config_dir).resolve()).replace("\\", "\\\\").replace("'", "\\'")
        places = [f"hydra.searchpath=['file://{quoted}']"]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("train", overrides=[*overrides, *places])
    # Only these: others ask for what only a run has, its folder for one.
    parts = {key: config.get(key) for key in ("data", "augment", "seed")}
    for key, part in parts.items():
        if part is None:
            raise ConfigError(key, f"needs a value; give {key}=...")
    return {key: OmegaConf.to_container(part) if OmegaConf.is_config(part) else part for key, part in parts.items()}


def groups(dataset: Dataset, augment: Augment, seed: int, rows: int = ROWS) -> tuple[list[str], list[Group]]:
    """Return the classes of some training images, and their views: as they are, by each effect, by all."""
    train = dataset.splits["train"]
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))[:rows]
    chosen = train.take(order.numpy())
    active = effects(augment)
    made = [Group("original", [_pixels(chosen.images)])]
    for title, effect in active.items():
        made.append(Group(title, views(dataset, chosen, effect, seed)))
    if len(active) > 1:
        made.append(Group("all of them", views(dataset, chosen, augment, seed)))
    return [dataset.labels[label] for label in chosen.labels.tolist()], made


def effects(augment: Augment) -> dict[str, Augment]:
    """Return each thing that is turned on, alone, by what to call it."""
    found = {}
    for field in fields(Augment):
        value = getattr(augment, field.name)
        # Padding is no effect of its own, but part of the shift.
        if field.name == "pad" or not value:
            continue
        # Two more words where the name does not say all: what comes in, and that the row's class is but a part.
        more = {"translate": f" {augment.pad}", "mixup": ", labels too", "cutmix": ", labels too"}.get(field.name, "")
        title = field.name if value is True else f"{field.name} {value}{more}"
        found[title] = replace(Augment(pad=augment.pad), **{field.name: value})
    return found


def views(dataset: Dataset, chosen: Images, augment: Augment, seed: int, count: int = VIEWS) -> list[Array]:
    """Return what `count` epochs make of the chosen images, as grey levels again."""
    scale, offset = scale_and_offset(dataset.mean, dataset.std)
    generator, made = torch.Generator().manual_seed(seed), []
    first = torch.randint(0, 2, (len(chosen),), generator=generator)
    for epoch in range(count):
        draws = draw(len(chosen), generator)
        if augment.flip == "alternating":
            draws = alternated(draws, first, epoch)
        images = augment.hide(augment.move(chosen.images, draws) * scale + offset, draws)
        images, _ = augment.mix(images, chosen.labels, draws, len(dataset.labels))
        made.append(_pixels(levels((images - offset) / scale)))
    return made


def _pixels(images: torch.Tensor) -> Array:
    """Return images [N, C, H, W] as [N, H, W, 3]; other depths than colour as grey, by their first channel."""
    shown = images if images.shape[1] == 3 else images[:, :1].expand(-1, 3, -1, -1)
    pixels: Array = shown.permute(0, 2, 3, 1).numpy()
    return pixels


def sheet(made: Sequence[Group]) -> tuple[Array, list[float], float]:
    """Return all views on white, uint8 [height, width, 3]; each group's left edge; and the step between rows."""
    height, width = made[0].views[0].shape[1:3]
    times = max(1, round(CELL / max(height, width)))
    step = height * times + GAP
    columns, edges, x = [], [], 0
    for group in made:
        edges.append(float(x))
        strips = [np.concatenate([_cell(image, times) for image in view]) for view in group.views]
        columns += [*strips, np.full((len(strips[0]), GROUP_GAP - GAP, 3), 255, dtype=np.uint8)]
        x += sum(strip.shape[1] for strip in strips) + GROUP_GAP - GAP
    return np.concatenate(columns, axis=1), edges, float(step)


def _cell(image: Array, times: int) -> Array:
    """Return an image enlarged so many times, with a gap to the right and below."""
    enlarged = image.repeat(times, axis=0).repeat(times, axis=1)
    return np.pad(enlarged, ((0, GAP), (0, GAP), (0, 0)), constant_values=255)


def draw_sheet(title: str, names: Sequence[str], made: Sequence[Group]) -> bytes:
    """Return a PNG: a row for each image, its class's name to the left, groups of columns under their titles."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture, edges, step = sheet(made)
    left, top = 12 + 7 * max(len(short(name)) for name in names), 58
    width, height = left + picture.shape[1], top + picture.shape[0] + 4
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    # One axes as large as the picture and measured in its pixels, so that nothing is interpolated.
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    axes.imshow(picture, extent=(left, left + picture.shape[1], top + picture.shape[0], top), interpolation="nearest")
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.text(8, 20, title, fontsize=10, fontweight="bold", verticalalignment="center")
    for group, edge in zip(made, edges, strict=True):
        axes.text(left + edge, top - 6, group.title, fontsize=8, verticalalignment="bottom")
    for row, name in enumerate(names):
        place = (left - 6, top + row * step + (step - GAP) / 2)
        axes.text(*place, short(name), fontsize=8, horizontalalignment="right", verticalalignment="center")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    return content.getvalue()


def short(name: str) -> str:
    """Return a class's name, its middle left out where it is too long to stand beside a row."""
    return name if len(name) <= 20 else f"{name[:10]}…{name[-9:]}"


def preview(config: dict[str, Any]) -> bytes:
    """Return the contact sheet, a PNG, of what `settings` returned; raises ConfigError or DataError."""
    seed = config["seed"]
    if type(seed) is not int or not 0 <= seed < 2**32:
        raise ConfigError("seed", f"needs a whole number from 0, not {seed!r:.60}")
    augment = from_settings(config["augment"])
    dataset = load(config["data"])
    augment.check(dataset.shape)
    names, made = groups(dataset, augment, seed)
    size = "x".join(map(str, dataset.shape))
    return draw_sheet(f"{dataset.name}, {size}: {len(dataset.splits['train']):,} training images", names, made)
