"""Memory policies: what of a conversation is sent, and that nothing is lost without a word."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from chat_reference import CALL, RESULT, TEMPLATES, Letters, conversation
from pellucid.errors import PromptTooLong, UsageError
from pellucid.memory import Kept, Policy, apply, parse_policy
from pellucid.messages import Message, Request, Text
from pellucid.prompt.budget import fits, require_fit
from pellucid.prompt.build import PromptBuilder

SYSTEM = conversation(("system", "Be brief."))
TURNS = (
    conversation(("user", "one"), ("assistant", "1")),
    (*conversation(("user", "two")), CALL, RESULT, *conversation(("assistant", "2"))),
    conversation(("user", "three"), ("assistant", "3")),
    conversation(("user", "four")),
)
ALL = (*SYSTEM, *(message for turn in TURNS for message in turn))


def always(messages: tuple[Message, ...]) -> bool:
    return True


@pytest.mark.parametrize("text", ["full", "none", "fit", "last:1", "last:20"])
def test_policies_are_parsed_and_written_alike(text: str) -> None:
    assert str(parse_policy(text)) == text


@pytest.mark.parametrize(
    "text", ["", "all", "last", "last:", "last:0", "last:-1", "last:x", "FULL"]
)
def test_an_unknown_policy_names_the_known_ones(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_policy(text)
    for known in ("full", "none", "last:N", "fit"):
        assert known in str(caught.value)


@pytest.mark.parametrize(
    ("policy", "kept"),
    [("full", 4), ("none", 1), ("last:1", 1), ("last:2", 2), ("last:3", 3), ("last:9", 4)],
)
def test_whole_turns_are_kept(policy: str, kept: int) -> None:
    done = apply(parse_policy(policy), ALL, always)
    newest = [message for turn in TURNS[-kept:] for message in turn]
    oldest = [message for turn in TURNS[:-kept] for message in turn]
    assert done == Kept((*SYSTEM, *newest), tuple(oldest))


@pytest.mark.parametrize("most", range(1, len(ALL) + 1))
def test_fit_keeps_as_many_turns_as_fit(most: int) -> None:
    asked = []

    def test(messages: tuple[Message, ...]) -> bool:
        asked.append(messages)
        return len(messages) <= most

    done = apply(Policy("fit"), ALL, test)
    sizes = [1 + sum(map(len, TURNS[-n:])) for n in range(1, 5)]
    assert len(done.messages) == max([size for size in sizes if size <= most], default=sizes[0])
    assert len(asked) <= 3


def test_fit_asks_few_times() -> None:
    messages = conversation(*[("user", str(n)) for n in range(1000)])
    asked = 0

    def test(kept: tuple[Message, ...]) -> bool:
        nonlocal asked
        asked += 1
        return len(kept) <= 137

    assert len(apply(Policy("fit"), messages, test).messages) == 137
    assert asked <= 11


def test_system_messages_stay_wherever_they_stand() -> None:
    messages = conversation(("user", "a"), ("system", "late"), ("assistant", "b"), ("user", "c"))
    done = apply(Policy("none"), messages, always)
    assert [message.text for message in done.messages] == ["late", "c"]
    assert [message.text for message in done.dropped] == ["a", "b"]


@pytest.mark.parametrize("messages", [(), SYSTEM, conversation(("assistant", "Hello"))])
def test_a_conversation_without_turns_is_kept(messages: tuple[Message, ...]) -> None:
    for policy in ("full", "none", "last:2", "fit"):
        assert apply(parse_policy(policy), messages, always) == Kept(messages, ())


# -- nothing is lost without a word

CANARY = "The word is Zanzibar-7431."
TEMPLATE = TEMPLATES["qwen2.5"]
BUILDER = PromptBuilder(TEMPLATE.text, Letters(TEMPLATE.controls))


def random_conversation(said: random.Random) -> tuple[Message, ...]:
    messages = list(SYSTEM) if said.random() < 0.6 else []
    messages += conversation(("user", CANARY), ("assistant", "Noted."))
    for _ in range(said.randrange(12)):
        messages += conversation(("user", "x" * said.randrange(1, 300)))
        if said.random() < 0.2:
            messages += [CALL, RESULT]
        messages += conversation(("assistant", "y" * said.randrange(1, 300)))
    return (*messages, Message("user", (Text("What is the word?"),)))


def test_no_policy_loses_a_message_silently() -> None:
    said = random.Random(5)
    sent = refused = trimmed = 0
    for _ in range(500):
        messages = random_conversation(said)
        window = said.choice([150, 300, 600, 1200, 2400])
        policy = parse_policy(said.choice(["full", "full", "none", "fit", "fit", "last:2"]))
        done = apply(policy, messages, fitting(window))
        assert sorted(map(id, (*done.messages, *done.dropped))) == sorted(map(id, messages))
        assert done.messages[-1] is messages[-1]
        assert [m for m in messages if m.role == "system" and m not in done.messages] == []
        if policy.kind == "full":
            assert done.dropped == ()
        prompt = BUILDER.build(Request(done.messages))
        try:
            require_fit(prompt, window)
        except PromptTooLong as error:
            assert error.prompt_tokens == len(prompt) > window - error.reserve
            refused += 1
            continue
        sent += 1
        reported = any(CANARY in message.text for message in done.dropped)
        assert (CANARY in prompt.text) != reported
        trimmed += reported
        for message in done.messages:
            assert message.text in prompt.text
    assert min(sent, refused, trimmed) > 50  # every way it can go was gone


def fitting(window: int) -> Callable[[tuple[Message, ...]], bool]:
    return lambda messages: fits(BUILDER.build(Request(messages)), window)
