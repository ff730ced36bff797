"""Tokens of a reply for APIs that give a token's text and not its bytes."""

from __future__ import annotations

LEAST = -9999.0
"""What stands for the logarithm of nothing, which JSON has no word for."""


def readable(piece: bytes) -> bytes:
    """A token's bytes after a way as text: a part of a character becomes U+FFFD."""
    return piece.decode("utf-8", "replace").encode()


def finite(logprob: float | None) -> float | None:
    return logprob if logprob is None else max(logprob, LEAST)
