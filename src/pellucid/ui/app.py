"""The page put together: its tabs in order, its looks."""

from __future__ import annotations

from importlib.resources import files

import gradio as gr

from .desk import Desk
from .tabs import TABS
from .talk import Talk

FONT = ("system-ui", "-apple-system", "Segoe UI", "Noto Sans", "Liberation Sans", "sans-serif")
MONO = ("ui-monospace", "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", "Menlo", "monospace")


def build(desk: Desk) -> gr.Blocks:
    """The page. It asks no other host for anything."""
    with gr.Blocks(title="Pellucid", analytics_enabled=False, fill_width=True) as blocks:
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Chat", id="chat"):
                Talk(desk)
            for title, tab in TABS:
                with gr.Tab(title, id=title.lower()):
                    tab(desk)
    return blocks


def theme() -> gr.themes.Base:
    return gr.themes.Base(font=FONT, font_mono=MONO, text_size="sm", spacing_size="sm")


def asset(name: str) -> str:
    """A style sheet or a script of the page."""
    return files(__package__).joinpath(name).read_text("utf-8")
