"""The vocabularies of the table, beside the libraries of their authors: identical ids, and the
text comes back. All of the million characters with `pytest --full`."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import tiktoken
from tokenizers import Tokenizer

from parity_corpus import CODECS, LANGUAGES, corpus
from pellucid.engine import gguf, weights
from pellucid.models.tokenizers import open_tokenizer
from pellucid.settings import Folders, resolve
from pellucid.tokens.model import ModelTokenizer
from token_references import LLAMA3, authors, ranks
from token_references import O200K as O200K_PATTERN

SETTINGS = resolve({}, {"sources": "path,caches,index"}, "test")
SIZE = 1_000_000
SAMPLES = 16
"""One text in so many is looked at by default, other ones for each vocabulary."""

CL100K_PATTERN = (  # tiktoken 0.14, tiktoken_ext/openai_public.py
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)

Ids = Callable[[str], list[int]]


@dataclass(frozen=True)
class Reference:
    ids: Ids
    changes: Callable[[str], str] = str
    """What a vocabulary cannot tell apart from the text."""


def by_tiktoken(file: str, pattern: str) -> Callable[[Path], Reference]:
    def make(path: Path) -> Reference:
        encoding = tiktoken.Encoding(
            file, pat_str=pattern, mergeable_ranks=ranks(path), special_tokens={}
        )
        return Reference(encoding.encode_ordinary)

    return make


def by_sentencepiece(path: Path) -> Reference:
    processor: Any = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return Reference(processor.encode, lambda text: text.replace("▁", " "))


def by_tekkenizer(path: Path) -> Reference:
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    tekken = Tekkenizer.from_file(path)
    return Reference(lambda text: tekken.encode(text, bos=False, eos=False))


def by_hugging_face(library: Tokenizer) -> Ids:
    library.encode_special_tokens = True
    # Added tokens that are no special ones the library finds in any text, which we never do.
    return lambda text: library.encode(text, add_special_tokens=False).ids


def by_llama2(path: Path) -> Reference:
    return Reference(
        by_hugging_face(Tokenizer.from_file(str(path))), lambda text: text.replace("▁", " ")
    )


def by_deepseek(path: Path) -> Reference:
    return Reference(by_hugging_face(Tokenizer.from_file(str(path))))


def by_qwen(path: Path) -> Reference:
    """The model file's vocabulary: the table's is from another file."""
    ids = by_hugging_face(authors(gguf.read(path).metadata))
    return Reference(ids, lambda text: unicodedata.normalize("NFC", text))


CASES: dict[str, tuple[str, Callable[[Path], Reference]]] = {
    "o200k_base": ("o200k_base.tiktoken.gz", by_tiktoken("o200k", O200K_PATTERN)),
    "cl100k_base": ("cl100k_base.tiktoken.gz", by_tiktoken("cl100k", CL100K_PATTERN)),
    "llama-3.1": ("llama-3 tokenizer.model", by_tiktoken("llama-3", LLAMA3)),
    "qwen2.5": ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", by_qwen),
    "deepseek-v3": ("deepseek tokenizer.json", by_deepseek),
    "mistral-7b-v0.1": ("mistral-7b-v0.1 tokenizer.model", by_sentencepiece),
    "mistral-v3": ("mistral tokenizer.model.v3", by_sentencepiece),
    "tekken": ("mistral tekken_240718.json", by_tekkenizer),
    "llama-2": (
        "llama-2 tokenizer.json (Phi-3 has the same text vocabulary; its special tokens are "
        "its own)",
        by_llama2,
    ),
}


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return corpus(SIZE)


@pytest.fixture(scope="module")
def folders(weights_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folders]:
    root = tmp_path_factory.mktemp("parity")
    (root / "cache").mkdir()
    (root / "cache" / "weights").symlink_to(weights_folder)
    yield Folders(*(root / name for name in ("config", "data", "cache", "state")))


@pytest.mark.parametrize("name", CASES)
def test_identical_ids_and_the_text_comes_back(
    name: str, texts: list[str], folders: Folders, full: bool
) -> None:
    file, make = CASES[name]
    ours = open_tokenizer(name, SETTINGS, folders)
    assert ours.name == name and ours.notes == ()
    source = weights.fetch(weights.known(file), folders.weights, sources=SETTINGS.sources)
    reference = make(source)
    start = list(CASES).index(name)
    sample = texts if full else texts[start::SAMPLES]
    added = [spelling for spelling in ours.specials if not spelling.isspace()]
    differ = []
    for text in sample:
        encoding = ours.encode(text, add=False)
        if list(encoding.ids) != reference.ids(text) and not any(a in text for a in added):
            differ.append(text)
        check(ours, text, reference.changes(text))
    assert differ == []


def check(ours: ModelTokenizer, text: str, expected: str) -> None:
    """The text comes back, and pieces and offsets tell where each token of it is."""
    encoding = ours.encode(text)
    front = len(ours.front)
    assert ours.decode(encoding.ids[front:]) == expected, text
    assert ours.plain.ids(text) == list(encoding.ids[front:])
    assert encoding.offsets[:front] == ((0, 0),) * front
    end = 0
    for piece, (first, last) in zip(encoding.pieces, encoding.offsets, strict=True):
        assert 0 <= first <= last <= len(text) and first <= end <= last, text
        if piece.isascii() and last - first == len(piece) and text[first:last].isascii():
            assert piece.decode() == text[first:last]
        end = last
    assert end == len(text)


def test_the_corpus_has_everything(texts: list[str]) -> None:
    whole = "".join(texts)
    assert SIZE <= len(whole) < 1.01 * SIZE and len(LANGUAGES) >= 12 and len(CODECS) == 8
    assert corpus(20_000) == corpus(20_000)
    categories = {unicodedata.category(character) for character in set(whole)}
    assert {"Lu", "Ll", "Lo", "Mn", "Mc", "Nd", "Nl", "So", "Cc", "Cf", "Co", "Zs"} <= categories
    assert {"R", "AL", "NSM"} <= {unicodedata.bidirectional(character) for character in set(whole)}
    sampled = {text for start in range(len(CASES)) for text in texts[start::SAMPLES]}
    assert sum(map(len, sampled)) > 0.4 * SIZE


def test_qwens_two_sources_are_one_vocabulary(qwen: Path, folders: Folders) -> None:
    table, file = (open_tokenizer(name, SETTINGS, folders) for name in ("qwen2.5", qwen))
    assert table.specials.items() >= {s: i for s, i in file.specials.items() if i < 151665}.items()
    assert all(table.piece(id) == file.piece(id) for id in range(151643))
    assert table.front == file.front == ()
