"""Duel: two or three models, each with a persona, talk with one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import gradio as gr

from ...assistants.duel import OPENINGS, Duel, Speaker, personas
from ...errors import PellucidError, UsageError
from ...messages import Options
from ...replies import TextDelta
from ...views.figures import status
from ...views.html.markup import text as escaped
from ..desk import Desk
from .shared import follow, model_names, note, pane, problem, streaming

NOBODY = "nobody"
SEATS = ("argumentative", "polite", NOBODY)
"""Who sits where at first."""
MOST_TURNS = 12


def build(desk: Desk) -> None:
    def talk(opening: str, turns: float, most: float, *seats: str) -> Iterator[str]:
        try:
            yield from conversation(desk, opening, int(turns), int(most), seats)
        except PellucidError as error:
            yield pane(problem(error))

    ready = list(personas())
    seats: list[gr.Dropdown] = []
    with gr.Row(elem_classes="bench"):
        with gr.Column(scale=2, min_width=300):
            for n, who in enumerate(SEATS, start=1):
                with gr.Row(elem_classes="seat"):
                    seats.append(
                        gr.Dropdown(
                            ready if n < 3 else [NOBODY, *ready],
                            value=who,
                            allow_custom_value=True,
                            label=f"Speaker {n}",
                            min_width=130,
                            elem_id=f"duel-persona-{n}",
                        )
                    )
                    seats.append(
                        gr.Dropdown(
                            model_names(desk),
                            value=desk.model,
                            allow_custom_value=True,
                            label=f"Model of speaker {n}",
                            min_width=130,
                        )
                    )
            opening = gr.Textbox(OPENINGS[0], label="First words", elem_id="duel-opening")
            turns = gr.Slider(1, MOST_TURNS, value=3, step=1, label="Replies of each")
            most = gr.Number(80, label="Most tokens of a reply", minimum=1, precision=0)
            with gr.Row(elem_classes="actions"):
                go = gr.Button("Start", variant="primary", elem_id="duel-go", min_width=96)
                stop = gr.Button("Stop", interactive=False, min_width=72)
        with gr.Column(scale=4, min_width=320):
            result = gr.HTML(
                pane(
                    note(
                        "Each model sees its own words as the assistant's and the others' as the "
                        "user's: the same stateless call as ever. A persona is a ready-made name "
                        "or a system message of your own."
                    )
                ),
                elem_id="duel-result",
                elem_classes="result",
                autoscroll=True,
            )
    streaming([go.click], stop, talk, [opening, turns, most, *seats], [result])


def conversation(
    desk: Desk, opening: str, turns: int, most: int, seats: tuple[str, ...]
) -> Iterator[str]:
    """The talk as it grows. `seats` alternate personas and models."""
    if not opening.strip():
        raise UsageError("Somebody has to begin: write the first words.")
    who = [(p, m) for p, m in zip(seats[::2], seats[1::2], strict=True) if p and p != NOBODY]
    ready = personas()
    duels: list[Duel] = []

    def work(tell: Callable[[str | None], None]) -> None:
        speakers = []
        for n, (persona, model) in enumerate(who, start=1):
            name = persona.capitalize() if persona in ready else f"Speaker {n}"
            words = ready.get(persona, persona)
            speakers.append(Speaker(name, desk.open(model), words))
        duel = Duel(
            speakers, openings=(opening,), options=Options(max_tokens=most), store=desk.store
        )
        duels.append(duel)
        for _ in range(turns * len(speakers)):
            tell(None)  # the next one speaks
            with closing(duel.turn()) as events:
                for event in events:
                    if isinstance(event, TextDelta):
                        tell(event.text)

    yield pane(note("Opening the models …"), "the talk")
    growing = ""
    try:
        for pieces in follow(work):
            for piece in pieces:
                growing = "" if piece is None else growing + piece
            yield pane(transcript(duels[0], growing), "the talk")
    except PellucidError as error:
        said = transcript(duels[0], growing) if duels else ""
        yield pane(said + problem(error), "the talk")
    else:
        yield pane(transcript(duels[0], ""), "the talk")


def transcript(duel: Duel, growing: str) -> str:
    """What was said; `growing` is what the next speaker is saying."""
    lines = [(line.speaker, line.text) for line in duel.lines]
    said = len(lines) - len(duel.receipts)  # first words: no model was asked for them
    if growing:
        lines.append(((lines[-1][0] + 1) % len(duel.speakers), growing))
    rows = []
    for n, (number, words) in enumerate(lines):
        speaker = duel.speakers[number]
        receipt = duel.receipts[n - said] if 0 <= n - said < len(duel.receipts) else None
        figures = " · ".join(status(receipt)[:2]) if receipt else "said" if n < said else "writing"
        rows.append(
            f'<li><div class="who o{(3, 4, 1)[number]}"><span>{escaped(speaker.name)}</span>'
            f"<small>{figures}</small></div>"
            f'<div class="said" dir="auto"><p>{escaped(words)}</p></div></li>'
        )
    return f'<ol class="said-list">{"".join(rows)}</ol>'
