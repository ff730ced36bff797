"""Receipts: every call that was made, to search, to open, and to lay beside another."""

from __future__ import annotations

import time

import gradio as gr

from ...errors import PellucidError, UnknownModel
from ...models import catalog
from ...record.divergence import divergence
from ...record.receipt import Receipt, Summary
from ...record.store import Store
from ...views import figures
from ...views.glass import PANELS, Glass
from ...views.html.comparisons import divergence as parting
from ..desk import Desk
from .shared import live, model_names, note, on_opening, pane, problem

AGES = {"any time": None, "an hour": 3600, "a day": 86400, "a week": 7 * 86400}
MOST = 50
"""Receipts listed at once."""
DIFF = "Diff"
OFF = "No receipts are kept: the setting `log` is off."


def build(desk: Desk) -> None:
    def find(text: str, model: str | None, app: str, age: str) -> tuple[gr.Radio, gr.Dropdown, str]:
        try:
            found = listed(desk.store, text, model, app, age)
        except PellucidError as error:
            return gr.Radio(choices=[]), gr.Dropdown(choices=[]), pane(problem(error))
        choices = [(line(each), each.id) for each in found]
        words = (
            f"The newest {MOST}."
            if len(found) == MOST
            else f"{len(found)} receipt{'' if len(found) == 1 else 's'}."
        )
        if desk.store is None:
            words = OFF
        return (
            gr.Radio(choices=choices, value=None),
            gr.Dropdown(choices=choices, value=None),
            pane(note(words), "found"),
        )

    def look(id: str | None, panel: str, other: str | None) -> str:
        try:
            return opened(desk.store, id, panel, other)
        except PellucidError as error:
            return pane(problem(error))

    with gr.Row(elem_classes="bench"):
        with gr.Column(scale=3, min_width=320):
            filters = text, model, app, age = _filters(desk)
            count = gr.HTML()
            chosen = gr.Radio([], label="Receipts", elem_classes="lines", elem_id="receipts-list")
        with gr.Column(scale=4, min_width=320):
            panel, other, result = _opened()
    found = [chosen, other, count]
    live([text.change, model.change, app.change, age.change], find, filters, found)
    live([chosen.change, panel.change, other.change], look, [chosen, panel, other], [result])
    live([panel.change], lambda panel: gr.Dropdown(visible=panel == DIFF), [panel], [other])
    on_opening(find, filters, found)


def _filters(desk: Desk) -> tuple[gr.Textbox, gr.Dropdown, gr.Textbox, gr.Dropdown]:
    """Words, model, program and age."""
    text = gr.Textbox(label="Words", placeholder="search what was said", elem_id="find")
    with gr.Row():
        model = gr.Dropdown(
            [("any", ""), *((each, each) for each in model_names(desk))],
            value="",
            allow_custom_value=True,
            label="Model",
            min_width=110,
        )
        app = gr.Textbox(label="Program", placeholder="any", min_width=90)
        age = gr.Dropdown(list(AGES), value="any time", label="Within", min_width=90)
    return text, model, app, age


def _opened() -> tuple[gr.Radio, gr.Dropdown, gr.HTML]:
    """What to show of the chosen one, another beside it, and what is shown."""
    with gr.Row():
        panel = gr.Radio(
            [*((panel.title, panel.key) for panel in PANELS), DIFF],
            value=PANELS[0].key,
            label="Show",
            elem_classes="segments",
            elem_id="receipts-panel",
        )
        other = gr.Dropdown([], label="An earlier one beside it", visible=False)
    result = gr.HTML(
        pane(note("Choose a receipt to see through it.")),
        elem_id="receipts-result",
        elem_classes="result",
    )
    return panel, other, result


def listed(
    store: Store | None, text: str, model: str | None, app: str, age: str
) -> tuple[Summary, ...]:
    if store is None:
        return ()
    seconds = AGES[age]
    return store.list(
        MOST,
        text=text.strip() or None,
        model=_title(model),
        app=app.strip() or None,
        since=None if seconds is None else time.time() - seconds,
    )


def _title(model: str | None) -> str | None:
    """The name that receipts have for what a user calls this model."""
    try:
        return catalog.title(model) if model else None
    except UnknownModel:
        return model


def line(summary: Summary) -> str:
    """A receipt in one line: when, who, what was asked, how many tokens."""
    asked = " ".join(figures.asked(summary, "(no question)").split())
    asked = asked if len(asked) <= 60 else f"{asked[:59]}…"
    counts = zip(figures.tokens(summary), ("in", "out"), strict=True)
    ends = [f"{count} {way}" for count, way in counts if count]
    ends += [summary.finish] if summary.finish != "stop" else []
    told = f"{figures.when(summary.created)[5:16]} · {asked} · {summary.model}"
    return f"{told} · {', '.join(ends)}" if ends else told


def opened(store: Store | None, id: str | None, panel: str, other: str | None) -> str:
    """One panel of a receipt, or where its prompt parts from another's."""
    if store is None or not id:
        return pane(note("Choose a receipt to see through it."))
    receipt = store.get(id)
    if panel == DIFF:
        if not other:
            return pane(note("Choose the earlier receipt."))
        first, second = sorted((receipt, store.get(other)), key=lambda each: each.id)
        return pane(parting(divergence(first, second), first, second))
    earlier = _earlier(store, receipt)
    return next(each for each in PANELS if each.key == panel).html(Glass(receipt, earlier))


def _earlier(store: Store, receipt: Receipt) -> tuple[Receipt, ...]:
    return tuple(r for r in store.conversation(receipt.conversation) if r.id < receipt.id)
