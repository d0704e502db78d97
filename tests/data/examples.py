"""Small data that the tests of archbuilder.data share."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from hypothesis import strategies as st
from omegaconf import OmegaConf

from archbuilder.data.draws import Draws, draw
from archbuilder.data.images import Dataset, Images, checked
from archbuilder.data.settings import plain


def random_images(n: int, classes: int = 3, shape: tuple[int, int, int] = (3, 8, 8), seed: int = 0) -> Images:
    """Return n random images; labels go round the classes."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (n, *shape), dtype=torch.uint8, generator=generator)
    return Images(pixels, torch.arange(n) % classes)


def numbered(n: int, size: int = 8) -> Dataset:
    """Return n training images, each of one grey level: its number, which is also its label."""
    levels = torch.arange(n)
    pixels = levels.to(torch.uint8)[:, None, None, None].expand(n, 1, size, size).contiguous()
    images = Images(pixels, levels)
    return checked("numbered", {"train": images, "val": images}, [str(i) for i in range(n)])


def settings_file(path: Path) -> dict[str, Any]:
    """Return the settings of a shipped YAML file."""
    return plain(cast("dict[str, Any]", OmegaConf.load(path)))


def save(path: Path, **members: Any) -> str:
    """Write an npz file and return its path as configurations name it."""
    np.savez(path, **members)
    return str(path)


def npz(path: Path, n: int = 20, classes: int = 2, size: int = 8, seed: int = 0) -> str:
    """Write n random colour images, labels going round the classes."""
    pixels = np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    return save(path, images=pixels, labels=np.arange(n) % classes)


def any_images(channels: st.SearchStrategy[int] | None = None) -> st.SearchStrategy[torch.Tensor]:
    """Draw a few random uint8 images [N, C, H, W] of any small shape."""
    return st.builds(
        lambda n, c, h, w, seed: torch.randint(
            0, 256, (n, c, h, w), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8
        ),
        st.integers(1, 6),
        channels or st.integers(1, 4),
        st.integers(3, 9),
        st.integers(3, 9),
        st.integers(0, 1000),
    )


def draws_for(images: torch.Tensor, seed: int = 0) -> Draws:
    """Return what chance decides about some images."""
    return draw(len(images), torch.Generator().manual_seed(seed))
