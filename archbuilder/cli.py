"""The command `archbuilder`: one function for each thing it does, and what it says when it cannot."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from archbuilder.console import fail
from archbuilder.errors import ArchbuilderError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; the exit code is 0 only when it worked."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    unknown = [word for word in rest if word.startswith("-") or options.command is not _show]
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    options.rest = rest  # what argparse does not take up where an option stands between models and overrides
    try:
        options.command(options)
    except ArchbuilderError as error:
        if options.debug:
            raise
        fail(error)
    except BrokenPipeError:
        # The reader, `head` for one, has seen enough.
        sys.stderr.close()
    except OSError as error:
        if options.debug:
            raise
        fail(ArchbuilderError(f"{error.filename or 'the file system'}: {error.strerror or error}"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="archbuilder", description=__doc__.split(":")[0] if __doc__ else None)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _add_show(commands.add_parser("show", help="what a network is and costs, layer by layer, before it exists"))

    models = commands.add_parser("models", help="names of the shipped models")
    models.set_defaults(command=_models)

    compare = commands.add_parser("compare", help="accuracy against parameters of all runs below some folders")
    compare.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    compare.add_argument(
        "--to", type=Path, default=Path(), help="folder for comparison.csv, .md and .png (default: here)"
    )
    compare.add_argument("--split", default="val", help="which split's accuracy (default: val, the held-out images)")
    compare.set_defaults(command=_compare)

    export = commands.add_parser("export", help="package a finished run")
    export.add_argument("run", type=Path, metavar="RUN", help="the folder of a finished run")
    export.add_argument("--to", type=Path, required=True, metavar="ZOO", help="the folder that gets the package")
    export.add_argument("--name", default="", help="the package's name (default: network, data and seed)")
    export.set_defaults(command=_export)
    return parser


def _add_show(show: argparse.ArgumentParser) -> None:
    show.add_argument(
        "words",
        nargs="+",
        metavar="MODEL | OVERRIDE",
        help="shipped models' names or YAML files, of which several are shown side by side; and what holds for all "
        "of them, such as model.stages.stage2.ratio=2 or ~model.stages.stage3",
    )
    show.add_argument("--depth", type=_depth, metavar="N", help="fold what lies deeper than N levels")
    how = show.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print JSON")
    how.add_argument("--draw", type=Path, metavar="FILE", help="write a diagram: .svg, .html or .mmd (Mermaid)")
    show.set_defaults(command=_show)


def _depth(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of levels, 1 or more")
    return int(text)


def _show(options: argparse.Namespace) -> None:
    from archbuilder.show.command import show

    show([*options.words, *options.rest], depth=options.depth, as_json=options.json, to=options.draw)


def _models(options: argparse.Namespace) -> None:
    from archbuilder.api import models

    print("\n".join(models()))


def _compare(options: argparse.Namespace) -> None:
    from archbuilder.compare import compare

    compare(options.folders, to=options.to, split=options.split).print()


def _export(options: argparse.Namespace) -> None:
    from archbuilder.zoo.package import export

    print(f"packaged as {export(options.run, options.to, options.name)}")
