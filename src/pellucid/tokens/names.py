"""Which vocabulary a model has, by its name: the table `names.toml`, read and searched."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ..errors import UnknownModel, UnpublishedVocabulary
from ..value import value

_MEASURE = re.compile(r"(\d\d){1,4}|[av]?\d+(\.\d+)?[bekm]?(?<=[a-z])|v\d+(\.\d+)?")
"""A part of a name that is a date or a piece of one, a size, the length of a window, a version."""

Format = Literal["tiktoken", "tokenizer.json", "sentencepiece", "tekken", "gguf"]


@value
class Filler:
    """The ids from `first` to `last` that are not taken are special tokens too: `{n}` in their
    `spelling` counts them, `{id}` is their id."""

    spelling: str
    first: int
    last: int


@value
class Row:
    """A row of `names.toml`, which explains the fields. `bos` is `None` where the file says it."""

    name: str
    models: tuple[str, ...]
    format: Format | None = None
    file: str = ""
    hub: str = ""
    needs: str = ""
    sha256: str = ""
    pretokenizer: str = ""
    specials: Mapping[str, int] = field(default_factory=dict)
    own: bool = False
    filler: Filler | None = None
    swallows: Literal["", "left", "right", "both"] = ""
    exceptions: tuple[str, ...] = ()
    bos: str | None = None
    ends: tuple[str, ...] = ()

    def controls(self) -> dict[str, int]:
        """Every special token that the row tells of, by its spelling."""
        controls = dict(self.specials)
        if self.filler:
            taken, count = set(controls.values()), 0
            for id in range(self.filler.first, self.filler.last + 1):
                if id not in taken:
                    controls[self.filler.spelling.format(n=count, id=id)] = id
                    count += 1
        return controls


@value
class _Table:
    rows: Mapping[str, Row]
    unpublished: Mapping[str, tuple[str, ...]]
    variants: frozenset[str]
    owners: frozenset[str]


def row(name: str) -> Row:
    """The row of a vocabulary or of a model, with or without its owner, in any case.

    Raises `UnknownModel` with the nearest names, and `UnpublishedVocabulary` where the maker
    publishes none. There is no guessing: of a family's new members a date, a size and a new word
    are taken (see `told_by`), a slip of a usual word is not.
    """
    table = _table()
    wanted = plain(name, table.owners)
    if wanted in table.rows:
        return table.rows[wanted]
    patterns = {pattern: row for row in table.rows.values() for pattern in row.models}
    if found := _most_exact(wanted, patterns):
        _refuse_slip(name, wanted, found)
        return patterns[found]
    makers = {pattern: maker for maker, all in table.unpublished.items() for pattern in all}
    if found := _most_exact(wanted, makers):
        _refuse_slip(name, wanted, found)
        from .estimates import family_of

        raise UnpublishedVocabulary(name, makers[found], estimated=family_of(name) is not None)
    near = difflib.get_close_matches(wanted.rpartition("/")[2], known(), 3, 0.5)
    raise UnknownModel(name, tuple(near))


def told_by(name: str) -> str | None:
    """The pattern by which alone a model's name is in the table, `gpt-5.*` for `gpt-5.9`; `None`
    where the table has it, but for a date, a size and usual words."""
    table = _table()
    wanted = plain(name, table.owners)
    patterns = [pattern for row in table.rows.values() for pattern in row.models]
    found = None if wanted in table.rows else _most_exact(wanted, patterns)
    if found is None or not found.endswith("*"):
        return None
    new = wanted.removeprefix(found[:-1]).split("-")
    usual = all(word in table.variants or _MEASURE.fullmatch(word) for word in new)
    return None if usual else found


def known() -> tuple[str, ...]:
    """Names that can be typed: of vocabularies, and of models that are not told as a pattern."""
    models = (model for row in rows() for model in row.models)
    return (*_table().rows, *(model for model in models if not {"*", "#"} & set(model)))


def rows() -> tuple[Row, ...]:
    """The whole table."""
    return tuple(_table().rows.values())


def plain(name: str, owners: Iterable[str] = ()) -> str:
    """A model's name without its spelling: `meta-llama/Meta-Llama-3.1-8B` is `llama-3.1-8b`,
    `llama3.1:8b` is `llama3.1-8b`, a fine-tuned `ft:gpt-4o:me` is `gpt-4o`."""
    name = name.strip().lower()
    if name.startswith("ft:"):
        name = name.split(":")[1]
    owner, _, rest = name.rpartition("/")
    if owner.rpartition("/")[2] in owners:
        name = rest
    return name.removeprefix("meta-").removesuffix(":latest").replace(":", "-")


def _most_exact(name: str, patterns: Iterable[str]) -> str | None:
    """Of the patterns that a name matches, the one that says most of it."""
    found = [pattern for pattern in patterns if _expression(pattern).fullmatch(name)]
    return max(found, key=lambda pattern: len(pattern.strip("*#")), default=None)


def _refuse_slip(name: str, wanted: str, pattern: str) -> None:
    """Raises `UnknownModel` where a word that `pattern` leaves open is nearly a usual one."""
    variants = _table().variants
    fixed = _words(pattern)
    for word in _words(wanted):
        if word in fixed or word in variants:
            continue
        if meant := [each for each in variants if _slip(word, each)]:
            whole = rf"(?<![a-z]){word}(?![a-z])"
            raise UnknownModel(name, tuple(re.sub(whole, each, wanted) for each in sorted(meant)))


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]+", name)


def _slip(written: str, word: str) -> bool:
    """Whether one letter is more, less or another, or two are swapped."""
    short, long = sorted((written, word), key=len)
    i = next((i for i, letter in enumerate(short) if letter != long[i]), len(short))
    if len(short) == len(long):
        swapped = short[i : i + 2] == long[i : i + 2][::-1] and short[i + 2 :] == long[i + 2 :]
        return short != long and (swapped or short[i + 1 :] == long[i + 1 :])
    return len(long) == len(short) + 1 and short[i:] == long[i + 1 :]


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    exactly = re.escape(pattern)
    return re.compile(exactly.replace(r"\*", ".+").replace(r"\#", r"[0-9][0-9.x]*"))


@cache
def _table() -> _Table:
    import tomllib

    table = tomllib.loads(Path(__file__).with_name("names.toml").read_text("utf-8"))
    return _Table(
        rows={name: _row(name, values) for name, values in table["vocabulary"].items()},
        unpublished={maker: tuple(names) for maker, names in table["unpublished"].items()},
        variants=frozenset(table["variants"]["words"]),
        owners=frozenset(table["owners"]["names"]),
    )


def _row(name: str, values: dict[str, Any]) -> Row:
    for key in ("models", "ends"):
        values[key] = tuple(values.get(key, ()))
    values["exceptions"] = tuple(values.pop("except", ()))
    if "filler" in values:
        values["filler"] = Filler(**values["filler"])
    return Row(name=name, **values)
