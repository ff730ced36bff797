"""Compare: one question to several models, or to one at several temperatures, side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import gradio as gr

from ...chat import Chat
from ...errors import PellucidError, UsageError
from ...evaluate.comparison import Answered, Comparison, Step
from ...messages import Options
from ...models import catalog
from ...replies import TextDelta
from ...views import figures
from ...views.html.comparisons import comparison as table
from ...views.html.markdown import markdown
from ...views.html.markup import text as escaped
from ..desk import Desk
from .shared import follow, model_names, note, pane, problem, streaming

WAITING, WRITING, STOPPED = "waiting", "writing …", "stopped"
PATIENCE = 5.0
"""Seconds for what was stopped to end, so that its figures are known."""


def build(desk: Desk) -> None:
    def compare(
        question: str, chosen: list[str], heats: str, system: str, most: float
    ) -> Iterator[tuple[Board | None, str]]:
        board = None
        try:
            board = Board(desk, question, chosen, heats, system, int(most))
            for words in board.grow():
                yield board, words
        except PellucidError as error:
            yield board, pane(problem(error))

    with gr.Row(elem_classes="bench"):
        with gr.Column(scale=2, min_width=300):
            question = gr.Textbox(
                "Explain what a token is, in two sentences.",
                label="Question",
                lines=3,
                elem_id="compare-question",
            )
            chosen = gr.Dropdown(
                model_names(desk),
                value=two(desk),
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
    board = gr.State(None)
    streaming([go.click, question.submit], stop, compare, asked, [board, result])
    stop.click(lambda board: board.stopped() if board else gr.skip(), board, result, queue=False)


def two(desk: Desk) -> list[str]:
    """The page's own model and another that can answer at once, if there is one."""
    rows = catalog.listing(desk.settings, desk.folders)
    ready = [row.name for row in rows if row.ready]
    return list(dict.fromkeys([desk.model, *desk.given, *ready]))[:2]


class Board:
    """One comparison. What stands in it can be drawn at any time, by whoever stopped it too."""

    def __init__(
        self, desk: Desk, question: str, chosen: list[str], heats: str, system: str, most: int
    ) -> None:
        if not question.strip():
            raise UsageError("Nothing was asked yet.")
        if not chosen:
            raise UsageError("There is nothing to compare: choose at least one model.")
        self._desk, self._question, self._chosen = desk, question, chosen
        self._system, self._most = system, most
        self._heats = parse_heats(heats)
        self._names = [n if t is None else f"{n} at {t:g}" for n in chosen for t in self._heats]
        self._texts = [""] * len(self._names)
        self._states = [WAITING] * len(self._names)
        self._comparison: Comparison | None = None
        self._over = threading.Event()

    def grow(self) -> Iterator[str]:
        """The answers as they grow, and their figures at the end."""
        said = ""
        for steps in follow(self._work):
            for step in steps:
                if isinstance(step, str):
                    said = step
                elif isinstance(step, Answered):
                    self._states[step.index] = str(step.error or self._figures(step.index))
                elif isinstance(step[1], TextDelta):
                    self._texts[step[0]] += step[1].text
                    self._states[step[0]], said = WRITING, ""
            yield pane((note(said) if said else "") + self._columns(), "answers")
        yield pane(self._columns() + self._table(), "answers")

    def stopped(self) -> str:
        """What came before it was stopped, with the figures of what was asked."""
        self._over.wait(PATIENCE)
        self._states = [STOPPED if s in (WAITING, WRITING) else s for s in self._states]
        return pane(self._columns() + self._table(), "answers")

    def _work(self, tell: Callable[[Step | str], None]) -> None:
        try:
            chats = []
            for name in self._chosen:
                tell(f"Opening {name} …")
                model = self._desk.open(name, say=tell)
                for heat in self._heats:
                    options = Options(max_tokens=self._most, temperature=heat)
                    system, store = self._system or None, self._desk.store
                    chats.append(Chat(model, system=system, options=options, store=store))
            self._comparison = Comparison(self._question, chats)
            with closing(self._comparison.steps()) as steps:
                for step in steps:
                    tell(step)
        finally:
            self._over.set()

    def _figures(self, index: int) -> str:
        assert self._comparison is not None
        receipt = self._comparison.receipts[index]
        if receipt is None:
            return "done"
        return f"{figures.seconds(receipt.timings.total)}, cost {figures.cost(receipt)}"

    def _table(self) -> str:
        receipts = self._comparison.receipts if self._comparison else []
        asked = [
            (name, receipt)
            for name, receipt, state in zip(self._names, receipts, self._states, strict=False)
            if receipt is not None or state != STOPPED
        ]
        return table([name for name, _ in asked], [each for _, each in asked]) if asked else ""

    def _columns(self) -> str:
        body = "".join(
            f"<section><h3>{escaped(name)} <small>{escaped(state)}</small></h3>"
            f"{markdown(text)}</section>"
            for name, text, state in zip(self._names, self._texts, self._states, strict=True)
        )
        return f'<div class="beside said">{body}</div>'


def parse_heats(words: str) -> list[float | None]:
    """Temperatures as written, commas between them; none: each model's own."""
    try:
        return [float(word) for word in words.replace(",", " ").split()] or [None]
    except ValueError:
        raise UsageError(f"Temperatures are numbers: 0, 0.7, not {words.strip()}.") from None
