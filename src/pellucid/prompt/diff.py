"""Two templates on one conversation, side by side: aligned by message and part."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from ..value import value
from .places import Place
from .rendition import Rendition
from .values import Label, Origin


@value
class Side:
    """A stretch of one rendering. `controls` are the control tokens in it, as places of `text`;
    `ids` are those of the tokens that begin in it, `None` where there is no tokenizer."""

    text: str
    controls: tuple[Place, ...]
    ids: tuple[int, ...] | None


@value
class Row:
    """What the two made of the same thing: a message's part, a tool, or what stands between."""

    label: Label
    left: Side | None
    right: Side | None

    @property
    def same(self) -> bool:
        """Whether the text is the same on both sides."""
        return bool(self.left and self.right and self.left.text == self.right.text)


Key = tuple[Origin, Origin | None]
"""What a stretch is of: its origin; for scaffold, also that of the text it leads to."""


def diff(left: Rendition, right: Rendition) -> list[Row]:
    """The stretches of two renderings of one request, those of the same origin in one row."""
    sides = [list(_stretches(rendition)) for rendition in (left, right)]
    keys = [[key for key, _ in side] for side in sides]
    rows = []
    matcher = SequenceMatcher(a=keys[0], b=keys[1], autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            for (key, one), (_, other) in zip(sides[0][a:b], sides[1][c:d], strict=True):
                rows.append(Row(left.label(key[0]), one, other))
            continue
        rows += [Row(left.label(key[0]), one, None) for key, one in sides[0][a:b]]
        rows += [Row(right.label(key[0]), None, other) for key, other in sides[1][c:d]]
    return rows


def _stretches(rendition: Rendition) -> Iterator[tuple[Key, Side]]:
    """The rendering cut at every change of origin."""
    bounds: list[tuple[int, int, Origin]] = []
    for span in rendition.spans:
        if bounds and bounds[-1][2] == span.origin:
            bounds[-1] = (bounds[-1][0], span.end, span.origin)
        else:
            bounds.append((span.start, span.end, span.origin))
    for i, (start, end, origin) in enumerate(bounds):
        leads_to = None
        if origin.kind == "scaffold":
            after = (bound[2] for bound in bounds[i + 1 :])
            leads_to = next((o for o in after if o.kind not in ("scaffold", "generation")), None)
        controls = tuple(
            (first - start, last - start)
            for first, last in rendition.controls
            if start <= first < end
        )
        side = Side(rendition.text[start:end], controls, _ids(rendition, start, end))
        yield (origin, leads_to), side


def _ids(rendition: Rendition, start: int, end: int) -> tuple[int, ...] | None:
    if rendition.prompt is None:
        return None
    encoding = rendition.prompt.encoding
    places = zip(encoding.ids, encoding.offsets, strict=True)
    return tuple(id for id, (first, _) in places if start <= first < end)
