"""The left side: the conversation, what it is asked with, and where one writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import PellucidError, UsageError
from ..messages import text_message
from . import conversation, glass, papers, picker
from .asked import NUMBERS, action_of, message_of, setup_of
from .desk import Desk
from .live import Live, visible
from .session import OPENING, SHOWN, Session, Setup

MEMORIES = (
    ("everything", "full"),
    ("this turn alone", "none"),
    ("the last 4 turns", "last:4"),
    ("what fits", "fit"),
)
ALWAYS: dict[str, Any] = {
    "show_progress": "hidden",
    "concurrency_limit": None,
    "trigger_mode": "multiple",
    "api_visibility": "private",
}
"""How every event is wired: nothing of a tab waits for another's."""
BAR = (
    '<div class="bar">'
    '<button type="button" data-pellucid="new" title="a new conversation (n)">New</button>'
    '<button type="button" data-pellucid="fold" data-value=\'"library"\' aria-expanded="false" '
    'title="the kept conversations (l)">Conversations</button>'
    '<button type="button" data-pellucid="fold" data-value=\'"settings"\' aria-expanded="false" '
    'title="system message, sampling, memory (s)">Settings</button>'
    '<button type="button" data-pellucid="keys" title="the keys of this page (?)" '
    'aria-label="the keys of this page">?</button></div>'
)
KEPT = "() => sessionStorage.getItem('pellucid-conversation') || ''"
"""What the tab of a browser remembers: the id of its conversation."""
Shown = dict[Any, Any]
"""Parts of the page, and what they show now."""


class Talk:
    """The chat's tab: its parts, and what happens to them. One for each server; the sessions of
    the tabs of browsers are told apart by the hash Gradio gives each."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.sessions: dict[str, Session] = {}
        self.searched: dict[str, str] = {}
        with gr.Row(elem_id="talk"):
            with gr.Column(scale=6, min_width=300, elem_id="left"):
                self._above()
                with gr.Column(elem_id="scroll"):
                    self.past = gr.HTML(elem_id="past")
                    self.now = gr.HTML(elem_id="now")
                self._below()
            with gr.Column(scale=7, min_width=300, elem_id="right"):
                self.glass = gr.HTML(elem_id="glass")
        self.action = gr.Textbox(elem_id="pellucid-action", visible="hidden", label="action")
        self.look = gr.Textbox(elem_id="pellucid-look", visible="hidden", label="look")

    def _above(self) -> None:
        name = self.desk.model
        with gr.Row(elem_id="above"):
            self.model = gr.Dropdown(
                [(picker.label(name), name)],
                value=name,
                label="Model",
                allow_custom_value=True,
                container=False,
                elem_id="model",
                scale=3,
            )
            gr.HTML(BAR, elem_id="bar")
        self.needs = gr.HTML(elem_id="needs")
        with gr.Column(elem_id="settings", elem_classes="drawer"):
            self.system = gr.Textbox(
                label="System message", lines=2, placeholder="none", elem_id="system"
            )
            with gr.Row():
                self.numbers = [
                    gr.Textbox(
                        label=name.replace("_", " "),
                        placeholder="auto",
                        max_lines=1,
                        min_width=90,
                        elem_id=f"option-{name}",
                    )
                    for name in NUMBERS
                ]
                self.memory = gr.Dropdown(
                    list(MEMORIES),
                    value=self.desk.settings.memory,
                    label="history sent",
                    allow_custom_value=True,
                    min_width=150,
                    elem_id="memory",
                )
        with gr.Column(elem_id="library", elem_classes="drawer"):
            with gr.Row():
                self.search = gr.Textbox(
                    show_label=False,
                    label="Search conversations",
                    placeholder="search what was said",
                    container=False,
                    elem_id="search",
                )
                self.upload = gr.UploadButton(
                    "Import", file_types=[".json", ".md"], size="sm", elem_id="import", scale=0
                )
                gr.HTML(
                    '<div class="bar"><a class="export" data-kind="json" href="#">JSON</a>'
                    '<a class="export" data-kind="md" href="#">Markdown</a></div>',
                    elem_id="export",
                )
            self.shelf = gr.HTML(elem_id="shelf")

    def _below(self) -> None:
        with gr.Column(elem_id="below"):
            self.words = gr.MultimodalTextbox(
                value={"text": "", "files": []},
                show_label=False,
                label="Message",
                placeholder="Say something",
                file_count="multiple",
                lines=1,
                max_lines=8,
                autofocus=True,
                container=False,
                elem_id="words",
            )
            with gr.Row(elem_id="under"):
                self.also = gr.Checkbox(
                    label="ask also without history", container=False, elem_id="also"
                )
                self.status = gr.HTML(elem_id="status")

    def wire(self, blocks: gr.Blocks) -> None:
        """Say what happens; called once everything is there."""
        asked = [self.model, self.system, self.memory, *self.numbers]
        shown = [self.past, self.now, self.glass, self.words, self.status, self.shelf]
        shown += [self.model, self.system, self.memory, self.needs]
        self.words.submit(self._say, [self.words, self.also, *asked], shown, **ALWAYS)
        self.action.change(self._act, [self.action, *asked], shown, **ALWAYS)
        self.look.change(self._look, [self.look], shown, queue=False, **ALWAYS)
        self.upload.upload(self._import, [self.upload], shown, **ALWAYS)
        self.model.change(
            lambda name: picker.needs(self.desk, name or ""), self.model, self.needs, **ALWAYS
        )
        load = {name: kept for name, kept in ALWAYS.items() if name != "trigger_mode"}
        always_last = {**ALWAYS, "trigger_mode": "always_last"}
        blocks.load(self._open, [self.action], shown, js=KEPT, **load)
        blocks.unload(self._leave)
        self.search.change(self._search, [self.search], [self.shelf], **always_last)

    # -- the tabs of browsers

    def _session(self, request: gr.Request) -> Session:
        key = str(request.session_hash)
        if key not in self.sessions:
            self.sessions[key] = Session(self.desk)
        return self.sessions[key]

    def _leave(self, request: gr.Request) -> None:
        """A tab was closed: what it waited for ends, and what came of it is kept."""
        self.searched.pop(str(request.session_hash), None)
        session = self.sessions.pop(str(request.session_hash), None)
        if session is not None:
            session.stop()

    # -- what happens

    @property
    def _nothing(self) -> Shown:
        """Gradio empties what an event without a result would have changed."""
        return {self.status: gr.skip()}

    def _open(self, id: str | None, request: gr.Request) -> Shown:
        return self._other("open", id, self._session(request), request)

    def _say(
        self, request: gr.Request, words: dict[str, Any], also: bool, *asked: Any
    ) -> Iterator[Shown]:
        session = self._session(request)
        try:
            message = message_of(words)
            if message is None:
                yield self._nothing
                return
            setup = setup_of(*asked)
            yield from self._answer(session, lambda: session.say(message, setup), words)
            head = session.head
            if also and head is not None and len(session.steps()) > 1 and setup.memory != "none":
                yield from self._answer(session, lambda: session.alone(head, setup))
        except PellucidError as error:
            gr.Warning(str(error), duration=None)
            yield self._nothing

    def _act(self, request: gr.Request, action: str, *asked: Any) -> Iterator[Shown]:
        """What a button asks of the model."""
        session = self._session(request)
        try:
            name, value = action_of(action)
            if name not in TURNS:
                raise UsageError(f"The model cannot be asked to {name!r}.")
            setup = setup_of(*asked)
            yield from self._answer(session, lambda: TURNS[name](session, value, setup))
        except PellucidError as error:
            gr.Warning(str(error), duration=None)
            yield self._nothing

    def _look(self, request: gr.Request, action: str) -> Shown:
        """What a button does without the model: it waits for no turn, and is answered at once."""
        session = self._session(request)
        try:
            name, value = action_of(action)
            if name in MOVES:
                MOVES[name](session, value)
                return {self.past: conversation.html(session), self.glass: glass.html(session)}
            return self._other(name, value, session, request)
        except PellucidError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def _other(self, name: str, value: Any, session: Session, request: gr.Request) -> Shown:
        match name:
            case "panel":
                session.panel = str(value)
                return {self.glass: glass.html(session)}
            case "stop":
                session.stop()
                return self._nothing
            case "library":
                return {self.shelf: self._shelf(request)}
            case "undo":
                said = session.undo()
                text = visible(said) if said else ""
                shown = self._all(session)
                shown[self.words] = {"text": text, "files": []}
                return shown
            case "new" | "open":
                session.stop()
                opened = Session(self.desk, str(value or ""))
                self.sessions[str(request.session_hash)] = opened
                return {**self._all(opened), **self._asked(opened)}
        raise UsageError(f"There is no action {name!r}.")

    def _answer(
        self, session: Session, ask: Callable[[], Iterator[Live]], words: Any = None
    ) -> Iterator[Shown]:
        """The turn as it is written; the glass is looked at when it is over."""
        live, head = None, session.head
        session.editing = None
        for live in ask():
            if session.live is None:  # it is over
                break
            shown: Shown = {
                self.now: conversation.live_html(live),
                self.status: status(live),
            }
            if not live.text and live.doing == OPENING:
                shown[self.past] = conversation.html(session)
                if words is not None:
                    shown[self.words] = {"text": "", "files": []}
            yield shown
        if live is None:
            return
        shown = self._all(session)
        if live.error and session.head == head:
            shown[self.now] = conversation.live_html(live)
            if words is not None:
                shown[self.words] = words
        shown[self.status] = status(live, over=True)
        yield shown

    def _all(self, session: Session) -> Shown:
        return {
            self.past: conversation.html(session),
            self.now: "",
            self.status: "",
            self.glass: glass.html(session),
        }

    def _asked(self, session: Session) -> Shown:
        """The model and the system message of a conversation that is opened."""
        found = picker.choices(self.desk)
        shown: Shown = {}
        model = self.desk.model
        if session.head is not None:
            receipt = session.receipts[session.head]
            if receipt.model in [name for _, name in found] or ":" in receipt.model:
                model = receipt.model
            system = [m.text for m in receipt.request.messages if m.role == "system"]
            shown[self.system] = "".join(system)
        if model not in [name for _, name in found]:
            found.insert(0, (picker.label(model), model))
        shown[self.model] = gr.update(choices=found, value=model)
        shown[self.needs] = picker.needs(self.desk, model)
        return shown

    def _search(self, words: str, request: gr.Request) -> str:
        self.searched[str(request.session_hash)] = words or ""
        return self._shelf(request)

    def _shelf(self, request: gr.Request) -> str:
        """The kept conversations that are looked for, also if another word came meanwhile."""
        key = str(request.session_hash)
        while True:
            words = self.searched.get(key, "")
            found = conversation.shelf(self.desk, words, self._session(request).id)
            if words == self.searched.get(key, ""):
                return found

    def _import(self, path: str, request: gr.Request) -> Iterator[Shown]:
        try:
            messages = papers.read(Path(path))
        except PellucidError as error:
            gr.Warning(str(error), duration=None)
            yield self._nothing
            return
        session = self.sessions[str(request.session_hash)] = Session(self.desk)
        session.opening = tuple(m for m in messages if m.role != "system")
        system = "\n\n".join(m.text for m in messages if m.role == "system")
        yield {**self._all(session), self.system: system}


TURNS: dict[str, Callable[[Session, Any, Setup], Iterator[Live]]] = {
    "say": lambda session, value, setup: session.say(text_message("user", str(value)), setup),
    "retry": lambda session, value, setup: session.retry(str(value), setup),
    "alone": lambda session, value, setup: session.alone(str(value), setup),
    "resend": lambda session, value, setup: session.edit(
        str(value["value"]), str(value["text"]), setup
    ),
    "branch": lambda session, value, setup: session.branch(
        str(value["receipt"]), int(value["token"]), int(value["id"]), setup
    ),
}
"""Actions that ask the model."""


def _select(session: Session, value: Any) -> None:
    session.selected = str(value)


def _earlier(session: Session, value: Any) -> None:
    session.shown += SHOWN


def _edit(session: Session, value: Any) -> None:
    session.editing = str(value) if value else None


MOVES: dict[str, Callable[[Session, Any], None]] = {
    "select": _select,
    "edit": _edit,
    "earlier": _earlier,
    "go": lambda session, value: session.go(str(value)),
    "fork": lambda session, value: session.fork(str(value)),
}
"""Actions that look elsewhere in the conversation."""


def status(live: Live, over: bool = False) -> str:
    """What is being done, for eyes and for a screen reader's live region."""
    words = live.doing
    if over:
        words = "an error ended the turn" if live.error else "the reply is complete"
    return escape(words)
