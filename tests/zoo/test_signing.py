"""A signature shows who vouches for exactly these files; it is made and checked with a pair of keys, offline."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import archbuilder
from archbuilder.cli import main
from archbuilder.errors import PackageError
from archbuilder.zoo.files import write_manifest
from archbuilder.zoo.making import remove_leftovers
from archbuilder.zoo.signing import check_signature, sign


def pair(folder: Path, name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None) -> list[Path]:
    """Write a pair of keys, and return the paths of the private and the public one."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    paths = [folder / f"{name}.pem", folder / f"{name}.pub"]
    paths[0].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public = key.public_key()
    paths[1].write_bytes(
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return paths


@pytest.fixture
def keys(tmp_path: Path) -> list[Path]:
    return pair(tmp_path, "mine")


def test_a_signed_package_is_whole_and_bears_the_signature(
    package: Path, keys: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object) -> None:
        raise AssertionError("a connection is opened")

    monkeypatch.setattr(socket.socket, "connect", offline)
    assert sign(package, keys[0]) == package / "model.sig"
    check_signature(package, keys[1])
    assert archbuilder.load(package).labels
    assert [path.name for path in package.parent.iterdir()] == [package.name]


def test_an_export_may_be_signed_at_once(run: Path, keys: list[Path], tmp_path: Path) -> None:
    main(["export", str(run), "--to", str(tmp_path / "zoo"), "--name", "mine", "--sign", str(keys[0])])
    check_signature(tmp_path / "zoo" / "mine", keys[1])
    with pytest.raises(SystemExit):
        main(["export", str(run), "--to", str(tmp_path / "zoo"), "--name", "other", "--sign", str(keys[1])])
    assert [path.name for path in (tmp_path / "zoo").iterdir()] == ["mine"]


def test_a_signature_is_replaced_where_that_is_asked_for(package: Path, keys: list[Path], tmp_path: Path) -> None:
    old = pair(tmp_path, "old")
    sign(package, old[0])
    with pytest.raises(SystemExit):
        main(["zoo", "sign", str(package), "--key", str(keys[0])])
    check_signature(package, old[1])
    main(["zoo", "sign", str(package), "--key", str(keys[0]), "--force"])
    check_signature(package, keys[1])


def signing(package: Path, key: Path) -> None:
    """Sign, and die before the signature gets its name."""
    os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    sign(package, key)


def test_what_a_killed_signing_left_is_removed(package: Path, keys: list[Path]) -> None:
    process = multiprocessing.get_context("fork").Process(target=signing, args=(package, keys[0]))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert len(list(package.parent.iterdir())) > 1
    remove_leftovers(package.parent)
    assert [path.name for path in package.parent.iterdir()] == [package.name]
    assert archbuilder.load(package).labels


def test_another_key_did_not_sign(package: Path, keys: list[Path], tmp_path: Path) -> None:
    sign(package, keys[0])
    with pytest.raises(PackageError, match=r"model\.sig: is no signature of these files by that key"):
        check_signature(package, pair(tmp_path, "other")[1])


def test_other_files_were_not_signed(package: Path, keys: list[Path]) -> None:
    sign(package, keys[0])
    (package / "README.md").write_text("trust me")
    write_manifest(package)
    with pytest.raises(PackageError, match="is no signature of these files"):
        check_signature(package, keys[1])


def test_a_signature_that_leaves_files_out_is_none(package: Path, keys: list[Path], tmp_path: Path) -> None:
    # As the tool itself makes one on request: the holder of the key signed, but not all.
    made = tmp_path / "model.sig"
    model_signing("sign", "key", package, "--signature", made, "--private_key", keys[0], "--ignore-paths",
                  package / "weights.safetensors")  # fmt: skip
    shutil.copy(made, package / "model.sig")
    with pytest.raises(PackageError, match="does not sign all files"):
        check_signature(package, keys[1])


def test_the_tool_itself_accepts_the_signature_and_we_accept_its(package: Path, keys: list[Path]) -> None:
    path = sign(package, keys[0])
    model_signing("verify", "key", package, "--signature", path, "--public_key", keys[1], "--ignore-paths", path)
    path.unlink()
    model_signing("sign", "key", package, "--signature", path, "--private_key", keys[0])
    check_signature(package, keys[1])


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 10**5, b"\xff", b'{"verificationMaterial": {}}', b"1" * 2**21])
def test_what_is_no_signature_is_told(package: Path, keys: list[Path], content: bytes) -> None:
    (package / "model.sig").write_bytes(content)
    with pytest.raises(PackageError, match=r"model\.sig: "):
        check_signature(package, keys[1])


@pytest.mark.parametrize("field", ["payload", "payloadType", "signatures"])
def test_a_changed_signature_is_none(package: Path, keys: list[Path], field: str) -> None:
    path = sign(package, keys[0])
    told = json.loads(path.read_text())
    told["dsseEnvelope"][field] = [] if field == "signatures" else "e30="
    path.write_text(json.dumps(told))
    with pytest.raises(PackageError, match="is no signature"):
        check_signature(package, keys[1])


def test_a_missing_signature_is_told(package: Path, keys: list[Path]) -> None:
    with pytest.raises(PackageError, match="nobody vouches"):
        check_signature(package, keys[1])


def test_what_is_no_key_is_told_and_leaves_nothing(package: Path, keys: list[Path], tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    wrong = pair(tmp_path, "rsa", rsa.generate_private_key(65537, 2048))
    for key, telling in (
        (tmp_path / "nothing.pem", r"nothing\.pem: this key cannot be read \(No such file"),
        (tmp_path, "this key cannot be read"),
        (tmp_path / "empty.pem", "is no private key of an elliptic curve in PEM"),
        (keys[1], "is no private key of an elliptic curve in PEM"),
        (wrong[0], "is no private key of an elliptic curve, but of another kind, such as RSA"),
        (pair(tmp_path, "curve", ec.generate_private_key(ec.SECP256K1()))[0], "Unsupported key for curve"),
        (encrypted(tmp_path / "secret.pem"), r"this key is encrypted; openssl ec -in .*secret\.pem -out plain\.pem"),
    ):
        with pytest.raises(PackageError, match=telling):
            sign(package, key)
    assert not (package / "model.sig").exists()
    sign(package, keys[0])
    for key, telling in (
        (tmp_path / "nothing.pub", "this key cannot be read"),
        (tmp_path / "empty.pem", "is no public key of an elliptic curve in PEM"),
        (keys[0], "is no public key of an elliptic curve in PEM"),
        (wrong[1], "is no public key of an elliptic curve, but of another kind"),
    ):
        with pytest.raises(PackageError, match=telling):
            check_signature(package, key)


def encrypted(path: Path) -> Path:
    """Write a private key that a password protects."""
    how = serialization.BestAvailableEncryption(b"secret")
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))
    return path


def test_a_damaged_package_is_not_signed(package: Path, keys: list[Path]) -> None:
    (package / "README.md").write_text("other")
    with pytest.raises(PackageError, match="damaged"):
        sign(package, keys[0])


def test_signing_and_verifying_from_the_command_line(
    package: Path, keys: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["zoo", "sign", str(package), "--key", str(keys[0])])
    main(["zoo", "verify", str(package), "--key", str(keys[1])])
    assert "signature: all files are signed" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["zoo", "verify", str(package), "--key", str(pair(tmp_path, "other")[1])])
    assert "FAILED     signature" in capsys.readouterr().out


def model_signing(*words: object) -> None:
    """Run the OpenSSF tool as its own process."""
    done = subprocess.run(
        [sys.executable, "-m", "model_signing", *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_never_read_is_not_signed(package: Path, keys: list[Path]) -> None:
    (package / ".git" / "hooks").mkdir(parents=True)
    (package / ".git" / "HEAD").write_text("ref: refs/heads/main")
    sign(package, keys[0])
    check_signature(package, keys[1])
    (package / ".git" / "HEAD").write_text("ref: refs/heads/other")
    (package / ".gitattributes").write_text("*.safetensors filter=lfs")
    check_signature(package, keys[1])
    shutil.rmtree(package / ".git")
    check_signature(package, keys[1])
