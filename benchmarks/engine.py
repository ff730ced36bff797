"""What the workbench costs around the engine, and what its cache saves.

Both sides talk to the same engine process, take turns, and are given the same ids: ours through
`Chat`, receipts on; the bare one through a socket, reading lines and keeping nothing.
"""

from __future__ import annotations

import http.client
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pellucid.chat import Chat
from pellucid.engine import process
from pellucid.messages import Options
from pellucid.models.local import LocalModel
from pellucid.models.names import open_model
from pellucid.record.store import Store
from pellucid.replies import TextDelta
from pellucid.settings import Folders, load

from .measure import Row, interleaved, table

LENGTH = 64
REPLY = 12
CONVERSATIONS = 1


def run(name: str = "local", runs: int = 3, turns: int = 20) -> str:
    model = open_model(name)
    assert isinstance(model, LocalModel)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "receipts.db")
        rows = [
            *_throughput(model, store, runs),
            *_alternatives(model, store, runs),
            *_conversations(model, store, turns),
            _memory(),
        ]
    return table(f"Around the engine, {model.name}", rows)


def _chat(model: LocalModel, store: Store, alternatives: int = 5, length: int = LENGTH) -> Chat:
    options = Options(temperature=0, max_tokens=length, seed=1, alternatives=alternatives)
    return Chat(model, system="You tell long stories.", options=options, store=store)


STORY = "Tell a very long story about a fox who learns to read, in full detail."


class _Bare:
    """The same request without us: seconds to the first text, tokens a second after it."""

    def __init__(
        self, engine: process.Engine, ids: tuple[int, ...], options: Options, cache: bool = True
    ) -> None:
        self._address = engine.address
        self._body = json.dumps(
            {
                "prompt": ids,
                "n_predict": options.max_tokens,
                "n_probs": options.alternatives,
                "temperature": 0,
                "stream": True,
                "cache_prompt": cache,
                "return_tokens": True,
                "return_progress": True,
            }
        )

    def run(self) -> tuple[float, float]:
        connection = http.client.HTTPConnection(self._address.host, self._address.port)
        began = time.perf_counter()
        headers = {"Authorization": f"Bearer {self._address.key}"}
        connection.request("POST", "/completion", self._body, headers)
        first, count = 0.0, 0
        for chunk in _events(connection.getresponse()):
            if chunk.get("content"):
                first = first or time.perf_counter()
                count = chunk["tokens_predicted"]
        end = time.perf_counter()
        connection.close()
        return first - began, (count - 1) / (end - first)


def _events(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    for line in response:
        if line.startswith(b"data: {"):
            yield json.loads(line[6:])


def _ours(model: LocalModel, store: Store) -> tuple[float, float]:
    turn = _chat(model, store).stream(STORY)
    began = time.perf_counter()
    first, count = 0.0, 0
    for event in turn.events():
        if isinstance(event, TextDelta) and event.text:
            first = first or time.perf_counter()
            count += len(event.tokens)
    return first - began, (count - 1) / (time.perf_counter() - first)


def _throughput(model: LocalModel, store: Store, runs: int) -> list[Row]:
    chat = _chat(model, store)
    prompt = chat.prompt(STORY)
    assert prompt is not None
    bare = _Bare(model.engine(), prompt.ids, chat.options)
    bare.run()  # both sides find the prompt in the cache
    firsts: dict[str, list[float]] = {"ours": [], "bare": []}
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(runs):
        for side, measured in (("bare", bare.run()), ("ours", _ours(model, store))):
            firsts[side].append(measured[0])
            rates[side].append(measured[1])
    ratio = statistics.median(rates["ours"]) / statistics.median(rates["bare"])
    added = (statistics.median(firsts["ours"]) - statistics.median(firsts["bare"])) * 1000
    return [
        Row(
            f"tokens per second beside the bare engine, {LENGTH} tokens, receipts on",
            f"{ratio:.1%} ({statistics.median(rates['ours']):.1f} "
            f"and {statistics.median(rates['bare']):.1f})",
            "≥ 97%",
            ratio >= 0.97,
        ),
        Row("added to the first token", f"{added:.1f} ms", "≤ 5 ms", added <= 5),
    ]


def _alternatives(model: LocalModel, store: Store, runs: int) -> list[Row]:
    prompt = _chat(model, store).prompt(STORY)
    assert prompt is not None
    subjects = {}
    for count in (0, 1, 5, 20):
        bare = _Bare(model.engine(), prompt.ids, Options(max_tokens=LENGTH, alternatives=count))
        subjects[str(count)] = lambda bare=bare: bare.run()[1]
    found = interleaved(runs, subjects)
    rows = []
    for count in ("1", "5", "20"):
        cost = 1 - found[count] / found["0"]
        target, met = ("≤ 5% (the default)", cost <= 0.05) if count == "5" else ("", None)
        rows.append(Row(f"cost of {count} alternatives a token", f"{cost:.1%}", target, met))
    return rows


def _conversations(model: LocalModel, store: Store, turns: int) -> list[Row]:
    """Time to first token over the turns of conversations: ours on one engine and, turn by turn,
    the same ids bare on another. At temperature 0 both leave the same cache behind, and what else
    the machine does meets both."""
    with tempfile.TemporaryDirectory() as folder:
        # Both engines are new, so that neither knows more of this machine than the other.
        ours, other = (
            LocalModel(model.card, load(), replace(Folders.of(), state=Path(folder) / side))
            for side in ("ours", "bare")
        )
        bare = other.engine()
        try:
            firsts = [
                pair
                for number in range(CONVERSATIONS)
                for pair in _conversation(ours, bare, store, number, turns)[1:]
            ]
            ids = _ids(store)
            fresh = _Bare(bare, ids, Options(max_tokens=1), cache=False).run()[0]
        finally:
            process.stop(ours.engine())
            process.stop(bare)
    ratio = statistics.median(mine / its for mine, its in firsts)
    added = statistics.median(mine - its for mine, its in firsts) * 1000
    last = firsts[-1][0]
    return [
        Row(
            f"time to first token on turns 2 to {turns}, beside the bare engine's (median of "
            f"{len(firsts)} pairs)",
            f"{ratio:.3f} times ({added:+.1f} ms)",
            "≤ 1.05 times",
            ratio <= 1.05,
        ),
        Row(
            f"the same on turn {turns}, beside re-reading all {len(ids):,} tokens",
            f"{last / fresh:.3f} ({last * 1000:.0f} and {fresh * 1000:.0f} ms)",
            "≤ 0.2",
            last / fresh <= 0.2,
        ),
    ]


def _conversation(
    model: LocalModel, bare: process.Engine, store: Store, number: int, turns: int
) -> list[tuple[float, float]]:
    """Seconds to the first token of each turn, ours and bare."""
    chat = _chat(model, store, length=REPLY)
    firsts = []
    for turn in range(turns):
        began = time.perf_counter()
        pieces = iter(
            chat.stream(
                f"Part {turn + 1} of story {number + 1}: go on, at least fifty words, and mention "
                f"the number {turn * 37 + 11} and the town in which all of it began."
            )
        )
        next(pieces)
        ours = time.perf_counter() - began
        for _ in pieces:
            pass
        firsts.append((ours, _Bare(bare, _ids(store), chat.options).run()[0]))
    return firsts


def _ids(store: Store) -> tuple[int, ...]:
    """What was sent last."""
    prompt = store.get("last").prompt
    assert prompt is not None
    return prompt.ids


def _memory() -> Row:
    """Resident memory of this process, which has held a whole conversation."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    resident = pages * resource.getpagesize() / 2**20
    return Row("resident memory of our process", f"{resident:.0f} MB", "< 130 MB", resident < 130)


if __name__ == "__main__":
    print(run(*sys.argv[1:2]))
