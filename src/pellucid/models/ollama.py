"""What Ollama has to be told: how large a window the prompt needs.

By default it opens a small one, and drops what does not fit without a word. Changing the window
loads the model again, so it grows in powers of two and is never lowered.
https://github.com/ollama/ollama/blob/main/docs/faq.md
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import PellucidError, PromptTooLong
from ..messages import Media, Message, Options, Request, Text, Thinking, ToolCall, ToolResult
from ..value import value

if TYPE_CHECKING:
    from ..engine.client import Address
    from ..settings import Settings
    from .decoding import Splitter

SMALLEST = 4096
ANSWER = 2048
"""Tokens kept for an answer whose length was not bounded."""
FRAME = 8
"""Tokens that a template puts around a message, at most."""
IMAGE = 2048
"""Tokens of an image, about: it depends on the model."""


@value
class Need:
    """Tokens of a prompt. `at_least` is what its words alone must come to, where they were
    counted with the model's own vocabulary; else `None`, and `tokens` is a generous estimate."""

    tokens: int
    at_least: int | None = None


def need(request: Request, model: str, settings: Settings) -> Need:
    """How many tokens a request is for a model of this machine's Ollama."""
    tokenizer = _tokenizer(model, settings)
    media = sum(isinstance(part, Media) for m in request.messages for part in m.parts) * IMAGE
    texts = [text for message in request.messages for text in _texts(message)]
    texts += [
        json.dumps([tool.name, tool.description, dict(tool.parameters)]) for tool in request.tools
    ]
    frames = FRAME * (len(request.messages) + len(request.tools) + 1)
    if tokenizer is None:
        return Need(sum(map(estimate, texts)) + frames + media)
    counted = sum(len(tokenizer.encode(text).ids) for text in texts)
    words = [
        part.text.strip()
        for message in request.messages
        for part in message.parts
        if isinstance(part, Text)
    ]
    # At the border of two texts the template may save a token.
    least = sum(max(0, len(tokenizer.encode(text).ids) - 1) for text in words)
    return Need(counted + frames + media, least)


def window(need: Need, options: Options, largest: int | None) -> int:
    """`num_ctx` for a prompt and its answer: a power of two, or the largest the model knows.

    Raises `PromptTooLong` for a prompt that is known not to fit.
    """
    answer = options.max_tokens or ANSWER
    if largest is not None and need.at_least is not None and need.at_least > largest:
        raise PromptTooLong(
            f"The prompt has at least {need.at_least:,} tokens; the model's window holds "
            f"{largest:,}. Shorten it, or use `--memory fit`.",
            prompt_tokens=need.at_least,
            window=largest,
            reserve=0,
        )
    size = SMALLEST
    while size < need.tokens + answer:
        size *= 2
    return min(size, largest) if largest else size


def estimate(text: str) -> int:
    """Tokens of a text, rather too many: a window too small loses words, one too large memory."""
    plain = sum(c < "\x80" for c in text)
    return plain // 2 + (len(text.encode("utf-8", "replace")) - plain) * 4 // 5 + 1


def _texts(message: Message) -> list[str]:
    found = []
    for part in message.parts:
        match part:
            case Text(text=text) | Thinking(text=text) | ToolResult(text=text):
                found.append(text)
            case ToolCall(name=name, arguments=arguments):
                found.append(name + arguments)
    return found


@lru_cache(maxsize=4)
def _cached_tokenizer(model: str) -> Splitter | None:
    from ..engine.caches import gguf_files
    from ..settings import Folders
    from .card import open_card

    name = model if ":" in model else f"{model}:latest"
    found = next((c for c in gguf_files() if c.tool == "Ollama" and c.name == name), None)
    if found is None:
        return None
    try:
        card = open_card(found.path, model, Folders.of())
    except PellucidError:
        return None
    return None if card.unsupported else card.tokenizer(_no_engine)


def _tokenizer(model: str, settings: Settings) -> Splitter | None:
    """The model's own, where Ollama keeps the file on this machine and the setting `sources`
    allows a look."""
    return _cached_tokenizer(model) if "caches" in settings.sources else None


def _no_engine() -> Address:
    raise AssertionError("a vocabulary that is read here needs no engine")
