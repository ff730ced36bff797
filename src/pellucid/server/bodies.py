"""Bodies of requests: read within bounds, unpacked within bounds, and read as JSON."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from ..dialects import json_text
from ..dialects.base import Failure
from ..errors import BadRequest
from .failures import Refused
from .http_request import HttpRequest
from .limits import Limits

PIECE = 1 << 20


async def read(request: HttpRequest, limits: Limits) -> bytes:
    """The body, unpacked. Raises `Refused` for one too long, too slow or packed in another way."""
    if request.content_length > limits.body:
        raise _too_long(limits)
    if request.whole:  # as most are: short, and sent with their heads
        if "content-encoding" in request.headers:
            return await _read(request, limits)
        body = request.rest()
        if len(body) > limits.body:
            raise _too_long(limits)
        return body
    try:
        async with asyncio.timeout(limits.read):
            return await _read(request, limits)
    except TimeoutError:
        raise Refused(
            Failure(408, "rejected", f"The request did not arrive in {limits.read:g} seconds.")
        ) from None


async def _read(request: HttpRequest, limits: Limits) -> bytes:
    unpack = _unpacker(request.headers.get("content-encoding", "identity").strip().lower())
    # In blocks: what grows as one may be copied to a new place, while the old one is still there.
    blocks, size = [bytearray()], 0
    while data := await request.read():
        for piece in unpack(data):
            size += len(piece)
            if size > limits.body:
                raise _too_long(limits)
            if len(blocks[-1]) >= PIECE:
                blocks.append(bytearray())
            blocks[-1] += piece
    return b"".join(blocks)


def _too_long(limits: Limits) -> Refused:
    return Refused(
        Failure(413, "too_large", f"The request is longer than {limits.body >> 20} MB, unpacked.")
    )


def _unpacker(coding: str) -> Callable[[bytes], Iterator[bytes]]:
    if coding in ("identity", ""):
        return lambda data: iter((data,))
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise Refused(
            Failure(415, "rejected", f"The body is packed as {coding!r}; gzip or deflate can be.")
        )
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def unpack(data: bytes) -> Iterator[bytes]:
        while data:
            try:
                piece = inflate.decompress(data, PIECE)
            except zlib.error:
                raise BadRequest(f"The body says it is packed as {coding}, but is not.") from None
            if not piece:
                return
            yield piece
            data = inflate.unconsumed_tail

    return unpack


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def parse(body: bytes, limits: Limits) -> dict[str, Any]:
    """The JSON object in a body. Raises `BadRequest` for anything else."""
    try:
        value = json_text.read(body.decode(), _DECODER)
        if b"\\ud" in body or b"\\uD" in body:  # half a character, perhaps
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not UTF-8 (byte {error.start:,}, counted from 0).") from None
    except UnicodeEncodeError:
        raise BadRequest("A text in the body has half a character: a lone surrogate.") from None
    except RecursionError:
        raise _too_deep(limits) from None
    except ValueError as error:
        raise BadRequest(f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise BadRequest("The body is not a JSON object.")
    if body.count(b"[") + body.count(b"{") > limits.depth and _deeper(value, limits.depth):
        raise _too_deep(limits)
    return value


def _deeper(value: Any, depth: int) -> bool:
    """Whether containers are nested more than `depth` deep, found level by level."""
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _too_deep(limits: Limits) -> BadRequest:
    return BadRequest(f"The body is nested more than {limits.depth} deep.")
