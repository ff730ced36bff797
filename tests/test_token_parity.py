"""Our ids beside the model authors' tokenizer and the engine's own: equal, or it is listed why."""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tiktoken
from tokenizers import AddedToken, Tokenizer, normalizers

from pellucid.engine import weights
from pellucid.tokens import normalize, packing, vocabulary
from pellucid.tokens.compiled import Compiled
from pellucid.tokens.pretokenize import STEPS, Pretokenizer
from pellucid.tokens.tokenizer import BpeTokenizer
from pellucid.tokens.unicode_age import SINCE_9, SINCE_16, Characters, settled, uncertain
from token_corpus import corpus, random_texts
from token_references import (
    LLAMA3,
    O200K,
    PRETOKENIZERS,
    QWEN2,
    Engine,
    authors,
    built,
    engine,
    ranks,
)

LOCAL_SOURCES = ("path", "caches", "index")

# Letters and digits of Unicode 16: the authors' libraries know them, llama.cpp knows Unicode 15.1.
UNKNOWN_TO_ENGINE = Characters("""
1c89-1c8a a7cb-a7cd a7da-a7dc 105c0-105f3 10d40-10d65 10d6f-10d85 10ec2-10ec4 11380-11389 1138b
1138e 11390-113b5 113b7 113d1 113d3 116d0-116e3 11bc0-11be0 11bf0-11bf9 13460-143fa 16100-1611d
16130-16139 16d40-16d6c 16d70-16d79 18cff 1ccf0-1ccf9 1e5d0-1e5ed 1e5f0-1e5fa
""")

# Every way in which the engine's own tokenizer differs from the authors', whom we follow.
ENGINE_DIFFERS = [
    ("qwen", "e\u0301", "Qwen's authors normalise to NFC, llama.cpp does not"),
    ("qwen", "\u212b", "the same: the Ångström sign is Å"),
    ("smol", "!\x04!", "SmolLM2 lacks the byte 04: without it the authors join its neighbours"),
    ("qwen", "\U000134b4's", "a letter of Unicode 16, here before a contraction"),
    ("smol", "\U000134b4's", "a letter of Unicode 16, here before a contraction"),
    ("qwen", "<tool_call>", "an added token, which llama.cpp takes from any text, as we never do"),
]


# Digits of Unicode 17: `tokenizers` isolates digits (SmolLM2, StarCoder) by a table of its
# compiler, newer than that of its regular expressions. We know Unicode 16 throughout.
DIGITS_OF_17 = Characters("11de0-11de9 16ff4-16ff6")


class Model(NamedTuple):
    ours: BpeTokenizer
    authors: Tokenizer
    path: Path
    metadata: dict[str, Any]


@pytest.fixture(scope="module")
def models(smol: Path, qwen: Path) -> dict[str, Model]:
    found = {}
    for name, path in (("smol", smol), ("qwen", qwen)):
        metadata, kept = built(path)
        found[name] = Model(BpeTokenizer.open(kept), authors(metadata), path, metadata)
    return found


@pytest.fixture(scope="module", params=["smol", "qwen"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model(name: str, models: dict[str, Model]) -> Model:
    return models[name]


@pytest.fixture(scope="module")
def engine_of(
    name: str, model: Model, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    with engine(model.path, tmp_path_factory.mktemp(f"engine-{name}")) as running:
        yield running


@pytest.fixture(scope="module")
def texts(full: bool) -> list[str]:
    blns = json.loads((Path(__file__).parent / "data" / "blns.json").read_text("utf-8"))
    return [*corpus(1, 20_000 if full else 600), *blns]


def test_ids_are_the_authors(model: Model, texts: list[str]) -> None:
    theirs = model.authors.encode_batch(texts, add_special_tokens=False)
    different = [
        text
        for text, encoding in zip(texts, theirs, strict=True)
        if model.ours.ids(text) != encoding.ids
    ]
    assert different == []


def test_ids_with_specials_are_the_authors(model: Model) -> None:
    metadata = model.metadata
    reference = authors(metadata)
    spellings = list(model.ours.specials)
    reference.add_special_tokens(
        [AddedToken(spelling, special=True, normalized=False) for spelling in spellings]
    )
    choose = random.Random(2)
    for text in random_texts(3, 200):
        parts = [text[:9], choose.choice(spellings), text[9:], choose.choice(spellings) * 2]
        joined = "".join(choose.sample(parts, 4))
        theirs = reference.encode(joined, add_special_tokens=False)
        assert model.ours.ids(joined, specials=True) == theirs.ids, joined


def test_qwen_ids_are_those_of_its_authors_own_file(
    models: dict[str, Model], weights_folder: Path, texts: list[str]
) -> None:
    """`qwen.tiktoken`: ranks only, no merges, another library: an independent source."""
    path = weights.fetch(weights.known("qwen.tiktoken"), weights_folder, sources=LOCAL_SOURCES)
    reference = tiktoken.Encoding(
        "qwen", pat_str=QWEN2, mergeable_ranks=ranks(path), special_tokens={}
    )
    nfc = normalizers.NFC().normalize_str
    ours = models["qwen"].ours
    assert [t for t in texts if ours.ids(t) != reference.encode_ordinary(nfc(t))] == []


def test_ids_are_the_engines(name: str, model: Model, engine_of: Engine, texts: list[str]) -> None:
    compared, different = 0, []
    for text in texts[: len(texts) // 3]:
        if UNKNOWN_TO_ENGINE.found_in(text) or "<tool_call>" in text or model.ours._loses(text):
            continue  # see ENGINE_DIFFERS
        compared += 1
        given = normalize.nfc(text) if name == "qwen" else text
        if model.ours.ids(text) != engine_of.tokenize(given):
            different.append(text)
    assert different == []
    assert compared > 200


def test_ids_with_specials_are_the_engines(model: Model, engine_of: Engine) -> None:
    for text in (
        "<|im_start|>user\nHello 🦄<|im_end|>\n<|im_start|>assistant\n",
        "<|im_start|><|im_end|>x<|endoftext|>",
        "<|im_start|>" * 3 + " <|im_end|",
        "".join(model.ours.specials),
    ):
        assert model.ours.ids(text, specials=True) == engine_of.tokenize(text, specials=True)


def test_the_engine_differs_only_as_listed(name: str, model: Model, engine_of: Engine) -> None:
    for whose, text, reason in ENGINE_DIFFERS:
        if whose == name:
            theirs = model.authors.encode(text, add_special_tokens=False).ids
            assert model.ours.ids(text) == theirs, reason
            assert engine_of.tokenize(text) != theirs, f"no longer so: {reason}"


def test_end_ids_are_the_engines(model: Model, engine_of: Engine) -> None:
    assert engine_of.end_ids() == model.ours.end_ids


@cache
def probes(full: bool) -> list[str]:
    """Texts that put characters where their kind decides about the cuts; in `full` all of them."""
    every = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    young = SINCE_16.found_in("".join(every)) | SINCE_9.found_in("".join(every))
    edges = [one for one, next in pairwise(every) if (one in young) != (next in young)]
    chosen = (
        every if full else sorted({*every[:0x300], *every[::499], *edges, *sorted(young)[::97]})
    )
    return [
        "".join(f"a{c}a{c}{c} {c}1 {c}. '{c}\n" for c in chosen[start : start + 500])
        for start in range(0, len(chosen), 500)
    ]


@pytest.mark.parametrize("name", sorted(PRETOKENIZERS))
def test_cuts_are_the_authors(name: str, full: bool) -> None:
    ours, theirs = Pretokenizer(name), PRETOKENIZERS[name]
    young_digits = DIGITS_OF_17.found_in("".join(map(chr, range(0x10000, 0x17000))))
    for text in [*corpus(4, 3000 if full else 100), *probes(full)]:
        if name == "smollm":
            text = "".join(c for c in text if c not in young_digits)
        expected = [text[start:end] for _, (start, end) in theirs.pre_tokenize_str(text)]
        assert ours.split(text) == expected
    for digit in young_digits if name == "smollm" else ():
        assert len(theirs.pre_tokenize_str(digit * 2)) == 2
        assert ours.split(digit * 2) == [digit * 2]


def test_settled_characters_need_no_closer_look() -> None:
    """They are young to no library, and the authors' normalisation leaves any two as they are."""
    common = [c for c in map(chr, range(0x110000)) if settled(c)]
    text = "".join(common)
    assert len(common) > 45_000
    assert not any("\ud800" <= c <= "\udfff" for c in common)
    assert not uncertain(text) and not SINCE_9.found_in(text)
    theirs = normalizers.NFC().normalize_str
    for before in ("a", "\u0915", "か", "\u1100"):  # what marks and vowels are composed with
        probe = "".join(before + c for c in common)
        assert theirs(probe) == normalize.nfc(probe) == probe
    for other in ("\u0301", "\u1161", "\u3099", "\u09be", "\u212b", "\uf900", "\u0378", "\ud800"):
        assert not settled(f"a {other} b")


def test_normalisation_is_the_authors(full: bool) -> None:
    theirs = normalizers.NFC().normalize_str
    marks = [chr(c) for c in range(0x20000) if unicodedata.combining(chr(c))]
    bases = [chr(c) for c in range(0x30000) if unicodedata.decomposition(chr(c))]
    choose = random.Random(5)
    for _ in range(50_000 if full else 3_000):
        pools = (marks, bases, "aeiou\u1100\u1161\u11a8\u09c7\u09be\u0dd9\u0dcf")
        text = "".join(choose.choice(choose.choice(pools)) for _ in range(choose.randint(1, 12)))
        text += "".join(choose.choice(marks) for _ in range(choose.choice((0, 0, 100))))
        assert normalize.nfc(text) == theirs(text), ascii(text)
        assert "".join(c for c, _, _ in normalize.traced(text)) == theirs(text), ascii(text)


def as_gguf(name: str, pieces: dict[bytes, int], merges: list[str] | None = None) -> dict[str, Any]:
    """A tiktoken vocabulary as a converter writes it: the merges are worked out from the ranks."""
    alphabet = {byte: chr(c) for c, byte in _characters()}
    spell = {piece: "".join(alphabet[byte] for byte in piece) for piece in pieces}
    lines = []
    for piece, rank in sorted(pieces.items(), key=lambda item: item[1]):
        if len(piece) > 1:
            parts = [bytes([byte]) for byte in piece]
            while len(parts) > 2:
                found = [pieces.get(a + b, rank) for a, b in pairwise(parts)]
                first = found.index(min(found))
                if found[first] >= rank:
                    break
                parts[first : first + 2] = [parts[first] + parts[first + 1]]
            if len(parts) == 2:
                lines.append(f"{spell[parts[0]]} {spell[parts[1]]}")
    by_id = {id: spelling for spelling, id in ((spell[p], id) for p, id in pieces.items())}
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": name,
        "tokenizer.ggml.tokens": [by_id[id] for id in range(len(by_id))],
        "tokenizer.ggml.merges": merges or lines,
    }


def _characters() -> list[tuple[int, int]]:
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in printable]
    return [(b, b) for b in printable] + [(256 + i, b) for i, b in enumerate(others)]


@pytest.mark.parametrize(
    ("file", "pre", "pattern"),
    [("llama-3 tokenizer.model", "llama-bpe", LLAMA3), ("o200k_base.tiktoken.gz", "gpt-4o", O200K)],
)
def test_other_vocabularies(
    file: str, pre: str, pattern: str, full: bool, weights_folder: Path
) -> None:
    if not full:
        pytest.skip("fetches two more vocabularies: pytest --full")
    path = weights.fetch(weights.known(file), weights_folder, sources=LOCAL_SOURCES)
    pieces = ranks(path)
    reference = tiktoken.Encoding(pre, pat_str=pattern, mergeable_ranks=pieces, special_tokens={})
    ours = _tokenizer(as_gguf(pre, pieces))
    texts = corpus(6, 3000)
    assert [t for t in texts if ours.ids(t) != reference.encode_ordinary(t)] == []


def test_deepseek(full: bool, weights_folder: Path) -> None:
    if not full:
        pytest.skip("fetches one more vocabulary: pytest --full")
    weight = weights.known("deepseek tokenizer.json")
    path = weights.fetch(weight, weights_folder, sources=LOCAL_SOURCES)
    config = json.loads(path.read_text("utf-8"))
    added = {token["content"]: token["id"] for token in config["added_tokens"]}
    ids = {**config["model"]["vocab"], **added}
    merges = [m if isinstance(m, str) else " ".join(m) for m in config["model"]["merges"]]
    tokens = sorted(ids, key=ids.__getitem__)
    metadata = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "deepseek-v3",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3 if token in added else 1 for token in tokens],
        "tokenizer.ggml.merges": merges,
    }
    ours, theirs = _tokenizer(metadata), Tokenizer.from_file(str(path))
    for text in corpus(7, 3000):
        encoding = theirs.encode(text, add_special_tokens=False)
        if not any(id in ours.specials.values() for id in encoding.ids):
            assert ours.ids(text) == encoding.ids, text


def test_every_family_is_tested() -> None:
    same = {"llama3": "llama-bpe", "llama-v3": "llama-bpe", "starcoder": "smollm"}
    elsewhere = {"deepseek-v3", "cl100k", "sentencepiece", "sentencepiece-whole"}
    assert STEPS.keys() == {*PRETOKENIZERS, *elsewhere, *same}
    for name, twin in same.items():
        assert STEPS[name] == STEPS[twin]


def _tokenizer(metadata: dict[str, Any]) -> BpeTokenizer:
    return BpeTokenizer(Compiled(packing.pack(vocabulary.from_gguf(metadata)), "in memory"))
