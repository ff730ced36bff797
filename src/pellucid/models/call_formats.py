"""How families of models write the calls of tools: data, chosen by the chat template."""

from __future__ import annotations

from ..value import value

PYTHON_TAG = "<|python_tag|>"
TOOL_CALLS = "[TOOL_CALLS]"


@value
class CallFormat:
    """One family's way: `before` and `after` stand around a call, `between` between two calls,
    `opening` and `closing` around all of them; `name` and `arguments` are its two keys.

    `openers` are the words by which calls begin; `several`: a reply may hold more than one.
    """

    family: str
    openers: tuple[str, ...] = ()
    opening: str = ""
    before: str = ""
    name: str = "name"
    arguments: str = "arguments"
    after: str = ""
    between: str = "\n"
    closing: str = ""
    several: bool = True


HERMES = CallFormat(
    "hermes", ("<tool_call>",), before="<tool_call>\n", after="\n</tool_call>", between="\n"
)
LLAMA = CallFormat("llama", (PYTHON_TAG,), arguments="parameters", several=False)
MISTRAL = CallFormat("mistral", (TOOL_CALLS,), f"{TOOL_CALLS} [", between=", ", closing="]")
COMMAND_R = CallFormat(
    "command-r",
    ("Action:", "<|START_ACTION|>"),
    "Action: ```json\n[\n",
    name="tool_name",
    arguments="parameters",
    between=",\n",
    closing="\n]\n```",
)
JSON = CallFormat("json")
"""An object alone, several in lines of their own: for templates that know no tools."""

MARKS = (
    ("<tool_call>", HERMES),
    (TOOL_CALLS, MISTRAL),
    (PYTHON_TAG, LLAMA),
    ('"parameters": ', LLAMA),
    ("Action:", COMMAND_R),
    ("<|START_OF_TURN_TOKEN|>", COMMAND_R),
)


def format_of(template: str | None) -> CallFormat:
    """The format of calls that a chat template teaches."""
    text = template or ""
    return next((each for mark, each in MARKS if mark in text), JSON)
