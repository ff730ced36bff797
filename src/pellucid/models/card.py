"""What is known of a model file without loading it, read once and kept beside the other caches.

Reading a header with 150,000 tokens and building its vocabulary takes most of a second; the card
and the built vocabulary open in a few milliseconds.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import client
from ..errors import BadModelFile, BrokenVocabulary, UnsupportedVocabulary, WeightsError
from ..settings import Folders
from ..value import value

if TYPE_CHECKING:
    from ..engine.gguf import Gguf
    from ..tokens.tokenizer import BpeTokenizer
    from ..tokens.vocabulary import Vocabulary
    from .engine_tokenizer import EngineTokenizer

FORMAT = 2
"""Part of a card's name: raise it when what a card holds changes."""
FALLBACK_WINDOW = 4096
SMALLEST_WINDOW = 2048
LARGEST_SHARE = 0.3
"""Of the machine's memory, for the cache of keys and values."""


@value
class Card:
    """A model file. `window` is what is opened by default, `trained_window` what the model knows,
    both in tokens. `unsupported` says why the file's vocabulary is left to the engine."""

    name: str
    path: Path
    architecture: str
    quantisation: str
    trained_window: int
    window: int
    template: str | None
    add_bos: bool
    bos_text: str
    eos_text: str
    vocabulary: Path
    unsupported: str | None
    cache: Path

    @property
    def notes(self) -> tuple[str, ...]:
        return (
            (f"{self.unsupported} The engine's own tokenizer is used.",) if self.unsupported else ()
        )

    def versions(self) -> Mapping[str, str]:
        from ..engine import weights

        template = hashlib.sha256((self.template or "").encode()).hexdigest()
        return {
            "model_sha256": weights.sha256_of(self.path, self.cache),
            "template_sha256": template,
        }

    def tokenizer(self, address: Callable[[], client.Address]) -> BpeTokenizer | EngineTokenizer:
        """The file's own vocabulary, or the engine's where that is not supported."""
        from ..tokens.opening import open_tokenizer

        if self.unsupported is None:
            try:
                return open_tokenizer(self.vocabulary)
            except BrokenVocabulary:  # damaged, or built by an earlier version
                from ..engine import gguf

                _build(gguf.read(self.path), self.vocabulary)
                return open_tokenizer(self.vocabulary)
        from .engine_tokenizer import EngineTokenizer

        return EngineTokenizer(address, self.path, self.name)


def open_card(path: Path, name: str, folders: Folders) -> Card:
    """The card of a GGUF file, from the cache or made now. Raises `BadModelFile`."""
    try:
        stat = path.stat()
    except OSError as error:
        raise BadModelFile(f"{path} cannot be read: {error.strerror}.") from error
    identity = (str(path.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ino)
    key = hashlib.sha256(repr(identity).encode()).hexdigest()[:24]
    kept = folders.cache / "cards" / f"{key}.{FORMAT}.json"
    try:
        return _from_json(json.loads(kept.read_text("utf-8")), name)
    except (OSError, ValueError, KeyError, TypeError):
        try:
            card = _read(path, name, folders, folders.vocabularies / f"{key}.bpe")
            _keep(kept, card)
        except OSError as error:
            raise WeightsError(
                f"The cache folder {folders.cache} cannot be written: {error.strerror}. "
                "XDG_CACHE_HOME names another."
            ) from error
        return card


def _keep(kept: Path, card: Card) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    temporary = kept.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(asdict(card), default=str, ensure_ascii=False), "utf-8")
    temporary.replace(kept)


def _from_json(value: dict[str, Any], name: str) -> Card:
    paths = {key: Path(value[key]) for key in ("path", "vocabulary", "cache")}
    if not paths["vocabulary"].exists() and value["unsupported"] is None:
        raise ValueError("the built vocabulary is gone")
    return Card(**{**value, **paths, "name": name})


def _read(path: Path, name: str, folders: Folders, vocabulary: Path) -> Card:
    from ..engine import gguf

    file = gguf.read(path)
    unsupported = None
    try:
        add_bos = _build(file, vocabulary).bos is not None
    except UnsupportedVocabulary as error:
        unsupported = str(error)
        add_bos = bool(file.metadata.get("tokenizer.ggml.add_bos_token", False))
    trained = file.context_length or FALLBACK_WINDOW
    return Card(
        name=name,
        path=path.resolve(),
        architecture=file.architecture or "unknown",
        quantisation=file.quantisation or "unknown",
        trained_window=trained,
        window=_affordable(trained, file.kv_bytes_per_token),
        template=file.chat_template,
        add_bos=add_bos,
        bos_text=_spelling(file, "bos"),
        eos_text=_spelling(file, "eos"),
        vocabulary=vocabulary,
        unsupported=unsupported,
        cache=folders.weights,
    )


def _build(file: Gguf, target: Path) -> Vocabulary:
    """Write the built form of a file's vocabulary."""
    from ..tokens import compiled
    from ..tokens.vocabulary import from_gguf

    vocabulary = from_gguf(file.metadata)
    compiled.build(vocabulary, target)
    return vocabulary


def _spelling(file: Gguf, which: str) -> str:
    """The text of the beginning- or end-of-sequence token, for the template."""
    id = file.metadata.get(f"tokenizer.ggml.{which}_token_id")
    tokens = file.metadata.get("tokenizer.ggml.tokens", [])
    return str(tokens[id]) if isinstance(id, int) and 0 <= id < len(tokens) else ""


def _affordable(trained: int, bytes_per_token: int | None) -> int:
    """The window that the memory of this machine allows: a power of two below the trained one."""
    if bytes_per_token is None or not hasattr(os, "sysconf"):
        return trained
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = int(memory * LARGEST_SHARE / bytes_per_token)
    if trained <= limit:
        return trained
    return max(SMALLEST_WINDOW, 1 << (limit.bit_length() - 1))
