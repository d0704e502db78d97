"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_comparison(parser: argparse.ArgumentParser) -> None:
    """Add the options of a comparison."""
    parser.add_argument("--to", type=Path, default=Path(), help="folder for comparison.* (default: here)")
    parser.add_argument("--split", default="val", help="which split's accuracy (default: val, the held-out images)")
    parser.add_argument(
        "--also", metavar="SPLIT[=NAME]", help="a second split in a column of its own, as in --also 'test=test (JPEG)'"
    )
    parser.add_argument(
        "--x", default="params", metavar="COST", help="front over params (default), macs, images_per_second or latency"
    )
    parser.add_argument(
        "--weights", default="kept", help="raw, averaged, all, or kept (default: averaged where there are, else raw)"
    )
    parser.add_argument(
        "--together", action="store_true", help="one front, though data, recipe or epochs differ; the report says so"
    )


def comparison(options: argparse.Namespace) -> dict[str, Any]:
    """Return those options by the names that `compare` gives them."""
    return {name: getattr(options, name) for name in ("to", "split", "x", "weights", "together", "also")}
