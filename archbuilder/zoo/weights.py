"""Weights as safetensors: names, shapes and numbers, nothing that runs."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from archbuilder.errors import PackageError
from archbuilder.files import write_bytes


def write_weights(net: nn.Module, path: Path) -> None:
    """Write the parameters and buffers of `net` to a safetensors file, atomically."""
    from safetensors.torch import save

    # safetensors keeps no strides: a channels-last tensor has to be laid out plainly first.
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in net.state_dict().items()}
    write_bytes(path, save(tensors))


def read_weights(net: nn.Module, path: Path) -> None:
    """Load a safetensors file into `net`, which must have exactly these names, shapes and types.

    Raises PackageError, naming the file and the first tensor that does not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise PackageError(f"{path}: cannot be read as safetensors ({error})") from None
    _check_names(net.state_dict(), tensors, path)
    net.load_state_dict(tensors, strict=True)


def _check_names(wanted: dict[str, Tensor], given: dict[str, Tensor], path: Path) -> None:
    for name in sorted(set(wanted) | set(given)):
        if name not in given:
            raise PackageError(f"{path}: the architecture has '{name}', which is missing here")
        if name not in wanted:
            raise PackageError(f"{path}: holds '{name}', which the architecture does not have")
        for what in ("shape", "dtype"):
            have, want = getattr(given[name], what), getattr(wanted[name], what)
            if have != want:
                raise PackageError(f"{path}: '{name}' has the {what} {have}, but the architecture wants {want}")
