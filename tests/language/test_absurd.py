"""What is absurdly large is refused within about a second and in bounded memory, in words that fit on a screen."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.language import absurd

EXPECTED = {name: told for cases in (absurd.CASES, absurd.OVERRIDES) for name, (_, told) in cases.items()}


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, Any]]:
    """Return what became of every case in one process that may take half a gigabyte."""
    command = [sys.executable, "-m", "tests.language.absurd"]
    found = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert found.returncode == 0, found.stderr[-2000:]
    results = [json.loads(line) for line in found.stdout.splitlines()]
    return {result["name"]: result for result in results}


@pytest.mark.parametrize("name", EXPECTED)
def test_refused_at_once(measured: dict[str, dict[str, Any]], name: str) -> None:
    result = measured[name]
    assert re.search(EXPECTED[name], result["told"]), result["told"][:500]
    assert result["refused"], result["told"][:500]
    assert len(result["told"]) < 5000
    # On a quiet machine the slowest takes 0.7 s.
    assert result["seconds"] < 5
