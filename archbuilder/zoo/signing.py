"""Signatures of packages: who vouches for one, by the OpenSSF model-signing format and a pair of keys, offline."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from archbuilder.errors import PackageError
from archbuilder.zoo.files import IGNORED, MANIFEST_FILE, SIGNATURE_FILE, check_files
from archbuilder.zoo.making import hidden

LARGEST = 2**20
"""Of a signature, in bytes: it tells one hash for each file."""


def sign(package: Path, key: Path, force: bool = False) -> Path:
    """Sign all files of a package with a private key, and return the signature's path.

    The key is that of an elliptic curve (P-256, P-384 or P-521) in PEM, not encrypted. Raises PackageError for a
    package that is not whole, for no such key, and where there is a signature, unless `force` replaces it.
    """
    signer, hashing = check_key(key), _library()[1]
    check_files(package)
    path = package / SIGNATURE_FILE
    if path.exists() and not force:
        raise PackageError(f"{path}: the package is signed already; --force replaces that signature")
    # Beside the package: in it, what a kill leaves behind would make it one that is not whole.
    with hidden(package.resolve().parent, package.resolve().name) as folder:
        made = folder / SIGNATURE_FILE
        signer.set_hashing_config(_hashing(hashing)).sign(package, made)
        made.chmod(0o644)
        os.replace(made, path)
    return path


def check_key(key: Path) -> Any:
    """Return what signs with a private key; raises PackageError where it is none, or signing is not installed."""
    signing = _library()[0].signing.Config()
    return _loaded(key, "private", lambda: signing.use_elliptic_key_signer(private_key=key))


def check_public_key(key: Path) -> Any:
    """Return what verifies with a public key; raises PackageError where it is none, or signing is not installed."""
    verifying = _library()[0].verifying.Config()
    return _loaded(key, "public", lambda: verifying.use_elliptic_key_verifier(public_key=key))


def _loaded(key: Path, kind: str, load: Callable[[], Any]) -> Any:
    """Return what the library makes of a key, or raise what it says of one that is not fit in our words."""
    try:
        return load()
    except OSError as error:
        raise PackageError(f"{key}: this key cannot be read ({error.strerror})") from None
    except TypeError:
        raise PackageError(
            f"{key}: this key is encrypted; openssl ec -in {key} -out plain.pem writes one that is not"
        ) from None
    except AttributeError:  # which has no curve
        raise PackageError(f"{key}: is no {kind} key of an elliptic curve, but of another kind, such as RSA") from None
    except ValueError as error:
        raise PackageError(f"{key}: is no {kind} key of an elliptic curve in PEM ({_words(error)})") from None


def check_signature(package: Path, key: Path) -> None:
    """Check that the holder of a public key's private half signed exactly the files of this package.

    Raises PackageError, also where there is no signature.
    """
    verifier, hashing = check_public_key(key), _library()[1]
    files = check_files(package)
    path = package / SIGNATURE_FILE
    if not path.is_file():
        raise PackageError(f"{path}: is missing, so nobody vouches for this package")
    if path.stat().st_size > LARGEST:
        raise PackageError(f"{path}: larger than {LARGEST:,} bytes")
    try:
        verifier.set_hashing_config(_hashing(hashing)).verify(package, path)
        signed = _signed(path)
    except Exception as error:  # the library raises what it meets in a signature that is none
        raise PackageError(f"{path}: is no signature of these files by that key ({_words(error)})") from None
    # A signature may itself say that it leaves files out.
    if signed != {MANIFEST_FILE, *files}:
        raise PackageError(f"{path}: does not sign all files of the package")


def _signed(path: Path) -> set[str]:
    """Return the names of the files that a signature, which was verified, tells of."""
    envelope = json.loads(path.read_text(encoding="utf-8"))["dsseEnvelope"]
    statement = json.loads(base64.b64decode(envelope["payload"]))
    return {resource["name"] for resource in statement["predicate"]["resources"]}


def _hashing(hashing: Any) -> Any:
    """Return how files are hashed: every one but the signature and what is never read, whatever its name."""
    return hashing.Config().set_ignored_paths(paths=[SIGNATURE_FILE, *IGNORED], ignore_git_paths=False)


def _library() -> tuple[Any, Any]:
    try:
        import model_signing
        from model_signing import hashing
    except ImportError:
        raise PackageError('signatures need the model-signing library; pip install "archbuilder[signing]"') from None
    return model_signing, hashing


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
