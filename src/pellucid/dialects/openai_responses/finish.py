"""How a reply ended and what it cost, in the words of the Responses API and in ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import BadReply, ServerFault
from ...replies import Event, Finish, FinishReason, Usage, UsageEvent
from ..failures import error_of
from ..openai_chat.errors import read_error

INCOMPLETE: dict[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "refusal"}


def read_end(response: Mapping[str, Any], *, called: bool, refused: bool) -> list[Event]:
    """Usage and `Finish` of a response that is over.

    Raises `ProviderError` for one that failed, `BadReply` for one that is not over.
    """
    out: list[Event] = []
    if isinstance(response.get("usage"), dict):
        out.append(UsageEvent(read_usage(response["usage"])))
    match response.get("status"):
        case "completed":
            reason: FinishReason = "tool_calls" if called else "refusal" if refused else "stop"
            return [*out, Finish(reason, detail="completed")]
        case "incomplete":
            why = str((response.get("incomplete_details") or {}).get("reason"))
            return [*out, Finish(INCOMPLETE.get(why, "length"), detail=why)]
        case "failed":
            failure = read_error(response, 0)
            raise error_of(failure) if failure else ServerFault("The host failed to answer.")
        case status:
            raise BadReply(f"The response is {status!r}, not completed.")


def end_fields(finish: Finish, *, refused: bool) -> dict[str, Any]:
    """The status of a response. Raises `BadReply`: a reply that broke off is no response."""
    match finish.reason:
        case "stop" | "stop_string" | "tool_calls":
            return {"status": "completed"}
        case "refusal" if refused:
            return {"status": "completed"}
        case "length":
            why = "max_output_tokens"
        case "refusal":
            why = "content_filter"
        case _:
            raise BadReply("A reply that broke off cannot be sent as if it were whole.")
    return {"status": "incomplete", "incomplete_details": {"reason": why}}


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Usage in buckets: there, cached and written tokens are part of the input, and reasoning is
    part of the output. Raises `BadReply`."""
    of_input = usage.get("input_tokens_details") or {}
    read, write = _count(of_input, "cached_tokens"), _count(of_input, "cache_write_tokens")
    reasoning = _count(usage.get("output_tokens_details") or {}, "reasoning_tokens")
    return Usage(
        fresh=max(_count(usage, "input_tokens") - read - write, 0),
        cache_read=read,
        cache_write=write,
        output=max(_count(usage, "output_tokens") - reasoning, 0),
        reasoning=reasoning,
        known="reported",
    )


def usage_fields(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_total,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
        },
        "output_tokens": usage.output_total,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input_total + usage.output_total,
    }


def _count(value: Mapping[str, Any], name: str) -> int:
    count = value.get(name) or 0
    if isinstance(count, int):
        return count
    raise BadReply(f"usage.{name} is {count!r}, not a count.")
