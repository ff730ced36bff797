"""Brochures: a company's site read as a person would, and said in a page with its sources.

Each section is one page of the site, shortened and checked as summaries are; behind each sentence
stands that page as its source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from .. import facts
from ..errors import PellucidError, UsageError
from ..record.receipt import Receipt
from .addresses import typed
from .asking import Asker
from .choosing import KINDS, MOST_CANDIDATES, Choice, candidates, choose
from .fetch import Access, Fetched, fetch
from .page import Page, read, read_all, require_text
from .passages import bounded
from .remarks import Remarks
from .shorten import Shortener
from .translate import Translator

Tone = Literal["formal", "humorous"]
Audience = Literal["customers", "investors", "recruits"]
TONES, AUDIENCES = get_args(Tone), get_args(Audience)
MOST_FRAMES = 8
PAGE_WORDS = 350
"""Words of one page that are read: its weightiest sentences, where it has more."""
PAGE_TOKENS = 1_200
"""Tokens of one page that are read, where words are long, or not told apart by blanks."""

_ORDER: dict[Audience, tuple[str, ...]] = {
    "customers": ("about", "products", "customers", "culture", "careers"),
    "investors": ("about", "customers", "products", "culture", "careers"),
    "recruits": ("about", "careers", "culture", "products", "customers"),
}
_HEADS = {
    "en": ("About", "What it does", "Customers", "Careers", "Culture"),
    "de": ("Über das Unternehmen", "Leistungen", "Kunden", "Karriere", "Kultur"),
    "fr": ("L'entreprise", "Ce qu'elle fait", "Clients", "Carrières", "Culture"),
    "es": ("La empresa", "Qué hace", "Clientes", "Empleo", "Cultura"),
    "it": ("L'azienda", "Che cosa fa", "Clienti", "Lavoro", "Cultura"),
    "pt": ("A empresa", "O que faz", "Clientes", "Carreiras", "Cultura"),
    "nl": ("Over het bedrijf", "Wat het doet", "Klanten", "Vacatures", "Cultuur"),
}
_SOURCES = {"de": "Quellen", "es": "Fuentes", "it": "Fonti", "pt": "Fontes", "nl": "Bronnen"}
_ADDRESSED = {
    "customers": "",
    "investors": "Write for investors: size, growth and ownership matter most.",
    "recruits": "Write for people who look for a job there.",
}


@dataclass(frozen=True, slots=True)
class Brief:
    """What a brochure is to be like. `language` is a code, empty for that of the site; `pages` is
    how many are read at most, the home page included; `words` are those of one section."""

    tone: Tone = "formal"
    audience: Audience = "customers"
    language: str = ""
    pages: int = 6
    words: int = 50

    def __post_init__(self) -> None:
        if not 1 <= self.pages <= 30:
            raise UsageError(f"A brochure is made of 1 to 30 pages, not {self.pages}.")
        for value, known in ((self.tone, TONES), (self.audience, AUDIENCES)):
            if value not in known:
                raise UsageError(f"{value!r} is none of {', '.join(known)}.")


@dataclass(frozen=True, slots=True)
class Brochure:
    """A brochure as Markdown, the pages it was made of, and the links that were chosen.

    `notes` say what was missing.
    """

    name: str
    url: str
    markdown: str
    pages: tuple[Page, ...]
    links: tuple[Choice, ...] = ()
    notes: tuple[str, ...] = ()
    receipts: tuple[Receipt, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return self.markdown

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "url": self.url,
            "markdown": self.markdown,
            "links": [{"type": f"{one.kind} page", "url": one.link.url} for one in self.links],
            "pages": [page.url for page in self.pages],
            "notes": list(self.notes),
            "receipts": [receipt.id for receipt in self.receipts],
        }


class Brochuring:
    """A brochure in the making: iterate for its Markdown, a piece at a time; `brochure` is there
    at the end. `told` is given a sentence before each step."""

    def __init__(
        self,
        name: str,
        url: str,
        asker: Asker,
        brief: Brief,
        access: Access,
        told: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        if not name.strip():
            raise UsageError(
                'The company has no name: pellucid brochure "Acme" https://acme.example'
            )
        self.brochure: Brochure | None = None
        self._name = " ".join(name.split())
        if not (address := typed(url)):
            raise UsageError(f"{url!r} is no address: an address is like https://example.com.")
        self._url = address
        self._asker = asker
        self._brief = brief
        self._access = access
        self._told = told
        self._entrance: Fetched | None = None
        self._notes: list[str] = []

    def __iter__(self) -> Iterator[str]:
        brief, first = self._brief, len(self._asker.receipts)
        home, frames = self._home()
        self._told(f"choosing among links: {len(home.links):,}")
        chosen = self._wanted(choose(home, self._name, self._asker))
        if (count := len(candidates(home, self._name))) > MOST_CANDIDATES:
            self._notes.append(
                f"Of the {count:,} links of {home.url} the {MOST_CANDIDATES} most telling were "
                "looked at."
            )
        pages = [("", page) for page in (home, *frames)] + self._fetched(chosen)
        pages = [(kind, page) for kind, page in pages if page.text]
        if not pages:
            require_text(home)
        code = (brief.language or home.language or "en").partition("-")[0].lower()
        pieces: list[str] = []
        _ = self._asker.model  # opened before anything is shown
        for piece in self._written(pages, code):
            pieces.append(piece)
            yield piece
        self.brochure = Brochure(
            self._name,
            home.url,
            "".join(pieces),
            tuple(page for _, page in pages),
            tuple(chosen),
            tuple(dict.fromkeys(self._notes)),
            tuple(self._asker.receipts[first:]),
        )

    def _home(self) -> tuple[Page, list[Page]]:
        """The home page and the pages of its frames, whose links count as its own."""
        self._told(f"reading {self._url}")
        [fetched] = fetch([self._url], self._access)
        if isinstance(fetched, PellucidError):
            raise fetched
        self._entrance = fetched
        home = read(fetched)
        self._notes += home.notes
        frames = [link.url for link in home.links if link.place == "frame"][:MOST_FRAMES]
        if home.text or not frames:
            return home, []
        inner = [page for page in self._read(frames) if page is not None]
        links = {link.url: link for page in (home, *inner) for link in page.links}
        home = replace(
            home,
            links=tuple(link for url, link in links.items() if url not in frames),
            language=home.language or next((p.language for p in inner if p.language), ""),
        )
        return home, inner

    def _wanted(self, chosen: list[Choice]) -> list[Choice]:
        """The most useful of the links that were chosen, in the order of the audience: one of each
        kind before a second one."""
        order = _ORDER[self._brief.audience]
        ranked: list[tuple[int, int, Choice]] = []
        for one in chosen:
            before = sum(other.kind == one.kind for _, _, other in ranked)
            ranked.append((before, order.index(one.kind), one))
        ranked.sort(key=lambda row: row[:2])
        kept = [one for _, _, one in ranked[: self._brief.pages - 1]]
        if not chosen:
            self._notes.append("No page about the company was found among the links of this one.")
        elif len(kept) < len(ranked):
            self._notes.append(f"{len(ranked) - len(kept)} more pages were chosen, but not read.")
        return sorted(kept, key=lambda one: order.index(one.kind))

    def _fetched(self, chosen: list[Choice]) -> list[tuple[str, Page]]:
        if chosen:
            self._told(f"reading pages: {len(chosen)}")
        pages = self._read([one.link.url for one in chosen])
        return [
            (one.kind, page) for one, page in zip(chosen, pages, strict=True) if page is not None
        ]

    def _read(self, urls: list[str]) -> list[Page | None]:
        """Pages, fetched at once; `None` for one that cannot be had, with a note."""

        def page_of(result: Page | PellucidError) -> Page | None:
            if isinstance(result, PellucidError):
                self._notes.append(str(result))
                return None
            self._notes.extend(result.notes)
            return result

        results = read_all(urls, self._access, linked_from=self._entrance)
        return [page_of(result) for result in results]

    # -- writing

    def _written(self, pages: list[tuple[str, Page]], code: str) -> Iterator[str]:
        remarks = Remarks(self._asker)
        translator = Translator(self._asker, self._brief.language)
        yield f"# {self._name}\n\n"
        last = ""
        for number, (kind, page) in enumerate(pages, 1):
            self._told(f"writing from {page.url}")
            said: list[str] = []
            if kind not in ("", last):
                names = dict(zip(KINDS, _HEADS.get(code, _HEADS["en"]), strict=False))
                yield f"## {names[kind]}\n\n"
            last = kind
            for sentence in self._section(page, translator):
                yield f"{' ' if said else ''}{sentence} [[{number}]]({page.url})"
                said.append(sentence)
            yield "\n\n"
            if self._brief.tone == "humorous":
                light = remarks.remark(" ".join(said), code, page.url)
                yield f"*{light}*\n\n" if light else ""
        yield f"## {_SOURCES.get(code, 'Sources')}\n\n"
        for number, (_, page) in enumerate(pages, 1):
            title = page.title.replace("[", "(").replace("]", ")") or page.url
            yield f"{number}. [{title}]({page.url})\n"
        self._notes += (*translator.notes(), *remarks.notes())

    def _section(self, page: Page, translator: Translator) -> Iterator[str]:
        """What is said of a page, a sentence at a time."""
        brief = self._brief
        shortener = Shortener(
            self._asker, language=page.language, manner=_ADDRESSED[brief.audience]
        )
        text = page.text
        if facts.length(text) > PAGE_WORDS:
            text = facts.completed("", text, PAGE_WORDS)
        text = next(iter(bounded([text], PAGE_TOKENS, self._asker.count)), "")
        if translator.translates(page.language):
            said = shortener.shorten(text, brief.words, title=page.title, url=page.url)
            yield from translator.sentences(said, page.language, page.url)
        else:
            yield from shortener.written(text, brief.words, title=page.title, url=page.url)
