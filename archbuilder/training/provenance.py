"""Where a run came from: versions, commit, device."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a result depends on."""
    packages = {name: version(name) for name in ("lightning", "archbuilder")}
    # torch's own word also says which build it is: 2.15.0+cu132.
    return {"python": platform.python_version(), "torch": str(torch.__version__), **packages}


def git_state() -> dict[str, Any]:
    """Return the commit of archbuilder's own checkout and whether it was changed since; empty outside of one."""
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
