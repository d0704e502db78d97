"""The lines with which a package is used, as its card shows them: short, and true for its pictures."""

from __future__ import annotations

from typing import Any

from archbuilder.zoo.files import METADATA_FILE, ONNX_FILE

MODES = {1: "L", 3: "RGB"}


def with_archbuilder(metadata: dict[str, Any]) -> str:
    """Return lines of Python that name a picture's class with archbuilder."""
    opened, reader = _opened(metadata)
    fitted = "" if metadata["preprocessing"].get("resize") else _exact(metadata)
    return "\n".join(
        [
            "import archbuilder",
            reader,
            "",
            f'net = archbuilder.load("{metadata["name"]}")',
            f"picture = {opened}{fitted}",
            "logits = net(net.preprocess(picture))",
            "print(net.labels[logits.argmax()])",
        ]
    )


def with_onnxruntime(metadata: dict[str, Any]) -> str:
    """Return lines of Python that do the same with onnxruntime and numpy alone."""
    opened, reader = _opened(metadata)
    pixels = "np.asarray(picture, np.float32)"
    if metadata["preprocessing"]["shape"][0] == 1 and reader.startswith("from PIL"):
        pixels += "[:, :, None]"
    return "\n".join(
        [
            "import json",
            "import numpy as np",
            "import onnxruntime",
            *([reader] if reader.startswith("from PIL") else []),
            "",
            f'told = json.load(open("{METADATA_FILE}", encoding="utf-8"))',
            'mean, std = (np.array(told["preprocessing"][key], np.float32) for key in ("mean", "std"))',
            *_fitted(metadata, opened),
            f"image = (({pixels} / 255 - mean) / std).transpose(2, 0, 1)",
            f'logits = onnxruntime.InferenceSession("{ONNX_FILE}").run(None, {{"image": image[None]}})[0]',
            'print(told["labels"][logits.argmax()])',
        ]
    )


def _opened(metadata: dict[str, Any]) -> tuple[str, str]:
    """Return what opens a picture, and what that has to import."""
    mode = MODES.get(metadata["preprocessing"]["shape"][0])
    if mode is None:
        return 'np.load("picture.npy")', "import numpy as np"
    return f'Image.open("picture.png").convert("{mode}")', "from PIL import Image"


def _exact(metadata: dict[str, Any]) -> str:
    channels, high, wide = metadata["preprocessing"]["shape"]
    return f".resize(({wide}, {high}))" if channels in MODES else ""


def _fitted(metadata: dict[str, Any], opened: str) -> list[str]:
    """Return the lines that open a picture and bring it to the network's size, as torchvision rounds."""
    preprocessing = metadata["preprocessing"]
    high, wide = preprocessing["shape"][1:]
    resize = preprocessing.get("resize")
    if not resize:
        return [f"picture = {opened}{_exact(metadata)}"]
    how = f"Image.Resampling.{preprocessing['interpolation'].upper()}"
    return [
        f"picture = {opened}",
        f"size = [{resize} * side // min(picture.size) for side in picture.size]",
        f"left, top = round((size[0] - {wide}) / 2), round((size[1] - {high}) / 2)",
        f"picture = picture.resize(size, {how}).crop((left, top, left + {wide}, top + {high}))",
    ]
