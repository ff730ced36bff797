"""A call as others would make it: with curl, and with the official Python client of its API."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pprint import pformat
from typing import Any
from urllib.parse import urlsplit

from ..dialects.registry import dialect
from ..models.headers import REMOVED
from ..models.hosts import host
from ..record.receipt import Receipt
from ..value import value

SERVED = "http://127.0.0.1:8321/v1"
"""Where `pellucid serve` answers, unless told otherwise."""
OURS = ("user-agent", "accept", "accept-encoding")
"""Headers that say who we are, not what is asked."""
LONGEST = 20_000
"""Characters of one text of a body (a picture, say) that are shown."""

_OPENAI = "model messages tools tool_choice parallel_tool_calls response_format temperature top_p \
max_tokens max_completion_tokens seed stop frequency_penalty presence_penalty reasoning_effort \
logprobs top_logprobs stream stream_options"
_RESPONSES = "model instructions input store max_output_tokens temperature top_p top_logprobs \
reasoning include text tools tool_choice parallel_tool_calls stream"
_ANTHROPIC = "model max_tokens messages system temperature top_p top_k stop_sequences thinking \
tools tool_choice stream"


@value
class Wire:
    """A call on the wire. `key` is the variable that holds the key, "" where none is needed."""

    dialect: str
    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    key: str = ""


def wire_of(receipt: Receipt) -> Wire | None:
    """The call of a hosted receipt; `None` where its body is not a JSON object."""
    exchange = receipt.exchange
    assert exchange is not None
    try:
        body = json.loads(exchange.sent)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    headers = {n: v for n, v in exchange.sent_headers.items() if n.lower() not in OURS}
    known = host(str(receipt.settings.get("host", "")))
    key = known.keys[0] if known and known.keys else "API_KEY"
    removed = any(REMOVED in content for content in headers.values())
    name = str(receipt.settings.get("dialect", "openai"))
    return Wire(name, exchange.url, headers, body, key if removed else "")


def served(receipt: Receipt) -> Wire:
    """What would ask `pellucid serve` the same, in OpenAI's words. Raises `CannotExpress`."""
    outgoing = dialect("openai").encode_request(receipt.request, receipt.model, stream=True)
    url = f"{SERVED}/{outgoing.path}"
    return Wire("openai", url, {"Content-Type": "application/json"}, outgoing.body)


def curl(wire: Wire) -> str:
    """The command; a key is taken from its variable."""
    lines = [f"curl -N {shlex.quote(wire.url)}"]
    for name, content in wire.headers.items():
        lines.append(f"-H {_header(f'{name}: {content}', wire.key)}")
    body = json.dumps(_bounded(wire.body), ensure_ascii=False, indent=2)
    return " \\\n  ".join([*lines, f"--data {shlex.quote(body)}"])


def _header(line: str, key: str) -> str:
    """A header as a word of the shell, with the variable of the key where it stood. What stands
    around it acts on nothing: a receipt may have been another's."""
    before, removed, after = line.partition(REMOVED)
    if not removed:
        return shlex.quote(line)
    if re.fullmatch(r"[\w :-]*", before + after):
        return f'"{before}${key}{after}"'
    return f'{shlex.quote(before)}"${key}"{shlex.quote(after)}'


def python(wire: Wire) -> str:
    """A program for the official client: `openai`, `anthropic`, `google-genai` or `ollama`."""
    match wire.dialect:
        case "anthropic":
            return _stainless(
                wire, "anthropic", "Anthropic", "/v1/messages", "messages", _ANTHROPIC, _SAYS
            )
        case "openai-responses":
            return _stainless(
                wire, "openai", "OpenAI", "/responses", "responses", _RESPONSES, _TELLS
            )
        case "gemini":
            return _gemini(wire)
        case "ollama" | "ollama-generate":
            return _ollama(wire)
        case _:
            return _stainless(
                wire, "openai", "OpenAI", "/chat/completions", "chat.completions", _OPENAI, _ADDS
            )


_ADDS = """for chunk in reply:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="")
"""
_TELLS = """for event in reply:
    if event.type == "response.output_text.delta":
        print(event.delta, end="")
"""
_SAYS = """for event in reply:
    if event.type == "content_block_delta" and event.delta.type == "text_delta":
        print(event.delta.text, end="")
"""


def _stainless(
    wire: Wire, package: str, client: str, path: str, method: str, known: str, reading: str
) -> str:
    """For the clients of OpenAI and Anthropic: fields they do not know go into `extra_body`."""
    base = wire.url.partition("?")[0].removesuffix(path)
    body = _bounded(wire.body)
    given = {name: each for name, each in body.items() if name in known.split()}
    extra = {name: each for name, each in body.items() if name not in given}
    if extra:
        given["extra_body"] = extra
    first = f"from {package} import {client}"
    made = f"{client}(base_url={base!r}, api_key={_key(wire)})"
    reading = reading if body.get("stream") else "print(reply)\n"
    return _program(wire, first, made, _call(f"client.{method}.create", given), reading)


def _gemini(wire: Wire) -> str:
    parts = urlsplit(wire.url)
    version, _, rest = parts.path.strip("/").partition("/models/")
    prefix, _, version = version.rpartition("/")
    model, _, action = rest.partition(":")
    body = _bounded(wire.body)
    config = {**body.pop("generationConfig", {})}
    contents = body.pop("contents", [])
    config |= body
    streams = action.startswith("stream")
    name = "generate_content_stream" if streams else "generate_content"
    base = f"{parts.scheme}://{parts.netloc}" + (f"/{prefix}" if prefix else "")
    options = {"base_url": base, "api_version": version}
    made = f"genai.Client(api_key={_key(wire)}, http_options={options!r})"
    call = _call(f"client.models.{name}", {"model": model, "contents": contents, "config": config})
    reading = 'for chunk in reply:\n    print(chunk.text or "", end="")\n'
    return _program(wire, "from google import genai", made, call, reading if streams else _WHOLE)


_WHOLE = "print(reply.text)\n"


def _ollama(wire: Wire) -> str:
    base, _, method = wire.url.partition("/api/")
    body = _bounded(wire.body)
    # What the client has no name for it cannot send.
    given = {name: each for name, each in body.items() if name not in ("truncate", "shift")}
    said = 'chunk["message"]["content"]' if method == "chat" else 'chunk["response"]'
    reading = f'for chunk in reply:\n    print({said}, end="")\n'
    made = f"Client(host={base!r})"
    reading = reading if body.get("stream") else "print(reply)\n"
    return _program(
        wire, "from ollama import Client", made, _call(f"client.{method}", given), reading
    )


def _key(wire: Wire) -> str:
    return f'os.environ["{wire.key}"]' if wire.key else '"none"'


def _program(wire: Wire, first: str, made: str, call: str, reading: str) -> str:
    heads = ["import os", "", first] if wire.key and "os.environ" in made else [first]
    return "\n".join([*heads, "", f"client = {made}", f"reply = {call}", reading])


def _call(function: str, given: Mapping[str, Any]) -> str:
    lines = []
    for name, each in given.items():
        if not name.isidentifier():
            continue  # no field of any API, and no code of a stranger
        literal = pformat(each, width=92, sort_dicts=False).replace("\n", "\n" + " " * 8)
        lines.append(f"    {name}={literal},")
    return "\n".join([f"{function}(", *lines, ")"])


def _bounded(value: Any) -> Any:
    """`value` with its long texts cut, which then say so."""
    if isinstance(value, str) and len(value) > LONGEST:
        left_out = f"[{len(value) - LONGEST:,} more characters; `pellucid show --json` has them]"
        return value[:LONGEST] + left_out
    if isinstance(value, Mapping):
        return {name: _bounded(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_bounded(each) for each in value]
    return value
