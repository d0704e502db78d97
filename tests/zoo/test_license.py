"""A license is an identifier of SPDX, which the Hub may call otherwise."""

from __future__ import annotations

import pytest

from archbuilder.errors import PackageError
from archbuilder.zoo.license import hub_license, license_id


@pytest.mark.parametrize(
    ("given", "stated"),
    [("MIT", "MIT"), ("apache-2.0", "Apache-2.0"), ("cc-by-4.0", "CC-BY-4.0"), ("gpl-3.0-ONLY", "GPL-3.0-only")],
)
def test_identifiers_are_written_as_spdx_writes_them(given: str, stated: str) -> None:
    assert license_id(given) == stated


@pytest.mark.parametrize("given", ["", " ", "apache", "MIT OR Apache-2.0", "LicenseRef-mine", "my own", "other"])
def test_anything_else_is_refused_with_examples(given: str) -> None:
    with pytest.raises(PackageError, match=r"is no identifier of https://spdx\.org/licenses; use one"):
        license_id(given)


@pytest.mark.parametrize(
    ("spdx", "hub"),
    [
        ("MIT", "mit"),
        ("GPL-3.0-only", "gpl-3.0"),
        ("AGPL-3.0-or-later", "agpl-3.0"),
        ("LGPL-2.1-or-later", "lgpl-2.1"),
        ("GFDL-1.3-no-invariants-only", "gfdl"),
        ("ODbL-1.0", "odbl"),
        ("BSD-3-Clause-Clear", "bsd-3-clause-clear"),
    ],
)
def test_the_hub_has_names_of_its_own(spdx: str, hub: str) -> None:
    assert license_id(spdx) == spdx
    assert hub_license(spdx) == {"license": hub}


@pytest.mark.parametrize("spdx", ["GPL-1.0-only", "BSD-4-Clause", "CC-BY-SA-2.0", "Zed"])
def test_what_the_hub_has_no_name_for_is_told_by_a_link(spdx: str) -> None:
    assert hub_license(license_id(spdx)) == {
        "license": "other",
        "license_name": spdx.lower(),
        "license_link": f"https://spdx.org/licenses/{spdx}.html",
    }
