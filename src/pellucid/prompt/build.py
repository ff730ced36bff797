"""Request to prompt: rendered, tokenized, every token's origin known.

Control tokens are ids of their own only where the template wrote them. Every stretch between two
of them is tokenized as a whole, so the ids are those of rendering to text and tokenizing that with
control tokens recognised, but for texts that spell one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from operator import itemgetter
from pathlib import Path

from ..messages import Request
from ..tokens.encoding import Encoding, Tokenizer
from ..tokens.losses import about_lost
from .assemble import Assembly
from .places import count_before, covered
from .render import SCAFFOLD, Rendered, Renderer, bare
from .replay import Replay, find_replays, tokens_of_ids
from .values import Prompt

KEPT = 1_000_000
"""Characters whose tokens are remembered between the prompts of a conversation."""
BUILDERS = 4
"""Models whose builders `build` keeps."""

_builders: dict[tuple[object, ...], PromptBuilder] = {}
_builders_lock = threading.Lock()


def build(
    request: Request,
    *,
    template: str | None,
    tokenizer: Tokenizer,
    bos_text: str = "",
    eos_text: str = "",
    add_bos: bool = False,
    clock: Callable[[], datetime] = datetime.now,
    codes: Path | None = None,
) -> Prompt:
    """The exact prompt of `request`: `PromptBuilder(...).build(request)`, with the builders of
    the models used last kept for the next turn."""
    # The builder holds its tokenizer, so the id in the key stays its own.
    key = (template, id(tokenizer), bos_text, eos_text, add_bos, clock)
    with _builders_lock:
        builder = _builders.pop(key, None)
        if builder is None:
            builder = PromptBuilder(template, tokenizer, bos_text, eos_text, add_bos, clock, codes)
        _builders[key] = builder  # the last used is the last
        while len(_builders) > BUILDERS:
            del _builders[next(iter(_builders))]
    return builder.build(request)


class PromptBuilder:
    """Builds prompts for one model, and remembers the tokens of what does not change.

    `template` is the model's Jinja chat template, `None` for a base model; `bos_text` and
    `eos_text` are what the template writes for those tokens; `add_bos` says that the model's
    configuration puts a BOS in front. `clock` gives the date to templates that ask for it;
    `codes` is the folder where the template's code is kept for the next process. Raises
    `TemplateError` for a template that does not compile.
    """

    def __init__(
        self,
        template: str | None,
        tokenizer: Tokenizer,
        bos_text: str = "",
        eos_text: str = "",
        add_bos: bool = False,
        clock: Callable[[], datetime] = datetime.now,
        codes: Path | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        self._specials = tokenizer.specials
        self._swallows = tokenizer.swallows
        self._clock = clock
        self._renderer = (
            None
            if template is None
            else Renderer(template, self._specials, bos_text, eos_text, codes)
        )
        self._bos = next((s for s, id in self._specials.items() if id == tokenizer.bos), "")
        self._add_bos = add_bos
        self._kept: dict[str | tuple[int, ...], Encoding] = {}
        self._kept_characters = 0
        self._controls: dict[str, Encoding] = {}
        self._last: Assembly | None = None

    def build(self, request: Request) -> Prompt:
        """The exact prompt of `request`.

        Raises `TemplateError` where the template fails or refuses, `UsageError` for media and
        unknown roles, `TokenError` for text that no token can spell.
        """
        if self._renderer is None:
            rendered = bare(request)
        else:
            rendered = self._renderer.render(request, self._clock())
        if self._bos:
            rendered = _one_bos(rendered, self._bos, self._add_bos)
        replays, said = find_replays(request.messages, rendered, self._tokenizer, self._tokens_of)
        assembly = Assembly(rendered, replays, self._last)
        for tokens in self._stretches(rendered, replays, assembly.done):
            assembly.add(tokens)
        self._last = assembly
        return Prompt(
            encoding=assembly.encoding(self._tokenizer.fingerprint),
            spans=tuple(assembly.spans),
            origins=tuple(assembly.origins),
            roles=tuple(message.role for message in request.messages),
            exact=rendered.exact,
            notes=(*rendered.notes, *said, *about_lost(self._tokenizer.lost(rendered.text))),
            replayed=sum(len(replay.tokens) for replay in replays),
        )

    def _stretches(
        self, rendered: Rendered, replays: Sequence[Replay], done: int
    ) -> Iterator[Encoding]:
        """Control tokens, replays and the text between them, from character `done` on."""
        text = rendered.text
        fixed: list[tuple[int, int, Encoding | None]] = [
            (start, end, None)
            for start, end in rendered.controls[count_before(rendered.controls, done) :]
            if not covered(replays, start)
        ]
        fixed += replays[count_before(replays, done) :]
        fixed.sort(key=itemgetter(0))
        for (start, end, tokens), (limit, *_) in pairwise([*fixed, (len(text), 0, None)]):
            if tokens is None:
                spelling = text[start:end]
                start, end = self._with_blanks(text, start, end, done, limit)
                tokens = self._control(spelling, text[start:end])
            if done < start:
                yield self._tokens_of(text[done:start])
            yield tokens
            done = end
        if done < len(text):
            yield self._tokens_of(text[done:])

    def _with_blanks(
        self, text: str, start: int, end: int, first: int, last: int
    ) -> tuple[int, int]:
        """The place of a control token with the white space that it takes with it, between
        characters `first` and `last`."""
        side = self._swallows.get(text[start:end])
        while side in ("left", "both") and start > first and text[start - 1].isspace():
            start -= 1
        while side in ("right", "both") and end < last and text[end].isspace():
            end += 1
        return start, end

    def _control(self, spelling: str, text: str) -> Encoding:
        """The one token of a control token, of which `text` is all that it covers."""
        known = self._controls.get(text)
        if known is None:
            ids, pieces = (self._specials[spelling],), (spelling.encode(),)
            whole = ((0, len(text)),)
            known = Encoding(text, ids, pieces, whole, (True,), self._tokenizer.fingerprint)
            self._controls[text] = known
        return known

    def _tokens_of(self, key: str | tuple[int, ...]) -> Encoding:
        """The tokens of a text in which nothing is a control token, or of ids; remembered."""
        known = self._kept.get(key)
        if known is not None:
            return known
        if isinstance(key, str):
            tokens = self._tokenizer.encode(key)
        else:
            tokens = tokens_of_ids(self._tokenizer, key)
        self._kept_characters += len(tokens.text)
        if self._kept_characters > KEPT:
            self._kept = {}
            self._kept_characters = len(tokens.text)
        self._kept[key] = tokens
        return tokens


def _one_bos(rendered: Rendered, bos: str, add: bool) -> Rendered:
    """`rendered` with one BOS in front where the template wrote some or the tokenizer adds one."""
    written = 0
    for start, end in rendered.controls:
        if start != written * len(bos) or rendered.text[start:end] != bos:
            break
        written += 1
    if (written == 0 and not add) or (written == 1 and not add):
        return rendered
    notes = rendered.notes
    if written + add > 1:
        notes = (
            *notes,
            f"The BOS {bos} would stand at the beginning {written + add} times; it is sent once.",
        )
    kept = len(bos) * written
    shift = len(bos) - kept
    extents = [
        (max(start, kept) + shift, end + shift, origin)
        for start, end, origin in rendered.extents
        if end > kept
    ]
    if extents and extents[0][2] == SCAFFOLD:
        extents[0] = (0, extents[0][1], SCAFFOLD)
    else:
        extents.insert(0, (0, len(bos), SCAFFOLD))
    places = [(start + shift, end + shift) for start, end in rendered.controls[written:]]
    return replace(
        rendered,
        text=bos + rendered.text[kept:],
        extents=tuple(extents),
        controls=((0, len(bos)), *places),
        notes=notes,
    )
