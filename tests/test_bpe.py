"""The readable byte-pair encoder: what it learns, and that it is equal to the fast ones."""

from __future__ import annotations

import random
from itertools import accumulate, pairwise
from pathlib import Path

import pytest

from pellucid.models.card import open_card
from pellucid.settings import Folders
from pellucid.tokens import bpe
from pellucid.tokens.explain import readable
from pellucid.tokens.tokenizer import BpeTokenizer

CORPUS = "low low low low low lower lower newest newest newest newest newest newest widest widest"
TEXTS = (
    "Hi my name is Stephen",
    "  def f(x):\n\treturn x**2  # odd\r\n\n",
    "I'll've DON'T 12345 3.14159",
    "日本語のテキスト、中文 🦙👩‍👩‍👧 é é",
    "مرحبا بالعالم שלום \u202e",
    "\x00\x01\x7f \u200b\ufeff",
    "antidisestablishmentarianism " * 3,
)


def test_the_most_frequent_pair_is_learned_first() -> None:
    learned = list(bpe.learn(CORPUS, 262))
    assert [(step.piece, step.count) for step in learned[:3]] == [
        (b"es", 8),
        (b"est", 8),
        (b"lo", 7),
    ]
    assert [step.id for step in learned] == list(range(256, 262))


def test_counts_stay_true_while_merging() -> None:
    """Against counting everything anew before each merge, the definition."""
    text = "".join(random.Random(7).choices("ab \n", k=3000))
    learned = list(bpe.learn(text, 300))
    words = [list(piece.encode()) for piece in bpe.Pretokenizer("gpt-4o").split(text)]
    for step in learned:
        counts: dict[tuple[int, int], int] = {}
        for word in words:
            for pair in pairwise(word):
                counts[pair] = counts.get(pair, 0) + 1
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        assert (best, counts[best]) == ((step.left, step.right), step.count)
        words = [bpe._joined(word, best, step.id) for word in words]
    assert len(learned) > 20


def test_training_ends_when_nothing_repeats() -> None:
    assert list(bpe.learn("abc", 512)) == []
    assert list(bpe.learn("", 512)) == []


def test_what_was_trained_encodes_and_decodes() -> None:
    trained = bpe.Bpe.of(list(bpe.learn(CORPUS, 300)))
    ids = trained.encode(CORPUS)
    assert len(ids) < len(CORPUS) / 2
    assert trained.decode(ids) == CORPUS
    for text in TEXTS:
        assert trained.decode(trained.encode(text)) == text


def test_both_ways_to_merge_are_equal() -> None:
    pick = random.Random(3)
    trained = bpe.Bpe.of(list(bpe.learn(CORPUS * 3, 300)))
    for _ in range(200):
        ids = list("".join(pick.choices("lowernstid ", k=pick.randrange(40))).encode())
        merged = ids
        for _, _, after in bpe.steps(ids, trained.pair):
            merged = list(after)
        assert bpe.merge(list(ids), trained.pair) == merged


def test_steps_tell_rank_place_and_result() -> None:
    trained = bpe.Bpe.of(list(bpe.learn(CORPUS, 258)))  # es, est
    assert list(bpe.steps(list(b"best"), trained.pair)) == [
        (0, 1, (ord("b"), 256, ord("t"))),
        (1, 1, (ord("b"), 257)),
    ]


@pytest.mark.parametrize("which", ["smol", "qwen"])
def test_equal_to_the_fast_encoder(which: str, request: pytest.FixtureRequest, home: Path) -> None:
    path = request.getfixturevalue(which)
    fast = BpeTokenizer.open(open_card(path, which, Folders.of()).vocabulary)
    slow = readable(fast)
    for text in TEXTS:
        assert slow.encode(text) == fast.ids(text), text


@pytest.mark.parametrize("name", ["o200k_base", "cl100k_base", "llama-3.1"])
def test_equal_on_published_vocabularies(name: str) -> None:
    from pellucid.models.tokenizers import open_tokenizer

    fast = open_tokenizer(name).plain
    slow = readable(fast)
    for text in TEXTS:
        assert slow.encode(text) == fast.ids(text), text


def test_equal_to_tiktoken() -> None:
    """A vocabulary trained here, encoded by the library most people use."""
    import tiktoken

    from pellucid.tokens.pretokenize import STEPS

    learned = list(bpe.learn(CORPUS + "".join(TEXTS), 320))
    trained = bpe.Bpe.of(learned)
    ranks = {bytes([byte]): byte for byte in range(256)} | {step.piece: step.id for step in learned}
    theirs = tiktoken.Encoding(
        "trained", pat_str=STEPS["gpt-4o"].patterns[0], mergeable_ranks=ranks, special_tokens={}
    )
    for text in (*TEXTS, *accumulate(TEXTS)):
        assert trained.encode(text) == theirs.encode_ordinary(text)
