"""Counting the tokens of files on all cores, in bounded memory."""

from __future__ import annotations

import json
import multiprocessing
import os
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..errors import PellucidError
from ..value import value
from . import workers
from .spans import SPAN, Counting, Span, count, spans
from .tokenizer import BpeTokenizer

BINARY = 8192
"""Bytes at the start of a file that tell whether it is text."""
CONTROLS = bytes({*range(32)} - {*b"\b\t\n\v\f\r\x1b"})
"""Control characters that no text has many of."""
JSON_LINES = (".jsonl", ".ndjson")


@value
class Source:
    """A file to count. `field`: it holds JSON lines, of each of which this field is counted;
    dots lead into objects."""

    name: str
    path: Path
    bytes: int
    field: str | None = None


@value
class Counted:
    """What a file came to: tokens, characters, and how many texts (1, or the JSON lines that have
    the field; `lacking` is how many have not). `replaced` says that bytes which are no UTF-8 became
    U+FFFD. `problem` says why it could not be counted."""

    name: str
    bytes: int
    tokens: int = 0
    characters: int = 0
    texts: int = 0
    lacking: int = 0
    replaced: bool = False
    problem: str | None = None


@value
class _Task:
    source: Source
    span: Span
    replace: bool
    specials: bool


def is_binary(path: Path) -> bool:
    """Whether a file is no text, by its first bytes: they hold a zero; or they are not UTF-8, and
    one in fifty is a control character. Raises `OSError`."""
    with path.open("rb") as file:
        start = file.read(BINARY)
    controls = len(start) - len(start.translate(None, CONTROLS))
    return b"\0" in start or (50 * controls > len(start) and not _is_utf8(start))


def _is_utf8(start: bytes) -> bool:
    """Whether bytes are UTF-8, the last character perhaps cut off."""
    try:
        getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True


def count_files(
    sources: Sequence[Source],
    opener: Callable[[], Counting],
    *,
    replace: bool = False,
    specials: bool = False,
    processes: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> Iterator[Counted]:
    """What each file came to, in order.

    `opener` opens the vocabulary, once a process. `processes`: how many; 0 takes all cores, and
    one where there is little to count. `progress` is told how many bytes are done.
    """
    total = sum(source.bytes for source in sources)
    if not processes:
        processes = min(cores(), 1 + total // (2 * SPAN))
    tasks = (
        _Task(source, span, replace, specials) for source in sources for span in _spans(source)
    )
    _open(opener)  # for the children too, where they are forked
    if processes > 1:
        if isinstance(_tokenizer, BpeTokenizer):
            _tokenizer.expect(total)
        done = workers.ordered(tasks, _work, partial(_open, opener), processes)
    else:
        done = map(_work, tasks)
    yield from _sums(sources, done, progress)


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _open(opener: Callable[[], Counting]) -> None:
    """Opens the vocabulary, unless this process has it from its parent."""
    global _tokenizer
    if _tokenizer is None or multiprocessing.parent_process() is None:
        _tokenizer = opener()


_tokenizer: Counting | None = None
"""Of this process."""


def _spans(source: Source) -> Iterator[Span]:
    try:
        with source.path.open("rb") as file:
            yield from spans(file, source.bytes, lines=source.field is not None)
    except OSError:
        yield Span(0, source.bytes, True, True)  # reading it says what is wrong


def _sums(
    sources: Sequence[Source],
    parts: Iterator[tuple[Span, Counted]],
    progress: Callable[[int], None],
) -> Iterator[Counted]:
    """The parts of each file, added up."""
    done = 0
    for source in sources:
        whole = Counted(source.name, source.bytes, texts=0 if source.field else 1)
        last = source.bytes == 0  # an empty file has no parts
        while not last:
            span, part = next(parts)
            last = span.last
            done += span.end - span.start
            progress(done)
            whole = replace(
                whole,
                tokens=whole.tokens + part.tokens,
                characters=whole.characters + part.characters,
                texts=whole.texts + part.texts,
                lacking=whole.lacking + part.lacking,
                replaced=whole.replaced or part.replaced,
                problem=whole.problem or part.problem,
            )
        if source.field and not whole.texts and not whole.problem and source.bytes:
            whole = replace(whole, problem=f"none of its lines has a field {source.field!r}")
        yield whole


def _work(task: _Task) -> tuple[Span, Counted]:
    assert _tokenizer is not None
    source, span = task.source, task.span
    part = Counted(source.name, span.end - span.start)
    try:
        with source.path.open("rb") as file:
            file.seek(span.start)
            data = file.read(span.end - span.start)
            follows = file.read(4).decode("utf-8", "ignore")[:1]
    except OSError as error:
        return span, replace(part, problem=f"cannot be read: {error.strerror}")
    replaced = False
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        if not task.replace:
            place = span.start + error.start
            problem = f"byte {place:,} (0x{data[error.start]:02x}, counted from 0) is not UTF-8"
            return span, replace(part, problem=problem)
        text, replaced = data.decode("utf-8", "replace"), True
    part = replace(part, replaced=replaced)
    try:
        if source.field is not None:
            return span, _lines(part, text, source, span, task.specials)
        tokens = count(_tokenizer, text, first=span.first, follows=follows, specials=task.specials)
        return span, replace(part, tokens=tokens, characters=len(text))
    except PellucidError as error:
        return span, replace(part, problem=str(error))


def _lines(part: Counted, text: str, source: Source, span: Span, specials: bool) -> Counted:
    assert _tokenizer is not None
    tokens = characters = texts = lacking = 0
    # Not splitlines: JSON may hold other line ends of Unicode in its strings.
    for n, line in enumerate(text.split("\n")):
        if not line.strip():
            continue
        try:
            value = _field(json.loads(line), source.field or "")
        except (ValueError, RecursionError):
            number = _line_number(source.path, span.start) + n
            return replace(part, problem=f"line {number:,} is not JSON")
        if value is None:
            lacking += 1
            continue
        tokens += _tokenizer.count(value, specials=specials)
        characters += len(value)
        texts += 1
    return replace(part, tokens=tokens, characters=characters, texts=texts, lacking=lacking)


def _field(value: object, field: str) -> str | None:
    """The text under a field; what is no text, as JSON. `None`: there is no such field."""
    for key in field.split("."):
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _line_number(path: Path, start: int) -> int:
    """The number, from 1, of the line that begins at byte `start`."""
    number, left = 1, start
    with path.open("rb") as file:
        while left > 0:
            data = file.read(min(left, SPAN))
            if not data:
                break
            number += data.count(b"\n")
            left -= len(data)
    return number
