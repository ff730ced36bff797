"""How many tokens a model can attend to at once, by its name.

The data set of prices knows most hosted models. Open weights that one runs oneself, and the few
hosted ones it says nothing about, are rows of `windows.json`, each with its source. A model that
is a file says its window itself; that is better than anything here.
"""

from __future__ import annotations

import json
import re
from datetime import date
from functools import cache
from pathlib import Path

from ..value import value
from . import price_list

# Words in the names of files and repositories that do not change the window.
_FILLER = {"meta", "instruct", "chat", "it", "hf", "gguf", "base", "latest", "preview"}
_LENGTH = re.compile(r"(?<![a-z\d])\d+k\b|\b1m\b")


@value
class Window:
    """A context window in tokens, prompt and answer together unless the source says otherwise.

    `dated` is the day of the data that says so: of the list of prices, or of our own table.
    """

    tokens: int
    source: str
    dated: date | None = None


def window_of(name: str) -> int | None:
    """The context window in tokens of a model called `name`; `None` when it is not known."""
    window = find_window(name)
    return window.tokens if window else None


def find_window(name: str) -> Window | None:
    """The context window of a model called `name`, with its source; `None` when not known."""
    listing = price_list.find(name)
    if listing is not None and listing.info.context_window is not None:
        return Window(listing.info.context_window, price_list.source(), price_list.dated())
    parts = name.lower().rpartition("/")[2].split(":")
    readings = (_family(":".join(parts[i:])) for i in range(len(parts)))
    return next(filter(None, readings), None)


def _family(name: str) -> Window | None:
    """The row with the longest name that `name` begins with."""
    words = _words(name)
    for size in range(len(words), 0, -1):
        row = _families().get(words[:size])
        if row is not None:
            # A length in the name that the row's does not have: trained further by somebody.
            return None if _LENGTH.search(name) and "k" not in words[:size] else row
    return None


def _words(name: str) -> tuple[str, ...]:
    """`Meta-Llama-3.1-8B-Instruct` and `llama3.1` both begin with ("llama", "3", "1")."""
    return tuple(word for word in re.findall(r"[a-z]+|\d+", name) if word not in _FILLER)


@cache
def _families() -> dict[tuple[str, ...], Window]:
    table = json.loads(Path(__file__).with_name("windows.json").read_text("utf-8"))
    dated = date.fromisoformat(table["dated"])
    return {
        _words(name): Window(row["window"], row["source"], dated)
        for row in table["families"]
        for name in row["names"]
    }
