"""What the tabs share: panes of HTML, an error as a sentence, long work that can be stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import gradio as gr
from gradio.context import Context

from ...models import catalog
from ...models.names import hosted
from ...views.html.markup import text
from ..desk import Desk

T = TypeVar("T")

FRAME = 0.15
"""Seconds between two drawings of what is being written: faster than one reads, and slow enough
for a small machine to take a click in between."""


def pane(body: str, label: str = "") -> str:
    """HTML in the styles of the views; one with a `label` is read out as it changes."""
    live = f' role="region" aria-live="polite" aria-label="{text(label)}"' if label else ""
    return f'<div class="pellucid pane"{live}>{body}</div>'


def problem(error: Exception) -> str:
    """What went wrong, in its own sentence."""
    return f'<p class="problem" role="alert">{text(str(error))}</p>'


def note(sentence: str) -> str:
    return f'<p class="quiet">{text(sentence)}</p>'


def model_names(desk: Desk) -> list[str]:
    """Names of models to choose from; any other can be typed."""
    rows = [row.name for row in catalog.MODELS]
    return list(dict.fromkeys([desk.model, *desk.given, *rows]))


def has_file(desk: Desk) -> bool:
    """Whether the model that the page begins with is a file, with a vocabulary and a template."""
    return desk.model not in desk.given and hosted(desk.model, desk.settings) is None


def on_opening(fn: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    """Call `fn` when the tab that is being built is opened: nothing of it is made before."""
    tab = Context.block
    assert isinstance(tab, gr.Tab)
    tab.select(fn, list(inputs), list(outputs), show_progress="hidden", concurrency_limit=None)


def live(
    triggers: Sequence[Callable[..., Any]],
    fn: Callable[..., Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
) -> None:
    """Call `fn` as one types: at once, and of several calls that wait only the last."""
    gr.on(
        list(triggers),
        fn,
        list(inputs),
        list(outputs),
        queue=False,
        show_progress="hidden",
        trigger_mode="always_last",
    )


def streaming(
    triggers: Sequence[Callable[..., Any]],
    stop: gr.Button,
    fn: Callable[..., Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
) -> None:
    """Call the generator `fn`; the button `stop` ends it, and can be pressed while it runs."""

    def can_stop(able: bool) -> gr.Button:
        return gr.Button(interactive=able)

    gr.on(list(triggers), lambda: can_stop(True), None, stop, queue=False, show_progress="hidden")
    began = gr.on(
        list(triggers),
        fn,
        list(inputs),
        list(outputs),
        show_progress="hidden",
        trigger_mode="once",
        concurrency_limit=None,
    )
    began.then(lambda: can_stop(False), None, stop, queue=False, show_progress="hidden")
    stop.click(None, cancels=[began], queue=False)


class Stopped(Exception):
    """Nobody follows the work any more."""


def follow(work: Callable[[Callable[[T], None]], None]) -> Generator[list[T], None, None]:
    """Do `work` in a thread of its own; what it tells comes in lists, one a frame.

    Where this is closed before its end, the next thing that the work tells raises `Stopped` in
    it. An error of the work is raised here, after everything it told.
    """
    told: SimpleQueue[T] = SimpleQueue()
    over = threading.Event()
    stopped = threading.Event()
    errors: list[BaseException] = []

    def tell(item: T) -> None:
        if stopped.is_set():
            raise Stopped
        told.put(item)

    def run() -> None:
        try:
            with suppress(Stopped):
                work(tell)
        except BaseException as error:
            errors.append(error)
        finally:
            over.set()

    threading.Thread(target=run, name="pellucid-tab", daemon=True).start()
    try:
        while True:
            ended = over.is_set()
            found: list[T] = []
            with suppress(Empty):
                if not ended:
                    found.append(told.get(timeout=FRAME))
                    time.sleep(FRAME)
                while True:
                    found.append(told.get_nowait())
            if found:
                yield found
            if ended:
                break
        if errors:
            raise errors[0]
    finally:
        stopped.set()
