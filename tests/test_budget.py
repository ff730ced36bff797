"""The context window: every token counted once, and what does not fit refused with what would."""

from __future__ import annotations

import re

import pytest

from chat_reference import TEMPLATES, WEATHER, Letters, conversation
from pellucid.errors import PromptTooLong
from pellucid.messages import Message, Request, Text
from pellucid.prompt.budget import LEAST_ANSWER, fits, measure, require_fit
from pellucid.prompt.build import PromptBuilder
from pellucid.prompt.values import Prompt

TEMPLATE = TEMPLATES["qwen2.5"]


def prompt_of(*messages: Message, tools: bool = False) -> Prompt:
    builder = PromptBuilder(TEMPLATE.text, Letters(TEMPLATE.controls))
    return builder.build(Request(messages, tools=(WEATHER,) * tools))


def turns(count: int, size: int = 100) -> list[Message]:
    said = [(role, role[0] * size) for _ in range(count) for role in ("user", "assistant")]
    return list(conversation(*said[:-1]))


def test_every_token_is_counted_once() -> None:
    prompt = prompt_of(
        *conversation(("system", "s" * 20), ("user", "u" * 40), ("assistant", "a" * 60)),
        Message("user", (Text("v" * 80), Text("p" * 100, source="a.txt"))),
        tools=True,
    )
    budget = measure(prompt, 4096, 100)
    assert (budget.system, budget.turns) == (10, (50, 40))  # a token is two letters
    passage = "\n\n--- passage from a.txt ---\n" + "p" * 100 + "\n--- end of passage ---"
    assert budget.passages == -(-len(passage) // 2)
    assert budget.tools > 50
    parts = (budget.system, budget.tools, sum(budget.turns), budget.passages)
    assert sum(parts) + budget.scaffold + budget.generation == budget.total == len(prompt)
    assert budget.room == 4096 - len(prompt)
    assert budget.reserve == 100
    assert budget.fits


@pytest.mark.parametrize(
    ("window", "max_tokens", "reserve"),
    [(4096, None, LEAST_ANSWER), (4096, 2048, LEAST_ANSWER), (4096, 5, 5), (512, None, 64)],
)
def test_room_is_kept_for_an_answer(window: int, max_tokens: int | None, reserve: int) -> None:
    prompt = prompt_of(*turns(1))
    assert measure(prompt, window, max_tokens).reserve == reserve
    edge = len(prompt) + reserve if window == 4096 else window
    assert fits(prompt, edge, reserve)
    assert not fits(prompt, len(prompt) + min(reserve, 1) - 1, reserve)


def test_a_prompt_that_fits_passes() -> None:
    prompt = prompt_of(*turns(3))
    require_fit(prompt, len(prompt) + 10, 10)
    with pytest.raises(PromptTooLong):
        require_fit(prompt, len(prompt) + 9, 10)


@pytest.mark.parametrize("window", [500, 600, 800, 1000])
def test_the_refusal_counts_and_says_what_would_fit(window: int) -> None:
    messages = [*conversation(("system", "s" * 30)), *turns(20)]
    prompt = prompt_of(*messages, tools=True)
    with pytest.raises(PromptTooLong) as caught:
        require_fit(prompt, window, 50)
    error, said = caught.value, str(caught.value)
    assert (error.prompt_tokens, error.window, error.reserve) == (len(prompt), window, 50)
    assert f"has {len(prompt):,} tokens (system message 15, tools" in said
    assert "20 turns 1,950" in said
    assert "Nothing was sent" in said
    found = re.search(r"--memory last:(\d+)", said)
    assert found is not None
    assert "--memory fit" in said
    kept = int(found[1])
    # So many fit, and not one more.
    shorter = [messages[0], *messages[1:][-(2 * kept - 1) :]]
    longer = [messages[0], *messages[1:][-(2 * kept + 1) :]]
    assert fits(prompt_of(*shorter, tools=True), window, 50)
    assert not fits(prompt_of(*longer, tools=True), window, 50)


def test_a_turn_too_long_for_any_policy_is_told_apart() -> None:
    prompt = prompt_of(*turns(2), *conversation(("user", "x" * 2000)))
    with pytest.raises(PromptTooLong, match="Not even the newest turn fits"):
        require_fit(prompt, 800, 50)


def test_an_empty_prompt_has_a_budget() -> None:
    builder = PromptBuilder(None, Letters())
    assert measure(builder.build(Request(())), 100).total == 0
