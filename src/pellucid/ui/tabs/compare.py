"""Compare: one question to several models, or to one at several temperatures, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gradio as gr

from ...chat import Chat
from ...errors import PellucidError, UsageError
from ...evaluate.comparison import Answered, Comparison, Step
from ...messages import Options
from ...replies import TextDelta
from ...views.html.comparisons import comparison as table
from ...views.html.markdown import markdown
from ...views.html.markup import text as escaped
from ..desk import Desk
from .shared import follow, model_names, note, pane, problem, streaming


def build(desk: Desk) -> None:
    def compare(
        question: str, chosen: list[str], heats: str, system: str, most: float
    ) -> Iterator[str]:
        try:
            yield from board(desk, question, chosen, heats, system, int(most))
        except PellucidError as error:
            yield pane(problem(error))

    with gr.Row(elem_classes="bench"):
        with gr.Column(scale=2, min_width=300):
            question = gr.Textbox(
                "Explain what a token is, in two sentences.",
                label="Question",
                lines=3,
                elem_id="compare-question",
            )
            names = model_names(desk)
            chosen = gr.Dropdown(
                names,
                value=names[:2],
                multiselect=True,
                allow_custom_value=True,
                label="Models",
                info="Models on this machine take turns; hosts answer at the same time.",
                elem_id="compare-models",
            )
            heats = gr.Textbox(
                label="Temperatures", placeholder="0, 0.7: every model at each of them"
            )
            system = gr.Textbox(label="System message", placeholder="none")
            most = gr.Number(200, label="Most tokens of a reply", minimum=1, precision=0)
            with gr.Row(elem_classes="actions"):
                go = gr.Button("Compare", variant="primary", elem_id="compare-go", min_width=96)
                stop = gr.Button("Stop", interactive=False, min_width=72)
        with gr.Column(scale=5, min_width=320):
            result = gr.HTML(
                pane(note("Answers grow here beside one another, with what each took and cost.")),
                elem_id="compare-result",
                elem_classes="result",
            )
    asked = [question, chosen, heats, system, most]
    streaming([go.click, question.submit], stop, compare, asked, [result])


def board(
    desk: Desk, question: str, chosen: list[str], heats: str, system: str, most: int
) -> Iterator[str]:
    """The answers as they grow, and their figures at the end."""
    if not question.strip():
        raise UsageError("Nothing was asked yet.")
    if not chosen:
        raise UsageError("There is nothing to compare: choose at least one model.")
    temperatures = parse_heats(heats)
    names = [n if t is None else f"{n} at {t:g}" for n in chosen for t in temperatures]
    texts = [""] * len(names)
    states = ["waiting"] * len(names)
    found: list[Comparison] = []

    def work(tell: Callable[[Step | str], None]) -> None:
        chats = []
        for name in chosen:
            tell(f"Opening {name} …")
            model = desk.open(name, say=tell)
            for heat in temperatures:
                options = Options(max_tokens=most, temperature=heat)
                chats.append(Chat(model, system=system or None, options=options, store=desk.store))
        found.append(Comparison(question, chats))
        for step in found[0].steps():
            tell(step)

    said = ""
    for steps in follow(work):
        for step in steps:
            if isinstance(step, str):
                said = step
            elif isinstance(step, Answered):
                states[step.index] = str(step.error or "done")
            elif isinstance(step[1], TextDelta):
                texts[step[0]] += step[1].text
                states[step[0]], said = "writing …", ""
        yield pane((note(said) if said else "") + columns(names, texts, states), "answers")
    figures = table(names, found[0].receipts)
    yield pane(columns(names, texts, states) + figures, "answers")


def columns(names: list[str], texts: list[str], states: list[str]) -> str:
    body = "".join(
        f"<section><h3>{escaped(name)} <small>{escaped(state)}</small></h3>"
        f"{markdown(text)}</section>"
        for name, text, state in zip(names, texts, states, strict=True)
    )
    return f'<div class="beside said">{body}</div>'


def parse_heats(words: str) -> list[float | None]:
    """Temperatures as written, commas between them; none: each model's own."""
    try:
        return [float(word) for word in words.replace(",", " ").split()] or [None]
    except ValueError:
        raise UsageError(f"Temperatures are numbers: 0, 0.7, not {words.strip()}.") from None
