"""The license of a package: named by whoever publishes it, never assumed."""

from __future__ import annotations

import re

from archbuilder.errors import PackageError

UNSTATED = "no license is stated, so nobody else may use the package; --license SPDX-ID states one"
HUB = {
    "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear",
    "bsl-1.0", "c-uda", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0",
    "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0",
    "cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0",
    "cdla-sharing-1.0", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "gfdl", "gpl-2.0", "gpl-3.0", "isc",
    "lgpl-2.1", "lgpl-3.0", "lppl-1.3c", "mit", "mpl-2.0", "ms-pl", "ncsa", "odbl", "odc-by", "ofl-1.1", "osl-3.0",
    "pddl", "postgresql", "unlicense", "wtfpl", "zlib",
}  # fmt: skip
"""What the Hub calls the licenses of SPDX that it knows: https://huggingface.co/docs/hub/repositories-licenses."""
_FAMILY = re.compile(r"(c-uda|gfdl|odbl|odc-by|pddl)-[\d.]+(-(no-)?invariants)?")
"""Of which the Hub has one name for all versions."""


def license_id(text: str) -> str:
    """Return the license that a text names as SPDX writes it; raises PackageError where SPDX has none."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        found = str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        found = ""
    if not found or " " in found or found.startswith("LicenseRef-"):
        raise PackageError(
            f"--license: '{text}' is no identifier of https://spdx.org/licenses; use one, such as Apache-2.0, MIT or "
            "CC-BY-4.0"
        )
    return found


def hub_license(spdx: str) -> dict[str, str]:
    """Return how the front matter of a card on the Hub names a license of SPDX, by a link where the Hub has no name."""
    name = re.sub("-(only|or-later)$", "", spdx.lower())
    family = _FAMILY.fullmatch(name)
    name = family[1] if family else name
    if name in HUB:
        return {"license": name}
    return {
        "license": "other",
        "license_name": spdx.lower(),
        "license_link": f"https://spdx.org/licenses/{spdx}.html",
    }
