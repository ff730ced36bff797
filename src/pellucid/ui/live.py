"""A turn under way as the page sees it, and the parts of what was said."""

from __future__ import annotations

from dataclasses import replace

from ..errors import PellucidError
from ..messages import Media, Message, Part, Text, Thinking
from ..record.receipt import Receipt
from ..replies import Event, Progress, TextDelta, ThinkingDelta
from ..tools.running import ToolRan
from ..value import value


@value
class Live:
    """A turn under way: what was said, what came so far, and what is being done about it."""

    said: Message
    text: str = ""
    thinking: str = ""
    doing: str = ""
    error: str = ""
    alone: bool = False


def seen(live: Live, event: Event | ToolRan | str | PellucidError) -> Live:
    """What the page shows after one more event."""
    match event:
        case str():
            return replace(live, doing=event)
        case TextDelta(text):
            return replace(live, text=live.text + text, doing="writing")
        case ThinkingDelta(text):
            return replace(live, thinking=live.thinking + text, doing="thinking")
        case Progress(done, total, cached) if total:
            return replace(
                live,
                doing=f"reading the prompt: {done:,} of {total:,} tokens, {cached:,} from cache",
            )
        case PellucidError():
            return replace(live, error=str(event))
    return live


def spoken(receipt: Receipt) -> tuple[Message, ...]:
    """The conversation a receipt answered, with what its memory policy left out."""
    every = (*receipt.memory.dropped, *receipt.request.messages)
    return tuple(message for message in every if message.role != "system")


def visible(message: Message) -> str:
    """The words of a message as a person wrote them, without what was attached."""
    return "".join(p.text for p in message.parts if isinstance(p, Text) and p.source is None)


def along(message: Message) -> tuple[Part, ...]:
    """What was attached to a message."""
    return tuple(
        p for p in message.parts if isinstance(p, Media) or (isinstance(p, Text) and p.source)
    )


def thought(message: Message) -> str:
    return "".join(p.text for p in message.parts if isinstance(p, Thinking))
