"""A summary of a page, and how much of the page it was made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .. import facts
from ..record.receipt import Receipt
from .links import Link
from .page import Page


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: `tokens` of the page in `parts` (over all rounds), and `left_out` tokens not.

    `quoted` counts the sentences that are the page's own words, where the model had left figures
    or names out, or had said what the page does not. `exact` is false where tokens are estimated.
    """

    tokens: int
    parts: int
    left_out: int = 0
    quoted: int = 0
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary of one page as Markdown."""

    page: Page
    text: str
    reading: Reading
    notes: tuple[str, ...] = ()
    receipts: tuple[Receipt, ...] = field(default=(), repr=False)

    @property
    def pages(self) -> tuple[Page, ...]:
        """The one page, as `Brochure.pages` has several."""
        return (self.page,)

    @property
    def links(self) -> tuple[Link, ...]:
        """The links of the page."""
        return self.page.links

    @property
    def markdown(self) -> str:
        source = f"\n\nSource: <{self.page.url}>" if "://" in self.page.url else ""
        return f"# {self.page.title or self.page.url}\n\n{self.text}{source}\n"

    def __str__(self) -> str:
        return self.text

    def to_json(self) -> dict[str, Any]:
        return {
            "url": self.page.url,
            "title": self.page.title,
            "language": self.page.language,
            "date": self.page.date,
            "summary": self.text,
            "words": facts.length(self.text),
            "tokens_read": self.reading.tokens,
            "tokens_left_out": self.reading.left_out,
            "parts": self.reading.parts,
            "sentences_quoted": self.reading.quoted,
            "notes": list(self.notes),
            "receipts": [receipt.id for receipt in self.receipts],
        }
