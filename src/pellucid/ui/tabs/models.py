"""Models: what can be used and what each needs; fetching, loading and removing them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from ...engine import process, weights
from ...errors import PellucidError, UsageError
from ...models import catalog, reach
from ...models.local import LocalModel
from ...models.names import hosted, locate
from ...views.html.markup import share_bar, table
from ..desk import Desk
from .shared import follow, model_names, note, on_opening, pane, problem, streaming

HEAD = ("model", "state", "size", "window", "licence", "good at")


def build(desk: Desk) -> None:
    def refresh() -> tuple[str, gr.Dropdown]:
        names = [row.name for row in catalog.listing(desk.settings, desk.folders)]
        known = dict.fromkeys([*model_names(desk), *names])
        return pane(overview(desk)), gr.Dropdown(choices=list(known))

    def doing(work: Callable[[Desk, str], Iterator[str]], name: str | None) -> Iterator[Any]:
        try:
            if not name:
                raise UsageError("Choose a model, or type its name.")
            for body in work(desk, name):
                yield pane(body, "progress"), gr.skip()
            yield gr.skip(), pane(overview(desk))
        except PellucidError as error:
            yield pane(problem(error), "progress"), pane(overview(desk))

    with gr.Row(elem_classes="bench"):
        with gr.Column(scale=2, min_width=280):
            name = gr.Dropdown(
                model_names(desk),
                value=desk.model,
                allow_custom_value=True,
                label="Model",
                info="A name of the list, hf:owner/repo/file.gguf, or a file on this machine.",
                elem_id="models-name",
            )
            with gr.Row(elem_classes="actions"):
                fetch = gr.Button("Pull", variant="primary", min_width=72, elem_id="models-pull")
                stop = gr.Button("Stop", interactive=False, min_width=72)
            with gr.Row(elem_classes="actions"):
                load = gr.Button("Load", min_width=72, elem_id="models-load")
                unload = gr.Button("Unload", min_width=72, elem_id="models-unload")
                remove = gr.Button("Remove file", variant="stop", min_width=96)
            told = gr.HTML(
                pane(note("Pulled files are checked by their hash. Loading starts the engine.")),
                elem_id="models-told",
            )
        with gr.Column(scale=5, min_width=320):
            result = gr.HTML(elem_id="models-result", elem_classes="result")
    on_opening(refresh, [], [result, name])
    streaming(
        [fetch.click], stop, lambda name: (yield from doing(pull, name)), [name], [told, result]
    )
    for button, work in ((load, loaded), (unload, unloaded), (remove, removed)):
        button.click(
            lambda name, work=work: (yield from doing(work, name)),
            name,
            [told, result],
            show_progress="hidden",
            concurrency_limit=None,
        )


def overview(desk: Desk) -> str:
    """Model files, running engines with the memory they hold, hosts."""
    files = [
        (
            row.name,
            row.state,
            f"{row.bytes / 1e6:,.0f} MB",
            f"{row.window:,}" if row.window else "unknown",
            row.licence or "unknown",
            row.good_at + (f"; can: {', '.join(row.can)}" if row.can else ""),
        )
        for row in catalog.listing(desk.settings, desk.folders)
    ]
    engines = [
        (
            Path(engine.model).name,
            "unknown" if (held := process.resident(engine)) is None else f"{held / 2**20:,.0f} MB",
            f"{engine.window:,}",
            f"{engine.threads} threads",
            f"process {engine.pid}",
        )
        for engine in process.running(desk.folders)
    ]
    hosts = [
        (row.name, row.state, row.base if row.ready else "") for row in reach.listing(desk.settings)
    ]
    running = (
        table(engines, "lab", ("engine", "memory", "window", "runs on", ""))
        if engines
        else note("None is loaded; one starts with the first question.")
    )
    return (
        f"<h3>On this machine</h3>{table(files, 'lab models', HEAD)}"
        f"<h3>In memory</h3>{running}"
        "<h3>At hosts <small>HOST:MODEL, such as openai:gpt-4.1-mini, wherever a model is named"
        f"</small></h3>{table(hosts, 'lab', ('host', 'state', 'address'))}"
    )


def pull(desk: Desk, name: str) -> Iterator[str]:
    """Fetch a model's file; a bar as it comes."""
    if (target := hosted(name, desk.settings)) is not None:
        raise UsageError(f"{name} is answered by {target.host.name}; there is nothing to fetch.")

    def work(tell: Callable[[tuple[int, int]], None]) -> None:
        locate(name, desk.settings, progress=lambda done, total: tell((done, total)))

    yield note(f"Looking for {name} …")
    for steps in follow(work):
        done, total = steps[-1]
        words = f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
        yield note(words) + share_bar({"o4": done}, max(total, 1), words)
    yield note(f"{name} is here, its hash is right.")


def loaded(desk: Desk, name: str) -> Iterator[str]:
    """Start the engine of a model."""
    yield note(f"Loading {name} …")

    def work(tell: Callable[[str], None]) -> None:
        model = desk.open(name, say=tell)
        if not isinstance(model, LocalModel):
            raise UsageError(f"{name} does not run here; there is nothing to load.")
        model.engine()

    for said in follow(work):
        yield note(said[-1])
    yield note(f"{name} is loaded.")


def unloaded(desk: Desk, name: str) -> Iterator[str]:
    """End the engines of a model."""
    path = _file(desk, name)
    engines = [engine for engine in process.running(desk.folders) if engine.model == path]
    for engine in engines:
        process.stop(engine)
    yield note(f"{name} is out of memory." if engines else f"{name} was not loaded.")


def removed(desk: Desk, name: str) -> Iterator[str]:
    """Delete a model's file."""
    path = _file(desk, name)
    if path is None:
        raise UsageError(f"{name} is not here; there is no file to remove.")
    for engine in process.running(desk.folders):
        if engine.model == path:
            raise UsageError(f"{name} is loaded; unload it before its file is removed.")
    weights.remove(Path(path), desk.folders.weights)
    yield note(f"{path} was removed.")


def _file(desk: Desk, name: str) -> str | None:
    """Where the file of a model is; `None`: it is not here."""
    found = catalog.resolve(name)
    if isinstance(found, Path):
        return str(found)
    rows = catalog.listing(desk.settings, desk.folders)
    return next((row.path for row in rows if row.name in (name, catalog.title(name))), None)
