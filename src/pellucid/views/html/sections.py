"""The parts of a receipt's page."""

from __future__ import annotations

from ...messages import Media, Message, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from ...prompt.values import Label, Prompt
from ...record.receipt import Receipt
from .. import figures, tables
from .flow import legend, prompt_flow, reply_flow
from .markup import ORIGIN_CLASS, share_bar, table, text


def everything(receipt: Receipt, panels: str) -> str:
    """The body of the page; `panels` are the sections that the glass has as well."""
    talks = receipt.kind == "conversation"
    return (
        _header(receipt)
        + "<main>"
        + _notices(receipt)
        + _messages(receipt)
        + (_prompt(receipt) if talks else "")
        + _reply(receipt)
        + panels
        + _details(receipt)
        + "</main>"
    )


def _header(receipt: Receipt) -> str:
    cells = "".join(f"<li>{figure}</li>" for figure in header_figures(receipt))
    links = (
        "<a href=#messages>Messages</a> <a href=#prompt>Prompt</a> <a href=#reply>Reply</a> "
        "<a href=#wire>Wire</a> <a href=#cost>Cost and time</a> <a href=#tools>Tools</a> "
        "<a href=#details>Details</a> <span>Point at a token, or reach it with Tab and the arrow "
        "keys, to see what is known of it.</span>"
    )
    if receipt.kind != "conversation":
        links = (
            "<a href=#messages>Messages</a> <a href=#reply>Reply</a> <a href=#wire>Wire</a> "
            "<a href=#cost>Cost and time</a> <a href=#details>Details</a>"
        )
    return (
        "<header><p class=brand>Pellucid receipt</p>"
        f"<h1>{text(receipt.model)}</h1>"
        f"<p class=when><time>{figures.when(receipt.created)}</time> "
        f"<code>{text(receipt.id)}</code></p>"
        f'<ul class="figures">{cells}</ul>{window_bar(receipt)}'
        f"<nav>{links}</nav></header>"
    )


def header_figures(receipt: Receipt) -> list[str]:
    """The figures at the top: a large value, a small word, sometimes a smaller remark."""
    if receipt.kind != "conversation":
        kind, *told = figures.status(receipt)
        return [f"<b>{kind}</b>", *(f"<span>{text(each)}</span>" for each in told)]
    usage, timings = receipt.reply.usage, receipt.timings
    about = "~" if usage.known == "estimated" else ""
    replayed = figures.replayed_tokens(receipt)
    split = [f"{usage.cache_read:,} read from cache"]
    if replayed is not None:
        split = [f"{max(usage.input_total - replayed, 0):,} new", f"{replayed:,} replayed", *split]
    rate = figures.writing_rate(receipt)
    share = figures.window_share(receipt)
    rows = [
        (f"{about}{usage.input_total:,}", "tokens in", " · ".join(split)),
        (f"{about}{usage.output_total:,}", "tokens out", f"ended by: {receipt.reply.finish}"),
        (
            "unknown" if share is None else figures.percent(share),
            "of the context window",
            f"{receipt.window:,} tokens" if receipt.window else "",
        ),
        (figures.seconds(timings.first_token), "to first token", ""),
        (figures.per_second(rate[0] if rate else None), "writing", rate[1] if rate else ""),
    ]
    return [
        f"<b>{value}</b> <span>{word}</span> <small>{more}</small>" for value, word, more in rows
    ]


PLACE_CLASS: dict[str, str] = {
    "template": "o0",
    "system": "o1",
    "tools": "o2",
    "history": "o4",
    "passages": "o6",
    "this turn": "o3",
    "prompt": "prompt",
}


def window_bar(receipt: Receipt) -> str:
    """How full the context window is, and with what."""
    if receipt.window is None:
        return ""
    used = figures.window_used(receipt)
    left = max(receipt.window - used, 0)
    words = f"{used:,} of {receipt.window:,} tokens in use, {left:,} left"
    parts = {PLACE_CLASS[name]: count for name, count in figures.window_parts(receipt)}
    parts["reply"] = receipt.reply.usage.output_total
    named = [*figures.window_parts(receipt), ("the reply", parts["reply"]), ("room", left)]
    entries = "".join(
        f'<li><i class="{PLACE_CLASS.get(name, name.split()[-1])}">{name}</i> {count:,}</li>'
        for name, count in named
    )
    bar = share_bar(parts, receipt.window, ", ".join(f"{count:,} {name}" for name, count in named))
    return (
        f'<figure class="window">{bar}<figcaption>{words}</figcaption>'
        f'<ul class="legend">{entries}</ul></figure>'
    )


def _notices(receipt: Receipt) -> str:
    notes = [f"<li>{text(note)}</li>" for note in receipt.notes]
    if receipt.prompt is not None and not receipt.prompt.exact:
        notes.append("<li>The template rewrites text: the origins inside it are approximate.</li>")
    if receipt.reply.error:
        notes.insert(0, f"<li><strong>Not complete.</strong> {text(receipt.reply.error)}</li>")
    return f'<ul class="notes">{"".join(notes)}</ul>' if notes else ""


def _prompt(receipt: Receipt) -> str:
    prompt = receipt.prompt
    if prompt is None:
        body = "<p class=quiet>The provider built it; only the messages are known here.</p>"
        return section("prompt", "Prompt", "", body)
    body = prompt_bar(prompt) + legend(prompt) + prompt_flow(prompt)
    return section("prompt", "Prompt", prompt_words(prompt), body)


def prompt_words(prompt: Prompt) -> str:
    """How long the prompt is, and how much of it are ids that the model itself had produced."""
    words = f"{len(prompt):,} tokens, exactly as the model got them"
    if prompt.replayed:
        words += f", {prompt.replayed:,} of them replayed as it had produced them"
    return words


def prompt_bar(prompt: Prompt) -> str:
    """What the prompt is made of, as a bar."""
    counts = prompt.counts()
    parts = {ORIGIN_CLASS[label]: count for label, count in counts.items()}
    words = ", ".join(f"{count:,} {label}" for label, count in counts.items())
    return share_bar(parts, len(prompt), words)


def _reply(receipt: Receipt) -> str:
    reply = receipt.reply
    if reply.tokens:
        body = band_legend() + reply_flow(reply)
    else:
        body = f'<div class="said">{text(reply.text)}</div>'
    calls = "".join(_part(part) for part in reply.message.parts if isinstance(part, ToolCall))
    words = f"{reply.usage.output_total:,} tokens, ended by: {reply.finish}"
    if receipt.kind != "conversation":
        words = outcome(receipt)
    return section("reply", "Reply", words, body + calls)


def outcome(receipt: Receipt) -> str:
    """What came of a call that is no conversation."""
    made = text(" ".join(receipt.reply.notices))
    return f"{made} Ended by: {receipt.reply.finish}".strip()


def band_legend() -> str:
    """What the shades of a reply mean."""
    entries = "".join(f'<li><i class="{name}">{words}</i></li>' for name, _, words in figures.BANDS)
    return f'<ul class="legend">{entries}<li><i class="pn">unknown</i></li></ul>'


def _messages(receipt: Receipt) -> str:
    return section("messages", "Messages", messages_words(receipt), message_list(receipt))


def messages_words(receipt: Receipt) -> str:
    """How many messages were sent, replayed ones and new ones."""
    sent, old = len(receipt.request.messages), receipt.replayed_messages
    return f"{sent} sent: {old} replayed, {sent - old} new"


def message_list(receipt: Receipt) -> str:
    """The messages as they were sent, each labelled replayed or new, and the tools."""
    messages = receipt.request.messages
    old = receipt.replayed_messages
    rows = [
        message_row(message, i, "replayed" if i < old else "new")
        for i, message in enumerate(messages)
    ]
    rows += [
        f'<li><div class="who {ORIGIN_CLASS["tools"]}"><span>tool {i}</span></div>'
        f'<div class="said"><strong>{text(tool.name)}</strong> {text(tool.description)}</div></li>'
        for i, tool in enumerate(receipt.request.tools)
    ]
    return f'<ol class="said-list">{"".join(rows)}</ol>'


def message_parts(message: Message) -> str:
    """What a message says, part by part."""
    return "".join(map(_part, message.parts))


def message_row(message: Message, number: int | None, state: str) -> str:
    """One message as it was sent: `state` is new, replayed or dropped."""
    label: Label = message.role
    name = label if number is None else f"{label} {number}"
    body = message_parts(message)
    return (
        f'<li class="{state}"><div class="who {ORIGIN_CLASS[label]}"><span>{name}</span>'
        f'<small>{state}</small></div><div class="said" dir="auto">{body}</div></li>'
    )


def _part(part: Part) -> str:
    match part:
        case Text(words, source):
            return _said("" if source is None else f"passage from {source}", words)
        case Refusal(words):
            return _said("declines", words)
        case Thinking(words):
            return _said("thinking", words)
        case ToolCall(_, name, arguments):
            return _said(f"calls {name}", arguments)
        case ToolResult(_, name, words, failed):
            return _said(f"{name} {'failed' if failed else 'answered'}", words)
        case Media(kind, mime, data, url, name):
            place = name or url or (f"{len(data):,} bytes" if data else "")
            return _said(kind, f"{mime} {place}")


FOLDED = 2_000
"""Characters from which on the rest of a text is folded away."""


def _said(heading: str, words: str) -> str:
    head = f"<em>{text(heading)}</em>\n" if heading else ""
    start, rest = words[:FOLDED], words[FOLDED:]
    return f"<p>{head}{text(start)}</p>" + (
        folded(f"{len(rest):,} more characters", rest) if rest else ""
    )


def folded(words: str, rest: str) -> str:
    """Text behind a line that opens it."""
    return f'<details class="fold"><summary>{words}</summary><p>{text(rest)}</p></details>'


def _details(receipt: Receipt) -> str:
    memory = receipt.memory
    count = f"{len(memory.dropped)} messages left out" if memory.dropped else "nothing left out"
    blocks = [("Settings", table(tables.settings(receipt)))]
    if receipt.kind == "conversation":
        blocks.append(("Memory", table([(memory.policy, count)])))
    if counted := tables.counts(receipt):
        blocks.append(("Counted here", table(counted, "n")))
    body = "".join(f"<div><h3>{name}</h3>{block}</div>" for name, block in blocks)
    versions = table(receipt.versions.items())
    body += f'<div class="wide"><h3>Versions</h3>{versions}</div>'
    dropped = "".join(message_row(message, None, "dropped") for message in memory.dropped)
    listed = f'<ol class="said-list">{dropped}</ol>' if dropped else ""
    return section("details", "Details", "", f'<div class="details">{body}</div>{listed}')


def section(name: str, title: str, words: str, body: str) -> str:
    """A part of the page under its title."""
    return (
        f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{title}'
        f" <small>{words}</small></h2>{body}</section>"
    )
