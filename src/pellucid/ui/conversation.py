"""The conversation as HTML: what was said, the replies, and what can be done with each turn."""

from __future__ import annotations

import json
from base64 import b64encode
from html import escape
from typing import Any

from ..messages import Media, Message, Part
from ..record.receipt import Receipt
from ..views.html.markdown import markdown
from ..views.html.markup import text
from .session import Live, Session, Step, along, thought, visible


def html(session: Session, live: Live | None = None) -> str:
    """The turns up to where the tab is; those after which `live` is asked."""
    steps = session.steps()
    turns = "".join(_turn(step, i, session) for i, step in enumerate(steps))
    opening = "".join(_opening(message) for message in session.opening) if steps == () else ""
    empty = "" if turns or opening or live else EMPTY
    return f'<div class="turns" data-conversation="{session.id}">{opening}{turns}{empty}</div>'


EMPTY = (
    '<div class="empty"><p>A model remembers nothing. Tell it your name, then ask for it, and '
    "watch on the right how it knows.</p></div>"
)


def live_html(live: Live | None) -> str:
    """The turn under way."""
    if live is None:
        return ""
    thinking = _thinking(live.thinking)
    doing = "" if live.error else f'<p class="doing">{text(live.doing)}</p>'
    error = f'<p class="error" role="alert">{text(live.error)}</p>' if live.error else ""
    head = '<p class="which">without the history</p>' if live.alone else ""
    return (
        f'<article class="turn live">{_said(live.said)}{head}'
        f'<div class="reply">{thinking}{markdown(live.text)}</div>{doing}{error}</article>'
    )


def button(action: str, value: Any, label: str, what: str, **more: str) -> str:
    """A button that page.js turns into an action."""
    data = escape(json.dumps(value))
    extra = "".join(f' {name.replace("_", "-")}="{escape(v)}"' for name, v in more.items())
    return (
        f'<button type="button" data-pellucid="{action}" data-value="{data}" '
        f'aria-label="{escape(what)}" title="{escape(what)}"{extra}>{label}</button>'
    )


def _turn(step: Step, number: int, session: Session) -> str:
    receipt = step.receipt
    id = receipt.id
    said = _said_of(receipt)
    selected = ' aria-current="true"' if id == session.selected else ""
    replies = _reply(receipt)
    if step.alone is not None:
        replies = (
            '<div class="beside"><div><p class="which">with the history</p>'
            f'{replies}</div><div><p class="which">without the history</p>'
            f"{_reply(step.alone)}</div></div>"
        )
    return (
        f'<article class="turn" id="turn-{id}" data-turn="{id}"{selected} '
        f'aria-label="Turn {number + 1}">{_said(said)}{replies}{_foot(step, number)}</article>'
    )


def _said_of(receipt: Receipt) -> Message:
    return receipt.request.messages[-1]


def _said(message: Message) -> str:
    pieces = "".join(_attached(part) for part in along(message))
    return f'<div class="said">{text(visible(message))}{pieces}</div>'


def _attached(part: Part) -> str:
    if isinstance(part, Media) and part.kind == "image" and part.data is not None:
        data = b64encode(part.data).decode()
        name = escape(part.name or "image")
        return f'<img class="attached" alt="{name}" src="data:{escape(part.mime)};base64,{data}">'
    name = getattr(part, "name", None) or getattr(part, "source", None) or "file"
    return f'<span class="attached file">{text(name)}</span>'


def _opening(message: Message) -> str:
    inner = _said(message) if message.role == "user" else _answer(message)
    return f'<article class="turn imported">{inner}</article>'


def _reply(receipt: Receipt) -> str:
    reply = receipt.reply
    ended = ""
    if reply.finish == "cut":
        ended = '<p class="ended">stopped here</p>'
    elif reply.finish == "length":
        ended = '<p class="ended">cut at the limit of tokens</p>'
    elif reply.error:
        ended = f'<p class="error">{text(reply.error)}</p>'
    return _answer(reply.message) + ended


def _answer(message: Message) -> str:
    return f'<div class="reply">{_thinking(thought(message))}{markdown(message.text)}</div>'


def _thinking(words: str) -> str:
    if not words:
        return ""
    return f"<details class=thinking><summary>thinking</summary>{text(words)}</details>"


def _foot(step: Step, number: int) -> str:
    id, usage = step.receipt.id, step.receipt.reply.usage
    seconds = step.receipt.timings.total
    took = "" if seconds is None else f" · {seconds:.1f} s"
    turn = f"turn {number + 1}"
    which = ""
    if len(step.siblings) > 1:
        at, all_ = step.place, step.siblings
        before, after = all_[at - 1], all_[(at + 1) % len(all_)]
        which = (
            f'<span class="which">{button("go", before, "‹", f"earlier version of {turn}")}'
            f"{at + 1}/{len(all_)}{button('go', after, '›', f'later version of {turn}')}</span>"
        )
    again = (
        ""
        if number == 0
        else button("alone", id, "without history", f"ask {turn} again without the history")
    )
    return (
        "<footer>"
        + button(
            "select",
            id,
            f"{usage.input_total:,} in · {usage.output_total:,} out{took}",
            f"show {turn} in the glass",
            **{"class": "figures"},
        )
        + which
        + '<span class="acts">'
        + button("copy", f"#turn-{id} .reply", "copy", f"copy the reply of {turn}")
        + button("edit", id, "edit", f"edit what was said in {turn} and send it again")
        + button("retry", id, "retry", f"another reply in {turn}")
        + button("fork", id, "branch", f"go on from {turn}")
        + again
        + "</span></footer>"
    )
