"""The picture of a comparison: curves where networks had several equal budgets, otherwise points."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

from archbuilder.compare.axes import PARAMS, Axis
from archbuilder.compare.budgets import Budgets
from archbuilder.compare.curves import curves, has_curves
from archbuilder.compare.frame import DPI, SIZE
from archbuilder.compare.scatter import scatter
from archbuilder.compare.table import Row


class Pictures(NamedTuple):
    """One picture in two formats."""

    png: bytes
    svg: bytes


def draw(table: Sequence[Row], x: Axis = PARAMS, together: bool = False, budgets: Budgets | None = None) -> Pictures:
    """Return pictures of 8 x 5 inches, the PNG at 150 dpi: each row's mean accuracy (%) against a cost.

    Where `curves.has_curves`, each network is a curve through its budgets. Otherwise rows are points, with a front
    for each set of comparable ones, or for all of them `together`. There must be at least one row.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=DPI)
    # An engine's own margin is three hundredths of an inch, which puts text at the very edge.
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.08)
    FigureCanvasAgg(figure)
    if budgets is not None and has_curves(budgets, table, x):
        curves(figure, budgets, x)
    else:
        scatter(figure, table, x, together)
    png, svg = io.BytesIO(), io.BytesIO()
    figure.savefig(png, format="png", dpi=DPI)
    # The same bytes for the same table: no date, no random names; text stays text.
    with rc_context({"svg.hashsalt": "archbuilder", "svg.fonttype": "none"}):
        figure.savefig(svg, format="svg", metadata={"Date": None})
    return Pictures(png.getvalue(), svg.getvalue())
