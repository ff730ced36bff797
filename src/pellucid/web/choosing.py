"""Which links of a home page belong into a brochure.

Rules take away what never does: terms, logins, carts, news. The model says of each that is left
what kind of page it leads to; the links are numbered, so it cannot invent one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from ..messages import Options, ResponseFormat, Text
from .asking import Asker, quoted
from .links import Link
from .ownership import is_own
from .page import Page

KINDS = {
    "about": "the company, its story, who it is",
    "products": "what it makes or offers, services, technology, projects",
    "customers": "customers, case studies, stories, references",
    "careers": "jobs, working there",
    "culture": "values, team",
    "other": "anything else: help, search, contact, addresses",
}
MOST_CANDIDATES = 40
"""Links that a model is asked about."""

_NEVER = re.compile(
    r"\b(terms|legal|privac\w*|gdpr|cookies?|imprint|disclaimer|accessibility|modern[ -]slavery|"
    r"returns?|refunds?|fees|complaints?|sitemap|search|log[ -]?(?:in|out)|sign[ -]?(?:in|up)|"
    r"signup|register|account|cart|basket|checkout|unsubscribe|subscribe|newsletter|status|docs|"
    r"documentation|download|downloads|manual|forum|faq|help|support|find a branch|tags?|category|"
    r"feed|rss|impressum|datenschutz\w*|agb|nutzungsbedingungen|barrierefreiheit|anmelden|suche|"
    r"warenkorb|konto|anfahrt|hilfe|mentions[ -]l[ée]gales|confidentialit[ée]|cgv|cgu|"
    r"conditions g[ée]n[ée]rales|panier|connexion|recherche|aviso[ -]legal|carrito|"
    r"iniciar[ -]sesi[oó]n|buscar|note legali|riservatezza|carrello|accedi|termos|carrinho|entrar|"
    r"voorwaarden|winkelwagen|inloggen)\b|利用規約|プライバシー|个人信息|隐私|隱私|개인정보|이용약관",
    re.I,
)
# These lead to jobs, customers and services, whatever else their words stand for.
_RATHER = re.compile(
    r"\bsearch (for )?(our )?(jobs|careers|vacancies)\b|\b(jobs?|careers?|vacancies) search\b|"
    r"\bsupport stor(y|ies)\b|\b(products?|services?|leistungen|produkte) (and|und|&) support\b",
    re.I,
)
_NEWS = re.compile(
    r"/(news|newsroom|press|presse|blog|journal|updates?|posts?|articles?|recipes?|events?|"
    r"actualites?|aktuelles|noticias|recetas|notizie|nieuws)(/|$)|/(19|20)\d\d/",
    re.I,
)
# What some links say by themselves; the model sorts the others.
_SAID = {
    "careers": r"careers?|jobs?|vacanc\w+|open roles|join( us| the team)?|work(ing)? here|karriere|"
    r"work(ing)? (with|for) us|stellen\w*|recrutement|emplois?|trabaja\w*|empleo|vagas|vacatures|"
    r"lavora con noi",
    "customers": r"customers?|clients?|case stud\w+|(customer|members?) stor\w+|references?|"
    r"testimonials|referenzen|kunden(?!portal)|clientes|clienti|klanten",
    "about": r"about|our story|who we are|company|über uns|ueber uns|unternehmen|la maison|"
    r"qui sommes nous|à propos|quienes somos|quiénes somos|chi siamo|sobre nós|over ons",
    "products": r"products?|services?|solutions?|platform|technology|what we (do|make)|"
    r"leistungen|produkte|produits|productos|prodotti|produtos|producten",
    "culture": r"values|culture|our team|team|werte|valeurs|valores|valori",
}
_FILES = re.compile(r"\.(pdf|zip|docx?|xlsx?|pptx?|png|jpe?g|gif|svg|mp[34]|xml|ics)$", re.I)
_LANGUAGE = re.compile(r"^/[a-z]{2}(-[a-z]{2})?/?$", re.I)


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that was chosen, and the kind of page it leads to: a key of `KINDS`."""

    kind: str
    link: Link


def candidates(page: Page, company: str) -> list[Link]:
    """The links that may belong into a brochure: the company's own, and nothing that never does."""
    out = []
    for link in page.links:
        parts = urlsplit(link.url)
        path = unquote(parts.path)
        words = f"{link.text} {re.sub(r'[-_/.]+', ' ', path)}"
        if (
            not is_own(link.url, page.url, company)
            or _NEVER.search(_RATHER.sub("", words))
            or _NEWS.search(path)
            or _FILES.search(path)
            or _LANGUAGE.match(path)
            or (path in ("", "/") and not parts.query)
        ):
            continue
        out.append(link)
    return out


def choose(page: Page, company: str, asker: Asker) -> list[Choice]:
    """The links of `page` for a brochure about `company`, as the model sorts them.

    Without a link that could be chosen nothing is asked. Of more than `MOST_CANDIDATES` the first
    ones are, those that say what they are before the others.
    """
    links = candidates(page, company)
    if not links:
        return []
    if len(links) > MOST_CANDIDATES:
        links = sorted(links, key=lambda link: not said_by(link))[:MOST_CANDIDATES]
    answered = _answer(links, page, company, asker)
    kinds = [said_by(link) or kind for link, kind in zip(links, answered, strict=True)]
    return [Choice(kind, link) for kind, link in zip(kinds, links, strict=True) if kind != "other"]


def said_by(link: Link) -> str:
    """The kind of page that a link names in so many words; empty where it does not."""
    words = f"{link.text} {re.sub(r'[-_/.]+', ' ', unquote(urlsplit(link.url).path))}"
    for kind, pattern in _SAID.items():
        if re.search(rf"\b({pattern})\b", words, re.I):
            return kind
    return ""


def _answer(links: Sequence[Link], page: Page, company: str, asker: Asker) -> list[str]:
    lines = "\n".join(
        f"{n}. {link.text or '(no text)'} ({unquote(urlsplit(link.url).path)})"
        for n, link in enumerate(links, 1)
    )
    kinds = ", ".join(f"{kind} ({what})" for kind, what in KINDS.items())
    numbers = [str(n) for n in range(1, len(links) + 1)]
    schema = {
        "type": "object",
        "properties": {number: {"type": "string", "enum": list(KINDS)} for number in numbers},
        "required": numbers,
        "additionalProperties": False,
    }
    parts = (
        Text(f"The links of the web site of {company}:\n"),
        *quoted(lines, page.url),
        Text(f"Say for each number what page it leads to: {kinds}. Answer in JSON."),
    )
    options = Options(temperature=0.0, alternatives=0, max_tokens=20 + 12 * len(links))
    system = "You sort the links of a company's web site."
    form = ResponseFormat(schema, name="links")
    reply = "".join(asker.stream(system, parts, options=options, form=form))
    return _parsed(reply, numbers)


def _parsed(reply: str, numbers: Sequence[str]) -> list[str]:
    """The kind of each link; one that the reply is silent about, or wrong, is `other`."""
    found = re.search(r"\{.*\}", reply, re.S)
    try:
        said = json.loads(found[0]) if found else {}
    except ValueError:  # cut off: what is whole of it counts
        said = dict(re.findall(r'"(\d+)"\s*:\s*"(\w+)"', reply))
    kinds = [said.get(number) for number in numbers]
    return [kind if kind in list(KINDS) else "other" for kind in kinds]
