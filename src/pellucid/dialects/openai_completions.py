"""Plain completions of OpenAI's older API, as a server reads and answers them.

https://platform.openai.com/docs/api-reference/completions
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import BadRequest
from ..messages import Options
from ..replies import Event, Finish, Reply, ReplyToken, TextDelta, Usage, UsageEvent
from ..value import value
from .base import Failure, Head
from .fields import need, option, take, text_or_list, want
from .json_text import compact
from .narrowing import Notes, note_unread
from .openai_chat.errors import encode_error
from .openai_chat.incoming_options import SAME, read_bound, read_seed, read_stop
from .openai_chat.replies import finish_word
from .openai_chat.usage import write_usage
from .sse import DONE, encode
from .tokens import finite

READ = {
    *SAME,
    *("model", "prompt", "max_tokens", "seed", "stop", "logprobs", "echo", "n", "best_of"),
    *("stream", "stream_options", "suffix"),
}
DEFAULT_BOUND = 16
"""Tokens of an answer when the request names no bound, as the API has it."""

Prompt = str | tuple[int, ...]


@value
class IncomingCompletion:
    """A request to continue texts; each prompt is text, or ids of tokens, and gets one answer."""

    prompts: tuple[Prompt, ...]
    model: str
    options: Options
    stream: bool
    echo: bool = False
    """Whether an answer begins with its prompt."""
    include_usage: bool = True
    notes: tuple[str, ...] = ()


def decode_completion_request(body: Mapping[str, Any]) -> IncomingCompletion:
    """Raises `BadRequest`."""
    notes: Notes = {}
    note_unread(body, READ, notes)
    for name in ("n", "best_of"):
        if (count := take(body, name, int)) not in (None, 1):
            raise BadRequest(f"{name} is {count}; a prompt gets one answer here.", name)
    if take(body, "suffix", str):
        raise BadRequest("suffix asks for text between two others; send a prompt alone.", "suffix")
    stream = take(body, "stream", bool) or False
    prompts = _prompts(body)
    if stream and len(prompts) > 1:
        raise BadRequest("prompt has several prompts; a stream answers one.", "prompt")
    usage = take(take(body, "stream_options", dict) or {}, "include_usage", bool, "stream_options")
    options = Options(
        **{name: option(name, body.get(name), name) for name in SAME},
        max_tokens=read_bound(body, "max_tokens", notes) if "max_tokens" in body else DEFAULT_BOUND,
        seed=read_seed(body, notes),
        stop=read_stop(body),
        alternatives=option("alternatives", body.get("logprobs"), "logprobs"),
    )
    return IncomingCompletion(
        prompts,
        need(body, "model", str),
        options,
        stream,
        echo=take(body, "echo", bool) or False,
        include_usage=bool(usage) or not stream,
        notes=tuple(notes),
    )


def _prompts(body: Mapping[str, Any]) -> tuple[Prompt, ...]:
    items = text_or_list(body.get("prompt"), "prompt")
    if isinstance(items, str):
        return (items,)
    if not items:
        raise BadRequest("prompt is empty; there is nothing to continue.", "prompt")
    if isinstance(items[0], int):
        return (_ids(items, "prompt"),)
    return tuple(
        _ids(item, f"prompt[{i}]") if isinstance(item, list) else want(item, str, f"prompt[{i}]")
        for i, item in enumerate(items)
    )


def _ids(items: list[Any], where: str) -> tuple[int, ...]:
    return tuple(want(item, int, f"{where}[{i}]") for i, item in enumerate(items))


def encode_completions(replies: Sequence[Reply], head: Head) -> dict[str, Any]:
    """The answers to the prompts of a request, in their order."""
    choices = [
        {
            "index": i,
            "text": reply.text,
            "logprobs": _logprobs(reply.tokens, 0),
            "finish_reason": finish_word(reply.finish, refused=False),
        }
        for i, reply in enumerate(replies)
    ]
    total = Usage(
        *(
            sum(getattr(reply.usage, name) for reply in replies)
            for name in ("fresh", "cache_read", "cache_write", "output", "reasoning")
        )
    )
    return {**_start(head), "choices": choices, "usage": write_usage(total)}


def _start(head: Head) -> dict[str, Any]:
    return {
        "id": head.id,
        "object": "text_completion",
        "created": head.created,
        "model": head.model,
    }


def _logprobs(tokens: Sequence[ReplyToken], offset: int) -> dict[str, Any] | None:
    """The older form: lists side by side. `offset` is where the first token begins in the text."""
    if not any(token.logprob is not None for token in tokens):
        return None
    out: dict[str, list[Any]] = {
        name: [] for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset")
    }
    for token in tokens:
        text = token.piece.decode("utf-8", "replace")
        out["tokens"].append(text)
        out["token_logprobs"].append(finite(token.logprob))
        out["top_logprobs"].append(
            {
                top.piece.decode("utf-8", "replace"): finite(top.logprob)
                for top in token.alternatives
            }
        )
        out["text_offset"].append(offset)
        offset += len(text)
    return out


class CompletionEncoder:
    """Writes a streamed completion."""

    def __init__(self, head: Head) -> None:
        self._start = _start(head)
        self._include_usage = head.include_usage
        self._usage = b""
        self._length = 0

    def start(self) -> bytes:
        return b""

    def encode(self, event: Event) -> bytes:
        """The bytes of one event. Raises `IncompleteReply` for a finish that is none."""
        match event:
            case TextDelta(text, tokens) if text or tokens:
                logprobs = _logprobs(tokens, self._length)
                self._length += len(text)
                return self._chunk(text, logprobs, None)
            case UsageEvent(usage) if self._include_usage:
                chunk = {**self._start, "choices": [], "usage": write_usage(usage)}
                self._usage = encode(compact(chunk))
            case Finish(reason):
                return self._chunk("", None, finish_word(reason, refused=False))
        return b""

    def end(self) -> bytes:
        return self._usage + encode(DONE)

    def fail(self, failure: Failure) -> bytes:
        return encode(compact(encode_error(failure)))

    def _chunk(self, text: str, logprobs: dict[str, Any] | None, word: str | None) -> bytes:
        choice = {"index": 0, "text": text, "logprobs": logprobs, "finish_reason": word}
        return encode(compact({**self._start, "choices": [choice]}))
