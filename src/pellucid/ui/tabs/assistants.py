"""Assistants: tutor, shop, airline. A tool that acts on the world runs when a button allows it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import gradio as gr

from ...assistants.assistant import Assistant, open_assistant, ready_made
from ...chat import Chat
from ...errors import PellucidError, UsageError
from ...replies import TextDelta
from ...tools.running import Toolbox, ToolRan
from ...tools.tool import Tool
from ...views.figures import status
from ...views.html.markdown import markdown
from ...views.html.markup import text as escaped
from ..desk import Desk
from .shared import follow, model_names, note, on_opening, pane, problem, streaming

PATIENCE = 600.0
"""Seconds after which what nobody approved is refused."""


class Approval:
    """A call that waits for a person. Whoever leaves refuses it."""

    def __init__(self, tool: Tool, arguments: Mapping[str, Any]) -> None:
        self.words = f"{tool.name}({_arguments(arguments)})"
        self._answered = threading.Event()
        self._answer = False

    def answer(self, approved: bool) -> None:
        self._answer = self._answer or (approved and not self._answered.is_set())
        self._answered.set()

    def wait(self) -> bool:
        return self._answered.wait(PATIENCE) and self._answer


Told = str | Approval | ToolRan


class Visit:
    """One person's conversation with an assistant. `rows` are what was said: who, and HTML."""

    def __init__(self, name: str) -> None:
        self.assistant: Assistant = open_assistant(name)
        self.chat: Chat | None = None
        self.rows: list[tuple[str, str]] = []
        self.approval: Approval | None = None
        self._tell: Callable[[Told], None] = lambda told: None

    def say(self, desk: Desk, model: str, line: str) -> Iterator[str]:
        """The answer as it grows: the words of the piece that is being written."""
        if not line.strip():
            raise UsageError("The message is empty; say something.")
        self.rows.append(("user", f"<p>{escaped(line)}</p>"))

        def work(tell: Callable[[Told], None]) -> None:
            self._tell = tell
            chat = self.chat = self.chat or self._begin(desk, model)
            said = [m.text for m in chat.messages if m.role == "user"]
            chat.system = self.assistant.system([*said, line])
            with closing(chat.stream(line).events()) as events:
                for event in events:
                    if isinstance(event, TextDelta):
                        tell(event.text)
                    elif isinstance(event, ToolRan):
                        tell(event)

        growing = ""
        try:
            for told in follow(work):
                for each in told:
                    if isinstance(each, str):
                        growing += each
                    elif isinstance(each, Approval):
                        self.approval = each
                    else:
                        self.approval = None
                        growing = self._keep(growing)
                        self.rows.append(("tool", _ran(each)))
                yield growing
        finally:
            if self.approval is not None:
                self.approval.answer(False)
                self.approval = None
            self._keep(growing)

    def _keep(self, words: str) -> str:
        if words.strip():
            self.rows.append(("assistant", markdown(words)))
        return ""

    def _begin(self, desk: Desk, model: str) -> Chat:
        box = Toolbox(self.assistant.load_tools(), approve=self._approve)
        opened = desk.open(model)
        return Chat(opened, system=self.assistant.system(), tools=box, store=desk.store)

    def _approve(self, tool: Tool, arguments: Mapping[str, Any]) -> bool:
        approval = Approval(tool, arguments)
        self._tell(approval)
        return approval.wait()


def build(desk: Desk) -> None:
    def begin(name: str) -> tuple[Visit, str, str, gr.Row]:
        visit = Visit(name)
        return visit, shown(visit), pane(note(visit.assistant.about)), gr.Row(visible=False)

    def say(line: str, model: str, name: str, visit: Visit | None) -> Iterator[tuple[Any, ...]]:
        visit = visit or Visit(name)
        yield "", visit, shown(visit, "…"), gr.skip(), gr.skip()
        asked: Approval | None = None
        try:
            for growing in visit.say(desk, model, line):
                bar: Any = gr.skip()
                if visit.approval is not asked:
                    asked = visit.approval
                    bar = gr.Row(visible=asked is not None)
                words = pane(question(asked), "asks") if asked else gr.skip()
                yield gr.skip(), visit, shown(visit, growing or "…"), words, bar
            figures = " · ".join(status(visit.chat.receipts[-1])) if visit.chat else ""
            yield gr.skip(), visit, shown(visit, figures=figures), gr.skip(), gr.Row(visible=False)
        except PellucidError as error:
            said = shown(visit) + pane(problem(error))
            yield gr.skip(), visit, said, gr.skip(), gr.Row(visible=False)

    def answer(visit: Visit | None, approved: bool) -> gr.Row:
        if visit is not None and visit.approval is not None:
            visit.approval.answer(approved)
        return gr.Row(visible=False)

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
        say,
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


def _ran(ran: ToolRan) -> str:
    words = f"{ran.call.name}({_arguments(_parsed(ran.call.arguments))})"
    failed = " (did not run)" if ran.result.failed else ""
    return f"<p><code>{escaped(words)}</code>{failed}</p><p>{escaped(ran.result.text)}</p>"


def _parsed(arguments: str) -> Mapping[str, Any]:
    try:
        found = json.loads(arguments)
    except ValueError:
        found = arguments
    return found if isinstance(found, dict) else {"": found}


def _arguments(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in arguments.items())
