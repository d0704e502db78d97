"""The command `archbuilder zoo`: one function for each thing it does with packages."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.options import add_comparison, comparison

if TYPE_CHECKING:
    from archbuilder.show.table import Page
    from archbuilder.zoo.verify import Check

KEY = "of an elliptic curve, in PEM, not encrypted"
WORDS = {True: "ok", False: "FAILED", None: "not tried"}


def add_zoo(zoo: argparse.ArgumentParser) -> None:
    """Add what the command takes to its parser."""
    commands = zoo.add_subparsers(required=True, metavar="WHAT")

    listing = commands.add_parser("list", help="table of the packages in a folder")
    listing.add_argument("zoo", type=Path, metavar="ZOO", help="the folder of packages")
    sorts = "the best or smallest first, by name (default), accuracy, params, macs or size"
    listing.add_argument("--sort", default="name", metavar="KEY", help=sorts)
    listing.add_argument("--split", default="", help="which split's accuracy (default: the first that there is)")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(command=_list)

    show = commands.add_parser("show", help="all that a package tells about itself")
    show.add_argument("package", type=Path, metavar="PACKAGE")
    show.add_argument("--json", action="store_true", help="print JSON: metadata, files, and whether it is signed")
    show.set_defaults(command=_show)

    diff = commands.add_parser("diff", help="what two packages do not share, layer by layer")
    diff.add_argument("first", type=Path, metavar="A")
    diff.add_argument("second", type=Path, metavar="B")
    diff.add_argument("--json", action="store_true", help="print JSON")
    diff.set_defaults(command=_diff)

    verify = commands.add_parser("verify", help="check that packages are what they say")
    verify.add_argument("package", type=Path, metavar="PACKAGE|ZOO")
    verify.add_argument(
        "--data", nargs="+", default=(), metavar="OVERRIDE", help="evaluate again, as in data=cifar10 data.root=DIR"
    )
    _add_key(verify)
    verify.add_argument("--json", action="store_true", help="print JSON")
    verify.add_argument("--config-dir", type=Path, metavar="DIR", help="a folder with choices of data of your own")
    verify.set_defaults(command=_verify)

    push = commands.add_parser("push", help="copy a package to a URL, verified before and after")
    push.add_argument("package", type=Path, metavar="PACKAGE")
    push.add_argument("url", metavar="URL", help="the package's own, such as s3://bucket/zoo/NAME or hf://user/NAME")
    push.add_argument("--force", action="store_true", help="replace a package that is there")
    push.set_defaults(command=_push)

    pull = commands.add_parser("pull", help="copy a package from a URL into a folder, verified")
    pull.add_argument("url", metavar="URL", help="the package's own")
    pull.add_argument("zoo", type=Path, metavar="ZOO", help="the folder that gets the package")
    pull.add_argument("--name", default="", help="the package's name (default: the last part of the URL)")
    pull.add_argument("--force", action="store_true", help="replace a package of that name")
    _add_key(pull)
    pull.set_defaults(command=_pull)

    sign = commands.add_parser("sign", help="sign a package with a private key, as OpenSSF model-signing does")
    sign.add_argument("package", type=Path, metavar="PACKAGE")
    sign.add_argument("--key", type=Path, required=True, metavar="PRIVATE.pem", help=KEY)
    sign.add_argument("--force", action="store_true", help="replace a signature that is there")
    sign.set_defaults(command=_sign)

    report = commands.add_parser("report", help="accuracy against parameters of the packages in a folder")
    report.add_argument("zoo", type=Path, metavar="ZOO", help="the folder of packages")
    add_comparison(report)
    report.set_defaults(command=_report)


def _add_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", type=Path, metavar="PUBLIC.pem", help=f"whose signature it must bear; {KEY}")


def _list(options: argparse.Namespace) -> None:
    from archbuilder.zoo.catalog import catalog_page, read_catalog, write_index

    catalog = read_catalog(options.zoo, options.split, options.sort)
    if options.json:
        print(json.dumps(catalog.to_json(), indent=1))
    else:
        _print([catalog_page(catalog)])
    if not options.split:
        write_index(options.zoo, catalog)


def _show(options: argparse.Namespace) -> None:
    from archbuilder.zoo.facts import read_facts
    from archbuilder.zoo.summary import summary_pages

    facts = read_facts(options.package)
    if options.json:
        told = {"metadata": facts.metadata, "files": facts.files, "signed": facts.signature is not None}
        print(json.dumps(told, indent=1))
    else:
        _print(summary_pages(facts))


def _diff(options: argparse.Namespace) -> None:
    from archbuilder.zoo.diff import diff, diff_notes, diff_pages

    found = diff(options.first, options.second)
    if options.json:
        print(json.dumps(found.to_json(), indent=1))
    else:
        _print(diff_pages(found))
        print(*diff_notes(found), sep="\n")


def _verify(options: argparse.Namespace) -> None:
    from archbuilder.zoo.catalog import some_packages
    from archbuilder.zoo.facts import UNCHECKED
    from archbuilder.zoo.files import SIGNATURE_FILE, is_package
    from archbuilder.zoo.verify import Check, verify

    found = {}
    for path in [options.package] if is_package(options.package) else some_packages(options.package):
        found[path] = verify(path, options.data, key=options.key, config_dir=options.config_dir)
        if options.key is None and (path / SIGNATURE_FILE).is_file():
            found[path].append(Check("signature", None, UNCHECKED))
        if not options.json:
            _print_checks(path, found[path])
    if options.json:
        print(json.dumps({str(path): [asdict(check) for check in checks] for path, checks in found.items()}, indent=1))
    if any(check.passed is False for checks in found.values() for check in checks):
        raise SystemExit(1)


def _print_checks(path: Path, checks: Iterable[Check]) -> None:
    from archbuilder.show.text import printable

    print(printable(str(path)))
    for check in checks:
        print(f"  {WORDS[check.passed]:<9}  {check.what}: {printable(check.told)}")


def _push(options: argparse.Namespace) -> None:
    from archbuilder.zoo.remote import check_lasting, push

    print(f"pushed to {push(options.package, check_lasting(options.url), options.force)}")


def _pull(options: argparse.Namespace) -> None:
    from archbuilder.zoo.remote import check_lasting, pull

    path = pull(check_lasting(options.url), options.zoo, options.name, force=options.force, key=options.key)
    print(f"pulled as {path}")


def _sign(options: argparse.Namespace) -> None:
    from archbuilder.zoo.signing import sign

    print(f"signed by {sign(options.package, options.key, options.force)}")


def _report(options: argparse.Namespace) -> None:
    from archbuilder.zoo.report import report

    report(options.zoo, **comparison(options)).print()


def _print(pages: Iterable[Page]) -> None:
    from archbuilder.show.table import print_page

    for place, page in enumerate(pages):
        if place:
            print()
        print_page(page)
