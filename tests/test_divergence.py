"""Where two prompts part and why: on prompts of a real model, and on hosted ones without ids."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from pellucid.calls import Call
from pellucid.errors import UsageError
from pellucid.messages import Message, Request, Text, Thinking, ToolSpec, text_message
from pellucid.models.scripted import Scripted
from pellucid.record.divergence import Divergence, divergence
from pellucid.record.receipt import Receipt
from pellucid.replies import Exchange, Usage

SYSTEM = text_message("system", "It is 2026-11-22 09:30. Be brief.")
ASKED = text_message("user", "What is a harbour?")
ANSWER = Message("assistant", (Thinking("Ships."), Text("A place for ships.")))
AGAIN = text_message("user", "And a quay?")
TOOL = ToolSpec("tides", "When is high water?", {"type": "object"})


def hosted(*messages: Message, tools: tuple[ToolSpec, ...] = (), model: str = "gpt-4o") -> Receipt:
    call = Call(Scripted(["Yes."], name=model), Request(messages, tools), None)
    list(call)
    assert call.receipt is not None
    reply = replace(call.receipt.reply, usage=Usage(fresh=1000, output=2, known="reported"))
    exchange = Exchange("POST", "https://example.org", {}, b"{}")
    return replace(call.receipt, reply=reply, exchange=exchange)


FIRST = hosted(SYSTEM, ASKED, ANSWER)


def compare(
    *second: Message, tools: tuple[ToolSpec, ...] = (), model: str = "gpt-4o"
) -> Divergence:
    return divergence(FIRST, hosted(*second, tools=tools, model=model))


def test_a_prompt_that_goes_on_loses_nothing() -> None:
    found = compare(SYSTEM, ASKED, ANSWER, AGAIN)
    assert (found.cause, found.reread, found.saving) == ("grown", 0, Decimal(0))


def test_a_clock_in_the_system_message_is_found() -> None:
    later = text_message("system", "It is 2026-11-22 09:31. Be brief.")
    found = compare(later, ASKED, ANSWER, AGAIN)
    assert found.cause == "clock" and found.known == "estimated"
    assert "'2026-11-22 09:30' became '2026-11-22 09:31'" in found.why
    # gpt-4o: $2.50 a million fresh, half of it from the cache
    assert found.saving == found.reread * Decimal("1.25") / 1_000_000 and found.reread > 500


@pytest.mark.parametrize(
    ("second", "cause", "why"),
    [
        ((SYSTEM, ASKED, Message("assistant", ANSWER.parts[1:])), "thought", "was dropped"),
        ((SYSTEM, text_message("user", "What is a haven?")), "edited", "character 12"),
        ((SYSTEM, ANSWER, AGAIN), "dropped", "1 messages before message 1 (assistant)"),
        ((SYSTEM, ASKED), "dropped", "The last 1 messages"),
    ],
)
def test_the_cause_is_named(second: tuple[Message, ...], cause: str, why: str) -> None:
    found = compare(*second)
    assert found.cause == cause and why in found.why


def test_a_changed_tool_is_named() -> None:
    first = hosted(SYSTEM, ASKED, tools=(TOOL,))
    second = hosted(SYSTEM, ASKED, tools=(replace(TOOL, description="High water, when?"),))
    found = divergence(first, second)
    assert found.cause == "tool" and "the description of tides changed" in found.why
    assert "tides was added" in compare(SYSTEM, ASKED, tools=(TOOL,)).why


def test_only_conversations_have_prompts_to_compare() -> None:
    vectors = replace(FIRST, kind="vectors")
    for pair in ((FIRST, vectors), (vectors, FIRST)):
        with pytest.raises(UsageError, match="for vectors: it has no prompt"):
            divergence(*pair)


def test_two_models_share_nothing_and_an_unknown_price_is_unknown() -> None:
    assert compare(SYSTEM, ASKED, model="gpt-4.1").cause == "model"
    unknown = divergence(hosted(SYSTEM, ASKED, model="x"), hosted(AGAIN, model="x"))
    assert unknown.saving is None
