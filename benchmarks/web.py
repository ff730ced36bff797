"""Reading the web: are summaries faithful, are the right links chosen, and how fast is it?

Both are measured on the ten sites of the tests, served on loopback, with the embedded model.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import web_sites
from pellucid.models.base import Model
from pellucid.models.names import open_model
from pellucid.web.asking import Asker
from pellucid.web.choosing import choose
from pellucid.web.fetch import Access, Fetched, fetch
from pellucid.web.page import Page, read, read_all
from pellucid.web.summaries import Summarizing, Wish
from pellucid.web.summary import Summary
from web_server import Server, answer, serving

from .measure import Row, table


def run(name: str = "local") -> str:
    model = open_model(name)
    sites = list(web_sites.load().values())
    measured = [measure(site, model) for site in sites]
    return "\n".join(
        [
            _sites(sites, measured),
            table(f"Reading the web, {model.name}", [*_rows(measured), *_speed(sites, model)]),
        ]
    )


class Measured:
    """One site: its summary beside the page, and the links that were chosen."""

    def __init__(self, site: web_sites.Site, page: Page, summary: Summary, seconds: float) -> None:
        text = summary.text.lower()
        known = f"{page.title}\n{page.text}"
        self.summary = summary
        self.seconds = seconds
        self.facts = sum(any(s.lower() in text for s in spellings) for spellings in site.facts)
        checked, self.strange = web_sites.literal(summary.text, known)
        self.checked = len(checked)
        self.shorter = len(text.split()) / len(page.text.split())
        lead = " ".join(page.text.split()[: len(text.split())]).lower()
        self.lead = sum(any(s.lower() in lead for s in spellings) for spellings in site.facts)
        self.chosen = self.right = 0


def measure(site: web_sites.Site, model: Model) -> Measured:
    print(f"  {site.name}", file=sys.stderr, flush=True)
    with serving(site.pages()) as server:
        page = _page(server, site.article)
        home = _page(server, "/")
        began = time.perf_counter()
        making = Summarizing(page, Asker(model, store=None), Wish())
        for _ in making:
            pass
        assert making.summary is not None
        out = Measured(site, page, making.summary, time.perf_counter() - began)
        chosen = {one.link.url for one in choose(home, site.name, Asker(model, store=None))}
        out.chosen = len(chosen)
        out.right = len(chosen & {server.url(path) for path in site.right})
    return out


def _page(server: Server, path: str) -> Page:
    [fetched] = fetch([server.url(path)], Access(allowed=(server.host,)))
    assert isinstance(fetched, Fetched), fetched
    return read(fetched)


def _sites(sites: list[web_sites.Site], measured: list[Measured]) -> str:
    lines = [
        "## Ten sites",
        "",
        "| site | language | words of page → summary | key facts | first words | figures and names "
        "in the page | the page's own sentences | links: right of chosen, of all | s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for site, one in zip(sites, measured, strict=True):
        words = len(one.summary.page.text.split())
        lines.append(
            f"| {site.name} | {site.language} | {words} → {len(one.summary.text.split())} "
            f"| {one.facts} of {len(site.facts)} | {one.lead} "
            f"| {one.checked - len(one.strange)} of {one.checked} | {one.summary.reading.quoted} "
            f"| {one.right} of {one.chosen}, of {len(site.right)} | {one.seconds:.0f} |"
        )
    return "\n".join([*lines, ""])


def _rows(measured: list[Measured]) -> list[Row]:
    sites = list(web_sites.load().values())
    count = sum(len(site.facts) for site in sites)
    found, lead = sum(one.facts for one in measured), sum(one.lead for one in measured)
    checked = sum(one.checked for one in measured)
    known = checked - sum(len(one.strange) for one in measured)
    right, chosen = sum(one.right for one in measured), sum(one.chosen for one in measured)
    wanted = sum(len(site.right) for site in sites)
    return [
        Row("key facts in the summaries", f"{found / count:.0%}", "≥ 80%", found >= 0.8 * count),
        Row("key facts in as many first words of the pages", f"{lead / count:.0%}"),
        Row(
            "figures and names of the summaries that are in the page",
            f"{known / checked:.1%}",
            "≥ 95%",
            known >= 0.95 * checked,
        ),
        Row("links chosen: precision", f"{right / chosen:.0%}", "≥ 80%", right >= 0.8 * chosen),
        Row("links chosen: recall", f"{right / wanted:.0%}", "≥ 80%", right >= 0.8 * wanted),
    ]


def _speed(sites: list[web_sites.Site], model: Model) -> list[Row]:
    return [*_trimming(sites, model), *_extraction(), *_parallel()]


def _trimming(sites: list[web_sites.Site], model: Model) -> list[Row]:
    """What reading the main text alone saves, and the time to the first words."""
    tokenizer = getattr(model, "tokenizer", None)
    if tokenizer is None:
        return []
    site = next(site for site in sites if site.name == "Quillon Software")
    text = f"{site.article_text}\n\n" + "\n\n".join(site.article_text.split("\n\n")[1:])
    html = web_sites.html(replace(site, texts={}), text)
    whole, main = len(tokenizer.encode(html).ids), len(tokenizer.encode(_read(html).text).ids)
    asker = Asker(model, store=None)
    page = replace(_read(web_sites.html(site, site.article_text)), url="https://quillon.example/x")
    began = time.perf_counter()
    pieces = iter(Summarizing(page, asker, Wish()))
    next(pieces)
    first = time.perf_counter() - began
    list(pieces)  # to the end, where the receipt is written
    timings, usage = asker.receipts[0].timings, asker.receipts[0].reply.usage
    return [
        Row("tokens of the main text, and of the whole page", f"{main:,} and {whole:,}"),
        Row(
            "time to the first sentence of a summary",
            f"{first:.1f} s: {usage.fresh} tokens read at {timings.reading or 0:.0f}/s, "
            f"{usage.output_total} written at {timings.writing or 0:.1f}/s",
        ),
    ]


def _long_page() -> str:
    """HTML of 100 kB: an article, a long menu, scripts."""
    site = web_sites.load()["Quillon Software"]
    paragraphs = "\n\n".join(site.article_text.split("\n\n")[1:])
    menu = "".join(
        f"<div class='menu-item'><a class='nav-link' href='/n{n}'>Entry {n}</a></div>"
        for n in range(500)
    )
    html = web_sites.html(site, site.article_text + f"\n\n{paragraphs}" * 8)
    scripts = "var x = 1;" * ((100_000 - len(html) - len(menu)) // 10)
    return html.replace("<header>", f"<header>{menu}<script>{scripts}</script>", 1)


def _extraction() -> list[Row]:
    html = _long_page()
    _read(html)
    times = []
    for _ in range(20):
        began = time.process_time()
        _read(html)
        times.append(time.process_time() - began)
    rate = 1 / sorted(times)[10]
    what = f"pages of {len(html) / 1000:.0f} kB read, on one core"
    return [Row(what, f"{rate:.0f} a second", "≥ 20 a second", rate >= 20)]


def _parallel() -> list[Row]:
    """Ten pages fetched and read, beside the slowest of them alone: those of the ten sites, and
    pages of 100 kB. Where all of these come at the same moment, nine have to wait to be read."""
    sites = [web_sites.html(site, site.article_text) for site in web_sites.load().values()]
    long = [_long_page()] * 10
    together, spread = [1.0] * 10, [0.1 * n for n in range(1, 11)]
    one, two, three = (
        _beside_the_slowest(*each) for each in ((together, sites), (spread, long), (together, long))
    )
    what = "beside the slowest alone"
    return [
        Row(f"ten pages, answered after 1 s, {what}", f"{one:.2f} times", "≤ 1.2", one <= 1.2),
        Row(f"... of 100 kB, after 0.1 to 1 s, {what}", f"{two:.2f} times", "≤ 1.2", two <= 1.2),
        Row(f"... of 100 kB, all after 1 s, {what}", f"{three:.2f} times"),
    ]


def _beside_the_slowest(waits: list[float], pages: list[str]) -> float:
    """The time of all pages, answered after so many seconds, in times that of the last alone."""

    def slow(handler: BaseHTTPRequestHandler) -> None:
        number = int(handler.path[1:])
        time.sleep(waits[number])
        answer(handler, 200, {"Content-Type": "text/html"}, pages[number].encode())

    with serving({f"/{n}": slow for n in range(len(waits))}) as server:
        access = Access(allowed=(server.host,), ignore_robots=True)
        urls = [server.url(f"/{n}") for n in range(len(waits))]
        read_all(urls[:1], access)
        moments = [time.perf_counter()]
        for some in (urls[-1:], urls):
            assert all(isinstance(page, Page) for page in read_all(some, access))
            moments.append(time.perf_counter())
    before, between, after = moments
    return (after - between) / (between - before)


def _read(html: str) -> Page:
    url = "https://quillon.example/page"
    return read(Fetched(url, url, "text/html", "utf-8", html.encode()))


if __name__ == "__main__":
    print(run(*sys.argv[1:2]))
