"""What a run of agents may use: a call that could go over it is not made."""

from __future__ import annotations

from ..errors import BudgetSpent
from ..messages import Request
from ..prompt.values import Prompt
from ..replies import Usage

BYTES = 4
"""Bytes of a token, about, where a provider counts out of sight."""


class Budget:
    """`calls` made and `tokens` used so far, of at most `most_calls` and `most_tokens`."""

    def __init__(self, most_calls: int, most_tokens: int) -> None:
        self.most_calls = most_calls
        self.most_tokens = most_tokens
        self.calls = 0
        self.tokens = 0
        self._refused = ""

    def require(self, request: Request, prompt: Prompt | None) -> None:
        """Raises `BudgetSpent` where a call with this prompt and the longest answer it allows
        does not fit any more. After that nothing does: the run has ended."""
        if not self._refused:
            read = _estimate(request) if prompt is None else len(prompt)
            needed = read + (request.options.max_tokens or 0)
            left = self.most_tokens - self.tokens
            if self.calls >= self.most_calls:
                self._refused = f"The budget of {self.most_calls} calls is spent."
            elif needed > left:
                self._refused = (
                    f"The budget of {self.most_tokens:,} tokens has {max(left, 0):,} left, and the "
                    f"next call may need {needed:,}; it was not made."
                )
        if self._refused:
            raise BudgetSpent(self._refused)
        self.calls += 1

    def spend(self, usage: Usage) -> None:
        self.tokens += usage.input_total + usage.output_total


def _estimate(request: Request) -> int:
    texts = [message.text for message in request.messages]
    size = sum(len(text.encode("utf-8", "replace")) for text in texts)
    return -(-(size + sum(len(repr(tool)) for tool in request.tools)) // BYTES)
