"""Reading vocabularies of every format: what the libraries would make of them, or why not."""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from parity_corpus import LANGUAGES, corpus
from pellucid.errors import TokenError, UnsupportedVocabulary
from pellucid.tokens import packing
from pellucid.tokens.compiled import Compiled
from pellucid.tokens.explain import explain
from pellucid.tokens.opening import tokenizer_of
from pellucid.tokens.reading import from_file
from pellucid.tokens.sentencepiece import SentencePieceTokenizer
from pellucid.tokens.sentencepiece_model import from_model
from pellucid.tokens.tekken import from_tekken
from pellucid.tokens.tiktoken_file import from_tiktoken
from pellucid.tokens.tokenizer import BpeTokenizer
from pellucid.tokens.tokenizer_json import from_tokenizer_json
from pellucid.tokens.vocabulary import Kind, Vocabulary, from_gguf
from token_references import LLAMA3, QWEN2

TEXTS = corpus(40_000, seed=5)
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def opened(vocabulary: Vocabulary) -> BpeTokenizer:
    return tokenizer_of(Compiled(packing.pack(vocabulary), "in memory"))


def byte_level(*steps: Any, regex: bool = False) -> Any:
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex)
    return pre_tokenizers.Sequence([*steps, level]) if steps else level


def split(pattern: str, behavior: str = "isolated", invert: bool = False) -> Any:
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


OF_BYTES: dict[str, tuple[Any, Any]] = {
    "GPT-2": (None, byte_level(regex=True)),
    "StarCoder": (None, byte_level(pre_tokenizers.Digits(individual_digits=True), regex=True)),
    "runs of digits": (None, byte_level(pre_tokenizers.Digits(), regex=True)),
    "Qwen": (normalizers.NFC(), byte_level(split(QWEN2))),
    "Llama 3": (normalizers.Sequence([]), byte_level(split(LLAMA3))),
    "matches kept": (None, byte_level(split(QWEN2, "removed", invert=True))),
    "of its own": (None, byte_level(split(r"\p{Lu}\p{Ll}*|\p{L}+|\s|[^\p{L}\s]{1,4}"))),
    "a word": (None, byte_level(pre_tokenizers.Split("in", "isolated"), regex=True)),
}

REPLACE = normalizers.Replace(" ", "▁")
OF_CHARACTERS: dict[str, tuple[Any, Any]] = {
    "Llama 2": (normalizers.Sequence([normalizers.Prepend("▁"), REPLACE]), None),
    "Gemma": (REPLACE, pre_tokenizers.Split(" ", "merged_with_previous")),
    **{
        scheme: (None, pre_tokenizers.Metaspace("▁", prepend_scheme=scheme, split=False))
        for scheme in ("always", "first", "never")
    },
}


@cache
def trained(family: str, name: str) -> Tokenizer:
    """A small vocabulary, trained by the library on a few languages."""
    normalizer, pretokenizer = (OF_BYTES if family == "bytes" else OF_CHARACTERS)[name]
    if family == "bytes":
        library = Tokenizer(models.BPE(ignore_merges=name == "Llama 3"))
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=900, initial_alphabet=alphabet, show_progress=False, max_token_length=12
        )
    else:
        library = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
        first = ["<unk>", "<s>", "</s>", *BYTES]
        trainer = trainers.BpeTrainer(vocab_size=1400, special_tokens=first, show_progress=False)
    library.normalizer = normalizer
    if pretokenizer:
        library.pre_tokenizer = pretokenizer
    library.train_from_iterator([*LANGUAGES.values(), *TEXTS[:60]], trainer)
    if name == "Llama 3":
        library.add_special_tokens(["<|begin|>"])
        id = library.token_to_id("<|begin|>")
        template = processors.TemplateProcessing("<|begin|> $A", None, [("<|begin|>", id)])
        library.post_processor = processors.Sequence([processors.ByteLevel(), template])
    return library


def file_of(library: Tokenizer, **changes: Any) -> bytes:
    """The library's tokenizer.json; bytes are no special tokens."""
    file = json.loads(library.to_str())
    file["added_tokens"] = [t for t in file["added_tokens"] if t["content"] not in BYTES]
    return json.dumps({**file, **changes}).encode()


@pytest.mark.parametrize(
    ("family", "name"),
    [*(("bytes", name) for name in OF_BYTES), *(("characters", name) for name in OF_CHARACTERS)],
)
def test_tokenizer_json(family: str, name: str) -> None:
    data = file_of(trained(family, name))
    ours, theirs = opened(from_tokenizer_json(data)), Tokenizer.from_buffer(data)
    assert isinstance(ours, SentencePieceTokenizer) == (family == "characters")
    theirs.encode_special_tokens = True
    differ = [t for t in TEXTS if ours.ids(t) != theirs.encode(t, add_special_tokens=False).ids]
    assert differ == []
    whole = theirs.encode("x", add_special_tokens=True).ids
    assert whole == [*([] if ours.bos is None else [ours.bos]), *ours.ids("x")]
    back = 0
    for text in TEXTS:
        if name not in ("always", "first") or text[:1] not in (" ", "▁"):  # which those forget
            expected = text if name != "Qwen" else normalizers.NFC().normalize_str(text)
            expected = expected.replace("▁", " ") if family == "characters" else expected
            assert ours.text(ours.ids(text)) == expected
            back += 1
    assert back > 0.8 * len(TEXTS)


def test_special_tokens_that_swallow_blanks() -> None:
    library = Tokenizer.from_buffer(file_of(trained("characters", "Llama 2")))
    library.add_special_tokens(
        [
            AddedToken("<|end|>", rstrip=True, normalized=False),
            AddedToken("<|both|>", rstrip=True, lstrip=True, normalized=False),
            AddedToken("<|plain|>", normalized=False),
        ]
    )
    ours = opened(from_tokenizer_json(file_of(library)))
    for text in (
        "<|end|>\n All men<|end|>  <|plain|> a  <|both|>\n\nb <|both|>",
        " <|both|> <|end|>",
        "<|plain|>\n<|plain|>",
        "<|end|><|both|>x<s> y</s>",
    ):
        encoding = ours.encode(text, specials=True)
        assert list(encoding.ids) == library.encode(text, add_special_tokens=False).ids
        assert encoding.offsets[-1][1] == len(text)
        plain = ours.encode(text)
        assert not any(plain.special) and ours.text(plain.ids) == text
    assert ours.encode("<|end|>\n A", specials=True).offsets[0] == (0, 9)


def test_where_a_blank_is_put_in_front() -> None:
    every, first, never = (
        opened(from_tokenizer_json(file_of(trained("characters", name))))
        for name in ("Llama 2", "first", "never")
    )
    text = "All</s>All"
    for ours, pieces in (
        (every, b" All</s> All"),
        (first, b" All</s>All"),
        (never, b"All</s>All"),
    ):
        encoding = ours.encode(text, specials=True)
        assert b"".join(encoding.pieces) == pieces
        assert encoding.offsets[0][0] == 0 and encoding.offsets[-1][1] == len(text)
        assert ours.text(encoding.ids) == text
        assert ours.decode(encoding.ids) == pieces.decode()
    assert b"".join(first.encode(" All").pieces) == b" All"
    assert b"".join(every.encode(" All").pieces) == b"  All"
    assert every.encode("").ids == first.encode("").ids == ()


def test_characters_without_a_token_are_bytes() -> None:
    ours = opened(from_tokenizer_json(file_of(trained("characters", "never"))))
    encoding = ours.encode("a\U0001f9ffb")
    assert encoding.pieces == (b"a", b"\xf0", b"\x9f", b"\xa7", b"\xbf", b"b")
    assert encoding.offsets == ((0, 1), *[(1, 2)] * 4, (2, 3))
    assert ours.splits("\U0001f9ff".encode(), 4, encoding.ids[4]) == [encoding.ids[1:5]]
    (piece,) = explain(ours, "\U0001f9ff")
    assert (piece.unknown, piece.pieces) == (("\U0001f9ff",), (b"\xf0", b"\x9f", b"\xa7", b"\xbf"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": {"type": "WordPiece", "vocab": {}}}, "kind WordPiece, not BPE"),
        ({"model": {"type": "BPE", "vocab": {}, "merges": []}}, "not those of a vocabulary"),
        ({"model": []}, "damaged"),
        ({"normalizer": {"type": "Lowercase"}}, r"rewrites text .*\(Lowercase\)"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "Whitespace is not read here"),
        ({"pre_tokenizer": None}, "neither of bytes nor falls back"),
        ({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}}, "not read here"),
        ({"post_processor": {"type": "RobertaProcessing"}}, "RobertaProcessing is not read"),
        ({"added_tokens": [{"id": 1, "content": "x", "single_word": True}]}, "as a word only"),
        ({"added_tokens": [{"id": 1, "content": "new"}]}, "have the same id"),
        ({"added_tokens": [{"id": 1 << 40, "content": "new"}]}, "not those of a vocabulary"),
        ({"added_tokens": 7}, "damaged"),
    ],
)
def test_why_a_tokenizer_json_is_not_read(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UnsupportedVocabulary, match=said):
        from_tokenizer_json(file_of(trained("bytes", "GPT-2"), **changes))


@pytest.mark.parametrize("pattern", ["(a)|b", "a(", r"\p{Nonsense}", "(?P<x>a)"])
def test_expressions_that_are_not_understood(pattern: str) -> None:
    step = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    steps = [step, {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}]
    changes = {"pre_tokenizer": {"type": "Sequence", "pretokenizers": steps}}
    with pytest.raises(UnsupportedVocabulary, match="Its expression"):
        from_tokenizer_json(file_of(trained("bytes", "GPT-2"), **changes))


def model_file(**options: Any) -> bytes:
    """A small SentencePiece model, trained by the library."""
    out = io.BytesIO()
    train: Any = sentencepiece.SentencePieceTrainer
    sentences = [text for text in [*LANGUAGES.values(), *TEXTS[:200]] if "\0" not in text]
    train.train(
        sentence_iterator=iter(sentences * 2),
        model_writer=out,
        minloglevel=2,
        **{
            "model_type": "bpe",
            "vocab_size": 1500,
            "byte_fallback": True,
            "normalization_rule_name": "identity",
            "remove_extra_whitespaces": False,
            "character_coverage": 0.98,
            **options,
        },
    )
    return out.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"add_dummy_prefix": False},
        {"split_by_whitespace": False},
        {
            "user_defined_symbols": ["▁▁", "▁▁▁▁", "\n\n"],
            "control_symbols": ["[INST]"],
            "add_dummy_prefix": False,
        },
    ],
    ids=lambda options: next(iter(options), "usual"),
)
def test_sentencepiece_models(options: dict[str, Any]) -> None:
    data = model_file(**options)
    ours = opened(from_model(data))
    theirs: Any = sentencepiece.SentencePieceProcessor(model_proto=data)
    assert [t for t in TEXTS if ours.ids(t) != theirs.encode(t)] == []
    assert all(ours.text(ours.ids(t)) == t.replace("▁", " ") for t in TEXTS)
    assert len(ours) == theirs.get_piece_size() and ours.bos == 1 and ours.end_ids == {2}
    if "control_symbols" in options:
        assert not any(ours.encode("[INST]").special)
        assert ours.encode("[INST]", specials=True).special == (True,)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model_type": "unigram"}, "no byte-pair encoding"),
        ({"byte_fallback": False}, "no token for some bytes"),
        ({"normalization_rule_name": "nfkc"}, "rewrites text"),
        ({"remove_extra_whitespaces": True}, "rewrites text"),
        ({"treat_whitespace_as_suffix": True}, "do not begin with their blanks"),
        ({"user_defined_symbols": ["▁▁"]}, "blanks in front of text"),
    ],
)
def test_why_a_sentencepiece_model_is_not_read(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UnsupportedVocabulary, match=said):
        from_model(model_file(**options))


def test_a_gguf_file_with_a_sentencepiece_vocabulary() -> None:
    data = model_file()
    theirs: Any = sentencepiece.SentencePieceProcessor(model_proto=data)
    ids = range(theirs.get_piece_size())
    metadata = {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": [theirs.id_to_piece(id) for id in ids],
        "tokenizer.ggml.scores": [theirs.get_score(id) for id in ids],
        "tokenizer.ggml.token_type": [
            Kind.BYTE
            if theirs.is_byte(id)
            else Kind.CONTROL
            if theirs.is_control(id)
            else Kind.UNKNOWN
            if theirs.is_unknown(id)
            else Kind.NORMAL
            for id in ids
        ],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
    }
    ours = opened(from_gguf(metadata))
    assert [t for t in TEXTS if ours.ids(t) != theirs.encode(t)] == []
    assert (ours.bos, ours.end_ids, ours.specials) == (1, {2}, {"<unk>": 0, "<s>": 1, "</s>": 2})
    other = opened(
        from_gguf(
            {
                **metadata,
                "tokenizer.ggml.add_space_prefix": False,
                "tokenizer.ggml.add_bos_token": False,
            }
        )
    )
    assert other.bos is None and other.encode("All").pieces[0][:1] != b" "
    for changes, said in (
        ({"scores": [0.0]}, "but 1 scores"),
        ({"scores": None}, "list of scores is not"),
        ({"tokens": metadata["tokenizer.ggml.tokens"][:300]}, "300 tokens but"),
    ):
        with pytest.raises(UnsupportedVocabulary, match=said):
            from_gguf({**metadata, **{f"tokenizer.ggml.{k}": v for k, v in changes.items()}})


def test_mutated_models_are_refused_or_read() -> None:
    data = model_file()
    choose = random.Random(3)
    outcomes = set()
    for _ in range(60):
        mutant = bytearray(data[: choose.choice([len(data), choose.randrange(len(data))])])
        for _ in range(choose.randint(0, 4)):
            mutant[choose.randrange(len(mutant))] = choose.randrange(256)
        try:
            opened(from_model(bytes(mutant))).ids("All human beings")
            outcomes.add("read")
        except UnsupportedVocabulary:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}
    for nothing in (b"", b"\0" * 50, b"\xff" * 50, b"<!doctype html>"):
        with pytest.raises(UnsupportedVocabulary, match="not a SentencePiece model"):
            from_model(nothing)


def lines(extra: dict[bytes, int] | None = None) -> bytes:
    ranks = {
        **{bytes([byte]): byte for byte in range(256)},
        b"ab": 256,
        b"abc": 258,
        **(extra or {}),
    }
    return b"\n".join(base64.b64encode(piece) + b" %d" % rank for piece, rank in ranks.items())


def test_tiktoken_files() -> None:
    for data in (lines(), gzip.compress(lines())):
        specials = {"<|end|>": 260}
        ours = opened(
            from_tiktoken(data, "gpt-2", specials=specials, bos="<|end|>", ends={"<|end|>"})
        )
        assert ours.ids("abcab") == [258, 256] and len(ours) == 261
        assert (ours.bos, ours.end_ids) == (260, {260})
        assert ours.ids("<|end|>", specials=True) == [260]
        for hole in (257, 259):
            with pytest.raises(TokenError, match=f"leaves the id {hole} unused"):
                ours.decode([hole])
        with pytest.raises(TokenError, match="There is no token 261"):
            ours.decode([261])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not those of a vocabulary"),
        (b"YQ== 0", "no token for the byte 00"),
        (lines() + b"\nYWI= x", "Line 259 "),
        (lines() + b"\nnot base64! 7", "Line 259 "),
        (lines({b"xy": 258}), "have the same id"),
        (lines({b"xy": 1 << 30}), "not those of a vocabulary"),
        (gzip.compress(lines())[:-20], "cut short"),
        (gzip.compress(bytes(70 << 20)), "unpacks to too much"),
        (b"\x1f\x8b" + bytes(30), "damaged"),
    ],
)
def test_why_a_tiktoken_file_is_not_read(data: bytes, said: str) -> None:
    with pytest.raises(UnsupportedVocabulary, match=said):
        from_tiktoken(data, "gpt-2")


def tekken(**changes: Any) -> bytes:
    vocab = [
        {"rank": rank, "token_bytes": base64.b64encode(piece).decode(), "token_str": None}
        for rank, piece in enumerate(
            [*(bytes([byte]) for byte in range(256)), b"ab", b"abc", b"zz"]
        )
    ]
    config = {"pattern": r"\s+|\S+", "default_num_special_tokens": 30, "default_vocab_size": 288}
    return json.dumps({"config": config, "vocab": vocab, **changes}).encode()


def test_tekken_files() -> None:
    ours = opened(from_tekken(tekken()))
    assert ours.ids("abcab zz") == [30 + 257, 30 + 256, 62, 30 + 122, 30 + 122]  # zz is beyond
    assert len(ours) == 288 and ours.bos == 1 and ours.end_ids == {2}
    assert ours.specials["[INST]"] == 3 and ours.specials["<SPECIAL_29>"] == 29
    listed = [{"rank": n, "token_str": t} for n, t in enumerate(["<unk>", "<s>", "</s>", "[X]"])]
    assert opened(from_tekken(tekken(special_tokens=listed))).specials["[X]"] == 3
    for changes, said in (
        ({"config": {}}, "no tekken.json"),
        ({"vocab": []}, "not those of a vocabulary"),
        ({"special_tokens": listed[3:]}, "no <s> and </s>"),
    ):
        with pytest.raises(UnsupportedVocabulary, match=said):
            from_tekken(tekken(**changes))


def test_files_are_known_by_their_content() -> None:
    library = trained("bytes", "Llama 3")
    read: Callable[..., Vocabulary] = from_file
    assert read(file_of(library), "a").bos is not None
    assert read(file_of(library), "a", b'{"add_bos_token": false}').bos is None
    config = b'{"add_bos_token": true, "bos_token": {"content": "<|begin|>"}}'
    assert read(file_of(library, post_processor=None), "a").bos is None
    assert read(file_of(library, post_processor=None), "a", config).bos is not None
    assert read(file_of(library), "a", b"broken").bos is not None
    assert read(tekken(), "b").name == "b" and read(model_file(), "c").sentencepiece is not None
    r50k = lines({bytes([n]) * 2: 300 + n for n in range(200)})
    assert read(r50k, "r50k_base.tiktoken").controls == {"<|endoftext|>": 50256}
    with pytest.raises(UnsupportedVocabulary, match="name it after one"):
        read(r50k, "mine.tiktoken")
    with pytest.raises(UnsupportedVocabulary, match="not a SentencePiece model"):
        read(Path(__file__).read_bytes(), "d")


def test_no_quadratic_input() -> None:
    ours = opened(from_tokenizer_json(file_of(trained("characters", "Llama 2"))))
    choose = random.Random(1)
    cjk = "".join(chr(choose.randrange(0x4E00, 0x9FFF)) for _ in range(40_000))
    letters = "".join(choose.choices("abcdefghijklmnopqrstuvwxyz", k=40_000))
    for text in ("a" * 40_000, " " * 40_000, "-" * 40_000, "a " * 20_000, cjk, letters):
        times = []
        for part in (text[:5000], text):
            start = time.process_time()
            assert ours.text(ours.ids(part)) == part
            times.append(time.process_time() - start)
        assert times[1] < 30 * max(times[0], 0.01), text[:10]  # a square would make it 64
