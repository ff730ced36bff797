"""The server between a client of one dialect and a host of another, beside gateways that translate
nothing and keep nothing, and beside litellm's proxy.

The host has its answer ready: the work of what stands between is what is on the clock.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import gateways
from .load import (
    CLIENTS,
    DATA,
    LOAD_CORE,
    SERVER_CORE,
    Figures,
    figures,
    process,
    request,
    stub_host,
)
from .measure import Row, table

SECONDS = 3.0


def run(seconds: float = SECONDS) -> str:
    os.sched_setaffinity(0, {LOAD_CORE})
    with process(stub_host, LOAD_CORE) as (host, child):
        bare = figures(host, child, "openai", seconds)
        ours = _ours(host, "anthropic", seconds)
        same = _ours(host, "openai", seconds)
        unkept = _ours(host, "anthropic", seconds, receipts=False)
        beside = {
            "a bare relay of bytes": _beside(gateways.relay, host, seconds),
            "a pass-through on aiohttp": _beside(gateways.framework, host, seconds),
            # The last, since what it does for half a minute slows a shared machine down.
            "litellm's proxy": _litellm(host, seconds),
        }
    added, added95 = ours.median - bare.median, ours.p95 - bare.median
    first = ours.first - bare.first
    rows = [
        Row(
            f"requests a second, {CLIENTS} clients",
            f"{ours.rate:,.0f}",
            "≥ 3,000",
            ours.rate >= 3000,
        ),
        Row("added to a request, 1 client, median", f"{added:.2f} ms", "≤ 0.8 ms", added <= 0.8),
        Row("added to a request, 1 client, p95", f"{added95:.2f} ms", "≤ 2 ms", added95 <= 2),
        Row(
            f"streamed chunks a second, {CLIENTS} clients",
            f"{ours.chunks:,.0f}",
            "≥ 60,000",
            ours.chunks >= 60_000,
        ),
        Row("first chunk later by", f"{first:.2f} ms", "≤ 1 ms", first <= 1),
        Row(
            "resident memory, a vocabulary in it",
            f"{ours.resident:.0f} MB",
            "≤ 140 MB",
            ours.resident <= 140,
        ),
        Row("all of it", str(ours)),
        Row("one dialect on both sides", str(same)),
        *(Row(name, str(found)) for name, found in beside.items()),
        Row("the host alone", str(bare)),
        Row("of a request's µs: translating both ways, alone", f"{_translating():.0f} µs"),
        Row("... its receipt", f"{ours.processor - unkept.processor:.0f} µs"),
        Row("... the check who may call", f"{_checking():.0f} µs"),
        Row("... HTTP to both sides, queue, conversations: the rest", _rest(unkept)),
    ]
    return table("Server: Anthropic's API in front of an OpenAI host, with receipts", rows)


def _beside(start: Callable[..., Any], host: int, seconds: float) -> Figures:
    with process(start, SERVER_CORE, host) as (port, child):
        return figures(port, child, "openai", seconds)


def _litellm(host: int, seconds: float) -> Figures | str:
    try:
        with gateways.litellm(host, SERVER_CORE) as (port, child):
            return figures(port, child, "openai", seconds)
    except gateways.Missing as why:
        return f"not measured: {why}"


def _ours(host: int, api: str, seconds: float, *, receipts: bool = True) -> Figures:
    with process(_pellucid, SERVER_CORE, host, receipts) as (port, child):
        return figures(port, child, api, seconds, receipts=receipts)


async def _pellucid(host: int, receipts: bool) -> int:
    from pellucid.models.tokenizers import open_tokenizer
    from pellucid.record.store import Store
    from pellucid.server.models import Models
    from pellucid.server.serving import Server
    from pellucid.settings import resolve

    open_tokenizer("o200k_base").encode("A vocabulary that is in use.")
    row = {"base": f"http://127.0.0.1:{host}/v1", "model": "m"}
    settings = replace(resolve({}, {}, ""), models={"m": row})
    folder = Path(tempfile.mkdtemp())
    store = Store(folder / "receipts.db") if receipts else None
    server = Server(settings, models=Models(settings), store=store)
    await server.__aenter__()
    return await server.listen("127.0.0.1", 0)


def _translating(times: int = 2000) -> float:
    """Microseconds of the dialects alone, for a request that is not streamed: read, written, and
    its reply read and written. The quietest of many."""
    from pellucid.dialects import anthropic, openai_chat
    from pellucid.dialects.base import Head
    from pellucid.replies import collect

    body = request("anthropic", "few", False).partition(b"\r\n\r\n")[2]
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        incoming = anthropic.decode_request(json.loads(body))
        outgoing = openai_chat.encode_request(incoming.request, "m", stream=False)
        json.dumps(outgoing.body)
        found = collect(openai_chat.decode_reply(json.loads(DATA)))
        json.dumps(anthropic.encode_reply(found, Head("msg_1", "m", 1)))
        taken.append(time.perf_counter() - began)
    return sorted(taken)[times // 20] * 1e6


def _checking(times: int = 2000) -> float:
    """Microseconds of the check who may call, alone."""
    from pellucid.server import admission

    headers = {"host": "127.0.0.1", "content-length": "140", "authorization": "Bearer none"}
    began = time.perf_counter()
    for _ in range(times):
        shown = tuple(admission.credentials(headers, {}))
        admission.refusal([headers["host"]], headers, shown, None)
    return (time.perf_counter() - began) / times * 1e6


def _rest(unkept: Figures) -> str:
    return f"{unkept.processor - _translating() - _checking():.0f} µs"
