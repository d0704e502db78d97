"""Where a run came from: versions, commit, device."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Any

import lightning
import torch

import archbuilder


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a result depends on."""
    # Each module's own word: torch's also says which build it is, 2.15.0+cu132.
    packages = {module.__name__: str(module.__version__) for module in (torch, lightning, archbuilder)}
    return {"python": platform.python_version(), **packages}


def git_state() -> dict[str, Any]:
    """Return the commit of archbuilder's own checkout and whether it was changed since; empty outside of one."""
    if _git("rev-parse", "--show-toplevel") != str(Path(archbuilder.__file__).resolve().parents[1]):
        return {}  # installed somewhere below another project's repository
    commit = _git("rev-parse", "HEAD")
    return {"commit": commit, "dirty": bool(_git("status", "--porcelain"))} if commit else {}


def _git(*arguments: str) -> str:
    folder = Path(__file__).resolve().parent
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def device_name(device: torch.device) -> str:
    """Return the device in words: the GPU's name, or the processor and the threads that torch uses."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        return f"cpu ({platform.machine()}, {torch.get_num_threads()} threads)"
    return str(device)
