"""A name or a file -> the tokenizer of a model.

enc = pellucid.tokenizer("mistral-7b-v0.1").encode("What is an LLM?")

A vocabulary is read once from the file it is published in; its built form is kept and opens in
milliseconds, without that file and without a network.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import (
    BrokenVocabulary,
    ModelUnavailable,
    TokenError,
    UnknownModel,
    UnsupportedVocabulary,
)
from ..settings import Folders, Settings, expanded, load
from ..tokens import names
from ..tokens.model import ModelTokenizer, PlainTokenizer
from ..tokens.names import Row
from ..value import value

if TYPE_CHECKING:
    from ..tokens.vocabulary import Vocabulary

Progress = Callable[[int, int], None]

FORMAT = 1
"""Part of the name of what is built: raise it when files are read otherwise than before."""
FILES = ("tokenizer.json", "tekken.json", "tokenizer.model")
"""What a folder or a repository may hold, the best first."""
CONFIG = "tokenizer_config.json"
VOCABULARIES = (
    "`pellucid tokens vocab` lists the vocabularies; a path to the file of one works too."
)
"""What an unknown name is answered with."""
LARGEST = 256 << 20
"""Bytes of a file that is read as a vocabulary; the largest known has 34 million."""


def open_tokenizer(
    name: str | Path,
    settings: Settings | None = None,
    folders: Folders | None = None,
    *,
    progress: Progress | None = None,
) -> ModelTokenizer:
    """The tokenizer that `name` means: of a model or a vocabulary, by its name; of a file (GGUF,
    tokenizer.json, tekken.json, SentencePiece, tiktoken) or a folder with one; or of a repository
    of the Hub, `hf:owner/repo` or `owner/repo`.

    What it needs is fetched on first use. Raises `UnknownModel` with the nearest names,
    `UnpublishedVocabulary` where the maker publishes none, `ModelUnavailable`,
    `UnsupportedVocabulary`, `BadModelFile`.
    """

    opening = _Opening(settings or load(), folders or Folders.of(), progress)
    path = expanded(name)
    if isinstance(name, Path) or path.is_file():
        return opening.path(path)
    if name.startswith("hf:"):
        return opening.hub(name.removeprefix("hf:"))
    try:
        row = names.row(name)
    except UnknownModel as unknown:
        if name and path.is_dir():
            return opening.path(path)
        if name and path.exists():  # a device, a pipe
            raise UnsupportedVocabulary(
                f"{name} is no file that can be read as a vocabulary."
            ) from None
        return opening.elsewhere(name, unknown)
    tokenizer = opening.row(row, name)
    if pattern := names.told_by(name):
        said = f"{name} is not known here by name: {row.name} is the vocabulary of {pattern}."
        return replace(tokenizer, notes=(said, *tokenizer.notes))
    return tokenizer


@value
class _Opening:
    settings: Settings
    folders: Folders
    progress: Progress | None

    def row(self, row: Row, name: str) -> ModelTokenizer:
        """By a row of the table."""
        if row.format == "gguf":
            return self.gguf(self._weight(row.file), row.name)
        if row.file:
            return self._of_row(row, lambda: self._weight(row.file))
        if row.hub:
            return self._of_row(row, lambda: self._from_hub(row.hub, name))
        raise ModelUnavailable(name, (f"no source is known: give {row.needs}",))

    def path(self, path: Path) -> ModelTokenizer:
        """A file, or a folder with one."""
        if path.is_dir():
            found = next((path / file for file in FILES if (path / file).is_file()), None)
            found = found or next(
                iter(sorted([*path.glob("*.tiktoken"), *path.glob("*.gguf")])), None
            )
            if found is None:
                raise UnsupportedVocabulary(f"{path} has none of {', '.join(FILES)}.")
            return self.path(found)
        if path.suffix.lower() == ".gguf":
            return self.gguf(path, path.stem)
        name = path.parent.resolve().name if path.name in FILES else path.name
        return self._of_file(path, name)

    def hub(self, address: str) -> ModelTokenizer:
        """`owner/repo` of the Hub, or a file of one."""
        if address.count("/") > 1:
            return self.path(self._fetch(f"hf:{address}"))
        return self._of_file(self._from_hub(address, address), address)

    def elsewhere(self, name: str, unknown: UnknownModel) -> ModelTokenizer:
        """A name that the table does not have: a model file that is here, or the Hub's."""
        from . import catalog
        from .names import locate

        try:
            catalog.resolve(name)
        except UnknownModel as error:
            if re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", name):
                return self.hub(name)
            near = dict.fromkeys((*unknown.near, *error.near))
            raise UnknownModel(name, tuple(near)[:3], VOCABULARIES) from None
        return self.gguf(locate(name, self.settings, progress=self.progress), name)

    def gguf(self, path: Path, name: str) -> ModelTokenizer:
        """A model file's own vocabulary, or the engine's where that is not read here."""
        from .card import open_card
        from .local import LocalModel

        card = open_card(path, name, self.folders)
        model = LocalModel(card, self.settings, self.folders)
        tokenizer = card.tokenizer(lambda: model.engine().address)
        return _model(name, tokenizer, notes=card.notes)

    def _of_row(self, row: Row, locate: Callable[[], Path]) -> ModelTokenizer:
        from ..tokens.reading import from_row

        kept = built(row, self.folders)
        if tokenizer := _opened(kept):
            return _model(tokenizer.name, tokenizer)
        path = locate()
        data, config = _read(path), _config(path)
        try:
            vocabulary = from_row(row, data, config)
        except UnsupportedVocabulary as error:
            return _by_library(data, row.name, row.name, error)
        return _model(row.name, _build(vocabulary, kept))

    def _of_file(self, path: Path, name: str) -> ModelTokenizer:
        from ..tokens.reading import from_file

        identity = (name, _identity(path), _identity(path.with_name(CONFIG)))
        kept = _kept(self.folders, identity)
        if tokenizer := _opened(kept):
            return _model(tokenizer.name, tokenizer)
        data = _read(path)
        try:
            vocabulary = from_file(data, name, _config(path))
        except UnsupportedVocabulary as error:
            return _by_library(data, name, str(path), error)
        return _model(vocabulary.name, _build(vocabulary, kept))

    def _weight(self, name: str) -> Path:
        from ..engine import weights

        weight = weights.known(name)
        return weights.find(weight, self.settings, self.folders) or weights.fetch(
            weight,
            self.folders.weights,
            sources=self.settings.sources,
            offline=self.settings.offline,
            progress=self.progress,
        )

    def _from_hub(self, repo: str, name: str) -> Path:
        """The vocabulary's file in a repository, its configuration beside it where there is one."""
        from ..engine.hub import NoSuchFile

        tried: list[str] = []
        for file in FILES:
            try:
                path = self._fetch(f"hf:{repo}/{file}")
            except ModelUnavailable as error:
                tried += error.tried
                if not isinstance(error.__cause__, NoSuchFile):
                    break
            else:
                self._fetch_config(f"hf:{repo}/{CONFIG}")
                return path
        tried.append(f"instead: a tokenizer.json of {repo} in place of its name")
        raise ModelUnavailable(name, tuple(tried))

    def _fetch(self, address: str) -> Path:
        from ..engine import weights

        return weights.fetch_hub(
            address,
            self.folders.weights,
            offline=self.settings.offline,
            progress=self.progress,
        )

    def _fetch_config(self, address: str) -> None:
        from ..engine.hub import NoSuchFile

        try:
            self._fetch(address)
        except ModelUnavailable as error:
            if not isinstance(error.__cause__, NoSuchFile):
                raise


def built(row: Row, folders: Folders) -> Path:
    """Where the built form of a row's vocabulary is kept, once it was used."""
    return _kept(folders, (repr(row),))


def _kept(folders: Folders, identity: tuple[object, ...]) -> Path:
    key = hashlib.sha256(repr((FORMAT, identity)).encode()).hexdigest()[:24]
    return folders.vocabularies / f"{key}.bpe"


def _model(name: str, tokenizer: PlainTokenizer, notes: tuple[str, ...] = ()) -> ModelTokenizer:
    front = () if tokenizer.bos is None else (tokenizer.bos,)
    return ModelTokenizer(name, tokenizer, front, notes=notes)


def _opened(built: Path) -> PlainTokenizer | None:
    from ..tokens.opening import open_tokenizer

    try:
        return open_tokenizer(built)
    except BrokenVocabulary:
        return None


def _build(vocabulary: Vocabulary, built: Path) -> PlainTokenizer:
    """The tokenizer, its built form kept where that can be written."""
    from ..tokens import compiled, opening
    from ..tokens.packing import pack

    try:
        compiled.build(vocabulary, built)
        return opening.open_tokenizer(built)
    except TokenError:
        return opening.tokenizer_of(compiled.Compiled(pack(vocabulary), vocabulary.name))


def _by_library(
    data: bytes, name: str, source: str, error: UnsupportedVocabulary
) -> ModelTokenizer:
    """What is not read here: by the library `tokenizers`, if the data is of its format.

    `source` is what an error names."""
    if data.lstrip()[:1] != b"{" or isinstance(error.__cause__, JSONDecodeError):
        raise UnsupportedVocabulary(f"{source}: {error}") from error
    from ..tokens.hugging_face import HuggingFaceTokenizer

    tokenizer = HuggingFaceTokenizer(data, name, f"{source}: {error}")
    front, back = tokenizer.around
    notes = (f"{error} The library `tokenizers` is used.",)
    return ModelTokenizer(name, tokenizer, front, back, notes)


def _identity(path: Path) -> tuple[object, ...]:
    try:
        stat = path.stat()
    except OSError:
        return ()
    return (str(path.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ino)


def _config(path: Path) -> bytes | None:
    """The configuration beside a vocabulary's file."""
    beside = path.with_name(CONFIG)
    return _read(beside) if path.name in FILES and beside.is_file() else None


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise UnsupportedVocabulary(f"{path} is too large to be a vocabulary.")
        return path.read_bytes()
    except OSError as error:
        raise UnsupportedVocabulary(f"{path} cannot be read: {error.strerror}.") from error
