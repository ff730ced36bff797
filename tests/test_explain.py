"""`tokens explain`: every step of a split, for both kinds of byte-pair encoding."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models

import pellucid
from pellucid.errors import UnsupportedVocabulary
from pellucid.models.card import open_card
from pellucid.settings import Folders
from pellucid.tokens.explain import explain
from pellucid.tokens.hugging_face import HuggingFaceTokenizer
from pellucid.tokens.tokenizer import BpeTokenizer
from pellucid.views import tokens
from test_bpe import TEXTS

BLANKS = ("", " ", "  two  words ", "▁a▁", "a\n\n b", "🦙 llama Ω")


@pytest.mark.parametrize(
    "name", ["mistral-7b-v0.1", "llama-2", "phi-3", "mistral-v3", "qwen2.5", "llama-3.1", "tekken"]
)
def test_the_steps_end_at_the_tokens(name: str) -> None:
    plain = pellucid.tokenizer(name).plain
    for text in (*TEXTS, *BLANKS):
        told = explain(plain, text)
        assert [id for piece in told for id in piece.ids] == list(plain.encode(text).ids), text
        for piece in told:
            assert b"".join(piece.start) == piece.text.encode()
            for step, before in zip(
                piece.steps, (piece.start, *(s.tokens for s in piece.steps)), strict=False
            ):
                assert len(step.tokens) == len(before) - 1
                assert step.made in step.tokens


def test_characters_come_first_and_bytes_where_there_is_no_token() -> None:
    hello, llama = explain(pellucid.tokenizer("llama-2").plain, "Hello 🙂")
    assert hello.unit == "characters" and hello.start[:3] == (b" ", b"H", b"e")
    assert hello.prefixed and not llama.prefixed
    assert llama.start == (b" ", "🙂".encode())
    assert llama.unknown == ("🙂",)
    assert llama.pieces == (b" ", b"\xf0", b"\x9f", b"\x99", b"\x82")
    shown = tokens.explained([hello, llama])
    assert "the blank in front is the vocabulary's, not the text's" in shown
    assert r"in bytes    ␣ \xf0 \x9f \x99 \x82" in shown
    assert "spelt in bytes, having no token: 🙂" in shown


@pytest.mark.parametrize(("text", "pieces"), [(" a", ["  a"]), ("a b", [" a", " b"])])
def test_one_blank_is_put_in_front(text: str, pieces: list[str]) -> None:
    told = explain(pellucid.tokenizer("llama-2").plain, text)
    assert [piece.text for piece in told] == pieces
    assert [piece.prefixed for piece in told] == [True] + [False] * (len(pieces) - 1)


def test_a_lost_character_is_named(smol: Path, home: Path) -> None:
    plain = BpeTokenizer.open(open_card(smol, "smol", Folders.of()).vocabulary)
    told = explain(plain, "a\x04b")
    assert [(piece.text, piece.unknown) for piece in told] == [
        ("a", ()),
        ("\x04", ("\x04",)),
        ("b", ()),
    ]
    assert r"lost, the vocabulary lacks its bytes: \x04" in tokens.explained(told)
    assert plain.lost("a\x04\U000a0000\x04b") == "\x04\U000a0000"
    assert plain.lost("Hi Ω🙂") == ""


def test_a_vocabulary_read_by_a_library_is_refused() -> None:
    file = Tokenizer(models.WordLevel({"Hi": 0, "?": 1}, unk_token="?"))
    library = HuggingFaceTokenizer(file.to_str().encode(), "theirs", "why")
    with pytest.raises(UnsupportedVocabulary, match="leave out `explain`"):
        explain(library, "Hi")
