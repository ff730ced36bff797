"""What Ollama is told of the window, and the alarm when it drops words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from host_server import answer, host, says
from hosted_models import REQUEST, ask, model
from pellucid.errors import PromptTooLong
from pellucid.messages import Media, Message, Options, Request, Text, text_message
from pellucid.models import ollama
from pellucid.models.ollama import Need, estimate, window
from pellucid.models.tokenizers import open_tokenizer

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def kept(smol: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a model whose file Ollama keeps on this machine."""
    digest = "sha256-0000"
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / digest).symlink_to(smol)
    manifest = tmp_path / "manifests/registry.ollama.ai/library/smollm2/latest"
    manifest.parent.mkdir(parents=True)
    layer = {
        "mediaType": "application/vnd.ollama.image.model",
        "digest": digest.replace("-", ":", 1),
    }
    manifest.write_text(json.dumps({"layers": [layer]}))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ollama._cached_tokenizer.cache_clear()
    yield "smollm2"
    ollama._cached_tokenizer.cache_clear()


def asking(text: str, **options: Any) -> Request:
    return Request((text_message("user", text),), options=Options(**options))


def sent_windows(
    name: str, *requests: Request, version: str = "0.9.6"
) -> tuple[list[int], tuple[str, ...]]:
    """`num_ctx` of each request of one conversation, and the notices of the last."""
    acts = [says("ollama") for _ in requests]
    with host(*acts, answer(json.dumps({"version": version}).encode())) as server:
        hosted = model(server.base, "ollama", name=name)
        for request in requests:
            outcome = ask(hosted, request=request)
            assert outcome.error is None
        bodies = [json.loads(asked.body) for asked in server.asked if asked.body]
    assert outcome.exchange.status == 200 and outcome.exchange.received
    assert hosted.settings()["num_ctx"] == bodies[-1]["options"]["num_ctx"]
    return [body["options"]["num_ctx"] for body in bodies], outcome.notices


def test_the_window_grows_in_powers_of_two_and_is_never_lowered() -> None:
    short, long = asking("Hi"), asking("word " * 9000)
    windows, notices = sent_windows("unknown-model", short, long, short)
    assert windows == [4096, 32768, 32768]
    assert notices == ()  # an estimate raises no alarm


def test_an_exact_count_raises_the_alarm(kept: str) -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 20
    windows, notices = sent_windows(kept, asking(text))
    assert windows == [4096]
    assert any("read 7 tokens" in notice and "cut the prompt" in notice for notice in notices)


@pytest.mark.parametrize("version", ["0.1.48", "0.3.14", "0.13.0", "1.0.0", "nightly", ""])
def test_a_small_count_of_a_version_that_may_leave_out_its_cache_raises_none(
    kept: str, version: str
) -> None:
    _, notices = sent_windows(kept, asking("The quick brown fox. " * 20), version=version)
    assert notices == ()


def test_a_whole_prompt_raises_none(kept: str) -> None:
    _, notices = sent_windows(kept, asking("Hi"))
    assert not any("cut the prompt" in notice for notice in notices)


def test_the_count_is_of_the_models_own_vocabulary(kept: str, smol: Path) -> None:
    from hosted_models import settings

    text = "Naïve café, 世界!"
    exact = len(open_tokenizer(smol).encode(text, add=False).ids)
    need = ollama.need(asking(text), kept, settings())
    assert need.at_least == exact - 1
    assert exact < need.tokens < exact + 30
    assert ollama.need(asking(text), kept, settings(sources=("path",))).at_least is None
    assert ollama.need(asking(text), "other", settings()).at_least is None


def test_a_prompt_that_cannot_fit_is_not_sent(kept: str) -> None:
    with host(says("ollama")) as server:
        hosted = model(server.base, "ollama", name=kept, window=4096)
        error = ask(hosted, request=asking("word " * 5000)).error
        assert isinstance(error, PromptTooLong)
        assert error.window == 4096
        assert server.asked == []


def test_windows_for_needs() -> None:
    assert window(Need(1), Options(), None) == 4096
    assert window(Need(3000), Options(), None) == 8192  # with room for an answer
    assert window(Need(3000), Options(max_tokens=1096), None) == 4096
    assert window(Need(3000), Options(max_tokens=1097), None) == 8192
    assert window(Need(30_000), Options(), 20_000) == 20_000


def test_estimates_are_generous(smol: Path) -> None:
    tokenizer = open_tokenizer(smol)
    for text in (
        "The quick brown fox. " * 50,
        "def f(x):\n    return x + 1\n" * 30,
        "世界你好" * 50,
    ):
        count = len(tokenizer.encode(text, add=False).ids)
        assert count <= estimate(text) <= count * 3


def test_an_image_needs_room() -> None:
    from hosted_models import settings

    picture = Media("image", "image/png", b"x")
    with_image = replace(REQUEST, messages=(Message("user", (Text("Hi"), picture)),))
    plain = ollama.need(REQUEST, "m", settings()).tokens
    assert ollama.need(with_image, "m", settings()).tokens >= plain + 1000
