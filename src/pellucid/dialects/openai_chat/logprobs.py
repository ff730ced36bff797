"""Probabilities of tokens: `logprobs.content` here and there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...replies import NO_ID, Candidate, ReplyToken
from ..tokens import finite


def read_tokens(logprobs: object) -> tuple[ReplyToken, ...]:
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(content, list):
        return ()
    return tuple(_token(entry) for entry in content if isinstance(entry, dict))


def _token(entry: Mapping[str, Any]) -> ReplyToken:
    tops = entry.get("top_logprobs") or ()
    id = entry.get("id", NO_ID)  # llama.cpp says it
    return ReplyToken(
        id,
        _piece(entry),
        entry.get("logprob"),
        tuple(Candidate(top.get("id", NO_ID), _piece(top), top.get("logprob")) for top in tops),
        exact=id != NO_ID,
    )


def _piece(entry: Mapping[str, Any]) -> bytes:
    if isinstance(entry.get("bytes"), list):
        return bytes(entry["bytes"])
    return str(entry.get("token", "")).encode("utf-8", "surrogatepass")


def write_tokens(tokens: Iterable[ReplyToken]) -> list[dict[str, Any]]:
    """Entries for the tokens whose probability is known; the others have no place."""
    return [
        _entry(token.piece, token.logprob)
        | {
            "top_logprobs": [
                _entry(top.piece, top.logprob)
                for top in token.alternatives
                if top.logprob is not None
            ]
        }
        for token in tokens
        if token.logprob is not None
    ]


def _entry(piece: bytes, logprob: float) -> dict[str, Any]:
    token = piece.decode("utf-8", "replace")
    return {"token": token, "bytes": list(piece), "logprob": finite(logprob)}
