"""The cost of a network as a table in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archbuilder.description import Description

if TYPE_CHECKING:
    from rich.table import Table


def cost_table(description: Description) -> Table:
    """Return the layers of a network with output shape, parameters, MACs and share of the parameters."""
    from rich.table import Table

    inputs = ", ".join(shape_text(shape) for shape in description.inputs.values())
    table = Table(title=f"{description.name}: {inputs}", title_justify="left", box=None, pad_edge=False)
    for heading in ("layer", "primitive", "output"):
        table.add_column(heading, no_wrap=True)
    for heading in ("params", "MACs", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    for layer in description.layers:
        share = f"{layer.params / description.params:.1%}" if layer.params else ""
        row = (layer.path, layer.op, shape_text(layer.shape), _count(layer.params), _count(layer.macs), share)
        table.add_row(*row)
    table.add_section()
    outputs = ", ".join(shape_text(shape) for shape in description.outputs)
    table.add_row("total", "", outputs, f"{description.params:,}", f"{description.macs:,}", "", style="bold")
    if description.inference_params != description.params:
        used = (
            "without auxiliary heads",
            "",
            "",
            f"{description.inference_params:,}",
            f"{description.inference_macs:,}",
        )
        table.add_row(*used, "")
    table.caption = f"most activation elements alive at once: {description.peak_activations:,} per image"
    table.caption_justify = "left"
    return table


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as people write it: 64x8x8."""
    return "x".join(str(side) for side in shape)


def _count(number: int) -> str:
    return f"{number:,}" if number else ""
