"""Usage in OpenAI's words, in buckets that never overlap here.

There, cached and written tokens are part of `prompt_tokens`, and reasoning is part of
`completion_tokens`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...replies import Usage, UsageEvent


def read_usage(body: Mapping[str, Any]) -> UsageEvent | None:
    """The usage of a whole reply or of a chunk; `None` when it says none.

    Groq's `x_groq.usage`, DeepSeek's `prompt_cache_hit_tokens` and llama.cpp's `timings` are read
    too.
    """
    usage = body.get("usage") or _object(body, "x_groq").get("usage")
    if not isinstance(usage, dict):
        return None
    timings = _object(body, "timings")
    prompt, completion = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    of_prompt = _object(usage, "prompt_tokens_details")
    read = (
        _count(of_prompt, "cached_tokens")
        or _count(usage, "prompt_cache_hit_tokens")
        or _count(timings, "cache_n")
    )
    write = _count(of_prompt, "cache_write_tokens")
    reasoning = _count(_object(usage, "completion_tokens_details"), "reasoning_tokens")
    beside = reasoning and _count(usage, "total_tokens") == prompt + completion + reasoning
    return UsageEvent(
        Usage(
            fresh=max(prompt - read - write, 0),
            cache_read=read,
            cache_write=write,
            # xAI counts reasoning beside the completion, not in it.
            output=completion if beside else max(completion - reasoning, 0),
            reasoning=reasoning,
            known="reported",
        ),
        timings.get("prompt_per_second"),
        timings.get("predicted_per_second"),
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    prompt: dict[str, int] = {"cached_tokens": usage.cache_read}
    if usage.cache_write:
        prompt["cache_write_tokens"] = usage.cache_write
    return {
        "prompt_tokens": usage.input_total,
        "completion_tokens": usage.output_total,
        "total_tokens": usage.input_total + usage.output_total,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _count(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if type(value) is int or value is None:
        return value or 0
    return int(value) if isinstance(value, int | float) else 0
