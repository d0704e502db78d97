"""The command `archbuilder`: one function for each thing it does, and what it says when it cannot."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archbuilder.console import fail
from archbuilder.errors import ArchbuilderError, ConfigError
from archbuilder.options import add_comparison, comparison
from archbuilder.zoo.cli import add_zoo

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""
DEBUG = "show the traceback of an error"


class _Command(argparse.ArgumentParser):
    """A command, of a command or not: what may stand behind each of them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Kept as it is where it is not said again behind the command.
        self.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=DEBUG)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; the exit code is 0 only when it worked."""
    options = _parse(arguments)
    try:
        options.command(options)
    except ArchbuilderError as error:
        if options.debug:
            raise
        fail(error)
    except KeyboardInterrupt:
        if options.debug:
            raise
        print("interrupted", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        # The reader, `head` for one, has seen enough.
        sys.stderr.close()
    except OSError as error:
        if options.debug:
            raise
        fail(ArchbuilderError(f"{error.filename or 'the file system'}: {error.strerror or error}"))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options; overrides may stand behind `--options` as well, which argparse alone would not take."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and (not hasattr(options, "overrides") or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        options.overrides = [*options.overrides, *rest]
    return options


def _parser() -> argparse.ArgumentParser:
    described = "Look at networks, their runs and packages. What trains them is python -m archbuilder.train."
    parser = argparse.ArgumentParser(prog="archbuilder", description=described)
    parser.add_argument("--debug", action="store_true", help=DEBUG)
    # Their own commands are of the same class.
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Command)

    show = commands.add_parser("show", help="what a network is and costs, layer by layer, before it exists")
    _add_show(show)

    models = commands.add_parser("models", help="names of the shipped models")
    models.set_defaults(command=_models)

    blocks = commands.add_parser("blocks", help="the blocks that a layer may be, or everything about one")
    blocks.add_argument("name", nargs="?", metavar="NAME", help="one of them")
    blocks.set_defaults(command=_blocks)

    schema = commands.add_parser("schema", help="JSON Schema of models and blocks, for completion in editors")
    schema.add_argument("--to", type=Path, metavar="FILE", help="write it there (default: print it)")
    schema.set_defaults(command=_schema)

    compare = commands.add_parser("compare", help="accuracy against parameters of all runs below some folders")
    compare.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    add_comparison(compare)
    compare.set_defaults(command=_compare)

    sweep = commands.add_parser("sweep", help="look at a sweep").add_subparsers(required=True, metavar="WHAT")
    status = sweep.add_parser("status", help="how many runs are finished, running, failed, and the time left")
    status.add_argument("folder", type=Path, metavar="DIR", help="the sweep's folder, below runs/")
    status.add_argument("--watch", action="store_true", help="go on until the sweep is over")
    status.set_defaults(command=_sweep_status)

    data = commands.add_parser("data", help="look at what is trained on").add_subparsers(required=True, metavar="WHAT")
    preview = data.add_parser("preview", help="picture of some images, and of what each augmentation makes of them")
    preview.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="such as data=cifar10 augment.cutout=8")
    preview.add_argument("--to", type=Path, default=Path("preview.png"), metavar="FILE", help="default: preview.png")
    preview.set_defaults(command=_preview)

    evaluate = commands.add_parser("eval", help="accuracy, classes, confusions and calibration of a finished network")
    evaluate.add_argument("subject", type=Path, metavar="RUN|PACKAGE", help="the folder of either")
    evaluate.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="data, as in data=cifar10 data.root=DIR")
    evaluate.add_argument("--split", default="val", help="which images (default: val, the held-out ones)")
    evaluate.add_argument("--flips", action="store_true", help="the accuracy of logits averaged with mirror images too")
    evaluate.add_argument("--to", type=Path, metavar="DIR", help="write evaluation.json, .md and confusion.png there")
    evaluate.add_argument("--json", action="store_true", help="print JSON")
    evaluate.add_argument("--batch-size", type=int, metavar="N", help="images at once (default: 512)")
    evaluate.add_argument("--device", default="auto", help="cpu, cuda, ... (default: auto, the fastest there is)")
    evaluate.add_argument("--config-dir", metavar="DIR", help="a folder with choices of data (data/) of your own")
    evaluate.set_defaults(command=_evaluate)

    license = "SPDX identifier such as Apache-2.0 (default: none is stated)"
    export = commands.add_parser("export", help="package a finished run")
    export.add_argument("run", type=Path, metavar="RUN", help="the folder of a finished run")
    export.add_argument("--to", type=Path, required=True, metavar="ZOO", help="the folder that gets the package")
    export.add_argument("--name", default="", help="the package's name (default: network, data and seed)")
    export.add_argument("--force", action="store_true", help="replace a package of that name")
    export.add_argument("--license", metavar="ID", help=license)
    export.add_argument("--int8", action="store_true", help="add it in 8 bits, calibrated on training images")
    export.add_argument("--pt2", action="store_true", help="add it as a program for torch.export.load")
    export.add_argument("--sign", type=Path, metavar="KEY", help="sign it with a private key (PEM)")
    export.add_argument(
        "--data",
        nargs="+",
        default=(),
        metavar="OVERRIDE",
        help="where the images of the training lie by now, as in data.root=DIR",
    )
    export.set_defaults(command=_export)

    foreign = commands.add_parser("import", help="package a model with the weights of torchvision or timm")
    foreign.add_argument("model", metavar="MODEL", help="a shipped model's name, or a YAML file")
    foreign.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="such as model.input=[3,240,240]")
    foreign.add_argument(
        "--from",
        required=True,
        dest="source",
        metavar="SOURCE",
        help="such as torchvision:ResNet50_Weights.IMAGENET1K_V2",
    )
    foreign.add_argument("--to", type=Path, required=True, metavar="ZOO", help="the folder that gets the package")
    foreign.add_argument("--name", default="", help="the package's name (default: network and weights)")
    foreign.add_argument("--force", action="store_true", help="replace a package of that name")
    foreign.add_argument("--license", metavar="ID", help=license)
    foreign.set_defaults(command=_import)

    predict = commands.add_parser("predict", help="what a packaged network sees in pictures")
    predict.add_argument("package", type=Path, metavar="PACKAGE", help="the folder of a package")
    predict.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="a file: PNG, JPEG, WebP, TIFF, ...")
    predict.add_argument("--top", type=_at_least_one, default=5, metavar="N", help="how many classes (default: 5)")
    predict.add_argument("--json", action="store_true", help="print JSON, a list with an object for each image")
    predict.add_argument("--device", default="auto", help="cpu, cuda, ... (default: auto, the fastest there is)")
    predict.set_defaults(command=_predict)

    zoo = commands.add_parser("zoo", help="list, check, compare, sign, push and pull packages")
    add_zoo(zoo)

    for command in (show, models, blocks, schema, foreign):
        own = "a folder with networks (model/) and blocks (block/) of your own, before the shipped ones"
        command.add_argument("--config-dir", metavar="DIR", help=own)
    own = "a folder with data/ and augment/ of your own, beside the shipped ones"
    preview.add_argument("--config-dir", metavar="DIR", help=own)
    return parser


def _add_show(show: argparse.ArgumentParser) -> None:
    show.add_argument(
        "overrides",
        nargs="+",
        metavar="MODEL | OVERRIDE",
        help="shipped models' names or YAML files, of which several are shown side by side; and what holds for all "
        "of them, such as model.stages.stage2.ratio=2 or ~model.stages.stage3",
    )
    show.add_argument(
        "--depth",
        type=_depth,
        metavar="N",
        help="fold what lies deeper than N levels, in a tree (0: the total alone) or a diagram",
    )
    how = show.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print JSON: an object, or a list of them for several models")
    how.add_argument("--draw", type=Path, metavar="FILE", help="write a diagram: .svg, .html or .mmd (Mermaid)")
    show.set_defaults(command=_show)


def _depth(text: str) -> int:
    if not text.isdecimal() or int(text) > 1000:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of levels, 0 to 1000")
    return int(text)


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of classes, 1 or more")
    return int(text)


def _show(options: argparse.Namespace) -> None:
    from archbuilder.show.command import show

    show(options.overrides, options.config_dir, depth=options.depth, as_json=options.json, to=options.draw)


def _models(options: argparse.Namespace) -> None:
    from archbuilder.api import models

    print("\n".join(models(options.config_dir)))


def _blocks(options: argparse.Namespace) -> None:
    from archbuilder.language.reference import listing, page
    from archbuilder.language.source import library

    blocks = library(config_dir=options.config_dir)
    print(page(options.name, blocks) if options.name else listing(blocks))


def _schema(options: argparse.Namespace) -> None:
    from archbuilder.files import write_text
    from archbuilder.language.schema import schema
    from archbuilder.language.source import library

    if options.to is not None and options.to.is_dir():
        raise ConfigError(
            "--to", f"{options.to} is a folder; name a file in it: {options.to / 'archbuilder.schema.json'}"
        )
    text = json.dumps(schema(library(config_dir=options.config_dir)), indent=1)
    if options.to is None:
        print(text)
        return
    write_text(options.to, text + "\n")
    print(f"written to {options.to}; a YAML file names it in a line: # yaml-language-server: $schema=(path from there)")


def _compare(options: argparse.Namespace) -> None:
    from archbuilder.compare import compare

    with _uncollected():
        compare(options.folders, **comparison(options)).print()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no cycles among objects meanwhile: records are many without any, and it takes a fifth of the time."""
    import gc

    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _sweep_status(options: argparse.Namespace) -> None:
    from archbuilder.sweep.status import status

    status(options.folder, options.watch)


def _preview(options: argparse.Namespace) -> None:
    from archbuilder.data.preview import preview, settings
    from archbuilder.files import write_bytes
    from archbuilder.training.entry import errors_for_people

    if options.to.is_dir():
        raise ConfigError("--to", f"{options.to} is a folder; name a file in it: {options.to / 'preview.png'}")
    with errors_for_people():
        config = settings(options.overrides, options.config_dir)
    write_bytes(options.to, preview(config))
    print(f"drawn in {options.to}")


def _evaluate(options: argparse.Namespace) -> None:
    from archbuilder.evaluation import BATCH, evaluate

    result = evaluate(
        options.subject,
        options.overrides,
        split=options.split,
        flips=options.flips,
        batch_size=BATCH if options.batch_size is None else options.batch_size,
        device=options.device,
        config_dir=options.config_dir,
    )
    written = result.write(options.to) if options.to else ()
    if options.json:
        print(json.dumps(result.to_json(), indent=1))
        return
    result.print()
    for path in written:
        print(f"wrote {path}")


def _export(options: argparse.Namespace) -> None:
    from archbuilder.zoo.export import export, made

    path = export(
        options.run,
        options.to,
        options.name,
        license=options.license,
        int8=options.int8,
        pt2=options.pt2,
        data=options.data,
        key=options.sign,
        force=options.force,
    )
    print(*made(path), f"packaged as {path}", sep="\n")
    _tell_license(options.license)


def _tell_license(stated: str | None) -> None:
    from archbuilder.zoo.license import UNSTATED

    if stated is None:
        print(UNSTATED)


def _import(options: argparse.Namespace) -> None:
    from archbuilder.compare.words import at_most
    from archbuilder.zoo.files import METADATA_FILE
    from archbuilder.zoo.foreign import import_weights

    path = import_weights(
        options.model,
        options.source,
        options.to,
        options.name,
        options.overrides,
        config_dir=options.config_dir,
        license=options.license,
        force=options.force,
    )
    metadata = json.loads((path / METADATA_FILE).read_text(encoding="utf-8"))
    source, compared = metadata["origin"]["source"], metadata["comparison"]
    difference, largest = compared["largest_difference"], compared["largest_output"]
    print(
        f"packaged as {path}; logits up to {largest:.3g} differ from those of {source} by {at_most(difference)} at most"
    )
    _tell_license(options.license)


def _predict(options: argparse.Namespace) -> None:
    from archbuilder.evaluation.logits import pick_device
    from archbuilder.show.text import printable
    from archbuilder.zoo.package import load_package
    from archbuilder.zoo.predict import Prediction, predict, print_predictions

    net = load_package(options.package).to(pick_device(options.device))
    found = predict(net, options.images, options.top)
    if options.json:
        print(json.dumps([each.to_json() for each in found], indent=1))
    else:
        print_predictions([each for each in found if isinstance(each, Prediction)])
    refused = [each for each in found if not isinstance(each, Prediction)]
    for each in refused:
        print(f"error: {printable(each.error)}", file=sys.stderr)
    if refused:
        raise SystemExit(1)
