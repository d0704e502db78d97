"""How commands end badly: one paragraph on standard error, exit code 1."""

from __future__ import annotations

import sys
from typing import NoReturn

from archbuilder.errors import ArchbuilderError


def fail(error: ArchbuilderError) -> NoReturn:
    """Print what is wrong and end the process with exit code 1."""
    print(f"error: {error}", file=sys.stderr)
    raise SystemExit(1)
