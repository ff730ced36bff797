"""Fenced renderings of a request, tried until one agrees with the plain rendering."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import TemplateError
from ..messages import Request, ToolCall
from ..value import value
from .fence import Fence, Fences, Plain, Reading, Writer, read
from .sandbox import Rendering, compile_template
from .variables import template_variables


@value
class Probe:
    """A fenced rendering. `ending` is what the plain one has beyond it: the generation prompt.

    `exact` is false where it is not sure which of the blanks beside a text are the text's.
    """

    fences: tuple[Fence, ...]
    reading: Reading
    ending: str = ""
    exact: bool = True


class Prober:
    """Renders with one chat template, plainly and fenced.

    `starts` are the characters control tokens begin with; `bos` and `eos` what templates write
    for those tokens; `codes` is the folder where the template's code is kept. Raises
    `TemplateError` for a template that does not compile.
    """

    def __init__(
        self,
        template: str,
        starts: Collection[str],
        bos: str,
        eos: str,
        codes: Path | None = None,
    ) -> None:
        self._template = compile_template(template, codes)
        self._starts = starts
        self._bos = bos
        self._eos = eos
        self._endings: set[str] = {""}
        self._parsed = True

    def variables(self, request: Request, writer: Writer, *, generation: bool) -> dict[str, Any]:
        return template_variables(
            request,
            writer,
            generation=generation,
            bos=self._bos,
            eos=self._eos,
            parsed=self._parsed,
        )

    def plain(self, request: Request, now: datetime) -> Rendering:
        """The prompt as the template writes it.

        A few templates expect the arguments of tool calls as text. One that fails with mappings
        and does not with texts is one of those, and is taken for one from then on.
        """
        try:
            return self.render(request, Plain(), now, generation=request.generation_prompt)
        except TemplateError:
            if not self._parsed or not _calls_tools(request):
                raise
            self._parsed = False
            try:
                return self.render(request, Plain(), now, generation=request.generation_prompt)
            except TemplateError:
                self._parsed = True
            raise

    def render(
        self, request: Request, writer: Writer, now: datetime, *, generation: bool
    ) -> Rendering:
        return self._template.render(
            self.variables(request, writer, generation=generation), now=now
        )

    def find(self, request: Request, text: str, now: datetime) -> Probe | None:
        """A fenced rendering that agrees with `text`, the plain one; `None` when there is none."""
        # Rendered without the generation prompt, so that what the plain one has beyond it is that
        # prompt. An ending not met before is checked against a fenced rendering that has it.
        short = self._matching(request, text, now, generation=False)
        if not request.generation_prompt or (short and short.ending in self._endings):
            return short
        full = self._matching(request, text, now, generation=True)
        if short is None or full is None:
            return full
        start = len(short.reading.text)
        if full.reading.lone or any(end > start for _, end, _ in full.reading.regions):
            return full
        self._endings.add(short.ending)
        return short

    def attempt(
        self,
        request: Request,
        text: str,
        now: datetime,
        *,
        generation: bool,
        trimmed: Callable[[int], bool] = lambda n: False,
        swap: bool = True,
    ) -> Probe | None:
        """A fenced rendering, the marks not among the characters of `text`; `None` where the
        template takes offence at the fences. Without `swap` the texts in them are as they are."""
        fences = Fences(text, self._starts if swap else (), trimmed)
        try:
            rendered = self.render(request, fences, now, generation=generation)
        except TemplateError:
            return None
        return Probe(tuple(fences.marks.values()), read(rendered.text, fences))

    def _matching(
        self, request: Request, text: str, now: datetime, *, generation: bool
    ) -> Probe | None:
        """The fences stand around whole texts; where a template trims those, inside the outer
        blanks; and last, inside the blanks of those texts only that were trimmed."""

        def attempt(trimmed: Callable[[int], bool]) -> Probe | None:
            probe = self.attempt(request, text, now, generation=generation, trimmed=trimmed)
            if probe is None or not text.startswith(probe.reading.text):
                return None
            ending = text[len(probe.reading.text) :]
            if ending and generation == request.generation_prompt:
                return None
            return replace(probe, ending=ending)

        whole = attempt(lambda n: False)
        if whole is not None:
            return whole
        inner = attempt(lambda n: True)
        if inner is None:
            return None
        order = {id(fence): n for n, fence in enumerate(inner.fences)}
        untouched = {
            order[id(fence)]
            for start, end, fence in inner.reading.regions
            if text.endswith(fence.blanks[0], 0, start) and text.startswith(fence.blanks[1], end)
        }
        return attempt(lambda n: n not in untouched) or replace(inner, exact=False)


def _calls_tools(request: Request) -> bool:
    return any(isinstance(part, ToolCall) for m in request.messages for part in m.parts)
