"""Tokens: a text as one types it, under one vocabulary or several, and ids back to text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import gradio as gr

from ...errors import PellucidError
from ...models.tokenizers import open_tokenizer
from ...tokens import names
from ...tokens.encoding import Encoding, parse_ids
from ...tokens.explain import explain
from ...tokens.model import ModelTokenizer
from ...views.html import tokens as views
from ...views.html.markup import text as escaped
from ...views.html.steps import explained
from ..desk import Desk
from .shared import has_file, live, model_names, note, on_opening, pane, problem

SAMPLE = "Tokens are pieces of text: unbelievable, 12345, naïve, Привет!"
SHIPPED = "o200k_base"
"""A vocabulary that comes with Pellucid."""
VIEWS = ("Tokens", "Ids", "Merges", "Density")
LONGEST = 20_000
"""Characters of a text that are shown; counts are of all of it."""

Open = Callable[[str], ModelTokenizer]


def build(desk: Desk) -> None:
    @lru_cache(maxsize=32)
    def opened(name: str) -> ModelTokenizer:
        return open_tokenizer(name, desk.settings, desk.folders)

    def look(text: str, chosen: list[str], view: str, specials: bool) -> str:
        return pane(shown(opened, text, chosen, view, specials=specials))

    def back(words: str, chosen: list[str]) -> str:
        return pane(decoded(opened, words, chosen))

    own = desk.model if has_file(desk) else SHIPPED
    choices = list(dict.fromkeys([own, *(row.name for row in names.rows()), *model_names(desk)]))
    with gr.Row(elem_classes="bench"):
        with gr.Column(scale=2, min_width=300):
            text = gr.Textbox(SAMPLE, label="Text", lines=7, max_lines=16, elem_id="tokens-text")
            chosen = gr.Dropdown(
                choices,
                value=list(dict.fromkeys([own, SHIPPED])),
                multiselect=True,
                allow_custom_value=True,
                label="Vocabularies",
                info="Several stand side by side. A model, a vocabulary or hf:owner/repo.",
                elem_id="tokens-vocabularies",
            )
            view = gr.Radio(VIEWS, value=VIEWS[0], label="Show", elem_classes="segments")
            specials = gr.Checkbox(False, label="What spells a special token becomes that token")
            ids = gr.Textbox(
                label="Ids to text", placeholder="11341 525 …", lines=1, elem_id="tokens-ids"
            )
            decoded_text = gr.HTML(elem_id="tokens-decoded")
        with gr.Column(scale=3, min_width=320):
            result = gr.HTML(elem_id="tokens-result", elem_classes="result")
    looked = [text, chosen, view, specials]
    live([text.change, chosen.change, view.change, specials.change], look, looked, [result])
    live([ids.change, chosen.change], back, [ids, chosen], [decoded_text])
    on_opening(look, looked, [result])


def shown(open: Open, text: str, chosen: Sequence[str], view: str, *, specials: bool) -> str:
    """The text under every vocabulary that can be had, and a sentence for those that cannot."""
    encodings: dict[str, Encoding] = {}
    sizes: dict[str, int] = {}
    said = []
    for name in dict.fromkeys(chosen):
        try:
            tokenizer = open(name)
            encodings[name] = tokenizer.encode(text[:LONGEST], specials=specials)
            sizes[name] = len(tokenizer)
            if len(text) > LONGEST:
                all_of_it = tokenizer.count(text, specials=specials)
                said.append(note(f"{name}: {all_of_it:,} tokens in all; the beginning is shown."))
            said += [note(words) for words in tokenizer.notes_on(text[:LONGEST])[1:]]
        except PellucidError as error:
            said.append(problem(error))
    if not encodings:
        return "".join(said) or note("Choose a vocabulary.")
    return "".join(said) + _view(open, encodings, sizes, view)


def _view(open: Open, encodings: dict[str, Encoding], sizes: dict[str, int], view: str) -> str:
    if view == "Density":
        return views.plot(encodings)
    if view == "Tokens":
        return views.blocks(encodings, sizes)
    parts = []
    for name, encoding in encodings.items():
        try:
            if view == "Ids":
                body = views.listing(encoding)
            else:
                body = explained(explain(open(name).plain, encoding.text))
        except PellucidError as error:
            body = problem(error)
        parts.append(f"<section><h3>{escaped(name)}</h3>{body}</section>")
    return f'<div class="beside">{"".join(parts)}</div>'


def decoded(open: Open, words: str, chosen: Sequence[str]) -> str:
    """The text of these ids under every vocabulary."""
    if not words.strip():
        return ""
    parts = []
    for name in dict.fromkeys(chosen):
        try:
            said = escaped(open(name).decode(parse_ids(words)))
            parts.append(f"<h4>{escaped(name)}</h4><pre>{said}</pre>")
        except PellucidError as error:
            parts.append(problem(error))
    return "".join(parts)
