"""An answer that is data: JSON that fits a schema, or an error that carries the text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .errors import CannotExpress, UnfitReply, UsageError
from .messages import Message, ResponseFormat, Text

if TYPE_CHECKING:
    from .chat import Chat
    from .replies import Reply


def ask(chat: Chat, text: str | Message, schema: Mapping[str, Any] | None) -> Any:
    """Say `text` and return the reply as data that is valid under `schema` (JSON Schema 2020-12).

    The model is held to the schema where it can be: the embedded one samples no token that would
    leave it. What does not fit is handed back once, with what is wrong. Raises `UsageError` for a
    schema that is none, `UnfitReply` with the reply's text when the second reply fits no better.
    """
    check_schema(schema)
    before, chat.response_format = chat.response_format, ResponseFormat(schema)
    try:
        try:
            reply = chat.say(text)
        except CannotExpress:  # an API or a model without this mode is asked in words
            chat.response_format = None
            reply = chat.say(_in_words(text, schema))
        problem = _problem(reply, schema)
        if problem and reply.finish != "length":
            reply = chat.say(f"That is not what was asked: {problem}. Answer with the JSON alone.")
            problem = _problem(reply, schema)
    finally:
        chat.response_format = before
    if problem:
        raise UnfitReply(problem, reply.text)
    return json.loads(_bare(reply.text))


def _in_words(text: str | Message, schema: Mapping[str, Any] | None) -> str | Message:
    wanted = "Answer with one JSON object and nothing else"
    wanted += f"; it must fit this JSON schema:\n{json.dumps(schema)}" if schema else "."
    if isinstance(text, str):
        return f"{text}\n\n{wanted}"
    return replace(text, parts=(*text.parts, Text(f"\n\n{wanted}")))


def _bare(text: str) -> str:
    """The text without the fence of Markdown that models like to put around JSON."""
    return text.strip().removeprefix("```json").removeprefix("```").removesuffix("```").strip()


def check_schema(schema: Mapping[str, Any] | None) -> None:
    """Raises `UsageError` for what is no JSON schema."""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema or {})
    except SchemaError as error:
        raise UsageError(f"The JSON schema is wrong {_place(error)}: {error.message}.") from error


def misfit(text: str, schema: Mapping[str, Any] | None) -> str | None:
    """What is wrong with `text` as JSON of this schema; `None`: nothing."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"it is not JSON ({error})"
    worst = best_match(Draft202012Validator(schema or {}).iter_errors(value))
    return None if worst is None else f"{_place(worst)}, {worst.message}"


def _problem(reply: Reply, schema: Mapping[str, Any] | None) -> str | None:
    problem = misfit(_bare(reply.text), schema)
    if problem and reply.finish == "length":
        return f"it was cut at max_tokens, {reply.usage.output_total} tokens"
    return problem


def _place(error: Any) -> str:
    path = "".join(f"[{step!r}]" for step in error.absolute_path)
    return f"at {path}" if path else "at the top"
