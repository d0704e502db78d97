"""Compiling a network with torch, whole or block by block; its names stay as they are."""

from __future__ import annotations

import os
import shutil

import torch
from torch import nn

from archbuilder.assemble import Block
from archbuilder.errors import ConfigError


def compile_net(net: nn.Module, how: str) -> None:
    """Let torch compile `net` when it first runs: `whole`, its `blocks` one by one, or `none` of it.

    Blocks of the same structure share what was compiled, so deep networks of few kinds start sooner. In place, by
    `module.compile()`: a wrapper would change the names of the weights. Raises ConfigError at `compile` where there
    is no compiler.
    """
    if how == "none":
        return
    if not _compiler():
        raise ConfigError("compile", "torch needs a C++ compiler for it; install g++, or use compile=none")
    if how == "whole":
        net.compile()
        return
    parts = [net.get_submodule(node.name) for node in net.graph.nodes] if isinstance(net, Block) else [net]
    blocks = [part for part in parts if isinstance(part, Block)]
    # Torch gives up on a function that it has compiled 8 times. Here all blocks share the one that runs them, and each
    # kind of block is compiled for training and for evaluation.
    config = torch._dynamo.config
    config.recompile_limit = max(config.recompile_limit, 2 * len(blocks) + 8)
    for part in blocks or parts:
        part.compile()


def _compiler() -> str | None:
    return shutil.which(os.environ.get("CXX", "g++")) or shutil.which("clang++") or shutil.which("cl")


def compiled(net: nn.Module) -> list[str]:
    """Return the names of the modules that torch compiles when they run; the network itself is ""."""
    return [name for name, module in net.named_modules() if module._compiled_call_impl is not None]
