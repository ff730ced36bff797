"""The `genai-prices` data set: who sells which model, at what price, as of which day.

The copy inside the installed package is read; its updater is never started, so nothing is
fetched. Importing it takes about half a second, so it happens at the first question.
https://github.com/pydantic/genai-prices
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from ..value import value

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo

# Makers whose own price is meant when a bare name says nothing else about who serves it.
_MAKERS = ("openai", "anthropic", "google", "mistral", "cohere", "deepseek", "x-ai", "voyageai")


@value
class Listing:
    """A model as the data set knows it: `provider` is the data set's id of who sells it."""

    provider: str
    info: ModelInfo


@cache
def _data() -> DataSnapshot:
    from genai_prices.data import providers
    from genai_prices.data_snapshot import DataSnapshot

    # A snapshot of our own: another library in the process may have replaced the shared one
    # with prices from the network, whose date would not be the one shown.
    return DataSnapshot(providers=providers, from_auto_update=False)


def find(name: str, provider: str | None = None) -> Listing | None:
    """The listing of a model, by the name a user types; `None` when it is not listed.

    `gpt-4o`, `openai/gpt-4o`, `anthropic:claude-haiku-4-5`, `models/gemini-2.5-pro` and
    `openrouter/openai/gpt-4o` are all understood. A bare name means the maker's own price; open
    weights have none until a provider is named (`groq/llama-3.1-8b-instant`).
    """
    for seller, reference in _readings(name.strip().lower(), provider):
        try:
            found, info = _data().find_provider_model(reference, None, seller, None)
        except LookupError:
            continue
        return Listing(found.id, info)
    return None


def _readings(name: str, provider: str | None) -> list[tuple[str | None, str]]:
    """What a name may mean: pairs of provider (`None`: whoever the name implies) and model."""
    from genai_prices.data_snapshot import find_provider_by_id

    providers = _data().providers
    name = name.removeprefix("models/")
    readings: list[tuple[str | None, str]] = []
    for separator in "/:":
        head, found, rest = name.partition(separator)
        known = find_provider_by_id(providers, head) if found else None
        if known is not None:
            readings.append((known.id, rest))
    if provider is not None:
        chosen = find_provider_by_id(providers, provider)
        if chosen is None:
            return []
        own = [reading for reading in readings if reading[0] == chosen.id]
        return [*own, (chosen.id, name)]
    named_so = [
        (seller.id, name)
        for maker in _MAKERS
        for seller in providers
        if seller.id == maker and any(model.id == name for model in seller.models)
    ]
    return [*readings, (None, name), *named_so]


def source() -> str:
    """Name and version of the data set."""
    from genai_prices import __version__

    return f"genai-prices {__version__}"


_CHECKED = re.compile(r"\b(?:checked|verified|as of)\b[^.;]{0,24}?(\d{4}-\d\d-\d\d)", re.IGNORECASE)


@cache
def dated() -> date | None:
    """The newest day on which the data set says that a price in it was checked.

    The package carries no date of its own, so this is the day its prices are known to have been
    right: never later than its release.
    """
    comments = [
        comment
        for seller in _data().providers
        for comment in (seller.price_comments, *(m.price_comments for m in seller.models))
        if comment
    ]
    days = [day for comment in comments for day in _CHECKED.findall(comment)]
    return date.fromisoformat(max(days)) if days else None
