"""Many clients at a time, for long: each its own words, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from host_server import host, says, stalled, stream_of
from pellucid.server.limits import Limits
from pellucid.server.loop import one_heap
from served import Served, Stub, served
from test_server_faults import CHAT, raw, say
from test_server_security import in_front_of
from work import SOON, soon

pytestmark = pytest.mark.timeout(7200)
CLIENTS = 64
PIECES = 6


def nonces() -> Stub:
    """A model that says the newest message in every piece of its answer."""

    def words(request: Any) -> Iterator[str]:
        text = request.messages[-1].text if request.messages else "ids"
        for i in range(PIECES):
            yield f"{text}-{i} "

    return Stub("x", words)


async def listen(session: aiohttp.ClientSession, base: str, chance: random.Random) -> None:
    """One stream, every piece of which must be this client's, in order, to its end."""
    nonce = f"{chance.getrandbits(64):x}"
    async with session.post(f"{base}{CHAT}", json=say(nonce, stream=True)) as answer:
        assert answer.status == 200
        lines = [line async for line in answer.content if line.startswith(b"data: ")]
    assert lines.pop() == b"data: [DONE]\n"
    chunks = [json.loads(line[6:])["choices"][0]["delta"].get("content") for line in lines]
    assert [each for each in chunks if each] == [f"{nonce}-{i} " for i in range(PIECES)]


def held(server: Served) -> tuple[int, int]:
    """Files that are open, and tasks of the server."""
    files = len(list(Path("/proc/self/fd").iterdir()))
    return files, len(asyncio.all_tasks(server.loop))


def resident() -> int:
    """Bytes in memory of this process, which the server is part of."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) << 10


def others() -> int:
    """Threads, but for those of calls: of these there are as many as calls were at a time."""
    return sum(not thread.name.startswith("call") for thread in threading.enumerate())


def test_many_streams_at_once(full: bool) -> None:
    """64 at a time: no piece reaches another client, no error, and memory does not grow."""
    one_heap()  # as a server has it that runs alone
    streams, seconds, every = (100_000, 1800.0, 1000) if full else (500, 0.0, 100)
    chance = random.Random(5)
    memory: list[tuple[float, int]] = []

    async def work(base: str, until: float, count: int) -> None:
        done = 0
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def client() -> None:
                nonlocal done
                while done < count or time.monotonic() < until:
                    done += 1
                    await listen(session, base, chance)
                    if done % every == 0:
                        memory.append((time.monotonic(), resident()))

            await asyncio.gather(*(client() for _ in range(CLIENTS)))

    with served({"x": nonces()}, limits=Limits(local=CLIENTS)) as server:
        asyncio.run(work(server.base, 0, 150))
        threads = others()
        before = held(server)
        memory.clear()
        asyncio.run(work(server.base, time.monotonic() + seconds, streams))
        assert soon(lambda: held(server) <= before)
        assert others() <= threads
        assert not server.server.busy
    if full:
        assert slope(memory[len(memory) // 10 :]) < 5 << 20
    else:
        assert memory[-1][1] - memory[0][1] < 16 << 20  # not even a stream's worth for each


def slope(samples: list[tuple[float, int]]) -> float:
    """Bytes an hour, by least squares."""
    mean_time = sum(at for at, _ in samples) / len(samples)
    mean = sum(size for _, size in samples) / len(samples)
    across = sum((at - mean_time) * (size - mean) for at, size in samples)
    return across / sum((at - mean_time) ** 2 for at, _ in samples) * 3600


def test_stalled_clients_slow_nobody_down(full: bool) -> None:
    """200 that do not read, or do not finish their request; the others hardly notice.

    With `--full` their p95 at most doubles. Where other work may come between, the median may be
    ten times as long: if each waited for a stalled one, it would be a thousand.
    """

    def words(request: Any) -> Iterator[str]:
        for _ in range(300 if request.messages[-1].text == "long" else 1):
            yield "x" * 10_000

    def times(server: Served) -> list[float]:
        found = []
        for _ in range(40):
            start = time.monotonic()
            answer = server.post(CHAT, say("short"), {"User-Agent": "healthy"})
            assert answer.status == 200
            found.append(time.monotonic() - start)
        return sorted(found)

    links: list[socket.socket] = []
    with served({"x": Stub("x", words)}, limits=Limits(local=8, waiting=200)) as server:
        times(server)
        before = times(server)
        for i in range(200):
            link = socket.socket()
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            link.connect(("127.0.0.1", server.port))
            data = raw(server, say("long", stream=True))
            link.sendall(data[:-9] if i % (2 if full else 8) else data)
            links.append(link)
        assert soon(lambda: len(server.server._visits) >= 200 and not server.server.busy)
        during = times(server)
        for link in links:
            link.close()
    at, most = (int(len(before) * 0.95), 2) if full else (len(before) // 2, 10)
    assert during[at] < most * before[at] + 0.05, (before[at], during[at])


def test_clients_that_leave_a_hosts_call(full: bool) -> None:
    """At random moments of a call that is passed on: its slot is free soon, `--full` within a
    second."""
    data, _ = stream_of("openai", "one two three four")
    chance = random.Random(9)
    acts = says("openai"), stalled(data[:300])
    with host(*acts) as there, in_front_of(there, limits=Limits(hosted=4)) as server:
        body = {"model": "mine", "stream": True, "messages": say("hi")["messages"]}
        assert server.post(CHAT, body).status == 200
        for _ in range(250 if full else 20):
            link = socket.create_connection(("127.0.0.1", server.port))
            link.sendall(raw(server, body))
            time.sleep(chance.random() * 0.05)
            link.close()
        assert soon(lambda: not server.server.busy, 1 if full else SOON)


def test_requests_made_from_the_document(full: bool, tmp_path: Path) -> None:
    """20,000 requests that schemathesis makes of /openapi.json: not one is answered 500. (Pictures
    and sounds answer 501; nothing is fetched.)"""
    if not full:
        pytest.skip("schemathesis runs with --full, in an environment of its own")
    venv.create(tmp_path / "venv", with_pip=True)
    commands = tmp_path / "venv" / "bin"
    subprocess.run([commands / "pip", "install", "-q", "schemathesis>=4.32"], check=True)
    with served({"x": nonces()}, default="x", store=tmp_path / "r.db") as server:
        routes = sum(map(len, server.get("/openapi.json").json["paths"].values()))
        ran = subprocess.run(
            [
                *(commands / "schemathesis", "run", f"{server.base}/openapi.json"),
                *("--checks", "not_a_server_error", "--seed", "11", "--phases", "fuzzing"),
                *("--max-examples", str(30_000 // routes)),  # fewer where there is little to vary
                *("--exclude-path-regex", "audio|images|pull"),
            ],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert server.get("/health").json["status"] == "ok"
    print(ran.stdout[-3000:], file=sys.stderr)
    assert ran.returncode == 0
    generated = re.search(r"(\d+) generated", ran.stdout)
    assert generated and int(generated[1]) >= 20_000
