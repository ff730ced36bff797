"""The prompt of a hosted call counted here, beside what its provider reported.

A provider renders the prompt out of sight, so its words are counted with the model's vocabulary
and what is known of the frame around them is added; the rest of the difference is named.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

from ..errors import PellucidError
from ..messages import Known, Media, Message, Refusal, Text, Thinking, ToolCall, ToolResult, quoted
from ..settings import Folders, load
from ..value import value
from .receipt import Receipt

FRAME, REPLY = 3, 3
"""Tokens around each message of OpenAI's chat models, and those that open the reply:
https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb
"""


@value
class OwnCount:
    """Tokens of the input, part by part, and where they come from. `reported` is the provider's
    total; `why` explains what is left between the two."""

    lines: tuple[tuple[str, int, Known], ...]
    vocabulary: str
    reported: int
    why: str

    @property
    def total(self) -> int:
        return sum(tokens for _, tokens, _ in self.lines)

    @property
    def known(self) -> Known:
        return "exact" if all(known == "exact" for *_, known in self.lines) else "estimated"

    @property
    def difference(self) -> int:
        """Tokens that were reported and not found here."""
        return self.reported - self.total


def own_count(receipt: Receipt) -> OwnCount | None:
    """Count a hosted call's input with the model's vocabulary; nothing is fetched for it.

    `None` where the provider reported nothing, or the vocabulary is not on this machine.
    """
    if receipt.exchange is None or receipt.reply.usage.known != "reported":
        return None
    if receipt.kind != "conversation":
        return None  # they are counted otherwise than text in a chat
    found = _counter(receipt.model)
    if found is None:
        return None
    count, vocabulary, known = found
    request = receipt.request
    texts = sum(count(text) for message in request.messages for text in _texts(message))
    lines: list[tuple[str, int, Known]] = [("words of the messages", texts, known)]
    openai = str(receipt.settings.get("dialect", "")).startswith("openai")
    if openai and vocabulary.startswith(("o200k", "cl100k")):
        frame = FRAME * len(request.messages) + REPLY
        lines.append(("frame around the messages", frame, known))
    if request.tools:
        schemas = (json.dumps([t.name, t.description, dict(t.parameters)]) for t in request.tools)
        lines.append(("schemas of the tools", sum(map(count, schemas)), "estimated"))
    counted = OwnCount(tuple(lines), vocabulary, receipt.reply.usage.input_total, "")
    return replace(counted, why=_why(receipt, counted))


def _counter(model: str) -> tuple[Callable[[str], int], str, Known] | None:
    """How to count for a model: its vocabulary, or an estimate by another's."""
    from ..models.tokenizers import open_tokenizer
    from ..tokens.estimates import estimate, family_of

    name = model.rpartition("/")[2].rpartition(":")[2]
    offline = replace(load(), offline=True)
    family = family_of(name)
    try:
        tokenizer = open_tokenizer("o200k_base" if family else name, offline, Folders.of())
    except PellucidError:
        return None
    if family is None:
        return tokenizer.count, tokenizer.name, "exact"

    def count(text: str) -> int:
        return estimate(text, family, tokenizer.count).tokens

    return count, f"{family}, estimated", "estimated"


def _texts(message: Message) -> Iterator[str]:
    for part in message.parts:
        match part:
            case Text():
                yield quoted(part)
            case Refusal(text) | Thinking(text):
                yield text
            case ToolCall(_, name, arguments):
                yield name + arguments
            case ToolResult(_, _, text):
                yield text
            case Media():
                pass


def _why(receipt: Receipt, counted: OwnCount) -> str:
    if not counted.difference:
        return "The provider counts the same."
    reasons = list(_uncounted(receipt, counted)) if counted.difference > 0 else []
    if counted.known == "estimated":
        reasons.append("the error of an estimate")
    words = "; ".join(reasons) or "nothing that is known: look at the bytes that were sent"
    return f"{counted.difference:+,} tokens: {words}."


def _uncounted(receipt: Receipt, counted: OwnCount) -> Iterator[str]:
    """What a provider counts and the lines here do not."""
    parts = [part for message in receipt.request.messages for part in message.parts]
    if any(isinstance(part, Media) for part in parts):
        yield "pictures, sounds and files, which are not counted here"
    if receipt.request.tools:
        yield "the provider's own wording of the tools, which is not published"
    if any(isinstance(part, ToolCall | ToolResult) for part in parts):
        yield "the frame around calls and results"
    if receipt.request.response_format:
        yield "the schema of the reply, which the provider adds"
    if not any(name.startswith("frame") for name, *_ in counted.lines):
        yield "the frame of the chat template around the messages"
