"""Tools: what was offered and called, with which arguments, what came of it, and how well."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from ...messages import Message, ToolCall, ToolResult, ToolSpec
from ...record.receipt import Receipt
from ...tools.running import approval
from ...tools.verdict import verdict
from ..html.markup import table, text
from .panel import Glass, framed, lead, part


def html(glass: Glass) -> str:
    """The calls of this turn in their order, and the doctor's verdict on each reply of it."""
    receipt = glass.receipt
    turn = _turn(receipt.request.messages)
    calls = [part for message in turn for part in message.parts if isinstance(part, ToolCall)]
    calls += [part for part in receipt.reply.message.parts if isinstance(part, ToolCall)]
    offered = receipt.request.tools
    if not calls and not offered:
        return framed(lead("<b>No tools were offered.</b> The model can only answer in words."))
    results = {
        part.id: part for message in turn for part in message.parts if isinstance(part, ToolResult)
    }
    replies = [r for r in (*glass.earlier, receipt) if _turn(r.request.messages)[:1] == turn[:1]]
    notes = frozenset(note for reply in replies for note in reply.notes)
    listed = "".join(_call(call, results.get(call.id), notes) for call in calls)
    none = '<p class="quiet">None: the model answered in words.</p>'
    words = f"<b>{len(offered)} tools were offered, {len(calls)} calls made in this turn.</b>"
    return framed(
        lead(words),
        part("Calls", f'<ol class="calls">{listed}</ol>' if listed else none),
        part("The doctor's verdict", table(_verdicts(replies), "lab")),
        part("Offered", "".join(map(_offered, offered))) if offered else "",
    )


def _turn(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages from the user's newest on."""
    starts = [i for i, message in enumerate(messages) if message.role == "user"]
    return messages[starts[-1] :] if starts else messages


def _call(call: ToolCall, result: ToolResult | None, notes: frozenset[str]) -> str:
    outcome = "asked for here" if result is None else "failed" if result.failed else "answered"
    mark = {"failed": "✗", "answered": "→"}.get(outcome, "…")
    rows = [("arguments", call.arguments), ("approval", _approval(call, result, notes))]
    if result is not None:
        rows.append(("result", result.text))
    return (
        f"<li><h5>{mark} {text(call.name)} <small>{outcome}</small></h5>{table(rows, 'call')}</li>"
    )


def _approval(call: ToolCall, result: ToolResult | None, notes: frozenset[str]) -> str:
    if approval(call) in notes:
        return "the user was asked, and approved"
    if result is None:
        return "not carried out yet"
    if result.failed and " was not run: " in result.text:
        return "not given: it was not run"
    return "not asked for"


def _verdicts(replies: Sequence[Receipt]) -> Iterator[tuple[str, str, str]]:
    for number, reply in enumerate(replies, 1):
        if (found := verdict(reply)) is not None:
            mark = "✓" if found.fine else "✗"
            yield f"reply {number}", f"{mark} {found.kind}", found.detail


def _offered(tool: ToolSpec) -> str:
    schema = json.dumps(dict(tool.parameters), ensure_ascii=False, indent=2)
    return (
        f'<details class="fold"><summary><b>{text(tool.name)}</b> {text(tool.description)}'
        f'</summary><pre tabindex="0">{text(schema, mark_lines=False)}</pre></details>'
    )
