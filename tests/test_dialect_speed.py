"""A chunk of streamed text costs little more to translate than to parse."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from pellucid.dialects.base import Head
from pellucid.dialects.registry import dialect
from pellucid.replies import TextDelta

DELTAS = [TextDelta(text) for text in (" the", " quick", "é brown", ' "fox"')] * 1500


def fastest(work: Callable[[], object]) -> float:
    """The least of several times, in seconds of this process: others share the machine."""
    times = []
    for _ in range(5):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


@pytest.mark.parametrize("name", ["openai"])
def test_text(name: str) -> None:
    module = dialect(name)
    encoder, decoder = module.Encoder(Head("chatcmpl-1", "some-model", 1)), module.Decoder()
    decoder.feed(encoder.start())
    chunks = [encoder.encode(delta) for delta in DELTAS]
    values = [json.loads(chunk[6:]) for chunk in chunks]
    parsing = fastest(lambda: [json.loads(chunk[6:]) for chunk in chunks])
    dumping = fastest(lambda: [json.dumps(value) for value in values])
    assert fastest(lambda: [decoder.feed(chunk) for chunk in chunks]) < 1.5 * parsing
    assert fastest(lambda: [encoder.encode(delta) for delta in DELTAS]) < 0.5 * dumping
