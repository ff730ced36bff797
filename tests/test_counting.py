"""Counting in parts is counting the whole; what cannot be counted is said."""

from __future__ import annotations

import io
import json
import random
from functools import partial
from pathlib import Path

import pytest

from pellucid.models.card import open_card
from pellucid.models.tokenizers import open_tokenizer
from pellucid.settings import Folders
from pellucid.tokens import spans as cutting
from pellucid.tokens.counting import Counted, Source, count_files, is_binary
from pellucid.tokens.tokenizer import BpeTokenizer

PARTS = (
    *("word ", "Word's ", "12345", "\n", "\n\n", "\r\n", " \n", "\t", "  ", "/", "//x", "-", "—"),
    *("日本", "中文。", "é", "e\u0301", "\u0301", "🦙", "{", "'s", "\u2028", "ب", "½", "\x0b"),
    *("A", "z", " the", "\n    if", "'ll", "\n/", "\n'", "\n9", "\n日", "\n\u0301"),
)


@pytest.fixture(scope="module", params=["smol", "qwen"])
def vocabulary(request: pytest.FixtureRequest) -> Path:
    path = request.getfixturevalue(request.param)
    return open_card(path, request.param, Folders.of()).vocabulary


def source(path: Path, field: str | None = None) -> Source:
    return Source(path.name, path, path.stat().st_size, field)


def counted(path: Path, vocabulary: Path, **options: object) -> Counted:
    field = options.pop("field", None)
    opener = partial(BpeTokenizer.open, vocabulary)
    (one,) = count_files([source(path, field)], opener, **options)  # type: ignore[arg-type]
    return one


def test_parts_add_up_to_the_whole(
    vocabulary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = BpeTokenizer.open(vocabulary)
    pick = random.Random(11)
    file = tmp_path / "text"
    cuts = 0
    for size in (1, 7, 40):
        monkeypatch.setattr(cutting, "SPAN", size)
        monkeypatch.setattr(cutting, "_LOOK", 16)
        for _ in range(60):
            text = "".join(pick.choices(PARTS, k=pick.randrange(60)))
            file.write_bytes(text.encode())
            data = io.BytesIO(text.encode())
            cuts += len(list(cutting.spans(data, len(text.encode()))))
            got = counted(file, vocabulary)
            assert (got.tokens, got.characters) == (len(tokenizer.ids(text)), len(text)), text
    assert cuts > 500


@pytest.mark.parametrize(
    "name", ["o200k_base", "cl100k_base", "llama-3.1", "deepseek-v3", "mistral-7b-v0.1", "phi-3"]
)
def test_parts_add_up_under_published_vocabularies(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = open_tokenizer(name).plain
    monkeypatch.setattr(cutting, "SPAN", 7)
    monkeypatch.setattr(cutting, "_LOOK", 16)
    pick = random.Random(5)
    file = tmp_path / "text"
    for _ in range(40):
        text = "".join(pick.choices(PARTS, k=pick.randrange(60)))
        file.write_bytes(text.encode())
        (got,) = count_files([source(file)], lambda: tokenizer)
        assert got.tokens == len(tokenizer.ids(text)), text


def test_parts_cover_the_file_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "SPAN", 10)
    data = b"some words here\nand more\n\n\xe6\x97\xa5\xe6\x9c\xac\n" * 20
    parts = list(cutting.spans(io.BytesIO(data), len(data)))
    assert len(parts) > 10
    assert [part.start for part in parts] == [0, *(part.end for part in parts[:-1])]
    assert parts[0].first and parts[-1].last and parts[-1].end == len(data)


def test_two_processes_count_like_one(
    vocabulary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "SPAN", 1 << 14)
    text = "Some words, and a line.\n日本語 🦙\n" * 2_000
    file = tmp_path / "text"
    file.write_text(text, "utf-8")
    seen: list[int] = []
    two = counted(file, vocabulary, processes=2, progress=seen.append)
    assert two == counted(file, vocabulary, processes=1)
    assert two.tokens == len(BpeTokenizer.open(vocabulary).ids(text))
    assert seen == sorted(seen) and seen[-1] == file.stat().st_size and len(seen) > 1


def test_broken_utf8_names_the_byte(
    vocabulary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "SPAN", 1 << 12)
    file = tmp_path / "broken"
    head = b"A line of words.\n" * 1_000
    file.write_bytes(head + b"ab\xffc")
    broken = counted(file, vocabulary)
    assert broken.problem == f"byte {len(head) + 2:,} (0xff, counted from 0) is not UTF-8"
    mended = counted(file, vocabulary, replace=True)
    text = (head + b"ab\xffc").decode("utf-8", "replace")
    assert mended.replaced and mended.problem is None
    assert mended.tokens == len(BpeTokenizer.open(vocabulary).ids(text))


def test_json_lines_count_a_field(vocabulary: Path, tmp_path: Path) -> None:
    texts = ["Hi there", "two\nlines\u2028here", "", "日本"]
    lines = [{"a": {"text": text}} for text in texts] + [{"other": 1}, {"a": {"text": [1]}}]
    file = tmp_path / "x.jsonl"
    file.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), "utf-8")
    tokenizer = BpeTokenizer.open(vocabulary)
    got = counted(file, vocabulary, field="a.text")
    assert (got.texts, got.lacking) == (5, 1)
    assert got.tokens == sum(len(tokenizer.ids(text)) for text in [*texts, "[1]"])
    assert counted(file, vocabulary, field="b").problem == "none of its lines has a field 'b'"


def test_a_line_that_is_no_json_is_named(
    vocabulary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "SPAN", 50)
    file = tmp_path / "x.jsonl"
    file.write_text('{"text": "fine"}\n' * 20 + "no\n" + '{"text": "fine"}\n', "utf-8")
    assert counted(file, vocabulary, field="text").problem == "line 21 is not JSON"


def test_a_vanished_file_and_an_empty_one(vocabulary: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    gone = Source("gone", tmp_path / "gone", 5)
    first, second = count_files([source(empty), gone], partial(BpeTokenizer.open, vocabulary))
    assert (first.tokens, first.problem) == (0, None)
    assert second.problem == "cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("data", "binary"),
    [
        (b"\x89PNG\0", True),
        (bytes(range(1, 256)) * 40, True),
        ("caf\xe9, cr\xe8me".encode("latin-1"), False),
        (b"\x01" + "\u65e5\u672c\u8a9e".encode() * 2000, False),  # cut inside a character
        (b"\x01\x02\x03 in valid UTF-8", False),
        (b"", False),
    ],
)
def test_what_is_binary(tmp_path: Path, data: bytes, binary: bool) -> None:
    (tmp_path / "file").write_bytes(data)
    assert is_binary(tmp_path / "file") is binary
