"""Messages to the exact text of the prompt, and the origin of each of its characters.

A request is rendered plainly, and once more with fences around every text (`fence.py`). Where the
second without its fences equals the first, origins are exact. Where it does not, because the
template looks into the texts or rewrites them, they are inferred and the result says so. Control
tokens are found in what the template provably wrote, and nowhere else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from ..errors import TemplateError
from ..messages import Message, Request, Role, Text, ToolResult
from ..value import value
from . import notes
from .fence import Fences, Plain, Reading
from .infer import Region, around_lone, by_search
from .places import Place
from .probe import Prober
from .values import Origin, Span
from .variables import content_texts, refuse_media

SCAFFOLD = Origin("scaffold")
GENERATION = Origin("generation")

Extent = tuple[int, int, Origin]
"""What will be a `Span`: plain, so that thousands of them compare fast."""


@value
class Rendered:
    """The text of a prompt. `extents` cover it without gaps; `controls` are the places of the
    control tokens that the template wrote.

    `generation` is the text that opens the assistant's turn, the end of `text`.
    """

    text: str
    extents: tuple[Extent, ...]
    controls: tuple[Place, ...]
    generation: str
    exact: bool
    notes: tuple[str, ...]

    @property
    def spans(self) -> tuple[Span, ...]:
        return tuple(Span(*extent) for extent in self.extents)


class Renderer:
    """Renders requests with one chat template.

    `specials` are the spellings of the vocabulary's control tokens; `bos` and `eos` are the texts
    that templates write for those; `codes` is the folder where the template's code is kept. Raises
    `TemplateError` for a template that does not compile.
    """

    def __init__(
        self,
        template: str,
        specials: Collection[str],
        bos: str,
        eos: str,
        codes: Path | None = None,
    ) -> None:
        starts = sorted({special[0] for special in specials})
        self._prober = Prober(template, starts, bos, eos, codes)
        longest_first = sorted(specials, key=len, reverse=True)
        pattern = "|".join(map(re.escape, longest_first)) or r"(?!)"
        self._special = re.compile(pattern)
        self._opening: str | None = None
        self._controls_in = lru_cache(maxsize=4096)(self._find_controls)

    def render(self, request: Request, now: datetime) -> Rendered:
        """The prompt of `request` at the moment `now`.

        Raises `TemplateError` where the template fails or refuses, and where a text spells a
        control token inside a template that rewrites texts past recognition; `UsageError` for
        media.
        """
        plain = self._prober.plain(request, now)
        text = plain.text
        said = [
            *notes.about_byte_order_marks(request.messages),
            *notes.about_clock(plain.asked_clock),
        ]
        probe = self._prober.find(request, text, now)
        if probe is None:
            return self._inferred(request, text, now, said)
        reading = probe.reading
        end = len(reading.text)
        controls = self._controls(reading, probe.ending)
        regions = around_lone(reading, controls) if reading.lone else reading.regions
        seen = {fence.origin for _, _, fence in regions}
        rewritten = {_message(region) for region in regions if _rewritten(text, region)}
        first = regions[0][0] if regions else end
        return Rendered(
            text=text,
            extents=_extents(regions, end, len(text)),
            controls=controls,
            generation=probe.ending,
            exact=probe.exact and not reading.lone and not rewritten,
            notes=(
                *said,
                *notes.about_missing(request, probe.fences, seen),
                *notes.about_rewriting(rewritten, request.messages),
                *notes.about_own_system(request, self._head(text, controls, first)),
                *notes.about_generation(
                    request.generation_prompt and not probe.ending and self._lacks_opening(now)
                ),
            ),
        )

    def _head(self, text: str, controls: Sequence[Place], first: int) -> str:
        """What the template wrote before the first text, at `first`, and the header of that:
        without control tokens, up to the last of them."""
        last = max((start for start, _ in controls if start < first), default=first)
        parts = self._special.split(text[:last])
        while parts and parts[-1].strip() in ("", *get_args(Role)):  # whose turn comes next
            del parts[-1]
        return " ".join(parts)

    def _lacks_opening(self, now: datetime) -> bool:
        """Whether replies are opened by words that the prompt of a question lacks. In some formats
        the mark that ends the question is the opening (Llama 2, Mistral). Found out once."""
        if self._opening is None:
            ask, reply = Message("user", (Text("Ahoy?"),)), Message("assistant", (Text("Aye."),))
            try:
                asked, answered = (
                    self._prober.plain(Request(messages, generation_prompt=False), now).text
                    for messages in ((ask,), (ask, reply))
                )
            except TemplateError:
                self._opening = ""
            else:
                before, found, _ = answered.partition("Aye.")
                told = found and before.startswith(asked)
                self._opening = before.removeprefix(asked).strip() if told else ""
        return bool(self._opening)

    def _find_controls(self, stretch: str) -> tuple[Place, ...]:
        return tuple(match.span() for match in self._special.finditer(stretch))

    def _controls(self, reading: Reading, ending: str) -> tuple[Place, ...]:
        """The places of control tokens outside the fences of `reading`, then in `ending`.

        Searched in the swapped text: whatever a message spells cannot match there.
        """
        swapped = reading.swapped + ending
        places: list[Place] = []
        start = 0
        for end, after in (*(region[:2] for region in reading.regions), (len(swapped), 0)):
            found = self._controls_in(swapped[start:end])
            places += [(start + first, start + last) for first, last in found]
            start = after
        return tuple(places)

    def _inferred(
        self, request: Request, text: str, now: datetime, said: Sequence[str]
    ) -> Rendered:
        """For a template that no fenced rendering agrees with."""
        regions = self._searched(request, text, now)
        return Rendered(
            text=text,
            extents=_extents(regions, len(text), len(text)),
            controls=self._agreed_controls(request, text, regions, now),
            generation="",
            exact=False,
            notes=(
                *said,
                "The template looks into the texts it is given: which part of the prompt came "
                "from where is inferred.",
            ),
        )

    def _searched(self, request: Request, text: str, now: datetime) -> Sequence[Region]:
        """The texts in a prompt: beside the fences, where only what control tokens begin with
        disturbs the template; otherwise looked for."""
        probe = self._prober.attempt(
            request, text, now, generation=request.generation_prompt, swap=False
        )
        if probe is not None and probe.reading.text == text:
            return around_lone(probe.reading, self._find_controls(text))
        fences = Fences(text, (), lambda n: False)
        self._prober.variables(request, fences, generation=request.generation_prompt)
        return by_search(text, fences.marks.values())

    def _agreed_controls(
        self, request: Request, text: str, regions: Sequence[Region], now: datetime
    ) -> tuple[Place, ...]:
        """The control tokens of `text`, if they are one by one those of a fenced rendering.

        Raises `TemplateError` if not: a text spells one, and which it is cannot be told.
        """
        generation = request.generation_prompt
        spelled = self._find_controls(text)
        probe = self._prober.attempt(request, text, now, generation=generation)
        if probe is not None:
            swapped = probe.reading.swapped
            written = [swapped[a:b] for a, b in self._controls(probe.reading, "")]
            outside = tuple(place for place in spelled if not _touches(place, regions))
            known = tuple(place for place in outside if text[slice(*place)] in written)
            for places in (spelled, outside, known):
                if [text[a:b] for a, b in places] == written:
                    return places
        given = self._prober.variables(request, Plain(), generation=generation)
        strings = _strings((given["messages"], given["tools"]))
        in_any_case = re.compile(self._special.pattern, re.IGNORECASE)
        if not any(map(in_any_case.search, strings)):
            return spelled
        raise TemplateError(
            "A text of this conversation spells a control token, and the chat template rewrites "
            "texts in a way that hides which control tokens are its own. Nothing was sent; take "
            "the control token out of the text."
        )


def bare(request: Request) -> Rendered:
    """The prompt of a model without a template: the texts of the messages, blank lines between.

    Raises `UsageError` for media.
    """
    pieces: list[str] = []
    extents: list[Extent] = []
    place = 0

    def write(piece: str, origin: Origin) -> None:
        nonlocal place
        if piece:
            pieces.append(piece)
            extents.append((place, place + len(piece), origin))
            place += len(piece)

    for m, message in enumerate(request.messages):
        refuse_media(m, message)
        if pieces:
            write("\n\n", SCAFFOLD)
        for p, part in enumerate(message.parts):
            if isinstance(part, ToolResult):
                write(part.text, Origin("message", m, p))
        for text, origin in content_texts(m, message):
            write(text, origin)
    said = ["The model has no chat template: it is given the texts of the messages, without roles."]
    if request.tools:
        said.append("Without a chat template there is no place for tools.")
    said += notes.about_byte_order_marks(request.messages)
    return Rendered("".join(pieces), tuple(extents), (), "", True, tuple(said))


def _extents(regions: Sequence[Region], end: int, total: int) -> tuple[Extent, ...]:
    """`regions`, scaffold between them up to `end`, then generation up to `total`."""
    extents: list[Extent] = []
    place = 0
    for start, stop, fence in regions:
        if place < start:
            extents.append((place, start, SCAFFOLD))
        if start < stop:
            extents.append((start, stop, fence.origin))
        place = stop
    if place < end:
        extents.append((place, end, SCAFFOLD))
    if end < total:
        extents.append((end, total, GENERATION))
    return tuple(extents)


def _rewritten(text: str, region: Region) -> bool:
    """Whether a region is neither the text it came from nor that text inside JSON."""
    start, end, fence = region
    if fence.text is None or text[start:end] == fence.text:
        return False
    return text[start:end] != json.dumps(fence.text, ensure_ascii=False)[1:-1]


def _message(region: Region) -> int:
    message = region[2].origin.message
    assert message is not None  # tools are written as JSON, and that is not compared
    return message


def _touches(place: Place, regions: Iterable[Region]) -> bool:
    return any(place[0] < end and start < place[1] for start, end, _ in regions)


def _strings(value: Any) -> Iterator[str]:
    """Every text in a value made of lists and mappings, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(key)
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
