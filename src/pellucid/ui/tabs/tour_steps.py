"""What the steps of the tour show, computed from what the reader wrote: each a fragment of HTML."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

from ...assistants.airline import Airline
from ...chat import Chat
from ...errors import PellucidError, UsageError
from ...messages import Message, Options, ToolCall
from ...models.base import Model
from ...prompt.values import Prompt
from ...record.forecast import converse
from ...record.prices import price_of
from ...record.receipt import Receipt
from ...replies import Candidate
from ...tokens.encoding import parse_ids
from ...tokens.explain import explain
from ...tokens.model import ModelTokenizer
from ...tools.running import Toolbox
from ...views import figures
from ...views.glyphs import piece_line, spelling
from ...views.html import tokens as lab
from ...views.html.flow import legend, prompt_flow
from ...views.html.markdown import markdown
from ...views.html.markup import share_bar, table
from ...views.html.markup import text as escaped
from ...views.html.steps import explained
from ...views.money import dollars

ALONE = "without it"
SHORT = 24
"""Characters, tokens or turns of an example that are drawn one by one."""
CANDIDATES = 10


def text_step(words: str) -> str:
    """Characters, their numbers in Unicode, their bytes."""
    rows = [
        (
            spelling(char) or char.replace(" ", "␣"),
            f"U+{ord(char):04X}",
            unicodedata.name(char, "").lower(),
            char.encode("utf-8", "replace").hex(" ").upper(),
        )
        for char in words[: SHORT // 2]
    ]
    size = len(words.encode("utf-8", "replace"))
    left = len(words) - len(rows)
    more = f'<p class="quiet">and {left:,} more</p>' if left else ""
    return (
        f"<p>{len(words):,} characters, <strong>{size:,} bytes</strong></p>"
        + table(rows, "lab", ("character", "number", "name", "bytes"))
        + more
    )


def tokens_step(words: str, tokenizer: ModelTokenizer) -> str:
    """The pieces of a text, and how each was merged."""
    encoding = tokenizer.encode(words, add=False)
    return lab.blocks({tokenizer.name: encoding}, {tokenizer.name: len(tokenizer)}) + _merges(
        words, tokenizer
    )


def _merges(words: str, tokenizer: ModelTokenizer) -> str:
    try:
        return explained(explain(tokenizer.plain, words[: 4 * SHORT]))
    except PellucidError:  # a vocabulary that is read by another library
        return ""


def ids_step(words: str, tokenizer: ModelTokenizer) -> str:
    """The text that these ids are, and the piece of each."""
    ids = parse_ids(words)
    pieces = [(str(id), piece_line(tokenizer.piece(id))) for id in ids[:SHORT]]
    return (
        f'<div class="said"><p>{escaped(tokenizer.decode(ids))}</p></div>'
        + table(pieces, "ids", ("id", "piece"))
        + f'<p class="quiet">{len(tokenizer):,} ids are in this vocabulary.</p>'
    )


def template_step(system: str, words: str, model: Model) -> str:
    """The prompt that a message becomes, coloured by origin."""
    prompt = Chat(model, system=system.strip() or None, store=None).prompt(words)
    return _prompt(prompt)


def _prompt(prompt: Prompt | None) -> str:
    if prompt is None:
        return (
            '<p class="quiet">The host renders the prompt out of sight: choose a model that runs '
            "here to see it.</p>"
        )
    return legend(prompt) + prompt_flow(prompt)


def history_step(said: Sequence[str], model: Model) -> str:
    """What each call sends, and how many tokens that is. Replies are stood in for by three dots."""
    said = [words for words in said if words.strip()]
    history: list[list[str]] = []
    sizes, rows = [], []
    for words in said:
        prompt = Chat(model, history=history, memory="full", store=None).prompt(words)
        sizes.append(0 if prompt is None else len(prompt))
        history.append([words, "…"])
    most = max(sizes, default=1) or 1
    for n, (words, size) in enumerate(zip(said, sizes, strict=True)):
        before = sizes[n - 1] if n else 0
        old = "".join(f'<span class="old">{escaped(each)}</span> ' for each in said[:n])
        words = f"{size:,} tokens, of which {size - before:,} are new"
        rows.append(
            f"<section><h4>call {n + 1} <small>{words}</small></h4>"
            + share_bar({"prompt": before, "o3": size - before}, most, words)
            + f"<p>{old}<strong>{escaped(said[n])}</strong></p></section>"
        )
    return "".join(rows)


def both_ways(said: Sequence[str], model: Model) -> list[tuple[str, Chat]]:
    """Two chats: one replays the history, the other sends the last message alone."""
    if not said or not said[-1].strip():
        raise UsageError("The last message is empty; ask something.")
    options = Options(max_tokens=60, temperature=0.0)
    return [
        (name, Chat(model, memory=memory, options=options, store=None))
        for name, memory in (("with the history", "full"), (ALONE, "none"))
    ]


def next_token(words: str, model: Model) -> tuple[Candidate, ...]:
    """What the model might begin its reply with, the likeliest first."""
    options = Options(max_tokens=1, alternatives=CANDIDATES, temperature=0.0)
    reply = Chat(model, options=options, store=None).say(words)
    if not reply.tokens:
        raise UsageError("This model does not tell what it nearly said; one that runs here does.")
    first = reply.tokens[0]
    own = Candidate(first.id, first.piece, first.logprob)
    found = [own, *figures.others(first)]
    known = [each for each in found if each.logprob is not None]
    return tuple(sorted(known, key=lambda each: -(each.logprob or 0.0)))[:CANDIDATES]


def sampling_step(found: Sequence[Candidate], temperature: float) -> str:
    """Each candidate's probability, and its chance to be drawn at this temperature."""
    if not found:
        return '<p class="quiet">Ask the model: its candidates for the first token stand here.</p>'
    logs = [each.logprob or 0.0 for each in found]
    if temperature == 0:
        chances = [1.0, *[0.0] * (len(logs) - 1)]
    else:
        weights = [math.exp((log - logs[0]) / temperature) for log in logs]
        chances = [weight / sum(weights) for weight in weights]
    rows = "".join(
        f"<tr><th scope=row><code>{escaped(piece_line(each.piece))}</code></th>"
        f"<td>{figures.probability(each.logprob)}</td><td>{figures.percent(chance)}</td>"
        f"<td>{share_bar({'o4': round(1000 * chance)}, 1000, figures.percent(chance))}</td></tr>"
        for each, chance in zip(found, chances, strict=True)
    )
    return (
        '<table class="lab chances"><tr class=head><td>token</td><td>probability</td>'
        f"<td>chance at {temperature:g}</td><td></td></tr>{rows}</table>"
        f'<p class="quiet">The chances are those among these {len(found)}.</p>'
    )


def tools_chat(model: Model) -> Chat:
    """A chat that can look up a ticket's price, and nothing else."""
    tools = [tool for tool in Airline().tools() if not tool.acts][:1]
    options = Options(max_tokens=80, temperature=0.0)
    return Chat(model, tools=Toolbox(tools), options=options, store=None)


def tools_step(words: str, model: Model) -> str:
    """What a tool is to the model: text in the prompt."""
    with_tools, without = tools_chat(model).prompt(words), Chat(model, store=None).prompt(words)
    if with_tools is None or without is None:
        return _prompt(None)
    more = len(with_tools) - len(without)
    return (
        f"<p><strong>{more:,} tokens</strong> of {len(with_tools):,} tell of one tool.</p>"
        + _prompt(with_tools)
    )


def called(receipts: Sequence[Receipt]) -> str:
    """What the model and the tool said, message by message."""
    last = receipts[-1]
    messages = [*last.request.messages, last.reply.message]
    rows = [(message.role, _words(message)) for message in messages if message.role != "system"]
    return table(rows, "lab")


def _words(message: Message) -> str:
    calls = [f"{p.name}({p.arguments})" for p in message.parts if isinstance(p, ToolCall)]
    return " ".join(filter(None, [message.text, *calls]))


def cost_step(turns: float, asked: float, answered: float, model: str) -> str:
    """How the tokens of a conversation grow, and what they cost at a host."""
    count = int(turns)
    price = price_of(model)
    one = [converse(0, price, n, int(asked), int(answered)) for n in range(1, count + 1)]
    sizes = [each.longest - int(answered) for each in one]
    shown = list(enumerate(sizes, 1))[:SHORT]
    bars = "".join(
        f"<tr><th scope=row>turn {n}</th><td>{size:,}</td><td>"
        + share_bar(
            {"prompt": size - int(asked), "o3": int(asked)}, sizes[-1], f"{size:,} tokens in"
        )
        + "</td></tr>"
        for n, size in shown
    )
    whole = one[-1]
    typed = int(asked) * count
    times = whole.usage.fresh / typed if typed else 0.0
    return (
        f"<p><strong>{whole.usage.fresh:,} tokens in</strong> for {typed:,} that were typed: "
        f"{times:.1f} times as many. Cost with {escaped(model)}: "
        f"<strong>{dollars(whole.cost)}</strong>.</p>"
        f'<table class="lab chances"><tr class=head><td></td><td>tokens in</td><td>replayed, then '
        f"new</td></tr>{bars}</table>"
    )


def replies(named: Sequence[tuple[str, str]]) -> str:
    """Replies side by side."""
    body = "".join(
        f"<section><h4>{escaped(name)}</h4>{markdown(words)}</section>" for name, words in named
    )
    return f'<div class="beside said">{body}</div>'
