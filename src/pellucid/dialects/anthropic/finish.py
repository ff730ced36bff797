"""How a reply ended and what it cost, in the words of the Messages API and in ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import BadReply, CannotExpress
from ...replies import Event, Finish, FinishReason, Notice, Usage
from .narrow import API

REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop_string",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
    "pause_turn": "stop",
    "model_context_window_exceeded": "length",
}
_WORDS: dict[FinishReason, str] = {reason: word for word, reason in reversed(REASONS.items())}


def word_of(finish: Finish) -> str:
    """The stop reason for a finish. Raises `CannotExpress`: a broken reply is no reply."""
    if finish.detail in REASONS and REASONS[finish.detail] == finish.reason:
        return finish.detail
    if finish.reason not in _WORDS:
        raise CannotExpress("a reply that broke off", API, "Answer with an error.")
    return _WORDS[finish.reason]


def narrow_finish(finish: Finish) -> Finish:
    word = word_of(finish)
    return Finish(finish.reason, detail=finish.detail if word == "stop_sequence" else word)


def stop_fields(finish: Finish) -> dict[str, Any]:
    word = word_of(finish)
    return {
        "stop_reason": word,
        "stop_sequence": finish.detail if word == "stop_sequence" else None,
    }


def read_finish(value: Mapping[str, Any]) -> list[Event]:
    """`Finish`, before it what else is said of the end. `value` holds `stop_reason`.

    Raises `BadReply` where it holds none.
    """
    word = value.get("stop_reason")
    if word is None:
        raise BadReply("The reply ended without saying why.")
    out: list[Event] = []
    details = value.get("stop_details")
    if isinstance(details, dict):
        said = (details.get("category"), details.get("explanation"))
        out.append(Notice(f"{word}: {', '.join(str(text) for text in said if text)}"))
    if word == "pause_turn":
        out.append(Notice("pause_turn: a long turn was paused; send the reply back to go on."))
    detail = value.get("stop_sequence") if word == "stop_sequence" else str(word)
    return [*out, Finish(REASONS.get(str(word), "stop"), detail=detail)]


def usage_fields(usage: Usage) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "input_tokens": usage.fresh,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output_total,
    }
    if usage.reasoning:
        fields["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return fields


def read_usage(value: Mapping[str, Any]) -> Usage:
    """Usage in buckets: the API's input tokens are those of no cache already. Raises `BadReply`."""
    details = value.get("output_tokens_details") or {}
    thinking = _count(details, "thinking_tokens")
    return Usage(
        fresh=_count(value, "input_tokens"),
        cache_read=_count(value, "cache_read_input_tokens"),
        cache_write=_count(value, "cache_creation_input_tokens"),
        output=max(_count(value, "output_tokens") - thinking, 0),
        reasoning=thinking,
        known="reported",
    )


def _count(value: object, name: str) -> int:
    count = value.get(name) if isinstance(value, Mapping) else 0
    if count is None:
        return 0
    if not isinstance(count, int):
        raise BadReply(f"usage.{name} is {count!r}, not a count.")
    return count
