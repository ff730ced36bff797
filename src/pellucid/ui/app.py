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
    blocks: gr.Blocks
    with gr.Blocks(
        title="Pellucid",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(3600, 3600),
    ) as blocks:
        gr.HTML('<h1 class="brand">Pellucid</h1>', elem_id="top")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Chat", id="chat", elem_id="tab-chat"):
                talk = Talk(desk)
            for title, tab in TABS:
                with gr.Tab(title, id=title.lower(), elem_id=f"tab-{title.lower()}"):
                    tab(desk)
        talk.wire(blocks)
    return blocks


INK, QUIET, LINE, GROUND, PANEL, ACCENT = (
    ("#1b2430", "#dfe5ec"),
    ("#566170", "#98a4b3"),
    ("#dde2e8", "#2a333e"),
    ("#f6f7f9", "#10151b"),
    ("#ffffff", "#171d25"),
    ("#0b5d7a", "#6cc4e0"),
)
"""Colours, light and dark: those of the receipts' pages."""


def theme() -> gr.themes.Base:
    """Gradio's parts in the colours of the page; fonts of the system alone."""
    colours = {
        "body_background_fill": GROUND,
        "body_text_color": INK,
        "body_text_color_subdued": QUIET,
        "background_fill_primary": PANEL,
        "background_fill_secondary": GROUND,
        "block_background_fill": PANEL,
        "block_label_text_color": QUIET,
        "block_title_text_color": QUIET,
        "block_info_text_color": QUIET,
        "border_color_primary": LINE,
        "border_color_accent": ACCENT,
        "color_accent_soft": GROUND,
        "input_background_fill": PANEL,
        "input_border_color": LINE,
        "input_border_color_focus": ACCENT,
        "input_placeholder_color": QUIET,
        "link_text_color": ACCENT,
        "link_text_color_hover": ACCENT,
        "link_text_color_visited": ACCENT,
        "link_text_color_active": ACCENT,
        "button_primary_background_fill": ACCENT,
        "button_primary_background_fill_hover": ACCENT,
        "button_primary_text_color": ("#ffffff", "#0b1a20"),
        "button_secondary_background_fill": PANEL,
        "button_secondary_background_fill_hover": GROUND,
        "button_secondary_text_color": INK,
        "button_secondary_border_color": LINE,
        "checkbox_background_color_selected": ACCENT,
        "checkbox_border_color_selected": ACCENT,
        "slider_color": ACCENT,
        "table_even_background_fill": PANEL,
        "table_odd_background_fill": GROUND,
        "code_background_fill": GROUND,
        "error_text_color": ("#a1260d", "#ff9d87"),
    }
    both = {name: light for name, (light, _) in colours.items()}
    both |= {f"{name}_dark": dark for name, (_, dark) in colours.items()}
    flat = {"block_border_width": "0px", "block_shadow": "none", "input_shadow": "none"}
    flat |= {"color_accent": ACCENT[0], "block_padding": "0px", "block_radius": "6px"}
    return gr.themes.Base(font=FONT, font_mono=MONO, text_size="sm", spacing_size="sm").set(
        **both, **flat
    )


def asset(name: str) -> str:
    """A style sheet or a script of the page."""
    return files(__package__).joinpath(name).read_text("utf-8")
