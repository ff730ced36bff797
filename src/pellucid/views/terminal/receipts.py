"""Receipts as terminal text: one in full, the line after a reply, and a list of many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...messages import Media, Message, Refusal, Text, Thinking, ToolCall, ToolResult
from ...record.receipt import Receipt, Summary
from ...tools.verdict import verdict
from .. import figures, tables
from ..glyphs import visible
from .prompts import legend
from .replies import plain, shaded
from .style import BOLD, DIM, ORIGIN, Cell, bar, clip, fold, paint, table


def status_line(receipt: Receipt, *, color: bool = False) -> str:
    """The quiet line after a reply: tokens in and out, window, time to first token, speed."""
    return paint(" · ".join(figures.status(receipt)), DIM, color)


def receipt(receipt: Receipt, *, color: bool = False, width: int = 80) -> str:
    """Everything one receipt knows, in sections."""
    talks = receipt.kind == "conversation"
    sections = [
        ("", _head(receipt, color)),
        ("Messages", _messages(receipt, color, width)),
        ("Prompt", _prompt(receipt, color) if talks else ""),
        ("Window", _window(receipt) if talks else ""),
        ("Reply", _reply(receipt, color)),
        ("Tools", _tools(receipt)),
        ("Usage", _table(tables.usage(receipt), right=" r")),
        ("Counted here", _table(tables.counts(receipt), right=" r")),
        ("Cost", _table(tables.cost(receipt))),
        ("Wire", _table(tables.wire(receipt))),
        ("Timings", _table(tables.timing(receipt), right=" r")),
        ("Settings", _table(tables.settings(receipt))),
        ("Versions", _table(receipt.versions.items())),
        ("Memory", _memory(receipt, color, width) if talks else ""),
        ("Notes", "\n".join(visible(note) for note in receipt.notes)),
    ]
    return "\n\n".join(
        (paint(title, BOLD, color) + "\n" if title else "") + _indent(body, bool(title))
        for title, body in sections
        if body
    )


def _head(receipt: Receipt, color: bool) -> str:
    lines = [
        f"{paint(visible(receipt.model), BOLD, color)}  {figures.when(receipt.created)}",
        paint(receipt.id, DIM, color),
        status_line(receipt),
    ]
    if receipt.reply.error:
        lines.append(f"This reply is not complete: {visible(receipt.reply.error)}")
    return "\n".join(lines)


def _messages(receipt: Receipt, color: bool, width: int) -> str:
    rows = []
    for i, message in enumerate(receipt.request.messages):
        replayed = i < receipt.replayed_messages
        rows.append(_message(message, "replayed" if replayed else "new", color, width))
    rows += [
        f"{paint(visible(tool.name), ORIGIN['tools'], color)}  {visible(tool.description)}"
        for tool in receipt.request.tools
    ]
    return "\n".join(rows)


def _message(message: Message, state: str, color: bool, width: int) -> str:
    margin = 21
    text = "\n".join(part_lines(message))
    lines = [
        piece for line in text.split("\n") for piece in fold(visible(line), max(width - margin, 20))
    ]
    style = DIM if state != "new" else ""
    role = paint(f"{message.role:<9}", ORIGIN[message.role], color)
    first = f"{role}  {paint(f'{state:<8}', DIM, color)}  {paint(lines[0], style, color)}"
    rest = [" " * margin + paint(line, style, color) for line in lines[1:]]
    return "\n".join([first, *rest])


def part_lines(message: Message) -> Iterator[str]:
    """The parts of a message as plain text, each beginning on a new line."""
    for part in message.parts:
        match part:
            case Text(text, None) | ToolResult(_, _, text, False):
                yield text
            case Text(text, source):
                yield f"[passage from {source}] {text}"
            case ToolResult(_, _, text):
                yield f"[failed] {text}"
            case Refusal(text):
                yield f"[declines] {text}"
            case Thinking(text):
                yield f"[thinking] {text}"
            case ToolCall(_, name, arguments):
                yield f"[call] {name} {arguments}"
            case Media(kind, mime, data, url, name):
                place = name or url or (f"{len(data):,} bytes" if data else "")
                yield f"[{kind}] {mime} {place}"


def _prompt(receipt: Receipt, color: bool) -> str:
    if receipt.prompt is None:
        return "The provider built it; only the messages are known here."
    return "\n".join(legend(receipt.prompt, color))


def _window(receipt: Receipt) -> str:
    share = figures.window_share(receipt)
    if share is None or receipt.window is None:
        return "unknown"
    used = figures.window_used(receipt)
    return (
        f"{bar(share, 20):<20} {used:,} of {receipt.window:,} tokens in use "
        f"({figures.percent(share)}), {max(receipt.window - used, 0):,} left"
    )


def _reply(receipt: Receipt, color: bool) -> str:
    reply = receipt.reply
    body = shaded(reply, color=color) if reply.tokens else plain(reply.text)
    calls = [
        f"[call] {p.name} {p.arguments}" for p in reply.message.parts if isinstance(p, ToolCall)
    ]
    return "\n".join(part for part in (body, *map(visible, calls)) if part)


def _tools(receipt: Receipt) -> str:
    found = verdict(receipt)
    return visible(str(found)) if found else ""


def _table(rows: Iterable[tuple[str, ...]], right: str = "") -> str:
    return table([[visible(text) for text in row] for row in rows], right=right)


def _memory(receipt: Receipt, color: bool, width: int) -> str:
    dropped = receipt.memory.dropped
    count = f"{len(dropped)} messages left out" if dropped else "nothing left out"
    lines = [f"{visible(receipt.memory.policy)}: {count}"]
    lines += [_message(message, "dropped", color, width) for message in dropped]
    return "\n".join(lines)


def _indent(body: str, indented: bool) -> str:
    return "\n".join(f"  {line}" if line else "" for line in body.split("\n")) if indented else body


def summaries(rows: Iterable[Summary], *, color: bool = False, width: int = 80) -> str:
    """A list of receipts, one a line: id, when, model, tokens in and out, the question."""
    table_rows: list[list[Cell | str]] = [
        [Cell(name, DIM) for name in ("id", "when", "model", "in", "out", "question")]
    ]
    for row in rows:
        ending = "" if row.finish == "stop" else f" {row.finish}"
        read, written = figures.tokens(row)
        table_rows.append(
            [
                Cell(row.id, DIM),
                figures.when(row.created)[:16],
                clip(visible(row.model), 24),
                read,
                f"{written}{ending}".strip(),
                visible(figures.asked(row)),
            ]
        )
    if len(table_rows) == 1:
        return "No receipts."
    return table(table_rows, right="   rr", color=color, width=width)
