"""Texts as vectors, by the real embedded model."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import pellucid
from cli_home import Home
from host_server import answer, host
from pellucid.errors import BadReply, MissingKey, UnknownModel, UsageError
from pellucid.models.embeddings import Embedder, open_embedder
from pellucid.settings import load

TEXTS = ["A cat sits on the mat.", "A kitten rests on a rug.", "The stock market fell today."]


@pytest.fixture(scope="module")
def minilm(weights_folder: Path) -> Embedder:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(weights_folder.parent.parent))
        return open_embedder(settings=load())


def test_meaning_is_near(minilm: Embedder) -> None:
    found = minilm.embed(TEXTS)
    assert (len(found), found.dimensions) == (3, 384)
    assert found.similarity(0, 1) > 0.6 > 0.2 > found.similarity(0, 2)
    assert all(math.isclose(math.hypot(*vector), 1, rel_tol=1e-5) for vector in found)
    assert found.usage.known == "exact" and found.usage.fresh == 9 + 9 + 8


def test_a_batch_says_what_each_text_alone_says(minilm: Embedder) -> None:
    together = minilm.embed([*TEXTS, "long " * 100])
    for i, text in enumerate(TEXTS):
        alone = minilm.embed([text])[0]
        # The activations are quantised by the batch's own range, so a little differs.
        assert sum(a * b for a, b in zip(alone, together[i], strict=True)) > 0.98


def test_a_text_beyond_the_window_is_said_to_be_cut(minilm: Embedder) -> None:
    found = minilm.embed(["short", "word " * 300])
    assert found.notes == ("Text 2 has 302 tokens; minilm reads the first 256.",)
    assert found.usage.fresh == 3 + 256


@pytest.mark.parametrize(("texts", "said"), [([], "no text"), (["a", " "], "Text 2 is empty")])
def test_nothing_has_no_meaning(minilm: Embedder, texts: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        minilm.embed(texts)


def test_an_unknown_embedder_is_named() -> None:
    with pytest.raises(UnknownModel, match="nobody"):
        open_embedder("nobody")


def test_the_command(tmp_path: Path, weights_folder: Path) -> None:
    place = Home(tmp_path, weights_folder)
    shown = place.run("embed", *TEXTS).stdout
    assert "384 dimensions" in shown and "1.00" in shown and "kitten" in shown
    value = json.loads(place.run("embed", "--json", stdin="one\n\ntwo\n").stdout)
    assert [len(vector) for vector in value["vectors"]] == [384, 384]
    assert place.run("embed").returncode == 2
    # Where ONNX Runtime would keep what it is about to report to its makers.
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["pellucid"]


HOSTED = [
    (
        "openai:text-embedding-3-small",
        "OPENAI_BASE_URL",
        {
            "object": "list",
            "data": [{"object": "embedding", "index": i, "embedding": [i, 1.0]} for i in (0, 1)],
            "model": "text-embedding-3-small",
            "usage": {"prompt_tokens": 4, "total_tokens": 4},
        },
        4,
    ),
    (
        "gemini:gemini-embedding-001",
        "GEMINI_BASE_URL",
        {"embeddings": [{"values": [0, 1.0]}, {"values": [1, 1.0]}]},
        0,
    ),
    (
        "ollama:all-minilm",
        "OLLAMA_HOST",
        {"model": "all-minilm", "embeddings": [[0, 1.0], [1, 1.0]], "prompt_eval_count": 5},
        5,
    ),
]


@pytest.mark.parametrize(("name", "variable", "body", "tokens"), HOSTED)
def test_vectors_of_hosts(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    variable: str,
    body: dict[str, Any],
    tokens: int,
) -> None:
    for key in ("OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(key, "sk-not-a-key-0123456789")
    with host(answer(json.dumps(body).encode())) as server:
        monkeypatch.setenv(variable, server.base)
        found = pellucid.embed(["one", "two"], name)
    assert found.vectors == ((0.0, 1.0), (1.0, 1.0))
    assert found.usage.fresh == tokens and found.usage.known != "exact"
    asked = json.loads(server.asked[0].body)
    assert "one" in json.dumps(asked) and "two" in json.dumps(asked)


def test_a_host_that_makes_none_and_one_that_fails(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="anthropic offers no embeddings"):
        open_embedder("anthropic:claude-haiku-4-5")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(MissingKey, match="OPENAI_API_KEY"):
        pellucid.embed("one", "text-embedding-3-small")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-key-0123456789")
    few = {"object": "list", "data": [], "model": "m", "usage": {"prompt_tokens": 1}}
    with host(answer(json.dumps(few).encode())) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base)
        with pytest.raises(BadReply):
            pellucid.embed("one", "text-embedding-3-small")
