"""The lines with which a package is used in its folder, as its card shows them: short, and true for its pictures."""

from __future__ import annotations

from typing import Any

from archbuilder.data.pictures import MODES
from archbuilder.zoo.files import METADATA_FILE, ONNX_FILE


def to_get(metadata: dict[str, Any]) -> str:
    """Return the commands that bring a package from where it lies, and go into its folder."""
    return "\n".join(
        [
            'pip install "archbuilder[remote]"  # or archbuilder[s3], archbuilder[hub] for s3://, hf://',
            f"archbuilder zoo pull URL/{metadata['name']} .",
            f"cd {metadata['name']}",
        ]
    )


def with_archbuilder(metadata: dict[str, Any]) -> str:
    """Return lines of Python that name a picture's class with archbuilder."""
    mode = _mode(metadata)
    picture = f'opened("../picture.png", "{mode}"){_squeezed(metadata)}' if mode else 'np.load("../picture.npy")'
    return "\n".join(
        [
            "import archbuilder",
            "from archbuilder.data.pictures import opened" if mode else "import numpy as np",
            "",
            'net = archbuilder.load(".")',
            f"picture = {picture}",
            "logits = net(net.preprocess(picture))",
            "print(net.labels[logits.argmax()])",
        ]
    )


def with_onnxruntime(metadata: dict[str, Any]) -> str:
    """Return lines of Python that do the same with onnxruntime and numpy alone."""
    mode = _mode(metadata)
    pixels = "np.asarray(picture, np.float32)" + ("[:, :, None]" if mode == MODES[1] else "")
    return "\n".join(
        [
            "import json",
            "import numpy as np",
            "import onnxruntime",
            *(["from PIL import Image, ImageOps"] if mode else []),
            "",
            f'told = json.load(open("{METADATA_FILE}", encoding="utf-8"))',
            'mean, std = (np.array(told["preprocessing"][key], np.float32) for key in ("mean", "std"))',
            *(_opened(metadata) if mode else ['picture = np.load("../picture.npy")']),
            f"image = (({pixels} / 255 - mean) / std).transpose(2, 0, 1)",
            f'logits = onnxruntime.InferenceSession("{ONNX_FILE}").run(None, {{"image": image[None]}})[0]',
            'print(told["labels"][logits.argmax()])',
        ]
    )


def _mode(metadata: dict[str, Any]) -> str:
    """Return what PIL calls pictures of so many channels, empty where no file holds such."""
    return MODES.get(metadata["preprocessing"]["shape"][0], "")


def _opened(metadata: dict[str, Any]) -> list[str]:
    """Return the lines that open a picture and bring it to the network's size, as `archbuilder.data.pictures` does."""
    preprocessing = metadata["preprocessing"]
    high, wide = preprocessing["shape"][1:]
    resize = preprocessing.get("resize")
    lines = [
        'picture = ImageOps.exif_transpose(Image.open("../picture.png"))',
        'assert not picture.mode.startswith(("I", "F")), "save it with 8 bits"',
        f'picture = picture.convert("{_mode(metadata)}"){_squeezed(metadata)}',
    ]
    if not resize:
        return lines
    how = f"Image.Resampling.{preprocessing['interpolation'].upper()}"
    return [
        *lines,
        f"size = [{resize} * side // min(picture.size) for side in picture.size]",
        f"left, top = round((size[0] - {wide}) / 2), round((size[1] - {high}) / 2)",
        f"picture = picture.resize(size, {how}).crop((left, top, left + {wide}, top + {high}))",
    ]


def _squeezed(metadata: dict[str, Any]) -> str:
    """Return what brings a picture to the network's size where nothing tells how pictures are cut."""
    high, wide = metadata["preprocessing"]["shape"][1:]
    return "" if metadata["preprocessing"].get("resize") else f".resize(({wide}, {high}))"
