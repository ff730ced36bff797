"""Text as vectors: the embedded MiniLM, and what every embedder answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..engine import extra, weights
from ..errors import UnknownModel, UsageError
from ..replies import Usage
from ..settings import Settings, load
from ..value import value
from .base import Stopped, never

MODEL, TOKENIZER = "minilm-int8/model.onnx", "minilm/tokenizer.json"
NAME = "minilm"
WINDOW = 256
"""Tokens of a text that all-MiniLM-L6-v2 was trained to read; what is beyond is not seen."""
BATCH = 512
"""Tokens that are worked on at once: half a second on a slow machine."""


@value
class Embeddings:
    """One vector a text, in their order. `notes` say what is not as it seems: a text that was cut.

    `vectors[i]` has `dimensions` numbers; those of the embedded model have length 1.
    """

    model: str
    vectors: tuple[tuple[float, ...], ...]
    usage: Usage
    notes: tuple[str, ...] = ()

    @property
    def dimensions(self) -> int:
        return len(self.vectors[0]) if self.vectors else 0

    def __len__(self) -> int:
        return len(self.vectors)

    def __iter__(self) -> Iterator[tuple[float, ...]]:
        return iter(self.vectors)

    def __getitem__(self, index: int) -> tuple[float, ...]:
        return self.vectors[index]

    def __repr__(self) -> str:
        return f"Embeddings({self.model!r}: {len(self)} vectors of {self.dimensions})"

    def similarity(self, one: int, other: int) -> float:
        """The cosine of the angle between two of the vectors, -1 to 1."""
        a, b = self.vectors[one], self.vectors[other]
        lengths = math.hypot(*a) * math.hypot(*b)
        return sum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else 0.0


class Embedder(Protocol):
    @property
    def name(self) -> str:
        """As results name it."""

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """One vector for each text. Raises `UsageError` for none and for an empty one."""


class MiniLM:
    """all-MiniLM-L6-v2, int8, on onnxruntime: 384 dimensions, the mean over a text's tokens.

    https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2
    """

    name = NAME

    def __init__(self, model: Path, tokenizer: Path) -> None:
        onnxruntime, tokenizers = _packages()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {each.name for each in self._session.get_inputs()}
        self._tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def embed(self, texts: Sequence[str], stopped: Stopped = never) -> Embeddings:
        """Once `stopped`, it leaves off: vectors that are missing have no numbers."""
        check_texts(texts)
        ids: list[list[int]] = []
        for text in texts:
            if stopped():
                break
            ids.append(self._tokenizer.encode_batch([text])[0].ids)  # in which others may work
        long = [i for i, row in enumerate(ids) if len(row) > WINDOW]
        # The closing token stays, as in a text that fits.
        rows = [row if len(row) <= WINDOW else [*row[: WINDOW - 1], row[-1]] for row in ids]
        vectors: list[tuple[float, ...]] = [()] * len(rows)
        for batch in _batches([len(row) for row in rows]):
            if stopped():
                break
            for i, vector in zip(batch, self._run([rows[i] for i in batch]), strict=True):
                vectors[i] = vector
        notes = tuple(
            f"Text {i + 1} has {len(ids[i]):,} tokens; {NAME} reads the first {WINDOW}."
            for i in long
        )
        return Embeddings(NAME, tuple(vectors), Usage(fresh=sum(map(len, rows))), notes)

    def _run(self, rows: Sequence[Sequence[int]]) -> list[tuple[float, ...]]:
        import numpy as np

        width = max(map(len, rows))
        ids = np.zeros((len(rows), width), np.int64)
        mask = np.zeros((len(rows), width), np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        feed: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
        feed["token_type_ids"] = np.zeros_like(ids)
        hidden: Any = self._session.run(
            None, {name: array for name, array in feed.items() if name in self._inputs}
        )[0]
        weight = mask[:, :, None].astype(np.float32)
        mean = (hidden * weight).sum(axis=1) / weight.sum(axis=1)
        unit = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return [tuple(map(float, row)) for row in unit]


def _packages() -> tuple[Any, Any]:
    """What it runs on. Raises `NotInstalled`."""
    return extra.need("embed", "onnxruntime"), extra.need("embed", "tokenizers")


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indexes of rows, those of like length together: there is little padding in a batch."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[i] > BATCH:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def check_texts(texts: Sequence[str]) -> None:
    """Raises `UsageError` for no text, and for one that is empty."""
    if not texts:
        raise UsageError("There is no text to embed.")
    for i, text in enumerate(texts):
        if not text.strip():
            raise UsageError(f"Text {i + 1} is empty; an embedding needs something to mean.")


def open_embedder(
    name: str | None = None,
    settings: Settings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Embedder:
    """The embedder called `name` (default: the embedded one), its files fetched if need be.

    Raises `UnknownModel`, `NotInstalled`, `ModelUnavailable`; `UsageError` for a host that makes
    none.
    """
    settings = settings or load()
    if name is None or name in (NAME, "local"):
        return open_minilm(settings, progress)
    from .hosted_embeddings import hosted_embedder

    hosted = hosted_embedder(name, settings)
    if hosted is None:
        raise UnknownModel(name, (NAME,))
    return hosted


def open_minilm(settings: Settings, progress: Callable[[int, int], None] | None = None) -> MiniLM:
    """The embedded one, its files fetched if need be. Raises `NotInstalled`, `ModelUnavailable`."""
    _packages()  # before anything is fetched for it
    return MiniLM(*weights.obtain((MODEL, TOKENIZER), settings, progress))


def embed(texts: str | Sequence[str], model: str | None = None) -> Embeddings:
    """Texts as vectors: `pellucid.embed(["a cat", "a kitten"]).similarity(0, 1)`.

    `model` is an embedder's name (default: the embedded one). Raises `UsageError` for an empty
    text.
    """
    return open_embedder(model).embed([texts] if isinstance(texts, str) else texts)
