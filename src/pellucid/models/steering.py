"""Whether a message needs a tool: a question of its own to a small model, before it answers.

A model of half a billion parameters that is offered tools calls them whatever it is asked. Shown a
page of solved examples, the same model tells well which messages need one. So it is asked that
first, in a prompt of its own: the examples, the tools by name and description, the user's messages
before that needed one, the newest. Only the probability of the next token is read; the
examples stay in the engine's cache. The answer is then held to a call, or to words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from ..messages import Message, Request, Text, ToolCall, ToolSpec

ENOUGH = 0.1
"""From which probability on a tool is needed. It is low since the last examples before the message
need none, which makes the model careful. Chosen on other messages than those of the doctor."""
EARLIER = 2
"""Earlier messages of the user that are shown, of those that needed a tool."""
LONGEST = 400
"""Characters of a message that are shown: its beginning and its end."""
LONGEST_DESCRIPTION = 120
DEPTH = 200
"""Candidates of the next token that are looked at."""

EXAMPLES = """\
Which function does the message ask for? Write none for small talk, thanks, general knowledge, \
arithmetic, writing and translation.

- set_alarm: Set an alarm clock.
- play_music: Play a song or an artist.
message: Good evening!
function: none
message: Put on some jazz
function: play_music
message: What is the largest planet?
function: none
message: wake me at seven
function: set_alarm
message: Thanks a lot
function: none
message: How do you say house in Spanish?
function: none

- find_recipe: Find recipes by an ingredient.
message: What is 12 plus 5?
function: none
message: What can I cook with leeks?
function: find_recipe
message: Tell me a story
function: none
message: recipes with rice please
function: find_recipe
message: Why is grass green?
function: none

- train_times: Departures from a station.
- room_price: The price of a hotel room in a town.
- order_taxi: Order a taxi to an address.
message: How much is a night in Leeds?
function: room_price
message: Who painted the Mona Lisa?
function: none
message: When does the next train leave Bristol?
function: train_times
message: and from York?
function: train_times
message: Hi, how are you?
function: none
message: I need a cab to 5 Mill Road
function: order_taxi
message: Is it expensive to stay in Bth?
function: room_price
message: I mean Bath
function: room_price
message: What is the capital of Spain?
function: none

"""
WITHOUT = """\
message: Hello!
function: none
message: What is 9 minus 4?
function: none
message: Who discovered America?
function: none
message: Good afternoon
function: none
"""


def question(request: Request) -> str | None:
    """A text that goes on with the tool that the newest message needs; `None` where that is no
    message of the user."""
    if not request.messages or request.messages[-1].role != "user":
        return None
    solved: list[tuple[str, str]] = []
    newest = ""
    for message in request.messages:
        if message.role == "user":
            newest = _words(message)
        solved += [(newest, part.name) for part in message.parts if isinstance(part, ToolCall)][:1]
    told = [(tool.name, _line(tool)) for tool in request.tools]
    tools = "".join(f"- {name}: {line}\n" for name, line in told)
    own = "".join(f"message: {line}\nfunction: {name}\n" for name, line in told)
    before = "".join(f"message: {text}\nfunction: {name}\n" for text, name in solved[-EARLIER:])
    return f"{EXAMPLES}{tools}{own}{WITHOUT}{before}message: {newest}\nfunction:"


def need(next_tokens: Mapping[str, float], tools: Iterable[ToolSpec]) -> float:
    """How likely a tool is needed, from the log probabilities of the next token."""
    names = [tool.name for tool in tools]
    tool = none = 0.0
    for token, logprob in next_tokens.items():
        word = token.strip()
        if word and "none".startswith(word):
            none += math.exp(logprob)
        elif word and any(name.startswith(word) for name in names):
            tool += math.exp(logprob)
    return tool / (tool + none) if tool + none else 1.0


def _line(tool: ToolSpec) -> str:
    return tool.description.partition("\n")[0][:LONGEST_DESCRIPTION]


def _words(message: Message) -> str:
    """What the user wrote, on one line, without quoted passages."""
    text = " ".join(
        word
        for part in message.parts
        if isinstance(part, Text) and part.source is None
        for word in part.text.split()
    )
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} … {text[-half:]}"
