"""Embeddings: what is asked for, and what comes back, whatever the wire format."""

from __future__ import annotations

from typing import Literal

from ..value import value


@value
class EmbedRequest:
    """Texts to be turned into vectors, each with `dimensions` numbers where the model can choose.

    `purpose` says what the texts are to a search, for models that tell the two apart. Where a
    caller sent `ids` of tokens, `texts` is what they spell, if that is known.
    """

    texts: tuple[str, ...]
    dimensions: int | None = None
    purpose: Literal["query", "document"] | None = None
    ids: tuple[tuple[int, ...], ...] = ()


@value
class Embeddings:
    """The vectors of the texts, in their order. `tokens`: how many were read, where it was told."""

    vectors: tuple[tuple[float, ...], ...]
    tokens: int | None = None
    model: str | None = None


@value
class IncomingEmbed:
    """An `EmbedRequest` that came in over the wire. `single`: its answer is one vector, not a list.

    `notes` say which of its fields mean nothing here.
    """

    request: EmbedRequest
    model: str
    single: bool = False
    notes: tuple[str, ...] = ()
