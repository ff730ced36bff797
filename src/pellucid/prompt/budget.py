"""How the context window is spent, and the refusal of what does not fit into it."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import PromptTooLong
from ..value import value
from .values import Origin, Prompt

LEAST_ANSWER = 256
"""Tokens an answer must have room for, unless fewer are asked for or the window is tiny."""


@value
class Budget:
    """The tokens of a prompt by what they are for, counted on the real ids; they add up to
    `total`.

    `turns[n]` counts the messages of turn n (a user's message and what follows it) without the
    passages quoted in them; the first also has what precedes every turn. `reserve` is the least
    room kept for the answer. All in tokens.
    """

    window: int
    reserve: int
    system: int
    tools: int
    turns: tuple[int, ...]
    passages: int
    scaffold: int
    generation: int
    total: int

    @property
    def room(self) -> int:
        """What is left for the answer; below 0 when the prompt alone is too long."""
        return self.window - self.total

    @property
    def fits(self) -> bool:
        return self.room >= self.reserve


def turn_numbers(roles: Sequence[str]) -> list[int]:
    """The turn of each message, from 0; a turn begins with a user's message."""
    numbers: list[int] = []
    turn = -1
    for role in roles:
        turn += role == "user"
        numbers.append(max(turn, 0))
    return numbers


def measure(prompt: Prompt, window: int, max_tokens: int | None = None) -> Budget:
    """What `prompt` takes of a window of `window` tokens.

    A token that straddles a border is counted where it begins.
    """
    counts = dict.fromkeys(("system", "tool", "passage", "scaffold", "generation"), 0)
    numbers = turn_numbers(prompt.roles)
    turns = [0] * (max(numbers, default=-1) + 1)
    origins = [span.origin for span in prompt.spans]
    for touched in prompt.origins:
        origin = origins[touched[0]]
        if origin.kind == "produced":
            turns[-1] += 1
        elif origin.kind != "message" or origin.message is None:
            counts[origin.kind] += 1
        elif prompt.roles[origin.message] == "system":
            counts["system"] += 1
        else:
            turns[numbers[origin.message]] += 1
    return Budget(
        window=window,
        reserve=_reserve(window, max_tokens),
        system=counts["system"],
        tools=counts["tool"],
        turns=tuple(turns),
        passages=counts["passage"],
        scaffold=counts["scaffold"],
        generation=counts["generation"],
        total=len(prompt),
    )


def _reserve(window: int, max_tokens: int | None) -> int:
    least = min(LEAST_ANSWER, window // 8)
    return least if max_tokens is None else min(least, max_tokens)


def fits(prompt: Prompt, window: int, max_tokens: int | None = None) -> bool:
    """Whether the prompt and the least room for an answer fit into the window."""
    return len(prompt) + _reserve(window, max_tokens) <= window


def require_fit(prompt: Prompt, window: int, max_tokens: int | None = None) -> None:
    """Raise `PromptTooLong`, with the counts and what would fit, unless the prompt fits."""
    if fits(prompt, window, max_tokens):
        return
    budget = measure(prompt, window, max_tokens)
    counts = {
        "system message": budget.system,
        "tools": budget.tools,
        f"{len(budget.turns)} turns" if len(budget.turns) > 1 else "the turn": sum(budget.turns),
        "passages": budget.passages,
        "template": budget.scaffold + budget.generation,
    }
    listed = ", ".join(f"{what} {count:,}" for what, count in counts.items() if count)
    raise PromptTooLong(
        f"The prompt has {budget.total:,} tokens ({listed}) and the answer needs room for "
        f"{budget.reserve:,}; the context window holds {window:,}. Nothing was sent. "
        + _advice(prompt, budget),
        prompt_tokens=budget.total,
        window=window,
        reserve=budget.reserve,
    )


def _advice(prompt: Prompt, budget: Budget) -> str:
    sizes = _turn_sizes(prompt)
    spare = budget.window - budget.reserve - (budget.total - sum(sizes))
    kept = 0
    for size in reversed(sizes):
        spare -= size
        if spare < 0:
            break
        kept += 1
    if kept:
        turns = "the newest turn" if kept == 1 else f"the newest {kept} turns"
        return (
            f"What comes first and {turns} would fit: --memory fit drops the oldest turns until "
            f"it fits, --memory last:{kept} keeps so many."
        )
    return (
        "Not even the newest turn fits: shorten it, split it, or open the model with a larger "
        "window (PELLUCID_WINDOW) if it was trained on one."
    )


def _turn_sizes(prompt: Prompt) -> list[int]:
    """Tokens of each turn with the template's words around its messages: from where the turn
    before it ended. What precedes the first turn is longer than that and stays; so it is taken to
    begin as the second does."""
    numbers = turn_numbers(prompt.roles)
    count = max(numbers, default=-1) + 1
    firsts, ends = [0] * count, [0] * count
    for n, touched in enumerate(prompt.origins):
        message = _content(prompt.spans[touched[0]].origin)
        if message is not None and prompt.roles[message] != "system":
            turn = numbers[message]
            firsts[turn] = firsts[turn] or n
            ends[turn] = n + 1
    heads = [first - end for first, end in zip(firsts, [0, *ends], strict=False)]
    heads[:1] = heads[1:2] or heads[:1]
    return [
        end - first + max(head, 0) for first, end, head in zip(firsts, ends, heads, strict=True)
    ]


def _content(origin: Origin) -> int | None:
    return origin.message if origin.kind in ("message", "passage") else None
