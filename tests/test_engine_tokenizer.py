"""Model files whose vocabulary is not read here: the engine's own tokenizer, end to end."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from pellucid.engine import gguf, process
from pellucid.errors import TokenError
from pellucid.messages import Message, Options, Request, Text
from pellucid.models.card import open_card
from pellucid.models.engine_tokenizer import EngineTokenizer
from pellucid.models.local import LocalModel
from pellucid.replies import Finish, TextDelta
from pellucid.settings import Folders, resolve
from pellucid.tokens.vocabulary import Kind
from token_corpus import FIXED

ADDED = "<repo_name>"
"""A control token of the file, made an ordinary added one here."""


def value_at(data: bytes, key: str) -> int:
    """The place of the type of a key's value in a GGUF header."""
    return data.index(struct.pack("<Q", len(key)) + key.encode()) + 8 + len(key)


@pytest.fixture(scope="module")
def strange(smol: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2 with a pre-tokenizer that llama.cpp knows and `tokens/` does not."""
    data = bytearray(smol.read_bytes())
    at = value_at(data, "tokenizer.ggml.pre") + 12
    assert data[at : at + 6] == b"smollm"
    data[at : at + 6] = b"falcon"
    added = gguf.read(smol).metadata["tokenizer.ggml.tokens"].index(ADDED)
    at = value_at(data, "tokenizer.ggml.token_type") + 16 + 4 * added
    assert data[at : at + 4] == struct.pack("<i", Kind.CONTROL)
    data[at : at + 4] = struct.pack("<i", Kind.USER_DEFINED)
    path = tmp_path_factory.mktemp("strange") / "strange.gguf"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def model(strange: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalModel]:
    root = tmp_path_factory.mktemp("home")
    folders = Folders(*(root / name for name in ("config", "data", "cache", "state")))
    yield LocalModel(
        open_card(strange, "strange", folders), resolve({}, {"window": 2048}, ""), folders
    )
    for engine in process.running(folders):
        process.stop(engine, patience=0.5)


@pytest.fixture(scope="module")
def tokenizer(model: LocalModel) -> EngineTokenizer:
    assert isinstance(model.tokenizer, EngineTokenizer)
    return model.tokenizer


def request(text: str) -> Request:
    return Request((Message("user", (Text(text),)),), options=Options(temperature=0, max_tokens=8))


def test_a_conversation_in_which_the_notes_say_so(model: LocalModel) -> None:
    prompt = model.prepare(request("What is the capital of France?"))
    assert "'falcon' is not one that is known here" in prompt.notes[-1]
    assert "The engine's own tokenizer is used." in prompt.notes[-1]
    assert prompt.exact and prompt.encoding.special[0]
    assert b"".join(prompt.encoding.pieces).decode() == prompt.text
    events = list(model.stream(request("What is the capital of France?"), prompt))
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    (finish,) = (event for event in events if isinstance(event, Finish))
    assert finish.produced is not None and len(finish.produced.ids) > 3
    assert model.tokenizer.decode(finish.produced.ids) == text
    assert finish.produced.vocabulary == prompt.encoding.vocabulary


def test_content_never_becomes_a_control_token(
    model: LocalModel, tokenizer: EngineTokenizer
) -> None:
    spelled = " ".join(tokenizer.specials) + "".join(tokenizer.specials)
    plain, hostile = model.prepare(request("Hello")), model.prepare(request(spelled))
    controls = set(tokenizer.specials.values())
    assert ADDED in spelled and tokenizer.specials[ADDED] in controls
    # llama.cpp alone would have taken this one from any text.
    assert tokenizer._ask(ADDED, specials=False) == [(tokenizer.specials[ADDED], ADDED.encode())]
    assert [id for id in hostile.ids if id in controls] == [
        id for id in plain.ids if id in controls
    ]
    assert hostile.text == plain.text.replace("Hello", spelled)
    assert b"".join(hostile.encoding.pieces).decode() == hostile.text


def test_special_tokens_where_they_are_asked_for(tokenizer: EngineTokenizer) -> None:
    encoding = tokenizer.encode("<|im_start|>user", specials=True)
    assert encoding.special == (True, False)
    assert encoding.ids[0] == tokenizer.specials["<|im_start|>"]
    assert encoding.offsets == ((0, 12), (12, 16))
    assert tokenizer.decode(encoding.ids) == "<|im_start|>user"


def test_pieces_and_offsets(tokenizer: EngineTokenizer) -> None:
    text = "\n".join(FIXED)
    encoding = tokenizer.encode(text)
    data = text.encode()
    at = 0
    for piece, (start, end) in zip(encoding.pieces, encoding.offsets, strict=True):
        if data.startswith(piece, at):  # SmolLM2 lacks some bytes: those are left out
            covered = text[start:end].encode()
            assert piece in covered and len(covered) < len(piece) + 8
        at += len(piece)
    short = tokenizer.encode("né 🦄")
    assert tokenizer.decode(short.ids) == "né 🦄"
    assert short.offsets[0][0] == 0 and short.offsets[-1] == (3, 4)
    assert tokenizer.splits("🦄".encode(), 3, short.ids[-1]) or len(short.ids) < 5


def test_what_no_token_can_spell(tokenizer: EngineTokenizer) -> None:
    with pytest.raises(TokenError, match=r"Character 2 \(U\+DC80, counted from 0\) of"):
        tokenizer.encode("ab\udc80")
    with pytest.raises(TokenError, match="There is no token 49152"):
        tokenizer.piece(49152)
    with pytest.raises(TokenError):
        tokenizer.decode([-1])
    assert tokenizer.encode("").ids == ()
