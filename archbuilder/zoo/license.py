"""The license of a package: named by whoever publishes it, never assumed."""

from __future__ import annotations

from archbuilder.errors import PackageError

OTHER = "other"
UNSTATED = "no license is stated, so nobody else may use the package; --license SPDX-ID states one"


def license_id(text: str) -> str:
    """Return the license that a text names as SPDX writes it, or `other`; raises PackageError where SPDX has none."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    if text.lower() == OTHER:
        return OTHER
    try:
        found = str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        found = ""
    if not found or " " in found or found.startswith("LicenseRef-"):
        raise PackageError(
            f"--license: '{text}' is no identifier of https://spdx.org/licenses; use one, such as Apache-2.0, MIT or "
            f"CC-BY-4.0, or {OTHER}"
        )
    return found
