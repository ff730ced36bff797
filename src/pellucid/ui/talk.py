"""The left side: the conversation, what it is asked with, and where one writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from ..attachments import attachment
from ..errors import PellucidError, UsageError
from ..messages import Message, Options, Text
from . import conversation, glass
from .desk import Desk
from .session import Live, Session, Setup


class Talk:
    """The parts of the tab, and what happens to them."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        with gr.Row(elem_id="talk"):
            with gr.Column(scale=5, elem_id="left"):
                self._above()
                self.past = gr.HTML(elem_id="past")
                self.now = gr.HTML(elem_id="now")
                self.words = gr.MultimodalTextbox(
                    show_label=False,
                    label="Message",
                    placeholder="Say something",
                    file_count="multiple",
                    stop_btn=False,
                    lines=1,
                    max_lines=8,
                    autofocus=True,
                    elem_id="words",
                )
            with gr.Column(scale=6, elem_id="right"):
                self.glass = gr.HTML(elem_id="glass")
        self.action = gr.Textbox(elem_id="pellucid-action", visible="hidden", label="action")
        self.session = gr.State(None)
        self._wire()

    def _above(self) -> None:
        with gr.Row(elem_id="above"):
            self.model = gr.Dropdown(
                [self.desk.model],
                value=self.desk.model,
                label="Model",
                allow_custom_value=True,
                elem_id="model",
            )
        with gr.Accordion("Settings", open=False, elem_id="settings"):
            self.system = gr.Textbox(label="System message", lines=2)

    def _wire(self) -> None:
        asked = [self.session, self.model, self.system]
        shown = [self.past, self.now, self.glass]
        always: dict[str, Any] = {
            "show_progress": "hidden",
            "concurrency_limit": None,
            "trigger_mode": "multiple",
            "api_visibility": "private",
        }
        self.words.submit(
            self._say, [self.words, *asked], [self.words, self.session, *shown], **always
        )
        self.action.input(
            self._act, [self.action, *asked], [self.words, self.session, *shown], **always
        )

    # -- what happens

    def _say(
        self, words: dict[str, Any], session: Session | None, *asked: Any
    ) -> Iterator[tuple[Any, ...]]:
        session = session or Session(self.desk)
        message = _message(words)
        if message is None:
            yield (gr.skip(), session, *self._all(session))
            return
        yield from self._answer(
            session, lambda: session.say(message, _setup(*asked)), {"text": "", "files": []}
        )

    def _act(self, action: str, session: Session | None, *asked: Any) -> Iterator[tuple[Any, ...]]:
        session = session or Session(self.desk)
        wanted = json.loads(action)
        name, value = wanted["action"], wanted.get("value")
        setup = _setup(*asked)
        try:
            match name:
                case "open":
                    session = Session(self.desk, str(value)) if value else session
                case "stop":
                    session.stop()
                    return
                case "select":
                    session.selected = str(value)
                case "panel":
                    session.panel = str(value)
                    yield gr.skip(), session, gr.skip(), gr.skip(), glass.html(session)
                    return
                case "go":
                    session.go(str(value))
                case "fork":
                    session.fork(str(value))
                case "undo":
                    session.undo()
                case "retry":
                    yield from self._answer(session, lambda: session.retry(str(value), setup))
                    return
                case "alone":
                    yield from self._answer(session, lambda: session.alone(str(value), setup))
                    return
                case _:
                    raise UsageError(f"There is no action {name!r}.")
        except PellucidError as error:
            gr.Warning(str(error))
        yield (gr.skip(), session, *self._all(session))

    def _answer(
        self, session: Session, ask: Callable[[], Iterator[Live]], words: Any = None
    ) -> Iterator[tuple[Any, ...]]:
        """The turn as it is written; the glass is looked at when it is over."""
        past: Any = conversation.html(session, Live(Message("user", (Text(""),))))
        words = gr.skip() if words is None else words
        live = None
        try:
            for live in ask():
                yield words, session, past, conversation.live_html(live), gr.skip()
                past = words = gr.skip()
        except PellucidError as error:
            gr.Warning(str(error))
        now = conversation.live_html(live) if live is not None and live.error else ""
        yield gr.skip(), session, conversation.html(session), now, glass.html(session)

    def _all(self, session: Session) -> tuple[str, str, str]:
        return conversation.html(session), "", glass.html(session)


def _setup(model: str | None, system: str | None) -> Setup:
    return Setup(model or "local", (system or "").strip(), "full", Options())


def _message(words: dict[str, Any]) -> Message | None:
    """What was written and attached."""
    said = str(words.get("text") or "")
    files = tuple(attachment(path) for path in words.get("files") or ())
    return Message("user", (Text(said), *files)) if said.strip() or files else None
