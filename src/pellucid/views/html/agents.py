"""Who said what to whom while agents ran, as a page."""

from __future__ import annotations

from ...agents.outcome import Outcome
from ...agents.trace import Said
from ..terminal.agents import head
from .markdown import markdown
from .markup import text
from .page import standalone


def trace_page(outcome: Outcome) -> str:
    """The answer, what failed, and the tree, whose branches fold."""
    remarks = "".join(f"<li>{text(each)}</li>" for each in (*outcome.problems, *outcome.notes))
    remarks = f"<ul class=notes>{remarks}</ul>" if remarks else ""
    spent = f"{outcome.calls} calls · {outcome.tokens:,} tokens · run {outcome.run}"
    body = (
        f"<header><p class=brand>Pellucid agents</p><h1>{text(outcome.trace.words)}</h1></header>"
        f"<main><section>{markdown(outcome.markdown)}</section>{remarks}"
        f"<section><h2>Who said what to whom<small>{text(spent)}</small></h2>"
        f"{_branches(outcome.trace)}</section></main>"
    )
    return standalone(f"{outcome.trace.words} · agents", body)


def _branches(said: Said) -> str:
    return f"<ul>{''.join(map(_branch, said.inner))}</ul>" if said.inner else ""


def _branch(said: Said) -> str:
    names, words = head(said)
    kept = " <em>from the notebook</em>" if said.kept else ""
    failed = " <em>failed</em>" if said.failed else ""
    receipts = "".join(f" <code>{text(each)}</code>" for each in said.receipts)
    return (
        f"<li><details open><summary><strong>{text(names)}</strong>: {text(words)}</summary>"
        f"{_branches(said)}<p class=said>{text(said.answer)}</p>"
        f"<p class=quiet>{kept}{failed}{receipts}</p></details></li>"
    )
