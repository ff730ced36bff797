"""The engine's stream, as events.

The stream has one gap: while the text so far ends inside a character the engine sends nothing,
and then names only the last of the tokens it kept back. The others are worked out from their
bytes; where more than one way remains, the tokens say that they are not exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from ..messages import Produced
from ..replies import (
    Candidate,
    Event,
    Finish,
    FinishReason,
    Progress,
    ReplyToken,
    TextDelta,
    Usage,
    UsageEvent,
)
from ..tokens.encoding import Tokenizer
from .stop import StopScanner

FINISHES: dict[str, FinishReason] = {"eos": "stop", "word": "stop_string", "limit": "length"}


class Splitter(Tokenizer, Protocol):
    def splits(self, data: bytes, count: int, last: int) -> list[tuple[int, ...]]:
        """Every way to write `data` as `count` tokens, the last of them `last`, such that no
        token before it completes a character."""


class Decoder:
    """Turns the engine's chunks into events. `finished` is set by the last one."""

    def __init__(self, tokenizer: Splitter, stops: StopScanner, prompt_tokens: int) -> None:
        self.finished = False
        self._tokenizer = tokenizer
        self._stops = stops
        self._prompt_tokens = prompt_tokens
        self._cached = 0
        self._ids: list[int] = []
        self._exact = True
        self._ending: tuple[ReplyToken, ...] = ()
        self._count = 0
        self._waiting: list[ReplyToken] = []

    def events(self, chunk: dict[str, Any]) -> Iterator[Event]:
        if (progress := chunk.get("prompt_progress")) is not None:
            self._cached = progress["cache"]
            yield Progress(progress["processed"], progress["total"], progress["cache"])
        elif chunk["stop"]:
            yield from self._last(chunk)
        else:
            yield from self._text(chunk)

    def _text(self, chunk: dict[str, Any]) -> Iterator[Event]:
        tokens = self._tokens(chunk)
        self._count = chunk["tokens_predicted"]
        if tokens[-1].id in self._tokenizer.end_ids:
            self._ending = tokens
            return
        self._ids += [token.id for token in tokens]
        self._exact = self._exact and all(token.exact for token in tokens)
        self._waiting += tokens
        if shown := self._stops.feed(chunk["content"]):
            yield self._delta(shown)
        if self._stops.found is not None:
            yield from self._finish("stop_string", self._usage(chunk))

    def _delta(self, text: str) -> TextDelta:
        tokens, self._waiting = tuple(self._waiting), []
        return TextDelta(text, tokens)

    def _last(self, chunk: dict[str, Any]) -> Iterator[Event]:
        if chunk["tokens_predicted"] != self._count:
            self._exact = False  # it ended inside a character: those ids were never sent
        self._count = chunk["tokens_predicted"]
        rest = self._stops.rest()
        if rest or self._waiting:
            yield self._delta(rest)
        yield from self._finish(FINISHES[chunk["stop_type"]], self._usage(chunk))

    def _finish(self, reason: FinishReason, usage: UsageEvent) -> Iterator[Event]:
        self.finished = True
        yield usage
        produced = Produced(tuple(self._ids), self._tokenizer.fingerprint)
        # After a stop string the last ids spell more than the text that is kept.
        whole = self._exact and reason != "stop_string"
        yield Finish(reason, self._ending, produced if whole else None)

    def _usage(self, chunk: dict[str, Any]) -> UsageEvent:
        timings = chunk.get("timings", {})
        cached = timings.get("cache_n", self._cached)
        usage = Usage(
            fresh=self._prompt_tokens - cached, cache_read=cached, output=chunk["tokens_predicted"]
        )
        return UsageEvent(
            usage, timings.get("prompt_per_second"), timings.get("predicted_per_second")
        )

    def _tokens(self, chunk: dict[str, Any]) -> tuple[ReplyToken, ...]:
        """The tokens of one chunk: the last with its probabilities, any hidden ones before it."""
        (last,) = chunk["tokens"]
        hidden = chunk["tokens_predicted"] - self._count - 1
        ways: list[tuple[int, ...]] = [(last,)]
        if hidden > 0:
            ways = self._tokenizer.splits(chunk["content"].encode(), hidden + 1, last)
            if not ways:  # the text was altered on its way: bytes that are not UTF-8
                self._exact = False
                ways = [(last,)]
        exact = len(ways) == 1
        before = [ReplyToken(id, self._tokenizer.piece(id), exact=exact) for id in ways[0][:-1]]
        return (*before, self._measured(last, chunk))

    def _measured(self, id: int, chunk: dict[str, Any]) -> ReplyToken:
        piece = self._tokenizer.piece(id)
        entries = chunk.get("completion_probabilities")
        if not entries:
            return ReplyToken(id, piece)
        return ReplyToken(id, piece, entries[0]["logprob"], self.candidates(entries[0]))

    def candidates(self, entry: dict[str, Any]) -> tuple[Candidate, ...]:
        return tuple(
            Candidate(top["id"], self._tokenizer.piece(top["id"]), top["logprob"])
            for top in entry["top_logprobs"]
        )
