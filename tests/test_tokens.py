"""Vocabularies, their built form, and encoding: what does not need another tokenizer beside it."""

from __future__ import annotations

import random
import subprocess
import sys
import unicodedata
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import BrokenVocabulary, TokenError, UnsupportedVocabulary
from pellucid.tokens import bpe, compiled, native, normalize, packing, tokenizer, vocabulary
from pellucid.tokens.compiled import Compiled
from pellucid.tokens.splits import MOST
from pellucid.tokens.tokenizer import BpeTokenizer
from token_corpus import FIXED, corpus
from token_references import built
from work import calls, is_linear

ALPHABET = "abcdĠ"
SMALL: dict[str, Any] = {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.tokens": [*ALPHABET, "ab", "abc", "Ġd", "<|im_end|>", "<think>", "   "],
    "tokenizer.ggml.token_type": [1, 1, 1, 1, 1, 1, 1, 1, 3, 4, 4],
    "tokenizer.ggml.merges": ["a b", "ab c", "Ġ d"],
    "tokenizer.ggml.bos_token_id": 8,
    "tokenizer.ggml.eos_token_id": 8,
}


def changed(**changes: Any) -> dict[str, Any]:
    return {**SMALL, **{f"tokenizer.ggml.{key}": value for key, value in changes.items()}}


def small(**changes: Any) -> BpeTokenizer:
    packed = packing.pack(vocabulary.from_gguf(changed(**changes)))
    return BpeTokenizer(Compiled(packed, "in memory"))


@pytest.fixture(scope="module", params=["smol", "qwen"])
def model(request: pytest.FixtureRequest) -> BpeTokenizer:
    return BpeTokenizer.open(built(request.getfixturevalue(request.param)).path)


@pytest.fixture(scope="module")
def qwen_tokenizer(qwen: Path) -> BpeTokenizer:
    return BpeTokenizer.open(built(qwen).path)


# The vocabulary of a file


def test_a_small_vocabulary() -> None:
    ours = small()
    encoding = ours.encode("abc dd")
    assert encoding.ids == (6, 7, 3)
    assert encoding.pieces == (b"abc", b" d", b"d")
    assert encoding.offsets == ((0, 3), (3, 5), (5, 6))
    assert encoding.special == (False, False, False)
    assert (encoding.text, encoding.vocabulary) == ("abc dd", ours.fingerprint)
    assert ours.decode(encoding.ids) == "abc dd"
    assert ours.name == "gpt-2"
    assert len(ours) == 11


def test_strings_may_be_bytes() -> None:
    def as_bytes(key: str) -> list[bytes]:
        return [item.encode() for item in SMALL[f"tokenizer.ggml.{key}"]]

    twin = small(tokens=as_bytes("tokens"), merges=as_bytes("merges"))
    assert twin.fingerprint == small().fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"pre": "qwen2"},
        {"merges": ["a b", "Ġ d", "ab c"]},
        {"eos_token_id": 0},
        {"add_bos_token": True},
        {"token_type": [1, 1, 1, 1, 1, 1, 1, 1, 3, 4, 5]},
    ],
)
def test_another_vocabulary_has_another_fingerprint(changes: dict[str, Any]) -> None:
    assert small(**changes).fingerprint != small().fingerprint


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "t5"}, "not byte-level BPE"),
        ({"model": None}, "not byte-level BPE"),
        ({"model": 7}, "not text"),
        ({"pre": "superbpe"}, "'superbpe' is not one that is known"),
        ({"pre": None}, "'missing' is not one that is known"),
        ({"tokens": None}, "no list of tokens"),
        ({"tokens": "abc"}, "no list of tokens"),
        ({"tokens": [1, 2]}, "is int, not text"),
        ({"tokens": [b"\xff"]}, "not UTF-8"),
        ({"tokens": ["\ud800"]}, "not UTF-8"),
        ({"tokens": ["a", "a"]}, "same token twice"),
        ({"merges": None}, "no list of merges"),
        ({"merges": ["a x"]}, "a token that the vocabulary lacks"),
        ({"merges": ["ab"]}, "a token that the vocabulary lacks"),
        ({"token_type": [1]}, "11 tokens but 1 token types"),
        ({"token_type": "x"}, "not a list of numbers"),
        ({"token_type": ["x"]}, "not a list of numbers"),
    ],
)
def test_what_cannot_be_read_is_said(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UnsupportedVocabulary, match=said) as error:
        small(**changes)
    assert str(error.value).endswith(".")


def test_end_ids_have_keys_or_known_spellings() -> None:
    assert small().end_ids == {8}
    tokens = [*SMALL["tokenizer.ggml.tokens"][:8], "x1", "<end_of_turn>", "[EOS]"]
    assert small(tokens=tokens, eos_token_id=8, eot_token_id=0).end_ids == {0, 8, 9, 10}
    assert small(eos_token_id=99, eot_token_id=-1).end_ids == {8}, "outside: no ids"
    harmony = [*SMALL["tokenizer.ggml.tokens"][:8], "<|end|>", "<|return|>", "<|call|>"]
    assert small(tokens=harmony, eos_token_id=9).end_ids == {9, 10}, "<|end|> only ends a message"


def test_bos_is_put_in_front_where_the_file_or_its_family_says() -> None:
    assert small().bos is None
    assert small(add_bos_token=True).bos == 8
    assert small(pre="llama-bpe").bos == 8
    assert small(pre="llama-bpe", add_bos_token=False).bos is None
    assert small(pre="llama-bpe", bos_token_id=None).bos is None


def test_ends_of_known_spelling_are_control_tokens_whatever_the_file_says() -> None:
    ours = small(token_type=[1] * 11)
    assert ours.specials == {"<|im_end|>": 8}


def test_ignore_merges() -> None:
    tokens = [*ALPHABET, "ab", "abc", "Ġd", "<|im_end|>", "<think>", "bcd"]
    ours = small(tokens=tokens, token_type=[1] * 8 + [3, 4, 1], pre="llama-bpe")
    assert ours.ids("bcd") == [10], "no merge makes it"
    assert small(tokens=tokens, token_type=[1] * 8 + [3, 4, 1]).ids("bcd") == [1, 2, 3]


# Content never becomes control ids


def test_no_spelling_in_content_becomes_a_control_id(model: BpeTokenizer) -> None:
    controls = set(model.specials.values())
    assert len(controls) >= 17
    for spelling, id in model.specials.items():
        for text in (spelling, f"a{spelling}b", f" {spelling}\n", spelling * 2, spelling[:-1]):
            assert controls.isdisjoint(model.ids(text)), text
            assert not any(model.encode(text).special)
        known = model.encode(f"a{spelling}b", specials=True)
        assert known.ids[1] == id
        assert known.special == (False, True, False)
        assert known.pieces[1] == spelling.encode()
        assert known.offsets[1] == (1, 1 + len(spelling))


def test_no_merge_makes_a_control_token() -> None:
    ours = small(token_type=[1] * 6 + [3, 1, 3, 4, 4])
    assert ours.specials["abc"] == 6
    assert ours.ids("abc") == [5, 2]
    assert ours.ids("abc", specials=True) == [6]


def test_added_tokens() -> None:
    ours = small()
    assert ours.specials == {"<|im_end|>": 8, "<think>": 9}
    blank = ours.encode("a   b")
    assert blank.ids == (0, 10, 1), "white space alone is taken from content"
    assert blank.special == (False, False, False)
    assert blank.offsets == ((0, 1), (1, 4), (4, 5))
    assert ours.ids("<think>a<|im_end|>", specials=True) == [9, 0, 8]
    assert {8, 9}.isdisjoint(ours.ids("<think>a<|im_end|>"))


def test_the_longest_spelling_wins() -> None:
    tokens = [*ALPHABET, "ab", "abc", "Ġd", "<a", "<ab", "<abc>"]
    ours = small(tokens=tokens, token_type=[1] * 8 + [3] * 3, eos_token_id=None, bos_token_id=None)
    assert ours.ids("<abc><ab<abd<a", specials=True) == [10, 9, 9, 3, 8]


# Offsets


def check_offsets(ours: BpeTokenizer, text: str, *, specials: bool = False) -> None:
    encoding = ours.encode(text, specials=specials)
    assert list(encoding.ids) == ours.ids(text, specials=specials)
    lengths = {len(encoding.ids), len(encoding.pieces), len(encoding.offsets)}
    assert lengths == {len(encoding.special)}

    def spelt(part: str) -> bytes:
        part = normalize.nfc(part) if ours._vocabulary.nfc else part
        return part.encode().translate(None, ours._lacks)

    assert b"".join(encoding.pieces) == spelt(text)
    bounds = [(0, 0), *encoding.offsets]
    for (before, after), (start, end) in pairwise(bounds):
        assert before <= start < end <= len(text)
        assert start in (after - 1, after) or ours._loses(text) or ours._vocabulary.nfc
        assert after <= end
    for (start, end), piece in zip(encoding.offsets, encoding.pieces, strict=True):
        assert piece in spelt(text[start:end])
    if not ours._loses(text):
        assert bounds[-1][1] == len(text)


def test_offsets_of_the_corpus(model: BpeTokenizer) -> None:
    for text in corpus(11, 300):
        check_offsets(model, text)


@settings(max_examples=60)
@given(text=st.text(), tail=st.text(alphabet="e\u0301\u0323\u1100\u1161é <|im_start|>"))
def test_offsets_of_any_text(model: BpeTokenizer, text: str, tail: str) -> None:
    check_offsets(model, text + tail)
    check_offsets(model, tail + "<|im_start|>" + text, specials=True)


def test_offsets_count_the_text_as_it_was_given(qwen_tokenizer: BpeTokenizer) -> None:
    text = "cafe\u0301 \u1112\u1161\u11ab x"
    encoding = qwen_tokenizer.encode(text)
    covered = [text[start:end] for start, end in encoding.offsets]
    assert "".join(dict.fromkeys(covered)) == text
    assert {"e\u0301", "\u1112\u1161\u11ab"} <= {part.strip(" caf") for part in covered}
    assert qwen_tokenizer.decode(encoding.ids) == "café 한 x"


def test_a_token_inside_a_character_covers_all_of_it(model: BpeTokenizer) -> None:
    encoding = model.encode("a龘b")
    inner = [o for o, p in zip(encoding.offsets, encoding.pieces, strict=True) if p[0] >= 0x80]
    assert len(inner) >= 2
    assert set(inner) == {(1, 2)}


def test_bytes_that_the_vocabulary_lacks_are_left_out(smol: Path) -> None:
    ours = BpeTokenizer.open(built(smol).path)
    encoding = ours.encode("a\x04b\x13")
    assert encoding.pieces == (b"a", b"b")
    assert encoding.offsets == ((0, 1), (2, 3))


# Errors


@pytest.mark.parametrize(("text", "position"), [("\ud83d", 0), ("añ🦄\udc00b", 3)])
def test_a_lone_surrogate_is_refused_with_its_position(
    model: BpeTokenizer, text: str, position: int
) -> None:
    for encode in (model.encode, model.ids):
        with pytest.raises(
            TokenError, match=rf"Character {position} .*counted from 0\) of .*remove it"
        ):
            encode(text)


def test_ids_outside_the_vocabulary(model: BpeTokenizer) -> None:
    for id in (-1, len(model), 1 << 40):
        with pytest.raises(TokenError, match=f"no token {id}"):
            model.piece(id)
        with pytest.raises(TokenError, match=f"no token {id}"):
            model.decode([0, id])


def test_bytes_that_are_no_text_decode_to_the_replacement_character(model: BpeTokenizer) -> None:
    half = model.encode("龘").ids[:1]
    assert model.decode(half) == "\ufffd"


# The built form


def test_equal_vocabularies_build_the_same_file(smol: Path, tmp_path: Path) -> None:
    metadata, path = built(smol)
    compiled.build(vocabulary.from_gguf(metadata), tmp_path / "deep" / "er" / "twin")
    assert (tmp_path / "deep" / "er" / "twin").read_bytes() == path.read_bytes()
    assert [entry.name for entry in (tmp_path / "deep" / "er").iterdir()] == ["twin"]


def test_everything_is_found_again(model: BpeTokenizer) -> None:
    vocabulary = model._vocabulary
    assert all(vocabulary.find(piece) == id for piece, id in vocabulary.normal())
    assert vocabulary.find(b"\xff\xfe no such piece") is None


def test_a_damaged_file_is_noticed(smol: Path, tmp_path: Path) -> None:
    whole = built(smol).path.read_bytes()
    path = tmp_path / "damaged"
    choose = random.Random(12)
    places = [*range(60), *(choose.randrange(len(whole)) for _ in range(60))]
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        with pytest.raises(BrokenVocabulary):
            compiled.open_(path)
    for length in (0, 1, 20, 30, 500, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(BrokenVocabulary):
            compiled.open_(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(BrokenVocabulary, match="build it again"):
        compiled.open_(path)
    with pytest.raises(BrokenVocabulary, match="cannot be read"):
        compiled.open_(tmp_path / "absent")


def test_what_cannot_be_written_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(TokenError, match=r"cannot be written to .*file/v"):
        compiled.build(vocabulary.from_gguf(SMALL), blocked / "v")
    (tmp_path / "taken").mkdir()
    with pytest.raises(TokenError, match="cannot be written"):
        compiled.build(vocabulary.from_gguf(SMALL), tmp_path / "taken")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "taken"]


_OPENING = """
import sys
from pathlib import Path
from pellucid.tokens.tokenizer import BpeTokenizer
from work import calls

def own() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

path = Path(sys.argv[1])
BpeTokenizer.open(path).ids("warm up")
memory = own()
kept = [BpeTokenizer.open(path) for _ in range(5)]
memory = own() - memory
print(calls(lambda: BpeTokenizer.open(path)), memory / 5)
"""


def test_opening_costs_little(qwen: Path) -> None:
    """150,000 tokens: nothing is done for each, and no more memory than the file is large."""
    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc to see memory")
    command = [sys.executable, "-c", _OPENING, str(built(qwen).path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent
    )
    said = done.stdout.split()
    assert int(said[0]) < 1000
    assert float(said[1]) * 1024 < built(qwen).path.stat().st_size + 200_000


# Byte-pair encoding


def plain_merge(ids: list[int], pair: bpe.Pair) -> list[int]:
    """The definition, word for word."""
    while True:
        found = [pair(left, right) for left, right in pairwise(ids)]
        known = [merged for merged in found if merged is not None]
        if not known:
            return ids
        place = found.index(min(known))
        ids = [*ids[:place], min(known) & bpe.ID, *ids[place + 2 :]]


def random_merges(choose: random.Random) -> tuple[dict[tuple[int, int], int], list[bytes]]:
    """A few merges over three letters, in an order in which not all of them can happen."""
    pieces = [b"a", b"b", b"c"]
    merges: dict[tuple[int, int], int] = {}
    for _ in range(choose.randint(1, 12)):
        left, right = choose.randrange(len(pieces)), choose.randrange(len(pieces))
        piece = pieces[left] + pieces[right]
        if piece not in pieces:
            merges[left, right] = len(pieces)
            pieces.append(piece)
    return merges, pieces


def test_merging_is_as_defined() -> None:
    choose = random.Random(13)
    for _ in range(400):
        merges, _ = random_merges(choose)
        ranks = list(merges)
        choose.shuffle(ranks)

        def pair(left: int, right: int, merges: Any = merges, ranks: Any = ranks) -> int | None:
            found = merges.get((left, right))
            return None if found is None else ranks.index((left, right)) << 32 | found

        ids = [choose.randrange(3) for _ in range(choose.randint(0, 30))]
        assert bpe.merge(list(ids), pair) == plain_merge(list(ids), pair)


def test_ranks_replace_merges_only_where_they_are_equal() -> None:
    """`ranked` is true if and only if every token is what its bytes merge into."""
    choose = random.Random(14)
    outcomes = set()
    for _ in range(400):
        merges, pieces = random_merges(choose)
        spellings = [piece.decode() for piece in pieces]
        lines = [f"{spellings[left]} {spellings[right]}" for left, right in merges]
        ours = small(tokens=spellings, merges=lines, token_type=None)
        reached = all(
            bpe.merge(["abc".index(c) for c in spelling], ours._vocabulary.pair) == [id]
            for id, spelling in enumerate(spellings)
        )
        assert ours._vocabulary.ranked == reached
        outcomes.add(reached)
    assert outcomes == {True, False}


def test_merging_takes_n_log_n(model: BpeTokenizer) -> None:
    """Counted, not timed: look-ups of pairs for a piece ten times as long."""
    vocabulary = model._vocabulary
    choose = random.Random(15)
    for letters in ("a", "abcdefghijklmnopqrstuvwxyz", "-"):
        counts = []
        for length in (1_000, 10_000):
            looked = 0

            def pair(left: int, right: int) -> int | None:
                nonlocal looked
                looked += 1
                return vocabulary.pair(left, right)

            piece = bytes(map(ord, choose.choices(letters, k=length)))
            bpe.merge([id for byte in piece if (id := vocabulary.byte_ids[byte]) is not None], pair)
            counts.append(looked)
        assert counts[1] < 11 * counts[0]


def pathological(size: int) -> dict[str, str]:
    choose = random.Random(16)
    return {
        "one letter": "a" * size,
        "a letter before": "b" + "a" * size,
        "spaces": " " * size,
        "spaces and a word": " " * size + "x",
        "tabs and spaces": "\t " * (size // 2),
        "dashes": "-" * size,
        "line ends": "\n" * size,
        "one ideograph": "好" * size,
        "ideographs": "".join(chr(choose.randrange(0x4E00, 0x9FA5)) for _ in range(size)),
        "letters": "".join(choose.choices("abcdefghijklmnopqrstuvwxyz", k=size)),
        "emoji": "👩‍👩‍👧" * (size // 5),
    }


def test_no_quadratic_input(qwen_tokenizer: BpeTokenizer, full: bool) -> None:
    """How long a million characters of each take is in the benchmarks."""
    ours = qwen_tokenizer
    ours._native("made once")
    for name, text in pathological(1_000_000 if full else 100_000).items():
        assert is_linear(ours.ids, text[: len(text) // 8], text), name


def test_normalising_is_not_quadratic() -> None:
    for marks in ("\u0301\u0323", "\u0f73"):
        text = "a" + marks * 50_000
        assert is_linear(normalize.nfc, text[: len(text) // 8], text)
    text = "a" + "\u0301\u0323" * 300 + "b\u0f73"
    assert normalize.nfc(text) == unicodedata.normalize("NFC", text)


# The fast engine


def test_the_fast_engine_gives_the_same_ids(model: BpeTokenizer) -> None:
    choose = random.Random(17)
    pieces = [text for text in FIXED if not model._loses(text)]
    pieces += pathological(3_000).values()
    pieces += ["".join(choose.choices("ab好\u0301 é🦄", k=5_000)), "ab" * 3_000, "x" + "ab" * 2_000]
    for piece in pieces:
        assert list(model._native(piece)) == list(model._merge(piece)), piece[:40]


def test_blocks_meet_where_they_agree(model: BpeTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "BLOCK", 7)
    monkeypatch.setattr(native, "OVERLAP", 1)
    choose = random.Random(18)
    for letters in ("a", "ab", "abc \n", "the quick", "好你世界", "é🦄好a-", "-=", " "):
        for _ in range(30):
            piece = "".join(choose.choices(letters, k=choose.randint(1, 200)))
            assert list(model._native(piece)) == list(model._merge(piece)), piece


def test_long_texts_use_the_fast_engine_and_equal_short_ones(
    qwen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose = random.Random(19)
    words = ("".join(choose.choices("abcdefghij", k=9)) for _ in range(3_000))
    text = " ".join(words) + " héllo 好 \n" + "-" * 2_000
    monkeypatch.setattr(tokenizer, "NATIVE_FROM", 1 << 40)
    slow = BpeTokenizer.open(built(qwen).path)
    expected = slow.ids(text)
    assert "_native" not in vars(slow)
    monkeypatch.setattr(tokenizer, "NATIVE_FROM", 10_000)
    fast = BpeTokenizer.open(built(qwen).path)
    assert fast.ids(text) == expected
    assert "_native" in vars(fast)


def test_what_is_remembered_is_bounded(smol: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "KEPT", 100)
    ours = BpeTokenizer.open(built(smol).path)
    fresh = BpeTokenizer.open(built(smol).path)
    for text in corpus(20, 60):
        monkeypatch.setattr(tokenizer, "KEPT", 100)
        ids = ours.ids(text)
        assert len(ours._kept) <= 100
        assert all(len(piece) <= tokenizer.LONGEST_KEPT for piece in ours._kept)
        monkeypatch.setattr(tokenizer, "KEPT", 0)
        assert fresh.ids(text) == ids


# Hidden tokens


def unfinished(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return False


def all_splits(ours: BpeTokenizer, data: bytes, count: int) -> set[tuple[int, ...]]:
    """By trying every way to cut `data`."""
    ways = set()
    for cuts in product((False, True), repeat=len(data) - 1):
        ends = [i + 1 for i, cut in enumerate(cuts) if cut]
        if len(ends) == count - 1 and all(unfinished(data[:end]) for end in ends):
            pieces = [data[a:b] for a, b in pairwise([0, *ends, len(data)])]
            ids = [ours._vocabulary.find(piece) for piece in pieces]
            if None not in ids:
                ways.add(tuple(id for id in ids if id is not None))
    return ways


@pytest.mark.parametrize("text", ["龘", " 🦄", "🫠", "𝔘", "é", "你好", "龘a"])
def test_every_split_is_found(model: BpeTokenizer, text: str) -> None:
    data = text.encode()
    seen = 0
    for count in range(1, 6):
        expected = all_splits(model, data, count)
        for last in {ids[-1] for ids in expected} | {model.ids(text)[-1]}:
            found = model.splits(data, count, last)
            assert set(found) == {ids for ids in expected if ids[-1] == last}
            assert len(set(found)) == len(found)
            seen += len(found)
    assert seen > 0 or len(text) > 1


def test_the_tokens_of_a_character_are_told(model: BpeTokenizer) -> None:
    for character in "龘🦄𝔘🫠":
        ids = tuple(model.ids(character))
        assert ids in model.splits(character.encode(), len(ids), ids[-1])


def test_splits_that_cannot_be(model: BpeTokenizer) -> None:
    a, b = model.ids("a")[0], model.ids("b")[0]
    assert model.splits(b"a", 1, a) == [(a,)]
    assert model.splits(b"a", 1, b) == []
    assert model.splits(b"ab", 2, b) == [], "the first would have been shown by itself"
    assert model.splits(b"", 1, a) == []
    with pytest.raises(TokenError):
        model.splits(b"a", 1, len(model))


def test_splits_are_bounded(model: BpeTokenizer) -> None:
    last = model.ids("龘")[-1]
    found = model.splits("龘".encode() * 300, 400, last)
    assert len(found) <= MOST
    assert model.splits("龘".encode() * 30_000, 60_000, last) == []
    assert calls(lambda: model.splits("龘".encode() * 300, 400, last)) < 20_000
    assert calls(lambda: model.splits("龘".encode() * 30_000, 60_000, last)) < 100


def test_opened_twice_is_one_vocabulary(smol: Path, qwen: Path) -> None:
    one, two = (BpeTokenizer.open(built(qwen).path) for _ in range(2))
    assert one.fingerprint == two.fingerprint
    assert len(one.fingerprint) == 64
    assert one.fingerprint != BpeTokenizer.open(built(smol).path).fingerprint
