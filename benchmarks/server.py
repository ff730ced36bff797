"""The server between a client of one dialect and a host of another, beside gateways that translate
nothing and keep nothing, and beside litellm's proxy.

The host has its answer ready: the work of what stands between is what is on the clock.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from . import gateways
from .load import (
    CLIENTS,
    DATA,
    LOAD_CORE,
    SERVER_CORE,
    Figures,
    Side,
    Start,
    in_turns,
    of_rounds,
    process,
    request,
    stub_host,
)
from .measure import Row, table
from .pace import Pace

ROUNDS, SECONDS = 6, 0.5


def run() -> str:
    os.sched_setaffinity(0, {LOAD_CORE})
    pace = Pace(SERVER_CORE)
    with process(stub_host, LOAD_CORE) as (host, child):
        with ExitStack() as stack:

            def side(start: Start, api: str = "openai", receipts: bool = False) -> Side:
                words = (host, receipts) if start is _pellucid else (host,)
                return Side(
                    *stack.enter_context(process(start, SERVER_CORE, *words)), api, receipts
                )

            sides = [
                Side(host, child),
                side(_pellucid, "anthropic", receipts=True),
                side(_pellucid, receipts=True),
                side(_pellucid, "anthropic"),
                side(gateways.relay),
                side(gateways.framework),
            ]
            rounds = in_turns(sides, ROUNDS, SECONDS, pace)
        bare, ours, same, unkept, relay, framework = map(of_rounds, rounds)
        # The last, since what it does for half a minute slows a shared machine down.
        litellm = _litellm(host, pace)
    added, added95 = ours.median - bare.median, ours.p95 - bare.median
    first = ours.first - bare.first
    usual = statistics.median(each.rate for each in rounds[1])
    translating, checking = _translating(), _checking()
    rows = [
        Row(
            f"requests a second, {CLIENTS} clients",
            f"{usual:,.0f} in the median of {ROUNDS} rounds, {ours.rate:,.0f} in the best",
            "≥ 3,000",
            usual >= 3000,
        ),
        Row("... in its loads that do not count, the core slowed by others", _slowed(ours)),
        Row("... beside litellm's proxy", _times(ours, litellm)),
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
        Row("a bare relay of bytes", str(relay)),
        Row("a pass-through on aiohttp", str(framework)),
        Row("litellm's proxy", str(litellm)),
        Row("the host alone", str(bare)),
        Row("of a request's µs: translating both ways, alone", f"{translating:.0f} µs"),
        Row("... its receipt", f"{ours.processor - unkept.processor:.0f} µs"),
        Row("... the check who may call", f"{checking:.0f} µs"),
        Row(
            "... HTTP to both sides, queue, conversations: the rest",
            f"{unkept.processor - translating - checking:.0f} µs",
        ),
    ]
    title = "Server: Anthropic's API in front of an OpenAI host, with receipts"
    said = (
        f"{ROUNDS} rounds, in which the servers take turns, litellm's proxy after them by itself. "
        "A load counts when the servers' core was at its full pace before and after it, within a "
        "quarter of the best; else others used the core too, and the load was made again: "
        f"{pace.made} were made for {pace.asked}, of which {pace.disturbed} count though the core "
        "was slowed. "
        "Rates and the processor are of the best round, but the rate of requests is held to its "
        "median; what a client waits is of the median round; memory is the most.\n"
    )
    return f"{table(title, rows)}\n{said}"


def _litellm(host: int, pace: Pace) -> Figures | str:
    try:
        with gateways.litellm(host, SERVER_CORE) as (port, child):
            return of_rounds(*in_turns([Side(port, child)], ROUNDS, 2 * SECONDS, pace))
    except gateways.Missing as why:
        return f"not measured: {why}"


def _slowed(ours: Figures) -> str:
    if not ours.slowed:
        return "there were none"
    many = len(ours.slowed)
    return f"{statistics.median(ours.slowed):,.0f} in the median of {many} of {many + ROUNDS}"


def _times(ours: Figures, litellm: Figures | str) -> str:
    return litellm if isinstance(litellm, str) else f"{ours.rate / litellm.rate:.0f} times"


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
