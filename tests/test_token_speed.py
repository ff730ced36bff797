"""The engine for bulk work and the running count: the same numbers, in bounded memory."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

import pellucid
from pellucid.tokens import fast, tokenizer
from pellucid.tokens.fast import FastBpe
from pellucid.tokens.native import NativeTexts
from pellucid.tokens.running import RunningCount
from pellucid.tokens.tokenizer import BpeTokenizer
from token_corpus import corpus
from token_references import built

pytest.importorskip("gigatoken")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def slow(qwen: Path) -> BpeTokenizer:
    """Without the engine for bulk work."""
    ours = BpeTokenizer.open(built(qwen).path)
    vars(ours)["_fast"] = None
    return ours


@pytest.fixture(scope="module")
def quick(qwen: Path) -> BpeTokenizer:
    """With it, as soon as `at_once` is used."""
    return BpeTokenizer.open(built(qwen).path)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch, quick: BpeTokenizer) -> Iterator[None]:
    monkeypatch.setattr(tokenizer, "FAST_FROM", 0)
    yield
    assert isinstance(vars(quick)["_fast"], FastBpe)


@pytest.mark.usefixtures("at_once")
def test_bulk_ids_are_the_reference(slow: BpeTokenizer, quick: BpeTokenizer, full: bool) -> None:
    texts = corpus(41, 20_000 if full else 1_000)
    texts += [spelling + "\n" + spelling for spelling in slow.specials]
    texts += [f"A{c}B a{c}{c} {c}'s" for c in "ʕ\u088f\u0c5c\ua7ce\U00010940ſK"]
    for text in texts:
        expected = slow.ids(text)
        assert quick.ids(text) == expected, ascii(text)
        assert quick.count(text) == len(expected)
        assert quick.count(text, specials=True) == len(slow.ids(text, specials=True))


@pytest.mark.usefixtures("at_once")
def test_threads_may_share_it(
    slow: BpeTokenizer, quick: BpeTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while the engine is made anew."""
    monkeypatch.setattr(fast, "GROWTH", 1 << 20)
    monkeypatch.setattr(fast, "LOOK", 1 << 15)
    choose = random.Random(3)
    texts = [" ".join(choose.choices(LETTERS, k=9000 if i % 9 else 99_000)) for i in range(60)]
    expected = [slow.count(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(quick.count, texts * 3)) == expected * 3


def test_whole_texts_are_the_pieces(
    slow: BpeTokenizer, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    texts = corpus(45, 20_000 if full else 1_000)
    texts += [f"A{c}B a{c}{c} {c}'s" for c in "ʕ\u088f\u0c5c\ua7ce\U00010940ſK"]
    expected = [slow.ids(text) for text in texts]
    monkeypatch.setattr(tokenizer, "TEXTS_FROM", 0)
    monkeypatch.setattr(NativeTexts, "PART", 100)
    for text, ids in zip(texts, expected, strict=True):
        assert slow.ids(text) == ids, ascii(text)
    assert isinstance(vars(slow)["_texts"], NativeTexts)


@pytest.mark.usefixtures("at_once")
def test_long_pieces_are_the_reference(slow: BpeTokenizer, quick: BpeTokenizer) -> None:
    choose = random.Random(46)
    native = vars(quick).pop("_native", None) or quick._native
    for letters in ("a", LETTERS, "好你世界", "Ab", "中A", "\n ", "- ", "e\u0301"):
        piece = "".join(choose.choices(letters, k=5_000))
        assert list(native(piece)) == list(slow._merge(piece)), letters


@pytest.mark.parametrize("name", ["llama-3.1", "tekken"])
def test_vocabularies_that_are_read_as_merges(name: str, full: bool) -> None:
    ours = pellucid.tokenizer(name).plain
    assert isinstance(ours, BpeTokenizer)
    texts = corpus(47, 20_000 if full else 600)
    expected = [ours.ids(text) for text in texts]
    ours.expect(tokenizer.FAST_FROM)
    assert isinstance(vars(ours)["_fast"], FastBpe)
    for text, ids in zip(texts, expected, strict=True):
        assert ours.ids(text) == ids, ascii(text)


@pytest.mark.usefixtures("at_once")
def test_parts_are_the_whole(
    slow: BpeTokenizer, quick: BpeTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\n".join([*corpus(42, 500), "x" * 900, "one two three " * 80, "-" * 900])
    expected = slow.ids(text)
    for size in (1, 17, 300):
        monkeypatch.setattr(FastBpe, "PART", size)
        monkeypatch.setattr(FastBpe, "LONGEST", 2 * size)
        assert quick.ids(text) == expected
        assert quick.count(text) == len(expected)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("long", [True, False])
def test_random_words_do_not_grow(quick: BpeTokenizer, long: bool, full: bool) -> None:
    choose = random.Random(43)
    size = 30_000_000 if full else 6_000_000
    quick.count("made once")
    process = psutil.Process()
    before = most = process.memory_info().rss
    done = 0
    while done < size:
        words = ("".join(choose.choices(LETTERS, k=8)) for _ in range(120_000 if long else 2_000))
        text = " ".join(words)
        quick.count(text)
        done += len(text)
        most = max(most, process.memory_info().rss)
    assert most - before < 100e6


def test_a_growing_text_is_counted_as_the_whole(slow: BpeTokenizer) -> None:
    choose = random.Random(44)
    pieces = [
        "<|im_start|>",
        "<|im_end|>",
        "\n",
        "\n\n",
        " ",
        "user",
        "Hi 好",
        "\u0301",
        "/",
        "'s",
        "1",
    ]
    for _ in range(40):
        counter = RunningCount(slow, specials=True)
        text = ""
        for _ in range(40):
            text += "".join(choose.choices(pieces, k=choose.randint(0, 6)))
            if choose.random() < 0.05:
                text = text[: choose.randint(0, len(text))]
            assert counter.count(text) == slow.count(text, specials=True), ascii(text)
