"""What chat templates make of a conversation, as fragments."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ...prompt.diff import Row, Side
from ...prompt.lint import MEANING, Finding
from ...prompt.places import Place
from ...prompt.rendition import Rendition
from ...prompt.values import LABELS
from .. import figures
from .flow import legend, prompt_flow
from .markup import ORIGIN_CLASS, text
from .sections import prompt_bar


def rendition(rendition: Rendition) -> str:
    """The text a conversation becomes, coloured by origin, special tokens as badges; with a
    vocabulary every token apart, its id in its title."""
    prompt = rendition.prompt
    if prompt is not None:
        places = [
            f"id {id}\n{' + '.join(figures.origin_place(prompt, span) for span in spans)}: "
            f"{figures.origin_reason(prompt, i)}"
            for i, (id, spans) in enumerate(zip(prompt.ids, prompt.origins, strict=True))
        ]
        body = prompt_bar(prompt) + legend(prompt) + prompt_flow(prompt, places.__getitem__)
        counted = f"{len(prompt):,} tokens, "
    else:
        body, counted = _legend(rendition) + _flow(rendition), ""
    counted += f"{len(rendition.text):,} characters, {len(rendition.controls):,} special tokens"
    notes = list(rendition.notes)
    if not rendition.exact:
        notes.append("The template rewrites text: the origins inside it are approximate.")
    listed = "".join(f"<li>{text(note)}</li>" for note in notes)
    return f'<p class="quiet">{counted}</p>{body}' + (
        f'<ul class="quiet">{listed}</ul>' if listed else ""
    )


def ids(rendition: Rendition) -> str:
    """The ids alone, to copy."""
    found = rendition.prompt.ids if rendition.prompt else ()
    return f'<pre class="ids">{" ".join(map(str, found))}</pre>' if found else ""


def _legend(rendition: Rendition) -> str:
    labels = {rendition.label(span.origin) for span in rendition.spans}
    entries = "".join(
        f'<li title="{escape(figures.MEANING[label])}"><i class="{ORIGIN_CLASS[label]}">'
        f"{label}</i></li>"
        for label in LABELS
        if label in labels
    )
    return f'<ul class="legend">{entries}</ul>'


def _flow(rendition: Rendition) -> str:
    parts = []
    for span in rendition.spans:
        kind = ORIGIN_CLASS[rendition.label(span.origin)]
        inside = [
            (start - span.start, end - span.start)
            for start, end in rendition.controls
            if span.start <= start < span.end
        ]
        parts.append(_marked(rendition.text[span.start : span.end], inside, kind))
    return f'<div class="flow"><p>{"".join(parts)}</p></div>'


def _marked(words: str, controls: Sequence[Place], kind: str) -> str:
    """Text of one origin; its control tokens are badges."""
    out, at = [], 0
    for start, end in controls:
        out.append(f'<i class="{kind}">{text(words[at:start])}</i>' if at < start else "")
        out.append(f'<i class="k">{text(words[start:end])}</i>')
        at = end
    out.append(f'<i class="{kind}">{text(words[at:])}</i>' if at < len(words) else "")
    return "".join(out)


def findings(found: Sequence[Finding]) -> str:
    """What a lint found, each kind explained once."""
    if not found:
        return '<p class="quiet">The lint found nothing.</p>'
    kinds = dict.fromkeys(finding.kind for finding in found)
    return "".join(
        f"<h4>{kind} <small>{text(MEANING[kind])}</small></h4><ul>"
        + "".join(
            f"<li>{text(f.message)}"
            + (f"<pre>{text(f.example)}</pre>" if f.example else "")
            + "</li>"
            for f in found
            if f.kind == kind
        )
        + "</ul>"
        for kind in kinds
    )


def diff(left: str, right: str, rows: Sequence[Row]) -> str:
    """Two renderings side by side; a row that is the same on both sides is quiet and says `=`."""
    head = f"<tr class=head><td></td><td>{text(left)}</td><td></td><td>{text(right)}</td></tr>"
    body = "".join(
        f'<tr class="{"same" if row.same else "other"}"><th scope=row>{row.label}</th>'
        f"<td>{_side(row.left, ORIGIN_CLASS[row.label])}</td>"
        f"<td>{'=' if row.same else '≠'}</td>"
        f"<td>{_side(row.right, ORIGIN_CLASS[row.label])}</td></tr>"
        for row in rows
    )
    return f'<table class="sides">{head}{body}</table>'


def _side(side: Side | None, kind: str) -> str:
    if side is None:
        return ""
    ids = f"<small>{' '.join(map(str, side.ids))}</small>" if side.ids else ""
    return f'<div class="flow"><p>{_marked(side.text, side.controls, kind)}</p></div>{ids}'
