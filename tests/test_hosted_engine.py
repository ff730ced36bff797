"""A real server of other people's making: llama.cpp's own endpoints, asked as a host is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hosted_models import TRANSPORTS, ask, model
from pellucid.engine import process
from pellucid.engine.client import Address
from pellucid.errors import WrongKey
from pellucid.messages import Options, Request, text_message
from pellucid.models.http import Timeouts
from pellucid.models.local import LocalModel
from pellucid.models.names import open_model

REQUEST = Request(
    (text_message("system", "You are brief."), text_message("user", "Name a colour.")),
    options=Options(temperature=0, max_tokens=8),
)


@pytest.fixture
def address(home: Path, smol: Path) -> Iterator[Address]:
    local = open_model("small")
    assert isinstance(local, LocalModel)
    engine = local.engine()
    yield engine.address
    process.stop(engine)


def test_the_engine_as_a_host(address: Address) -> None:
    """The same words by three dialects and both transports; the counts are the engine's own."""
    base = f"http://{address.host}:{address.port}/v1"
    texts = set()
    for dialect in ("openai", "openai-responses", "anthropic"):
        for transport in TRANSPORTS:
            hosted = model(base, dialect, address.key)
            outcome = ask(hosted, transport, Timeouts(), REQUEST)
            assert outcome.error is None
            texts.add(outcome.text)
        refused = ask(model(base, dialect, "wrong"), request=REQUEST, timeouts=Timeouts())
        assert isinstance(refused.error, WrongKey)
    assert len(texts) == 1
    assert texts != {""}
