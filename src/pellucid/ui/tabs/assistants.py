"""Assistants: tutor, shop, airline. A tool that acts on the world runs when a button allows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from ...assistants.assistant import ready_made
from ...errors import PellucidError
from ...views.figures import status
from ...views.html.markdown import markdown
from ...views.html.markup import text as escaped
from ..desk import Desk
from .shared import model_names, note, on_opening, pane, problem, streaming
from .visit import Approval, Visit


def build(desk: Desk) -> None:
    names = sorted(ready_made(), key=lambda name: name != "airline")
    visit = gr.State(None)
    with gr.Row(elem_classes="bench"):
        with gr.Column(scale=1, min_width=240):
            name = gr.Radio(
                names,
                value=names[0],
                label="Assistant",
                elem_classes="segments",
                elem_id="assistants-name",
            )
            about = gr.HTML(elem_id="assistants-about")
            model = gr.Dropdown(
                model_names(desk), value=desk.model, allow_custom_value=True, label="Model"
            )
            again = gr.Button("Begin again", min_width=96)
        with gr.Column(scale=4, min_width=320):
            result = gr.HTML(elem_id="assistants-result", elem_classes="result", autoscroll=True)
            with gr.Row(visible=False, elem_id="assistants-approval") as bar:
                asks = gr.HTML(elem_id="assistants-asks")
                yes = gr.Button("Approve", variant="primary", min_width=96)
                no = gr.Button("Refuse", min_width=96)
            with gr.Row(elem_classes="say"):
                words = gr.Textbox(
                    show_label=False,
                    label="Message to the assistant",
                    placeholder="Say something",
                    lines=1,
                    scale=6,
                    elem_id="assistants-words",
                )
                go = gr.Button("Send", variant="primary", scale=0, min_width=72)
                stop = gr.Button("Stop", interactive=False, scale=0, min_width=72)
    new = [visit, result, about, bar]
    on_opening(
        lambda name, visit: begin(name) if visit is None else (gr.skip(),) * len(new),
        [name, visit],
        new,
    )
    gr.on([name.input, again.click, model.change], begin, name, new, show_progress="hidden")
    streaming(
        [words.submit, go.click],
        stop,
        lambda line, model, name, visit: (yield from say(desk, line, model, name, visit)),
        [words, model, name, visit],
        [words, visit, result, asks, bar],
    )
    for button, approved in ((yes, True), (no, False)):
        button.click(
            lambda visit, approved=approved: answer(visit, approved),
            visit,
            bar,
            show_progress="hidden",
            queue=False,
        )
    stop.click(lambda: gr.Row(visible=False), None, bar, queue=False, show_progress="hidden")


def begin(name: str) -> tuple[Visit, str, str, gr.Row]:
    visit = Visit(name)
    return visit, shown(visit), pane(note(visit.assistant.about)), gr.Row(visible=False)


def say(
    desk: Desk, line: str, model: str, name: str, visit: Visit | None
) -> Iterator[tuple[Any, ...]]:
    """What the page shows, step by step: the field, the visit, the words, the question, its bar."""
    visit = visit or Visit(name)
    asked: Approval | None = None
    field: Any = ""  # emptied once: the next message may be written during the answer
    try:
        for growing in visit.say(desk, model, line):
            bar: Any = gr.skip()
            if visit.approval is not asked:
                asked = visit.approval
                bar = gr.Row(visible=asked is not None)
            words = pane(question(asked), "asks") if asked else gr.skip()
            yield field, visit, shown(visit, growing or "…"), words, bar
            field = gr.skip()
        figures = " · ".join(status(visit.chat.receipts[-1])) if visit.chat else ""
        yield gr.skip(), visit, shown(visit, figures=figures), gr.skip(), gr.Row(visible=False)
    except PellucidError as error:
        said = shown(visit) + pane(problem(error))
        yield gr.skip(), visit, said, gr.skip(), gr.Row(visible=False)


def answer(visit: Visit | None, approved: bool) -> gr.Row:
    if visit is not None and visit.approval is not None:
        visit.approval.answer(approved)
    return gr.Row(visible=False)


def shown(visit: Visit, growing: str = "", figures: str = "") -> str:
    """What was said, the opening words first; `growing` is being written."""
    rows = [("assistant", markdown(visit.assistant.opening)), *visit.rows]
    if growing:
        rows.append(("assistant", markdown(growing)))
    kinds = {"user": "o3", "assistant": "o4", "tool": "o6"}
    body = "".join(
        f'<li><div class="who {kinds[who]}"><span>{who}</span></div>'
        f'<div class="said" dir="auto">{html}</div></li>'
        for who, html in rows
    )
    return pane(f'<ol class="said-list">{body}</ol>{note(figures) if figures else ""}', "replies")


def question(approval: Approval) -> str:
    return (
        f"<p><strong>May it?</strong> The assistant asks to run <code>{escaped(approval.words)}"
        "</code>, which changes something outside the conversation.</p>"
    )
