"""Chat templates of the common model families: data in `templates/`, found by name.

family("llama-3.1-8b-instruct").format.text
"""

from __future__ import annotations

import difflib
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ..errors import UnknownTemplate
from ..value import value

TEMPLATES = Path(__file__).with_name("templates")

System = Literal["own", "merged", "refused"]
"""What becomes of a system message: a turn of its own, part of a user's turn, or an error."""


@value
class ChatFormat:
    """A chat template and what it is rendered with.

    `bos` and `eos` are what it writes for those tokens, `adds_bos` says whether the tokenizer's
    configuration puts a BOS in front of any text. `controls` are the spellings of the vocabulary's
    control tokens; `guessed`: there was no vocabulary to ask, so they are those the template's
    text seems to spell.
    """

    name: str
    text: str
    bos: str = ""
    eos: str = ""
    adds_bos: bool = False
    controls: tuple[str, ...] = ()
    guessed: bool = False


@value
class Family:
    """A row of `templates/families.toml`, which explains the fields."""

    name: str
    models: tuple[str, ...]
    source: str
    licence: str
    bos: str
    eos: str
    adds_bos: bool
    system: System
    tools: bool
    vocabulary: str
    controls: tuple[str, ...]

    @property
    def format(self) -> ChatFormat:
        text = (TEMPLATES / f"{self.name}.jinja").read_text("utf-8")
        return ChatFormat(self.name, text, self.bos, self.eos, self.adds_bos, self.controls)


@cache
def _families() -> dict[str, Family]:
    import tomllib

    rows: dict[str, dict[str, Any]] = tomllib.loads(
        (TEMPLATES / "families.toml").read_text("utf-8")
    )
    for row in rows.values():
        row["models"], row["controls"] = tuple(row["models"]), tuple(row["controls"])
    return {name: Family(name, **row) for name, row in rows.items()}


def names() -> tuple[str, ...]:
    """The names of all families."""
    return tuple(_families())


def family(name: str) -> Family:
    """The family of that name, or of the model of that name, with or without its owner.

    Raises `UnknownTemplate` with the nearest names; there is no guessing.
    """
    wanted = name.lower().rpartition("/")[2]
    found = _families().get(wanted)
    if found is not None:
        return found
    for row in _families().values():
        if any(fnmatchcase(wanted, pattern) for pattern in row.models):
            return row
    known = [*names(), *(model for row in _families().values() for model in row.models)]
    near = difflib.get_close_matches(wanted, known, 3, 0.5)
    raise UnknownTemplate(name, tuple(model.replace("*", "8") for model in near), names())
