"""The options of a request that came in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import BadRequest
from ...messages import Options, ResponseFormat
from ..efforts import read_effort
from ..fields import need, option, take, text_or_list, want
from ..narrowing import Notes, note

SEEDS = 2**32
SAME = ("temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty")
"""Options that have the API's own names."""
OPTIONS = {
    *SAME,
    *("max_tokens", "max_completion_tokens", "seed", "stop", "reasoning_effort"),
    *("logprobs", "top_logprobs", "n", "modalities"),
}


def read_options(body: Mapping[str, Any], notes: Notes) -> Options:
    new = body.get("max_completion_tokens") is not None
    return Options(
        **{name: option(name, body.get(name), name) for name in SAME},
        max_tokens=read_bound(body, "max_completion_tokens" if new else "max_tokens", notes),
        seed=read_seed(body, notes),
        stop=read_stop(body),
        alternatives=_alternatives(body),
        effort=read_effort(take(body, "reasoning_effort", str), "reasoning_effort", notes),
    )


def read_bound(body: Mapping[str, Any], name: str, notes: Notes) -> int | None:
    """The most tokens of the answer."""
    value = body.get(name)
    if not isinstance(value, bool) and value in (0, -1):  # as local servers read it
        note(notes, f"{name} {value} was read as no bound.")
        return None
    bound: int | None = option("max_tokens", value, name)
    return bound


def read_seed(body: Mapping[str, Any], notes: Notes) -> int | None:
    seed = take(body, "seed", int)
    if seed is None or 0 <= seed < SEEDS:
        return seed
    note(notes, f"seed {seed} was read as {seed % SEEDS}: seeds have 32 bits here.")
    return seed % SEEDS


def read_stop(body: Mapping[str, Any]) -> tuple[str, ...]:
    stop = body.get("stop")
    items = text_or_list("" if stop is None else stop, "stop")
    if isinstance(items, str):
        return (items,) if items else ()
    return tuple(want(item, str, f"stop[{i}]") for i, item in enumerate(items))


def _alternatives(body: Mapping[str, Any]) -> int | None:
    count: int | None = option("alternatives", body.get("top_logprobs"), "top_logprobs")
    if take(body, "logprobs", bool):
        return count or 0
    if count:
        raise BadRequest("top_logprobs needs logprobs to be true.", "top_logprobs")
    return None


def read_format(body: Mapping[str, Any], notes: Notes) -> ResponseFormat | None:
    form = take(body, "response_format", dict)
    if form is None:
        return None
    where = "response_format"
    kind = need(form, "type", str, where)
    if kind == "text":
        return None
    if kind == "json_object":  # some local servers take a schema beside it
        return ResponseFormat(take(form, "schema", dict, where))
    if kind != "json_schema":
        raise BadRequest(
            f"{where}.type is {kind!r}; it can be text, json_object or json_schema.",
            f"{where}.type",
        )
    where = f"{where}.json_schema"
    inner = need(form, "json_schema", dict, "response_format")
    if inner.get("description") is not None:
        note(notes, f"{where}.description means nothing here and was left out.")
    return ResponseFormat(
        need(inner, "schema", dict, where),
        need(inner, "name", str, where),
        take(inner, "strict", bool, where) or False,
    )
