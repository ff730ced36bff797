"""The tour: from text to reply in eight steps, on examples that the reader changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cached_property
from typing import Any

import gradio as gr

from ...errors import PellucidError
from ...models.base import Model
from ...models.tokenizers import open_tokenizer
from ...replies import TextDelta
from ...tokens.model import ModelTokenizer
from ...views.html.markup import text as escaped
from ..desk import Desk
from . import tour_steps as steps
from .shared import follow, has_file, live, note, on_opening, pane, problem

ABOUT = (
    (
        "Text is bytes",
        "What you type is a row of characters. Each has a number in Unicode, and is stored as one "
        "to four bytes. That is all a program has to begin with.",
    ),
    (
        "Bytes become tokens",
        "A model reads neither letters nor words but tokens: pieces that were frequent where its "
        "vocabulary was learned. Pairs are merged, the earliest learned first.",
    ),
    (
        "Tokens are numbers",
        "Each token has an id, and ids are all that goes into the model, and all that comes out. "
        "Change a number, and it is another text.",
    ),
    (
        "A template makes the prompt",
        "Roles are text, too. A chat template writes special tokens around every message, and "
        "opens the turn of the assistant at the end. Text that only looks like one stays text.",
    ),
    (
        "Each call begins from nothing",
        "The model remembers nothing. A conversation is an illusion: with every question the whole "
        "history is sent again, and read again.",
    ),
    (
        "One token at a time, drawn by chance",
        "For the next token the model gives every token of its vocabulary a probability. One is "
        "drawn, put at the end, and the next is asked for. The temperature makes the likely "
        "likelier, or less so.",
    ),
    (
        "Tools are text as well",
        "A tool's description stands in the prompt. The model answers with the words of a call; a "
        "program runs it, sends the result along, and the model is asked once more.",
    ),
    (
        "So a conversation costs its square",
        "Tokens are what is paid for. Since each turn sends all turns before it, twice as long a "
        "conversation costs about four times as much, but for what a cache still holds.",
    ),
)
"""The steps: a head, and what is told."""


def build(desk: Desk) -> None:
    tour = _Tour(desk)
    gr.HTML(
        pane(
            "<h2>How a model answers, in eight steps</h2>"
            "<p>Every figure is computed here, by the model's own vocabulary and the model itself. "
            "Change the examples.</p>"
        )
    )
    _text(tour)
    _tokens(tour)
    _ids(tour)
    _template(tour)
    _history(tour)
    _sampling(tour)
    _tools(tour)
    _cost(tour)
    tour.wire()


ALWAYS: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": None}


class _Tour:
    """What the steps share: the vocabulary, the model, and what is shown of what fields."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._made: list[tuple[Callable[..., str], list[Any], gr.HTML]] = []

    @cached_property
    def tokenizer(self) -> ModelTokenizer:
        desk = self._desk
        name = desk.model if has_file(desk) else "o200k_base"
        return open_tokenizer(name, desk.settings, desk.folders)

    @cached_property
    def model(self) -> Model:
        return self._desk.open(self._desk.model)

    def shows(self, show: Callable[..., str], *given: Any) -> None:
        """What the fields of a step become: live, and when the tab is opened."""

        def safe(*values: Any) -> str:
            try:
                return pane(show(*values))
            except PellucidError as error:
                return pane(problem(error))

        result = gr.HTML(elem_id=f"tour-{len(self._made) + 1}", elem_classes="result")
        live([each.change for each in given], safe, given, [result])
        self._made.append((safe, list(given), result))

    def wire(self) -> None:
        """Compute every step when the tab is opened, one after the other."""

        def open_all(*values: Any) -> Iterator[dict[gr.HTML, str]]:
            rest = iter(values)
            for show, given, result in self._made:
                yield {result: show(*(next(rest) for _ in given))}

        fields = [each for _, given, _ in self._made for each in given]
        on_opening(open_all, fields, [result for _, _, result in self._made])


def _text(tour: _Tour) -> None:
    with _Step(1) as right:
        words = gr.Textbox("Hé, how are you?", label="Text", elem_id="tour-text")
        with right:
            tour.shows(steps.text_step, words)


def _tokens(tour: _Tour) -> None:
    with _Step(2) as right:
        words = gr.Textbox("unbelievable tokenization", label="Text of step 2")
        with right:
            tour.shows(lambda words: steps.tokens_step(words, tour.tokenizer), words)


def _ids(tour: _Tour) -> None:
    with _Step(3) as right:
        ids = gr.Textbox("9707, 1879, 0", label="Ids", elem_id="tour-ids")
        with right:
            tour.shows(lambda ids: steps.ids_step(ids, tour.tokenizer), ids)


def _template(tour: _Tour) -> None:
    with _Step(4) as right:
        system = gr.Textbox("You are a helpful assistant.", label="System message of step 4")
        words = gr.Textbox("What is a <|im_end|>?", label="Message of step 4")
        with right:
            tour.shows(lambda s, w: steps.template_step(s, w, tour.model), system, words)


def _history(tour: _Tour) -> None:
    with _Step(5) as right:
        talk = gr.Textbox(
            "Hi, I am Ed.\nI like parrots.\nWhat is my name?",
            lines=3,
            label="What a person says, a line a turn",
        )
        both = gr.Button("Ask with and without the history", elem_id="tour-ask", min_width=96)
        with right:
            tour.shows(lambda talk: steps.history_step(talk.splitlines(), tour.model), talk)
            answers = gr.HTML(elem_id="tour-answers", elem_classes="result")
    both.click(lambda talk: (yield from _both(tour, talk)), talk, answers, **ALWAYS)


def _sampling(tour: _Tour) -> None:
    with _Step(6) as right:
        question = gr.Textbox("Is a parrot a bird? One word.", label="Question of step 6")
        ask = gr.Button("Ask for the first token", elem_id="tour-predict", min_width=96)
        heat = gr.Slider(0, 2, value=1, step=0.1, label="Temperature")
        found = gr.State(())
        with right:
            said = gr.HTML()
            tour.shows(steps.sampling_step, found, heat)
    ask.click(lambda words: (yield from _predict(tour, words)), question, [found, said], **ALWAYS)


def _tools(tour: _Tour) -> None:
    with _Step(7) as right:
        wish = gr.Textbox("How much is a ticket to Paris?", label="Question of step 7")
        run = gr.Button("Let the model call it", elem_id="tour-call", min_width=96)
        with right:
            tour.shows(lambda words: steps.tools_step(words, tour.model), wish)
            calls = gr.HTML(elem_id="tour-calls", elem_classes="result")
    run.click(lambda words: (yield from _call(tour, words)), wish, calls, **ALWAYS)


def _cost(tour: _Tour) -> None:
    with _Step(8) as right:
        turns = gr.Slider(1, 40, value=8, step=1, label="Turns")
        with gr.Row():
            asked = gr.Number(50, label="Tokens asked", minimum=0, precision=0, min_width=90)
            answered = gr.Number(200, label="Tokens answered", minimum=0, precision=0, min_width=90)
        priced = gr.Textbox("gpt-4.1-mini", label="Priced as")
        with right:
            tour.shows(steps.cost_step, turns, asked, answered, priced)


def _both(tour: _Tour, talk: str) -> Iterator[str]:
    """The last question with the history before it and without, as the replies grow."""
    lines = [line for line in talk.splitlines() if line.strip()]
    texts: dict[str, str] = {}

    def work(tell: Callable[[tuple[str, str]], None]) -> None:
        for name, chat in steps.both_ways(lines, tour.model):
            for line in lines[-1:] if name == steps.ALONE else lines:
                tell((name, ""))
                with closing(chat.stream(line).events()) as events:
                    for event in events:
                        if isinstance(event, TextDelta):
                            tell((name, event.text))

    yield pane(note("The model reads …"))
    try:
        for told in follow(work):
            for name, piece in told:
                texts[name] = texts.get(name, "") + piece if piece else ""
            yield pane(steps.replies(list(texts.items())), "replies")
    except PellucidError as error:
        yield pane(problem(error))


def _predict(tour: _Tour, words: str) -> Iterator[tuple[Any, str]]:
    """The candidates for the first token of a reply."""
    yield gr.skip(), pane(note("The model reads …"))
    try:
        yield steps.next_token(words, tour.model), ""
    except PellucidError as error:
        yield (), pane(problem(error))


def _call(tour: _Tour, words: str) -> Iterator[str]:
    """What came of a question to a model that has a tool."""
    yield pane(note("The model reads …"))
    try:
        chat = steps.tools_chat(tour.model)
        chat.say(words)
        yield pane(steps.called(chat.receipts), "calls")
    except PellucidError as error:
        yield pane(problem(error))


class _Step:
    """The section of a step: its words and fields; within it, the column of what they become."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __enter__(self) -> gr.Column:
        self._parts = ExitStack()
        head, words = ABOUT[self._number - 1]
        self._parts.enter_context(gr.Column(elem_classes="step"))
        self._parts.enter_context(gr.Row())
        left = gr.Column(scale=2, min_width=280)
        right = gr.Column(scale=3, min_width=320)
        self._parts.enter_context(left)
        gr.HTML(
            pane(f"<h3><span>{self._number}</span> {escaped(head)}</h3><p>{escaped(words)}</p>")
        )
        return right

    def __exit__(self, *error: object) -> None:
        self._parts.close()
