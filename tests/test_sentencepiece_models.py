"""Model files with a SentencePiece vocabulary: our ids are the engine's, and a reply of theirs
comes through token by token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import tiny_llama
from pellucid.engine import client, process, weights
from pellucid.messages import Message, Options, Request, Text
from pellucid.models.card import open_card
from pellucid.models.local import LocalModel
from pellucid.replies import Finish, TextDelta
from pellucid.settings import Folders, resolve
from pellucid.tokens.sentencepiece import SentencePieceTokenizer
from token_corpus import corpus


@pytest.fixture(scope="module", params=[True, False], ids=["blank in front", "none"])
def model(
    request: pytest.FixtureRequest,
    weights_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LocalModel]:
    weight = weights.known("mistral-7b-v0.1 tokenizer.model")
    vocabulary = weights.fetch(weight, weights_folder, sources=("path", "caches", "index"))
    root = tmp_path_factory.mktemp("llama")
    tiny_llama.write(root / "tiny.gguf", vocabulary, prefix=request.param)
    folders = Folders(*(root / name for name in ("config", "data", "cache", "state")))
    yield LocalModel(open_card(root / "tiny.gguf", "tiny", folders), resolve({}, {}, ""), folders)
    for engine in process.running(folders):
        process.stop(engine, patience=0.5)


def asked(model: LocalModel, text: str, *, specials: bool) -> list[int]:
    body = {"content": text, "add_special": False, "parse_special": specials}
    ids: list[int] = client.call(model.engine().address, "/tokenize", body)["tokens"]
    return ids


def test_our_ids_are_the_engines(model: LocalModel) -> None:
    ours = model.tokenizer
    assert isinstance(ours, SentencePieceTokenizer)
    assert model.card.unsupported is None and model.card.add_bos and ours.bos == 1
    texts = [text for text in corpus(11, 250) if text]
    assert [t for t in texts if ours.ids(t) != asked(model, t, specials=False)] == []
    for text in ("<s>All</s> men</s>", " a<s> <s>  b", "</s>"):
        assert ours.ids(text, specials=True) == asked(model, text, specials=True)
        assert not any(ours.encode(text).special)


def test_a_reply_of_bytes_comes_through(model: LocalModel) -> None:
    """Random weights write random tokens: among them bytes that belong to no character."""
    exact = 0
    for seed in range(6):
        options = Options(temperature=1.5, seed=seed, max_tokens=40)
        request = Request((Message("user", (Text("Hello <s> there"),)),), options=options)
        prompt = model.prepare(request)
        assert prompt.ids[0] == 1 and prompt.ids.count(1) == 1
        events = list(model.stream(request, prompt))
        (finish,) = (event for event in events if isinstance(event, Finish))
        text = "".join(event.text for event in events if isinstance(event, TextDelta))
        if finish.produced is not None:
            exact += 1
            assert model.tokenizer.decode(finish.produced.ids) == text
    assert exact
