"""A network in 8 bits as ONNX: ranges from training images, and the accuracy that is left."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from archbuilder.data.images import Images
from archbuilder.evaluation.figures import Share, top
from archbuilder.zoo.onnx import INPUT, plain, run, session
from archbuilder.zoo.preprocess import Preprocess

CALIBRATED_ON = 512
"""Training images from which the ranges of activations are taken, at most."""
BATCH = 128


def quantize(model: Path, preprocess: Preprocess, train: Images) -> tuple[bytes, int]:
    """Return an ONNX file in 8 bits, and from how many images its ranges come.

    Weights have a scale per channel; weights and activations are quantised and dequantised again around operators of
    32 bits (QDQ), which onnxruntime runs in 8 bits. The images are spread evenly over `train`.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    n = min(CALIBRATED_ON, len(train))
    chosen = train.take(np.arange(n) * len(train) // n)

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Gives one batch of prepared pictures after the other."""

        def __init__(self) -> None:
            self._batches = _prepared(preprocess, chosen)

        def get_next(self) -> dict[str, Any] | None:
            images = next(self._batches, None)
            return None if images is None else {INPUT: images.numpy()}

    with tempfile.TemporaryDirectory() as folder:
        prepared, made = Path(folder) / "prepared.onnx", Path(folder) / "made.onnx"
        quant_pre_process(model, prepared, skip_symbolic_shape=True)
        quantize_static(prepared, made, Reader(), quant_format=QuantFormat.QDQ, per_channel=True)
        return plain(onnx.load(made)), n


def accuracy(model: bytes, preprocess: Preprocess, images: Images) -> Share:
    """Return the share of images that an ONNX file recognises in onnxruntime."""
    running = session(model)
    answers = np.concatenate([run(running, batch) for batch in _prepared(preprocess, images)])
    return top(answers, images.labels.numpy(), 1)


def _prepared(preprocess: Preprocess, images: Images) -> Iterator[torch.Tensor]:
    for start in range(0, len(images), BATCH):
        yield preprocess(images.images[start : start + BATCH])
