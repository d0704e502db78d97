"""A package arrives at another place as it was, or not at all; nothing there decides what is written here."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from archbuilder.cli import main
from archbuilder.errors import PackageError
from archbuilder.zoo.catalog import read_catalog
from archbuilder.zoo.files import LARGEST_JSON, write_manifest
from archbuilder.zoo.remote import pull, push, shown
from archbuilder.zoo.signing import sign
from tests.zoo.hub import REPOSITORY, Hub, serving
from tests.zoo.test_signing import pair

URL = "memory://zoo/net"


@pytest.fixture(autouse=True)
def memory() -> Iterator[dict[str, Any]]:
    """The files at `memory://`, by their paths; none at first."""
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    yield MemoryFileSystem.store
    MemoryFileSystem.store.clear()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def put(name: str, content: bytes) -> None:
    with fsspec.open(f"{URL}/{name}", "wb") as file:
        file.write(content)


def told(name: str = "manifest.json") -> Any:
    with fsspec.open(f"{URL}/{name}", "rb") as file:
        return json.loads(file.read())


def put_manifest(content: Any) -> None:
    put("manifest.json", (json.dumps(content, indent=1) + "\n").encode())


def refused(zoo: Path, **how: Any) -> str:
    """Return why a package is not pulled; nothing of it may be left."""
    with pytest.raises(PackageError) as error:
        pull(URL, zoo, **how)
    assert not zoo.exists() or list(zoo.iterdir()) == []
    return str(error.value)


@pytest.mark.parametrize("url", [URL, "file://{0}/there/net", "{0}/there/net"])
def test_what_is_pulled_is_what_was_pushed(exported: Path, tmp_path: Path, url: str) -> None:
    url = url.format(tmp_path)
    assert push(exported, url) == url
    assert pull(url, tmp_path / "zoo") == tmp_path / "zoo" / "net"
    assert contents(tmp_path / "zoo" / "net") == contents(exported)
    assert [path.name for path in (tmp_path / "zoo").iterdir()] == ["net"]
    assert (tmp_path / "zoo" / "net").stat().st_mode & 0o777 == 0o755


def test_the_signature_goes_along_and_is_checked(package: Path, tmp_path: Path) -> None:
    mine, other = pair(tmp_path, "mine"), pair(tmp_path, "other")
    sign(package, mine[0])
    push(package, URL)
    assert "by that key" in refused(tmp_path / "pulled", key=other[1])
    pulled = pull(URL, tmp_path / "pulled", key=mine[1])
    assert contents(pulled) == contents(package)
    (package / "model.sig").unlink()
    push(package, URL, force=True)
    assert "nobody vouches" in refused(tmp_path / "again", key=mine[1])


def test_a_damaged_package_is_not_pushed(package: Path, memory: dict[str, Any]) -> None:
    (package / "README.md").write_text("other")
    with pytest.raises(PackageError, match="damaged"):
        push(package, URL)
    assert memory == {}


def test_nothing_is_overwritten_unless_forced(exported: Path, tmp_path: Path) -> None:
    push(exported, URL)
    with pytest.raises(PackageError, match=r"memory://zoo/net: there is a package already; --force"):
        push(exported, URL)
    push(exported, URL, force=True)
    pulled = pull(URL, tmp_path)
    (pulled / "mine.txt").touch()
    with pytest.raises(PackageError, match="there is a package of that name"):
        pull(URL, tmp_path)
    with pytest.raises(PackageError, match="is no package"):
        pull(URL, tmp_path, force=True)
    assert (pulled / "mine.txt").exists()
    (pulled / "mine.txt").unlink()
    (pulled / "README.md").write_text("other")
    pull(URL, tmp_path, force=True)
    assert contents(pulled) == contents(exported)
    assert [path.name for path in tmp_path.iterdir()] == ["net"]
    assert pull(URL, tmp_path, "second").name == "second"


def test_a_forced_pull_that_fails_leaves_what_was_there(exported: Path, tmp_path: Path) -> None:
    push(exported, URL)
    pulled = pull(URL, tmp_path)
    put("README.md", b"other")
    with pytest.raises(PackageError, match=r"README\.md: differs"):
        pull(URL, tmp_path, force=True)
    assert contents(pulled) == contents(exported)


def test_a_file_of_the_name_of_a_packages_is_not_overwritten_unless_forced(
    exported: Path, memory: dict[str, Any]
) -> None:
    for name in ("README.md", "model.int8.onnx", "model.sig"):
        put(name, b"old")
    with pytest.raises(PackageError, match=r"memory://zoo/net: holds README\.md already; --force replaces it"):
        push(exported, URL)
    assert len(memory) == 3
    push(exported, URL, force=True)
    assert {path.rpartition("/")[2] for path in memory} == {*contents(exported)}


@pytest.mark.parametrize("name", ["notes.txt", "other-net/manifest.json"])
def test_where_anything_else_lies_nothing_is_pushed(exported: Path, memory: dict[str, Any], name: str) -> None:
    put(name, b"mine")
    for force in (False, True):
        with pytest.raises(PackageError) as error:
            push(exported, URL, force=force)
        told = f"memory://zoo/net: holds '{name.partition('/')[0]}', which is no file of a package"
        assert str(error.value).startswith(told)
        assert str(error.value).endswith(f"such as memory://zoo/net/{exported.name}")
    assert list(memory.values()) != []
    assert len(memory) == 1


def test_a_new_repository_on_the_hub_is_free(exported: Path) -> None:
    put(".gitattributes", b"*.onnx filter=lfs")
    assert push(exported, URL) == URL


@pytest.mark.parametrize("how", ["{0}/zoo/{1}", "file://{0}/zoo/{1}", "{0}/link/{1}", "{0}/zoo/{1}/inside"])
def test_a_package_is_not_pushed_onto_itself(package: Path, tmp_path: Path, how: str) -> None:
    (tmp_path / "link").symlink_to(package.parent)
    before = contents(package)
    with pytest.raises(PackageError, match="is the package itself, or lies in it"):
        push(package, how.format(tmp_path, package.name), force=True)
    assert contents(package) == before


def test_nothing_is_written_through_a_link(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "victim.txt").write_text("precious")
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "README.md").symlink_to(tmp_path / "victim.txt")
    (tmp_path / "net" / "model.onnx").symlink_to(tmp_path / "nowhere")
    with pytest.raises(PackageError, match=r"holds README\.md already"):
        push(exported, str(tmp_path / "net"))
    push(exported, str(tmp_path / "net"), force=True)
    assert contents(tmp_path / "net") == contents(exported)
    assert (tmp_path / "victim.txt").read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


def test_of_two_pushes_at_once_one_is_told(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Path(shutil.copytree(package, tmp_path / "other"))
    path = other / "metadata.json"
    path.write_text(path.read_text().replace('"license": null', '"license": "MIT"'))
    write_manifest(other)
    put_file = MemoryFileSystem.put_file

    def overtaken(self: Any, source: str, target: str, **how: Any) -> None:
        put_file(self, source, target, **how)
        if target.endswith("weights.safetensors"):
            monkeypatch.setattr(MemoryFileSystem, "put_file", put_file)
            push(other, URL, force=True)

    monkeypatch.setattr(MemoryFileSystem, "put_file", overtaken)
    with pytest.raises(PackageError, match=r"metadata\.json: did not arrive as it was sent"):
        push(package, URL)


def test_the_manifest_comes_last(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push(exported, URL)
    put_file = MemoryFileSystem.put_file

    def broken(self: Any, source: str, target: str, **how: Any) -> None:
        if target.endswith("weights.safetensors"):
            raise ConnectionError("the line is down")
        put_file(self, source, target, **how)

    monkeypatch.setattr(MemoryFileSystem, "put_file", broken)
    with pytest.raises(PackageError, match="memory://zoo/net: ConnectionError: the line is down"):
        push(exported, URL, force=True)
    assert "no whole package" in refused(tmp_path / "zoo")


def test_what_did_not_arrive_is_noticed(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lossy(self: Any, source: str, target: str, **how: Any) -> None:
        self.pipe_file(target, Path(source).read_bytes().replace(b"a", b"b"))

    monkeypatch.setattr(MemoryFileSystem, "put_file", lossy)
    with pytest.raises(PackageError, match="did not arrive as it was sent"):
        push(exported, URL)


@pytest.mark.parametrize("name", ["architecture.json", "weights.safetensors", "README.md", "model.onnx"])
@pytest.mark.parametrize("content", [b"", b"other", b"x" * 10**6])
def test_a_file_that_is_not_the_manifests_is_refused(exported: Path, tmp_path: Path, name: str, content: bytes) -> None:
    push(exported, URL)
    put(name, content)
    assert f"memory://zoo/net/{name}: differs" in refused(tmp_path / "zoo")


def test_a_file_that_is_missing_is_told(exported: Path, tmp_path: Path, memory: dict[str, Any]) -> None:
    push(exported, URL)
    MemoryFileSystem().rm("/zoo/net/metadata.json")
    assert "FileNotFoundError" in refused(tmp_path / "zoo")
    MemoryFileSystem().rm("/zoo/net/manifest.json")
    assert "there is no manifest.json, so this is no whole package" in refused(tmp_path / "zoo")


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "evil.py", "model.pkl", "a/b", ""])
def test_a_manifest_decides_no_file_name(exported: Path, tmp_path: Path, name: str) -> None:
    push(exported, URL)
    content = told()
    content["files"][name] = {"size": 4, "sha256": "0" * 64}
    put_manifest(content)
    assert "does not tell of exactly the files" in refused(tmp_path / "zoo")


def test_what_lies_beside_the_package_is_not_pulled(exported: Path, tmp_path: Path) -> None:
    push(exported, URL)
    put("setup.py", b"print('hello')")
    put("weights/more", b"more")
    assert contents(pull(URL, tmp_path)) == contents(exported)


def test_more_than_the_manifest_says_is_not_read(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(exported, URL)
    content = told()
    content["files"]["weights.safetensors"]["size"] = 10**18
    put_manifest(content)
    assert "has no room" in refused(tmp_path / "zoo")
    content["files"]["weights.safetensors"]["size"] = -1
    put_manifest(content)
    assert "tells of -1 bytes" in refused(tmp_path / "zoo")


def test_no_more_is_read_than_the_manifest_says_and_may_be(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(exported, URL)
    opened, read = MemoryFileSystem.open, 0

    def counting(self: Any, path: str, mode: str = "rb", **how: Any) -> Any:
        file = opened(self, path, mode, **how)
        content = file.read

        def count(size: int = -1) -> bytes:
            nonlocal read
            chunk: bytes = content(size)
            read += len(chunk)
            return chunk

        if mode == "rb":
            file.read = count
        return file

    monkeypatch.setattr(MemoryFileSystem, "open", counting)
    put("weights.safetensors", b"x" * 10**8)
    assert "weights.safetensors: differs" in refused(tmp_path / "zoo")
    assert 0 < read < sum(map(len, contents(exported).values())) + 100
    put("manifest.json", b" " * (LARGEST_JSON + 10**6))
    read = 0
    assert "manifest.json: larger than 4,194,304 bytes" in refused(tmp_path / "zoo")
    assert read == LARGEST_JSON + 1


def test_the_manifest_is_asked_for_once(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push(exported, URL)
    opened, asked = MemoryFileSystem.open, []

    def noting(self: Any, path: str, *how: Any, **also: Any) -> Any:
        asked.append(path.rpartition("/")[2])
        return opened(self, path, *how, **also)

    monkeypatch.setattr(MemoryFileSystem, "open", noting)
    pull(URL, tmp_path)
    assert asked.count("manifest.json") == 1


def test_a_pipe_is_no_file_of_a_package(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    os.mkfifo(tmp_path / "net" / "manifest.json")
    with pytest.raises(PackageError, match=r"net/manifest\.json: is no plain file"):
        pull(f"file://{tmp_path}/net", tmp_path / "zoo")


def test_a_package_whose_hashes_agree_is_still_verified(package: Path, tmp_path: Path) -> None:
    push(package, URL)
    path = package / "metadata.json"
    path.write_text(path.read_text().replace('"params": 123898', '"params": 1'))
    write_manifest(package)
    for name in ("metadata.json", "manifest.json"):
        put(name, (package / name).read_bytes())
    assert "memory://zoo/net/metadata.json: tells 1 params" in refused(tmp_path / "pulled")


@pytest.mark.parametrize("url", ["memory://zoo/..", "memory://zoo/.hidden", "memory://zoo/a b", "memory://", "..", "/"])
def test_a_url_whose_last_part_is_no_name_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(PackageError, match="is no name for a package"):
        pull(url, tmp_path / "zoo")
    assert not (tmp_path / "zoo").exists()


@pytest.mark.parametrize("url", ["memory://zoo/../net", "simplecache::memory://zoo/net", "zip://net::file:///a.zip"])
def test_a_url_that_is_not_plain_is_refused(exported: Path, tmp_path: Path, url: str) -> None:
    with pytest.raises(PackageError, match="plain"):
        pull(url, tmp_path / "zoo", "net")
    with pytest.raises(PackageError, match="plain"):
        push(exported, url)


def test_a_protocol_that_is_not_known_or_not_installed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PackageError, match="Protocol not known"):
        pull("gopher://zoo/net", tmp_path)
    monkeypatch.setitem(sys.modules, "pygit2", None)
    with pytest.raises(PackageError, match=r"^git://zoo/net: Install pygit2 to browse local git repos$"):
        pull("git://zoo/net", tmp_path)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(PackageError, match=r"archbuilder\[s3\]"):
        pull("s3://bucket/net", tmp_path)
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(PackageError, match=r"archbuilder\[remote\]"):
        pull("memory://zoo/net", tmp_path)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://me:secret@host/zoo/net", "ftp://host/zoo/net"),
        ("ftp://me:se/cret@host:21/net", "ftp://..."),
        ("ftp://secret@host:21/net", "ftp://host:21/net"),
        ("https://host/net?token=secret#secret", "https://host/net"),
        ("s3://bucket/zoo/net", "s3://bucket/zoo/net"),
        ("hf://me/net@main", "hf://me/net@main"),
        ("file:///tmp/net", "file:///tmp/net"),
        ("/tmp/zoo/net", "/tmp/zoo/net"),
    ],
)
def test_secrets_of_a_url_are_not_shown(url: str, told: str) -> None:
    assert shown(url) == told


@pytest.mark.parametrize("url", ["ftp://me:hunter2@", "ftp://me:hunter2@127.0.0.1:1", "ftp://me:hun/hunter2?x@host"])
def test_the_name_that_a_url_gives_is_none_of_its_secrets(tmp_path: Path, url: str) -> None:
    with pytest.raises(PackageError) as error:
        pull(url, tmp_path / "zoo")
    assert "hunter2" not in str(error.value)


def test_a_url_with_a_query_is_refused_without_showing_it(exported: Path, tmp_path: Path) -> None:
    url = "https://127.0.0.1:1/net?token=hunter2"
    with pytest.raises(PackageError, match=r"https://127\.0\.0\.1:1/net: a package's URL has neither") as error:
        pull(url, tmp_path / "zoo")
    assert "hunter2" not in str(error.value)
    with pytest.raises(PackageError, match="has neither"):
        push(exported, url)


def test_a_server_that_is_not_there_is_told_apart_from_a_package_that_is_not(exported: Path, tmp_path: Path) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(exported.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        pulled = pull(f"{url}/{exported.name}", tmp_path)
        assert contents(pulled) == contents(exported)
        with pytest.raises(PackageError, match=r"there is no manifest\.json"):
            pull(f"{url}/other", tmp_path)
        server.shutdown()
    with pytest.raises(PackageError, match=r"Cannot connect to host 127\.0\.0\.1"):
        pull(f"{url}/{exported.name}", tmp_path, "other")
    with pytest.raises(PackageError, match=r"Cannot connect to host nohost\.invalid"):
        pull("https://nohost.invalid/net", tmp_path)


def test_the_memory_of_a_command_is_no_place(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["push", str(exported), URL], ["pull", URL, "zoo"]):
        with pytest.raises(SystemExit):
            main(["zoo", *words])
        assert "memory ends with this command" in capsys.readouterr().err


def test_what_could_not_be_checked_is_told(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("archbuilder.zoo.verify.find_spec", lambda name: None)
    main(["zoo", "push", str(exported), f"{tmp_path}/there/net"])
    main(["zoo", "pull", f"{tmp_path}/there/net", str(tmp_path / "zoo")])
    told = "not tried: golden, model.onnx: onnx and onnxruntime not installed"
    assert [line.partition(";")[0] for line in capsys.readouterr().out.splitlines()] == [
        told,
        f"pushed to {tmp_path}/there/net",
        told,
        f"pulled as {tmp_path}/zoo/net",
    ]


@pytest.mark.parametrize("protocol", ["ftp", "sftp", "webdav"])
@pytest.mark.parametrize("path", ["net", "../net"])
def test_neither_message_nor_traceback_shows_a_password(tmp_path: Path, protocol: str, path: str) -> None:
    password = "hunter" + str(1 + 1)  # so that the traceback does not quote it from here
    with pytest.raises(PackageError, match=r"127\.0\.0\.1") as error:
        pull(f"{protocol}://me:{password}@127.0.0.1:1/{path}", tmp_path / "zoo")
    assert password not in "".join(traceback.format_exception(error.value))


def test_what_a_file_system_says_of_a_url_is_shown_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "memory://me:hunter2@zoo/net"

    def refuse(*_: Any, **how: Any) -> None:
        raise PermissionError(f"{url} refuses me:hunter2, hunter2; see https://me:other@host/help")

    monkeypatch.setattr(MemoryFileSystem, "info", refuse)
    with pytest.raises(PackageError) as error:
        pull(url, tmp_path / "zoo")
    told = "memory://zoo/net: PermissionError: memory://zoo/net refuses ..., ...; see https://...@host/help"
    assert str(error.value) == told


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket's URL, at a server of its own; credentials come from the environment, as anywhere."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for key, value in (
        ("AWS_ACCESS_KEY_ID", "someone"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", f"http://{host}:{port}"),
    ):
        monkeypatch.setenv(key, value)
    boto3.client("s3").create_bucket(Bucket="bucket")
    yield "s3://bucket/zoo/net"
    server.stop()


def test_s3_round_trip(exported: Path, tmp_path: Path, s3: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["zoo", "push", str(exported), s3])
    assert capsys.readouterr().out == f"pushed to {s3}\n"
    with pytest.raises(SystemExit):
        main(["zoo", "push", str(exported), s3])
    assert "there is a package already; --force replaces it" in capsys.readouterr().err
    main(["zoo", "push", str(exported), s3, "--force"])
    main(["zoo", "pull", s3, str(tmp_path / "zoo")])
    assert contents(tmp_path / "zoo" / "net") == contents(exported)
    with pytest.raises(PackageError, match="there is no manifest"):
        pull("s3://bucket/zoo/other", tmp_path / "zoo")
    for url in ("s3://no-such-bucket/net", "s3://no-such-bucket"):
        with pytest.raises(PackageError, match="s3://no-such-bucket"):
            push(exported, url)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The Hub, as far as one repository goes."""
    from huggingface_hub import HfFileSystem, constants

    HfFileSystem.clear_instance_cache()
    with serving() as server:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        yield server
    HfFileSystem.clear_instance_cache()


def test_hub_round_trip(package: Path, tmp_path: Path, hub: Hub) -> None:
    url = f"hf://{REPOSITORY}"
    assert push(package, url) == url
    assert hub.files == {".gitattributes": b"", **contents(package)}
    assert hub.commits == len(contents(package))
    assert contents(pull(url, tmp_path / "pulled")) == contents(package)
    with pytest.raises(PackageError, match=f"{url}: there is a package already"):
        push(package, url)
    hub.files["model.sig"] = b"old"
    push(package, url, force=True)
    assert hub.files == {".gitattributes": b"", **contents(package)}
    with pytest.raises(PackageError, match=r"there is no manifest\.json"):
        pull("hf://someone/other", tmp_path / "pulled")
    with pytest.raises(PackageError, match="hf://someone/other: "):
        push(package, "hf://someone/other")


# Imports once, and forks a process for each line, which pulls slowly.
SLOW = """
import os, sys, time
from pathlib import Path
from fsspec.implementations.local import LocalFileOpener
import archbuilder.zoo.package, onnx, onnxruntime
from archbuilder.zoo import remote

read = LocalFileOpener.read

def slow(self, size=-1):
    time.sleep(0.01)
    return read(self, size)

LocalFileOpener.read, remote.CHUNK = slow, 2**14
for line in sys.stdin:
    process = os.fork()
    if not process:
        remote.pull(sys.argv[1], Path(sys.argv[2]), force=line.strip() == "force")
        os._exit(0)
    print(process, flush=True)
    print(os.waitpid(process, 0)[1], flush=True)
"""


@pytest.mark.parametrize("moments", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_a_pull_that_is_killed_leaves_nothing_that_looks_like_a_package(
    exported: Path, tmp_path: Path, moments: int
) -> None:
    url, zoo = f"file://{tmp_path}/there/net", tmp_path / "zoo"
    push(exported, url)
    words = [sys.executable, "-c", SLOW, url, str(zoo)]
    chance, killed = random.Random(0), 0
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin
        assert process.stdout

        def tell(line: str = "") -> int:
            """Begin a pull, and return its process."""
            assert process.stdin
            assert process.stdout
            process.stdin.write(f"{line}\n")
            return int(process.stdout.readline())

        tell()
        begin = time.perf_counter()
        assert int(process.stdout.readline()) == 0
        took = time.perf_counter() - begin
        for moment in range(moments):
            # Every other time there is a package already, which is to be replaced.
            force = moment % 2 == 1
            if not force:
                shutil.rmtree(zoo / "net")
            pulling = tell("force" if force else "")
            time.sleep(took * chance.uniform(0, 0.95))
            with contextlib.suppress(ProcessLookupError):  # where it was faster than the first one
                os.kill(pulling, signal.SIGKILL)
            killed += int(process.stdout.readline()) != 0
            catalog = read_catalog(zoo)
            assert catalog.problems == ()
            for entry in catalog.entries:
                assert entry.name == "net"
                assert contents(zoo / "net") == contents(exported)
            pull(url, zoo, force=bool(catalog.entries))
            assert os.listdir(zoo) == ["net"]
        process.stdin.close()
    assert killed > 0
