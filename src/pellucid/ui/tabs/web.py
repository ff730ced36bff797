"""Web: a page in a few sentences, or a company's site as a brochure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import gradio as gr

from ...errors import PellucidError, UsageError
from ...record.receipt import Receipt
from ...views.figures import status
from ...views.html.markdown import markdown
from ...views.html.markup import text as escaped
from ...web.addresses import parse_allowed
from ...web.asking import Asker
from ...web.brochures import AUDIENCES, TONES, Audience, Brief, Brochuring, Tone
from ...web.fetch import Access
from ...web.languages import NAMES
from ...web.sources import pages
from ...web.summaries import Summarizing, Wish
from ..desk import Desk
from .shared import follow, live, model_names, note, pane, problem, streaming

KINDS = ("Summary", "Brochure")
OWN = "the site's"
Said = tuple[str, str]
"""`text` and a piece of the Markdown, or `step` and a sentence about what is being done."""


def build(desk: Desk) -> None:
    with gr.Row(elem_classes="bench"):
        with gr.Column(scale=2, min_width=300):
            kind, url, company = _what()
            model, language = _by(desk)
            with gr.Row() as for_summary:
                words, style = _summary()
            with gr.Row(visible=False) as for_brochure:
                tone, audience, most = _brochure()
            allow = gr.Textbox(
                label="Sites of your own that may be read",
                placeholder="127.0.0.1:8000",
                info="Only public addresses are read; name any other as HOST:PORT.",
                elem_id="web-allow",
            )
            with gr.Row(elem_classes="actions"):
                go = gr.Button("Make it", variant="primary", elem_id="web-go", min_width=96)
                stop = gr.Button("Stop", interactive=False, min_width=72)
        with gr.Column(scale=4, min_width=320):
            result = gr.HTML(
                pane(note("The page is read, then told: nothing that is not on it.")),
                elem_id="web-result",
                elem_classes="result",
            )

    def fields(kind: str) -> list[dict[str, object]]:
        brochure = gr.update(visible=kind == KINDS[1])
        return [brochure, brochure, gr.update(visible=kind == KINDS[0])]

    live([kind.change], fields, [kind], [company, for_brochure, for_summary])
    asked = [kind, url, company, model, language, words, style, tone, audience, most, allow]
    streaming([go.click, url.submit], stop, partial(_make, desk), asked, [result])


def _what() -> tuple[gr.Radio, gr.Textbox, gr.Textbox]:
    return (
        gr.Radio(
            KINDS, value=KINDS[0], label="Make a", elem_classes="segments", elem_id="web-kind"
        ),
        gr.Textbox(label="Address", placeholder="https://example.com", elem_id="web-url"),
        gr.Textbox(label="Company", visible=False, elem_id="web-company"),
    )


def _by(desk: Desk) -> tuple[gr.Dropdown, gr.Dropdown]:
    with gr.Row():
        model = gr.Dropdown(
            model_names(desk),
            value=desk.model,
            allow_custom_value=True,
            label="Model",
            min_width=130,
        )
        names = [OWN, *NAMES.values()]
        return model, gr.Dropdown(names, value=OWN, label="Language", min_width=130)


def _summary() -> tuple[gr.Number, gr.Dropdown]:
    words = gr.Number(120, label="Words, about", minimum=10, precision=0, min_width=130)
    style = gr.Dropdown(
        ["points", "prose"], value="points", allow_custom_value=True, label="Manner", min_width=130
    )
    return words, style


def _brochure() -> tuple[gr.Dropdown, gr.Dropdown, gr.Number]:
    return (
        gr.Dropdown(list(TONES), value=TONES[0], label="Tone", min_width=100),
        gr.Dropdown(list(AUDIENCES), value=AUDIENCES[0], label="For", min_width=100),
        gr.Number(6, label="Pages, at most", minimum=1, precision=0, min_width=90),
    )


def _make(
    desk: Desk,
    kind: str,
    url: str,
    company: str,
    model: str,
    language: str,
    words: float,
    style: str,
    tone: Tone,
    audience: Audience,
    most: float,
    allow: str,
) -> Iterator[str]:
    """What the fields ask for, as it is written."""
    try:
        allowed = tuple(parse_allowed(host) for host in allow.replace(",", " ").split())
        access = Access(allowed, offline=desk.settings.offline)
        asker = Asker(lambda: desk.open(model), store=desk.store)
        code = next((code for code, name in NAMES.items() if name == language), "")
        if kind == KINDS[0]:
            wish = Wish(int(words), code, style)
            yield from written(lambda tell: summarize(address(url), asker, wish, access, tell))
        else:
            brief = Brief(tone, audience, code, int(most))
            site = address(url)
            yield from written(lambda tell: brochure(company, site, asker, brief, access, tell))
    except PellucidError as error:
        yield pane(problem(error))


def address(url: str) -> str:
    """What was typed as an address. A file of the machine that serves the page is none."""
    url = url.strip()
    if not url:
        raise UsageError("Type the address of a page, such as https://example.com.")
    return url if "://" in url else f"https://{url}"


Tell = Callable[[Said], None]


def summarize(url: str, asker: Asker, wish: Wish, access: Access, tell: Tell) -> None:
    tell(("step", f"reading {url}"))
    [page] = pages([url], access)
    if isinstance(page, PellucidError):
        raise page
    tell(("text", f"# {page.title or page.url}\n\n"))

    def part(done: int, parts: int) -> None:
        tell(("step", f"part {min(done + 1, parts)} of {parts}"))

    making = Summarizing(page, asker, wish, part)
    tell(("step", "the model reads"))
    for piece in making:
        tell(("text", piece))
    assert making.summary is not None
    tell(("text", f"\n\nSource: <{page.url}>"))
    _end(making.summary.notes, asker.receipts, tell)


def brochure(
    company: str, url: str, asker: Asker, brief: Brief, access: Access, tell: Tell
) -> None:
    making = Brochuring(company, url, asker, brief, access, lambda step: tell(("step", step)))
    for piece in making:
        tell(("text", piece))
    assert making.brochure is not None
    _end(making.brochure.notes, asker.receipts, tell)


def _end(notes: tuple[str, ...], receipts: list[Receipt], tell: Tell) -> None:
    for sentence in notes:
        tell(("note", sentence))
    if receipts:
        calls = f"{len(receipts)} call{'' if len(receipts) == 1 else 's'} to {receipts[0].model}"
        tell(("note", f"{calls}; the last: {', '.join(status(receipts[-1])[:2])}"))


def written(work: Callable[[Tell], None]) -> Iterator[str]:
    """The document as it grows, under what is being done."""
    document, step, notes = "", "", ""
    try:
        for found in follow(work):
            for kind, words in found:
                if kind == "text":
                    document += words
                elif kind == "step":
                    step = f'<p class="doing">{escaped(words)} …</p>'
                else:
                    notes += note(words)
            yield pane(step + markdown(document), "what is written")
        yield pane(markdown(document) + notes, "what is written")
    except PellucidError as error:
        yield pane(markdown(document) + problem(error))
