"""Items of the Responses API: parts of messages as a request and a reply write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...messages import Media, Part, Refusal, Signature, Text, Thinking, ToolCall
from ..media import media_url
from .narrow import NAME


def grouped(parts: Iterable[Part]) -> Iterator[list[Text | Refusal] | Thinking | ToolCall]:
    """The assistant's parts as items: neighbouring texts are one message, up to a signed one."""
    group: list[Text | Refusal] = []
    for part in parts:
        if isinstance(part, Text | Refusal):
            group.append(part)
        if group and (phase_of(group) is not None or not isinstance(part, Text | Refusal)):
            yield group
            group = []
        if isinstance(part, Thinking | ToolCall):
            yield part
    if group:
        yield group


def phase_of(group: list[Text | Refusal]) -> str | None:
    last = group[-1]
    signature = last.signature if isinstance(last, Text) else None
    return signature.data if signature and signature.owner == NAME else None


def read_phase(item: dict[str, Any]) -> Signature | None:
    """The signature of the text that ends a message item."""
    content = item.get("content")
    ends_in_text = isinstance(content, str) or (content and content[-1].get("type") != "refusal")
    phase = item.get("phase")
    return Signature(NAME, phase) if ends_in_text and isinstance(phase, str) else None


def text_part(part: Text | Refusal) -> dict[str, Any]:
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    return {"type": "output_text", "text": part.text, "annotations": []}


def summary(text: str) -> list[dict[str, str]]:
    return [{"type": "summary_text", "text": text}] if text else []


def media_part(media: Media) -> dict[str, Any]:
    if media.kind == "image":
        return {"type": "input_image", "image_url": media_url(media), "detail": "auto"}
    if media.data is None:
        return {"type": "input_file", "file_url": media.url}
    name = {"filename": media.name} if media.name else {}
    return {"type": "input_file", "file_data": media_url(media), **name}


# The encrypted content of a reasoning item belongs to the item's id, which a reply that is passed
# on cannot keep: so the id goes with it, `id:content`. OpenAI's own content holds no colon.


def signature_of(id: str | None, encrypted: str) -> Signature:
    """The signature for an item that came in a reply, or came back from a client."""
    if ":" in encrypted:
        return Signature(NAME, encrypted.removeprefix(":"))
    return Signature(NAME, f"{id}:{encrypted}" if id else encrypted)


def sealed(signature: Signature) -> str:
    """The encrypted content to give a client, whatever id its item has."""
    return signature.data if ":" in signature.data else f":{signature.data}"


def opened(signature: Signature) -> dict[str, str]:
    """The fields of the item as OpenAI knows it."""
    id, _, encrypted = signature.data.rpartition(":")
    return {**({"id": id} if id else {}), "encrypted_content": encrypted}
