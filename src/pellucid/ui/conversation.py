"""The conversation as HTML: what was said, the replies, and what can be done with each turn."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import datetime
from html import escape
from itertools import islice
from typing import Any

from ..messages import Media, Message, Part, ToolCall
from ..record.receipt import Receipt, Summary
from ..views.html.answers import answer
from ..views.html.markup import text
from .desk import Desk
from .live import Live, along, spoken, thought, visible
from .session import Session, Step

SEARCHED, SHOWN = 400, 60
"""How many of the newest receipts are looked at, and conversations listed."""


def html(session: Session) -> str:
    """The turns up to where the tab is."""
    steps = session.steps()
    folded = max(0, len(steps) - session.shown)
    if folded:
        said = _earlier(folded)
    else:
        opening = spoken(steps[0].receipt)[:-1] if steps else session.opening
        said = "".join(map(_opening, opening))
    turns = "".join(_turn(steps[i], i, session) for i in range(folded, len(steps)))
    empty = "" if said or turns or session.live else EMPTY
    body = empty + said + turns + _examples(steps, session)
    return f'<div class="turns" data-conversation="{session.id}">{body}</div>'


def _earlier(folded: int) -> str:
    words = f"{folded:,} earlier turn{'' if folded == 1 else 's'}"
    return f'<div class="earlier">{button("earlier", None, words, f"show more: {words}")}</div>'


EXAMPLES = ("Hi! I'm Stephen!", "What's my name?", "Name three fruits.")
"""Messages that show, one after the other, where a model's memory comes from."""

EMPTY = (
    '<div class="empty"><p><b>A model remembers nothing.</b> Tell it your name, then ask for it, '
    "and read on the right how it knows: click these, one after the other, or write.</p></div>"
)


def _examples(steps: tuple[Step, ...], session: Session) -> str:
    """The examples that are left, as long as nothing else was said."""
    said = [visible(spoken(step.receipt)[-1]) for step in steps]
    left = [words for words in EXAMPLES if words not in said]
    if session.live or session.opening or len(said) + len(left) != len(EXAMPLES):
        return ""
    offers = "".join(button("say", words, text(words), f"say: {words}") for words in left)
    return f'<div class="examples">{offers}</div>' if offers else ""


def live_html(live: Live | None) -> str:
    """The turn under way."""
    if live is None:
        return ""
    written = answer(live.text) if live.text else ""
    head = '<p class="which">without the history</p>' if live.alone else ""
    if live.error:
        foot = f'<p class="error" role="alert">{text(live.error)}</p>'
    else:
        stop = button("stop", None, "stop", "stop the reply (Esc)")
        foot = f'<footer><span class="doing">{text(live.doing)} …</span>{stop}</footer>'
    return (
        f'<article class="turn live">{_said(live.said)}{head}'
        f'<div class="reply">{_thinking(live.thinking, True)}{written}</div>{foot}</article>'
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
    selected = ' aria-current="true"' if id == session.selected else ""
    said = spoken(receipt)[-1]
    words = _editor(said, id, number) if id == session.editing else _said(said)
    replies = _reply(receipt)
    if step.alone is not None:
        replies = (
            '<div class="beside"><div><p class="which">with the history</p>'
            f'{replies}</div><div><p class="which">without the history</p>'
            f"{_reply(step.alone)}{_figures(step.alone, number)}</div></div>"
        )
    source = f'<pre class="source" hidden>{escape(receipt.reply.text)}</pre>'
    return (
        f'<article class="turn" id="turn-{id}" data-turn="{id}"{selected} '
        f'aria-label="Turn {number + 1}">{words}{replies}{source}'
        f"{_foot(step, number, session)}</article>"
    )


def _said(message: Message) -> str:
    pieces = "".join(_attached(part) for part in along(message))
    if message.role == "tool":
        return f'<div class="said tool"><span class="which">tool</span>{text(message.text)}</div>'
    return f'<div class="said">{text(visible(message))}{pieces}</div>'


def _editor(message: Message, id: str, number: int) -> str:
    return (
        f'<div class="said editing"><textarea id="edit-{id}" aria-label="Say in turn {number + 1}"'
        f' rows="3">{escape(visible(message))}</textarea><div class="acts">'
        + button("resend", id, "send", "send this instead (Ctrl+Enter)", data_from=f"#edit-{id}")
        + button("edit", None, "cancel", "leave it as it was (Esc)")
        + "</div></div>"
    )


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
    calls = "".join(
        f'<p class="call"><span class="which">calls</span><code>{text(part.name)}'
        f"({text(part.arguments)})</code></p>"
        for part in message.parts
        if isinstance(part, ToolCall)
    )
    media = "".join(_attached(part) for part in message.parts if isinstance(part, Media))
    written = answer(message.text) + calls + media
    return f'<div class="reply">{_thinking(thought(message))}{written}</div>'


def _thinking(words: str, open_: bool = False) -> str:
    if not words:
        return ""
    state = " open" if open_ else ""
    return f'<details class="thinking"{state}><summary>thinking</summary>{text(words)}</details>'


def _figures(receipt: Receipt, number: int) -> str:
    usage, seconds = receipt.reply.usage, receipt.timings.total
    about = "" if usage.known == "exact" else "about " if usage.known == "estimated" else ""
    took = "" if seconds is None else f" · {seconds:.1f} s"
    return (
        f'<span class="figures"><span class="model" title="{escape(receipt.model)}">'
        f"{text(receipt.model)}</span> "
        f"{about}{usage.input_total:,} in · {usage.output_total:,} out{took}</span>"
    )


def _foot(step: Step, number: int, session: Session) -> str:
    id, turn = step.receipt.id, f"turn {number + 1}"
    pager = ""
    if len(step.siblings) > 1:
        at, every = step.place, step.siblings
        before, after = every[at - 1], every[(at + 1) % len(every)]
        pager = (
            f'<span class="pager">{button("go", before, "‹", f"earlier version of {turn}")}'
            f"{at + 1}/{len(every)}{button('go', after, '›', f'later version of {turn}')}</span>"
        )
    acts = [button("select", id, "look", f"show {turn} in the glass")]
    acts.append(button("copy", f"#turn-{id} .source", "copy", f"copy the reply of {turn}"))
    if spoken(step.receipt)[-1].role == "user":
        acts.append(button("edit", id, "edit", f"edit what was said in {turn} and send it again"))
        acts.append(button("retry", id, "retry", f"another reply in {turn}"))
        if number:
            what = f"ask {turn} again without the history, to see both"
            acts.append(button("alone", id, "without history", what))
    if id == session.head:
        acts.append(button("undo", None, "undo", "take the last turn back"))
    else:
        acts.append(button("fork", id, "branch", f"go on from {turn}, on a branch of its own"))
    return (
        f'<footer>{_figures(step.receipt, number)}{pager}<span class="acts">{"".join(acts)}</span>'
        "</footer>"
    )


def shelf(desk: Desk, words: str, current: str) -> str:
    """The kept conversations, newest first; those in which `words` were said."""
    if desk.store is None:
        return '<p class="hint">No receipts are kept, so there are no conversations here.</p>'
    found: dict[str, list[Summary]] = {}
    said = desk.store.list(SEARCHED, text=words.strip() or None, kind="conversation")
    for summary in said:
        found.setdefault(summary.conversation, []).append(summary)
    rows = "".join(_row(id, rows, id == current) for id, rows in islice(found.items(), SHOWN))
    return f'<ul class="shelf">{rows}</ul>' if rows else '<p class="hint">Nothing was found.</p>'


def _row(id: str, rows: list[Summary], current: bool) -> str:
    first, last = rows[-1], rows[0]
    when = datetime.fromtimestamp(last.created).strftime("%d %b %H:%M")
    here = ' aria-current="true"' if current else ""
    return (
        f'<li><button type="button" data-pellucid="open"{here} '
        f'data-value="{escape(json.dumps(id))}"><b>'
        f"{text(first.question) or 'nothing said'}</b><small>{text(last.model)} · "
        f"{len(rows)} {'call' if len(rows) == 1 else 'calls'} · {when}</small></button></li>"
    )
