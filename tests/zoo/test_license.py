"""A license is an identifier of SPDX, or `other`."""

from __future__ import annotations

import pytest

from archbuilder.errors import PackageError
from archbuilder.zoo.license import license_id


@pytest.mark.parametrize(
    ("given", "stated"),
    [("MIT", "MIT"), ("apache-2.0", "Apache-2.0"), ("cc-by-4.0", "CC-BY-4.0"), ("other", "other"), ("Other", "other")],
)
def test_identifiers_are_written_as_spdx_writes_them(given: str, stated: str) -> None:
    assert license_id(given) == stated


@pytest.mark.parametrize("given", ["", " ", "apache", "MIT OR Apache-2.0", "LicenseRef-mine", "my own"])
def test_anything_else_is_refused_with_examples(given: str) -> None:
    with pytest.raises(PackageError, match=r"is no identifier of https://spdx\.org/licenses; use one"):
        license_id(given)
