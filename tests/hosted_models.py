"""Hosted models under test, asked through both transports."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pellucid.dialects.registry import MODULES
from pellucid.messages import Options, Request, text_message
from pellucid.models.hosted import HostedModel
from pellucid.models.hosts import find
from pellucid.models.http import Client, Timeouts
from pellucid.models.http_async import AsyncClient
from pellucid.models.keys import KeyRing
from pellucid.replies import Event, ReplyBuilder
from pellucid.settings import Settings, resolve

NOWHERE = Path("/nonexistent")
KEY = "sk-canary-0123456789abcdef"
TRANSPORTS = ("sync", "async")
PATIENT = Timeouts(connect=20, first=20, silence=20)
QUICK = Timeouts(connect=2, first=0.8, silence=0.8)
"""For hosts that stall."""
REQUEST = Request((text_message("user", "Hi"),), options=Options(max_tokens=100))


def settings(**changes: Any) -> Settings:
    return replace(resolve({}, {}, "pellucid.toml"), **changes)


def model(
    base: str,
    dialect: str = "openai",
    key: str = KEY,
    *,
    name: str = "m",
    environ: Mapping[str, str] | None = None,
    **changes: Any,
) -> HostedModel:
    """A model of a host at `base`, as a row of the settings file gives it."""
    row = {"base": base, "dialect": dialect, "model": name, "key": "TEST_KEY"}
    chosen = settings(models={"mine": row}, **changes)
    target = find("mine", chosen.models)
    assert target is not None
    variables = {"TEST_KEY": key, "HOME": "/nonexistent", **(environ or {})}
    return HostedModel(target, chosen, KeyRing(chosen, variables, NOWHERE))


class Outcome:
    """What a call came to: its events, the reply or the part of it, the error it ended with."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.error: Exception | None = None
        self._builder = ReplyBuilder()

    def add(self, event: Event) -> None:
        self.events.append(event)
        self._builder.add(event)

    @property
    def text(self) -> str:
        if self.error is None:
            return self._builder.reply().text
        return self._builder.partial("error").text

    @property
    def exchange(self) -> Any:
        return self._builder.exchange

    @property
    def notices(self) -> tuple[str, ...]:
        return self._builder.partial("cut").notices


def ask(
    model: HostedModel,
    transport: str = "sync",
    timeouts: Timeouts = PATIENT,
    request: Request = REQUEST,
    offline: bool = False,
) -> Outcome:
    """One call through a client of its own."""
    outcome = Outcome()
    if transport == "sync":
        model._client = Client(timeouts, offline=offline)
        try:
            for event in model.stream(request, None):
                outcome.add(event)
        except Exception as error:
            outcome.error = error
        model.close()
    else:
        asyncio.run(_ask(model, timeouts, request, offline, outcome))
    return outcome


async def _ask(
    model: HostedModel, timeouts: Timeouts, request: Request, offline: bool, outcome: Outcome
) -> None:
    async with AsyncClient(timeouts, offline=offline) as client:
        try:
            async for events in client.stream(model.steps(request)):
                for event in events:
                    outcome.add(event)
        except Exception as error:
            outcome.error = error


def _written(name: str) -> bool:
    from pellucid.dialects.registry import dialect

    try:
        return hasattr(dialect(name), "Encoder")
    except ImportError:
        return False


DIALECTS = tuple(name for name in MODULES if name != "ollama-generate" and _written(name))
