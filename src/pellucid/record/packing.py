"""Numbers and bytes in little space: columns, compressed where that helps.

A packed value is a row of columns. A column of whole numbers is its length, the width of a number
(0 to 8 bytes; 0: all are zero), then the numbers' lowest bytes, their second bytes and so on:
neighbours that are alike are what deflate is good at. Log-probabilities are kept as 16-bit
floating point (IEEE 754 binary16): 11 significant bits, so a probability is off by at most 0.05%
of its logarithm, and one close to 1, which matters for perplexity, is kept best.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import blake2b
from math import inf, isnan, nan
from pathlib import Path
from typing import Any

LEAST = 24
"""Bytes; of fewer, what deflate would save is not worth its microseconds."""
SHORT = 4096
"""Bytes; of so few, half and more are words that every receipt has: deflate is told them before."""
LONG = 16384
"""Bytes; of more, mostly what a host streamed, the last percents of deflate cost six times as much
as all before them."""
_LENGTH = struct.Struct("<Q").pack
_CODES = {1: "b", 2: "h", 4: "i", 8: "q"}
_WIDTHS = (0, *_CODES)
_LARGEST_HALF = 65504.0


class Packer:
    """Columns are added in an order and must be read in the same."""

    def __init__(self) -> None:
        self._out = bytearray()

    def ints(self, values: Sequence[int]) -> None:
        """Whole numbers of at most 64 bits; raises `OverflowError` for others."""
        self._head(len(values), width := _width(values))
        if width:
            data = struct.pack(f"<{len(values)}{_CODES[width]}", *values)
            for plane in range(width):
                self._out += data[plane::width]

    def floats(self, values: Iterable[float | None]) -> None:
        """Numbers as binary16; `None` and not-a-number are the same."""
        halves = [_half(value) for value in values]
        data = struct.pack(f"<{len(halves)}e", *halves)
        self._head(len(halves), 2)
        self._out += data[0::2] + data[1::2]

    def blob(self, data: bytes) -> None:
        self._head(len(data), 1)
        self._out += data

    def _head(self, length: int, width: int) -> None:
        # Short columns are common: one byte says both.
        if length < 31:
            self._out.append(length << 3 | _WIDTHS.index(width))
        else:
            self._out.append(31 << 3 | _WIDTHS.index(width))
            self._out += struct.pack("<I", length)

    def packed(self) -> bytes:
        return bytes(self._out)


class Unpacker:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def ints(self) -> list[int]:
        length, width = self._head()
        if not width:
            return [0] * length
        return list(struct.unpack(f"<{length}{_CODES[width]}", self._planes(length, width)))

    def floats(self) -> list[float | None]:
        length, width = self._head()
        halves = struct.unpack(f"<{length}e", self._planes(length, width))
        return [None if isnan(half) else half for half in halves]

    def blob(self) -> bytes:
        length, _ = self._head()
        return self._take(length)

    def _planes(self, length: int, width: int) -> bytes:
        data = bytearray(length * width)
        for plane in range(width):
            data[plane::width] = self._take(length)
        return bytes(data)

    def _head(self) -> tuple[int, int]:
        first = self._take(1)[0]
        length = first >> 3
        if length == 31:
            length = struct.unpack("<I", self._take(4))[0]
        return length, _WIDTHS[first & 7]

    def _take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise ValueError("a packed value ends too early")
        taken = self._data[self._at : end]
        self._at = end
        return taken


def _width(values: Sequence[int]) -> int:
    if not any(values):
        return 0
    low, high = min(values), max(values)
    for width in _CODES:
        limit = 1 << (8 * width - 1)
        if -limit <= low and high < limit:
            return width
    raise OverflowError("a number of more than 64 bits cannot be packed")


def _half(value: float | None) -> float:
    if value is None:
        return nan
    if abs(value) > _LARGEST_HALF:
        return inf if value > 0 else -inf
    return value


def squeeze(data: bytes) -> bytes:
    """`data`, deflated when that makes it smaller; the first byte says which and how."""
    if len(data) < LEAST:
        return b"\0" + data
    if len(data) <= SHORT:
        deflate, how = _deflate().copy(), b"\2"
    else:
        deflate, how = zlib.compressobj(9 if len(data) < LONG else 3, zlib.DEFLATED, -15), b"\1"
    small = how + deflate.compress(data) + deflate.flush()
    return small if len(small) <= len(data) else b"\0" + data


def unsqueeze(data: bytes) -> bytes:
    if data[:1] == b"\2":
        inflate = zlib.decompressobj(-15, _familiar())
        whole = inflate.decompress(data[1:])
        if not inflate.eof:
            raise zlib.error("what was deflated ends too early")
        return whole
    return zlib.decompress(data[1:], -15) if data[:1] == b"\1" else data[1:]


@cache
def _deflate() -> Any:
    """To be copied: to set one up, and to tell it what is familiar, takes longer than the work. Its
    window spans both."""
    return zlib.compressobj(3, zlib.DEFLATED, -13, 4, zdict=_familiar())


@cache
def _familiar() -> bytes:
    """What receipts say anyway, the most frequent last. Stores refer to it, so it never changes: a
    better one would be another file, and another first byte."""
    return Path(__file__).with_name("familiar.txt").read_bytes()


def digest(*parts: bytes) -> bytes:
    """16 bytes of BLAKE2b over the parts, each with its length in front."""
    framed = b"".join([_LENGTH(len(part)) + part for part in parts])
    return blake2b(framed, digest_size=16).digest()
