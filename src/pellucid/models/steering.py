"""Whether a message needs a tool: a question of its own to a small model, before it answers.

A model of half a billion parameters that is offered tools calls them whatever it is asked. Shown a
few solved examples, the same model tells well which messages need one. So it is asked that first,
in a prompt of its own: the examples, the tools by name and description, the newest message and the
user's message before it. Only the probability of its first token is read; the examples stay in the
engine's cache. The answer that follows is then held to a call, or to words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..messages import Message, Request, Text, ToolSpec, text_message

LONGEST = 600
"""Characters of a message that are shown: its beginning and its end."""
LONGEST_DESCRIPTION = 120
DEPTH = 200
"""Candidates of the first token that are looked at."""

INSTRUCTION = (
    "Which function does the message ask for? Write none for small talk, thanks, general "
    "knowledge, arithmetic, writing and translation."
)
HOME = ("set_alarm: Set an alarm clock.", "play_music: Play a song or an artist.")
KITCHEN = ("find_recipe: Find recipes by an ingredient.",)
TRAVEL = (
    "train_times: Departures from a station.",
    "room_price: The price of a hotel room in a town.",
    "order_taxi: Order a taxi to an address.",
)
EXAMPLES: tuple[tuple[Sequence[str], str, str, str], ...] = (
    (HOME, "", "Good evening!", "none"),
    (HOME, "", "Put on some jazz", "play_music"),
    (HOME, "", "What is the largest planet?", "none"),
    (HOME, "", "wake me at seven", "set_alarm"),
    (HOME, "", "Thanks a lot", "none"),
    (HOME, "", "How do you say house in Spanish?", "none"),
    (KITCHEN, "", "What is 12 plus 5?", "none"),
    (KITCHEN, "", "What can I cook with leeks?", "find_recipe"),
    (KITCHEN, "", "Tell me a story", "none"),
    (TRAVEL, "", "How much is a night in Leeds?", "room_price"),
    (TRAVEL, "", "Who painted the Mona Lisa?", "none"),
    (TRAVEL, "", "When does the next train leave Bristol?", "train_times"),
    (TRAVEL, "", "Hi, how are you?", "none"),
    (TRAVEL, "", "I need a cab to 5 Mill Road", "order_taxi"),
    (TRAVEL, "When does the next train leave Bristol?", "and from York?", "train_times"),
    (TRAVEL, "How much is a night in Leeds?", "Thank you!", "none"),
)
"""Tools, the user's message before, the message, and which tool it needs."""


def question(request: Request) -> Request | None:
    """Asks which of the tools of `request` its newest message needs; `None` where that is no
    message of the user."""
    said = [message for message in request.messages if message.role == "user"]
    if not said or request.messages[-1] is not said[-1]:
        return None
    messages = [text_message("system", INSTRUCTION)]
    for tools, earlier, text, answer in EXAMPLES:
        messages.append(text_message("user", _asked(tools, earlier, text)))
        messages.append(text_message("assistant", answer))
    earlier = _words(said[-2]) if len(said) > 1 else ""
    messages.append(text_message("user", _asked(_lines(request.tools), earlier, _words(said[-1]))))
    return Request(tuple(messages), options=request.options)


def need(first_tokens: Mapping[str, float], tools: Iterable[ToolSpec]) -> float:
    """How likely a tool is needed, from the log probabilities of the answer's first token."""
    names = [tool.name for tool in tools]
    chances = {token: math.exp(logprob) for token, logprob in first_tokens.items() if token}
    tool = sum(p for token, p in chances.items() if any(n.startswith(token) for n in names))
    none = sum(p for token, p in chances.items() if "none".startswith(token))
    return tool / (tool + none) if tool + none else 0.5


def _asked(tools: Iterable[str], earlier: str, text: str) -> str:
    listed = "".join(f"- {tool}\n" for tool in tools)
    before = f"Earlier: {earlier}\n" if earlier else ""
    return f"Functions:\n{listed}{before}Message: {text}"


def _lines(tools: Iterable[ToolSpec]) -> Iterator[str]:
    for tool in tools:
        yield f"{tool.name}: {tool.description.partition(chr(10))[0][:LONGEST_DESCRIPTION]}"


def _words(message: Message) -> str:
    """What the user wrote, without quoted passages."""
    text = " ".join(
        part.text for part in message.parts if isinstance(part, Text) and part.source is None
    )
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} … {text[-half:]}"
