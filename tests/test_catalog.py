"""Names people type, and the list of what can be used."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict
from pathlib import Path

import pytest

from pellucid.engine.hub import HubFile
from pellucid.errors import UnknownModel, UsageError
from pellucid.models import catalog
from pellucid.settings import Folders, resolve
from test_gguf import entry, header, text
from test_weights import empty_caches

SETTINGS = resolve({}, {}, "")


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    empty_caches(tmp_path, monkeypatch)
    return Folders.of({"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)})


def model(path: Path, architecture: str = "llama") -> Path:
    """A header that says what a model file says, without weights."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = header(
        entry("general.architecture", 8, text(architecture)),
        entry("general.license", 8, text("mit")),
        entry(f"{architecture}.context_length", 4, struct.pack("<I", 4096)),
    )
    path.write_bytes(data)
    return path


def ollama(folder: Path, owner: str, name: str, digest: str) -> None:
    manifest = folder / "manifests/registry.ollama.ai" / owner / name / "1b"
    manifest.parent.mkdir(parents=True)
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": digest}
    manifest.write_text(json.dumps({"layers": [{"mediaType": "other", "digest": "x"}, layer]}))


def test_the_rows_of_the_catalog() -> None:
    names = catalog.names()
    assert len(set(names)) == len(names) and all(name == name.lower() for name in names)
    default, large, _ = catalog.MODELS
    assert default.weight.use == "chat (default)" and default.can == large.can == ("tools",)
    assert {row.weight.licence for row in catalog.MODELS} == {"Apache-2.0"}
    assert len(large.weight.parts) == 22 and large.weight.bytes == 1_117_320_768


@pytest.mark.parametrize("row", catalog.MODELS, ids=lambda row: row.name)
def test_the_window_is_that_of_the_file(
    row: catalog.ModelRow, request: pytest.FixtureRequest
) -> None:
    from pellucid.engine import gguf

    fixtures = {"local": "qwen", "large": "large", "small": "smol"}
    path = request.getfixturevalue(fixtures[row.aliases[0]])
    assert path.name == row.file
    assert gguf.read(path, arrays=False).context_length == row.window


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("local", "qwen2.5-coder-0.5b"),
        ("Qwen2.5-Coder-0.5B-Instruct", "qwen2.5-coder-0.5b"),
        ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", "qwen2.5-coder-0.5b"),
        (
            "hf:Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            "qwen2.5-coder-0.5b",
        ),
        ("SMALL", "smollm2-135m"),
        ("large", "qwen2.5-coder-1.5b"),
        ("SmolLM2-135M", "smollm2-135m"),
    ],
)
def test_names(name: str, means: str) -> None:
    row = catalog.resolve(name)
    assert isinstance(row, catalog.ModelRow) and row.name == means
    assert catalog.title(name) == means


def test_files_and_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = model(tmp_path / "weights.bin")
    assert catalog.resolve(str(odd)) == odd and catalog.title(str(odd)) == "weights.bin"
    assert catalog.resolve("not/here.gguf") == Path("not/here.gguf")
    assert catalog.title("not/here.gguf") == "here"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert catalog.resolve("~/weights.bin") == odd
    assert catalog.resolve("hf:a/b/sub/c.gguf") == HubFile("a/b", "sub/c.gguf")
    assert catalog.title("hf:a/b/sub/c.gguf") == "c"
    with pytest.raises(UsageError):
        catalog.resolve("hf:a/b")


@pytest.mark.parametrize(
    ("name", "nearest"), [("smolm2-135m", "smollm2-135m"), ("lokal", "local"), ("Smal", "small")]
)
def test_an_unknown_name_has_neighbours(name: str, nearest: str) -> None:
    with pytest.raises(UnknownModel, match=f"Near it: {nearest}") as error:
        catalog.resolve(name)
    assert error.value.near[0] == nearest
    with pytest.raises(UnknownModel) as error:
        catalog.resolve("/")
    assert error.value.near == ()
    with pytest.raises(UnknownModel):  # whose home nobody knows
        catalog.resolve("~nobody-at-all/model")


def test_what_must_be_fetched_first(folders: Folders) -> None:
    rows = catalog.listing(SETTINGS, folders)
    assert [(row.name, row.ready, row.state) for row in rows] == [
        ("qwen2.5-coder-0.5b", False, "needs fetching, 491 MB"),
        ("qwen2.5-coder-1.5b", False, "needs fetching, 1,117 MB"),
        ("smollm2-135m", False, "needs fetching, 98 MB"),
    ]
    assert rows[0].path is None and rows[0].licence == "Apache-2.0" and rows[0].window == 32768


def test_what_is_ready(smol: Path, folders: Folders) -> None:
    folders.weights.parent.mkdir(parents=True)
    folders.weights.symlink_to(smol.parent)
    row = catalog.listing(SETTINGS, folders)[2]
    assert row.ready and row.state == "ready"
    assert row.path == str(folders.weights / smol.name)
    assert row.bytes == smol.stat().st_size


def test_models_of_other_tools(tmp_path: Path, folders: Folders) -> None:
    snapshots = tmp_path / "hf/hub/models--a--b--c/snapshots"
    hub = model(snapshots / "01/sub/x.gguf")
    (snapshots / "02/sub").mkdir(parents=True)
    (snapshots / "02/sub/x.gguf").symlink_to(hub)
    model(snapshots / "01/mmproj.gguf", "clip")
    (snapshots / "01/gone.gguf").symlink_to(tmp_path / "removed")
    llama = model(tmp_path / "llama/a_b_y.gguf")
    (tmp_path / "llama/torn.gguf").write_bytes(llama.read_bytes()[:50])
    blob = model(tmp_path / "ollama/blobs/sha256-0123")
    ollama(tmp_path / "ollama", "library", "tiny", "sha256:0123")
    ollama(tmp_path / "ollama", "someone", "theirs", "sha256:0123")
    ollama(tmp_path / "ollama", "library", "outside", "sha256:/../../../llama/a_b_y.gguf")
    (tmp_path / "ollama/manifests/registry.ollama.ai/library/tiny/broken").write_text("[]")
    pulled = model(folders.weights / "hub/o/r/z.gguf")

    rows = catalog.listing(SETTINGS, folders)[3:]
    assert [(row.name, row.path, row.ready) for row in rows] == [
        ("hf:o/r/z.gguf", str(pulled), True),
        ("hf:a/b--c/sub/x.gguf", str(hub), True),
        ("a_b_y.gguf", str(llama), True),
        ("torn.gguf", str(tmp_path / "llama/torn.gguf"), False),
        ("tiny:1b", str(blob), True),
    ]
    assert [row.state for row in rows[:3]] == [
        "ready",
        "ready, in the cache of Hugging Face",
        "ready, in the cache of llama.cpp",
    ]
    assert "damaged or incomplete" in rows[3].state
    assert (rows[4].window, rows[4].licence) == (4096, "mit")
    assert json.dumps([asdict(row) for row in rows])

    # What is shown can be typed.
    assert catalog.resolve("tiny:1b") == blob and catalog.title("tiny:1b") == "tiny:1b"
    assert catalog.resolve("someone/theirs:1b") == blob
    assert catalog.resolve("a_b_y.gguf") == llama
    with pytest.raises(UnknownModel, match="tiny:1b"):
        catalog.resolve("tiny:2b")

    own = resolve({"PELLUCID_SOURCES": "path,index"}, {}, "")
    assert [row.name for row in catalog.listing(own, folders)[3:]] == ["hf:o/r/z.gguf"]
