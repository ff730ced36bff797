"""A chunk of streamed text costs little more to translate than to parse."""

from __future__ import annotations

import pytest

from pellucid.dialects.base import Head
from pellucid.dialects.registry import dialect
from pellucid.replies import TextDelta
from work import calls

DELTAS = [TextDelta(text) for text in (" the", " quick", "é brown", ' "fox"')] * 10


@pytest.mark.parametrize(("name", "written", "read"), [("openai", 8, 40), ("gemini", 12, 70)])
def test_text(name: str, written: int, read: int) -> None:
    """In calls: twice those of today. What they take is in the benchmarks of the client."""
    module = dialect(name)
    encoder, decoder = module.Encoder(Head("chatcmpl-1", "some-model", 1)), module.Decoder()
    decoder.feed(encoder.start())
    chunks = [encoder.encode(delta) for delta in DELTAS]
    assert calls(lambda: [encoder.encode(delta) for delta in DELTAS]) < written * len(DELTAS)
    assert calls(lambda: [decoder.feed(chunk) for chunk in chunks]) < read * len(DELTAS)
