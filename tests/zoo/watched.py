"""Loads packages while everything that Python does is watched; what came of each is printed as JSON.

python -m tests.zoo.watched GOOD FOLDER: GOOD is loaded first, so that all modules are there; then each folder in
FOLDER, with the memory of the process limited to 1 GiB more than it has by then.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from archbuilder.errors import PackageError
from archbuilder.primitives.plugins import names
from archbuilder.zoo.package import load_package

LISTING = ("os.listdir", "os.scandir")
HARMLESS = ("builtins.id", "_thread.start_new_thread")


class Watch:
    """What happens while the folder `allowed` is loaded, but for reading what lies in it; nothing where it is None."""

    def __init__(self) -> None:
        self.allowed: Path | None = None
        self.seen: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.allowed is None or event in HARMLESS:
            return
        folder = str(self.allowed)
        reads = event == "open" and arguments[1] in ("r", "rb") and str(arguments[0]).startswith(f"{folder}/")
        if not reads and not (event in LISTING and str(arguments[0]) == folder):
            self.seen.append(f"{event} {arguments!r:.200}")


def outcome(path: Path, watch: Watch) -> dict[str, Any]:
    """Load a package; return what came of it, what happened meanwhile, and the seconds of work that it took."""
    watch.seen, watch.allowed = [], path
    start = time.process_time()
    kind, message = "loaded", ""
    try:
        load_package(path)
    except PackageError as error:
        kind, message = "refused", str(error)
    except Exception as error:
        kind, message = type(error).__name__, str(error)
    seconds = time.process_time() - start
    watch.allowed = None
    return {"kind": kind, "message": message, "seconds": seconds, "events": watch.seen}


def main() -> None:
    """Load all folders and print the outcomes by name."""
    good, cases = map(Path, sys.argv[1:])
    watch = Watch()
    outcome(good, watch)
    names()  # what other packages bring is asked for once, and not before a primitive is unknown
    sys.addaudithook(watch)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 2**30, resource.RLIM_INFINITY))
    print(json.dumps({path.name: outcome(path, watch) for path in sorted(cases.iterdir())}))


if __name__ == "__main__":
    main()
