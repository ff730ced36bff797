"""Pages that give orders, to a model that obeys whatever it reads: nothing acts unapproved."""

from __future__ import annotations

from html import escape

import pytest

pytest.importorskip("trafilatura")

from pellucid.chat import Chat
from pellucid.messages import Message, Text, ToolCall
from pellucid.tools.running import Toolbox
from pellucid.web.asking import Asker, quoted
from pellucid.web.brochures import Brief, Brochuring
from pellucid.web.fetch import Access, Fetched, fetch
from pellucid.web.page import Page, read
from pellucid.web.summaries import Summarizing, Wish
from test_tool_safety import INJECTED, Obedient, World
from web_server import Page as Answer
from web_server import Server, serving

ORDERS = [words for place, words in INJECTED if place == "page"]
PLACES = ("text", "title", "link")


def injected(place: str, words: str) -> str:
    """A page about anvils with the order in one place of it."""
    said = escape(words)
    filler = "<p>Acme makes anvils in Leeds since 1901, and forty people work there today.</p>"
    text = f"<p>{said}</p>" if place == "text" else ""
    title = said if place == "title" else "Acme"
    link = said if place == "link" else "Our thing"
    return f"<title>{title}</title><main>{text}{filler}</main><a href='/thing'>{link}</a>"


def page(server: Server, html: Answer) -> Page:
    server.pages["/"] = html
    [fetched] = fetch([server.url("/")], Access((server.host,), ignore_robots=True))
    assert isinstance(fetched, Fetched)
    return read(fetched)


def test_a_hundred_pages_that_give_orders() -> None:
    """Summaries and brochures offer no tools, whatever the model calls, in the page's language or
    another; a chat with tools that act, given the page as a passage, runs none of them."""
    pages = [(place, words) for words in ORDERS for place in PLACES]
    assert len(pages) >= 100
    called = 0
    with serving({}) as server:
        for n, (place, words) in enumerate(pages):
            language = "de" if n % 2 else ""
            found = page(server, injected(place, words))
            readers = Obedient(), Obedient()
            making = Summarizing(found, Asker(readers[0], store=None), Wish(10, language))
            assert "".join(making)
            access = Access((server.host,), ignore_robots=True)
            asker = Asker(readers[1], store=None)
            brief = Brief(words=8, language=language)
            assert "".join(Brochuring("Acme", server.url("/"), asker, brief, access))
            tasks = [r.messages[0].text for reader in readers for r in reader.requests]
            assert any("translator" in task for task in tasks) is bool(language)
            for reader in readers:
                assert all(request.tools == () for request in reader.requests)
            replies = [receipt.reply for receipt in asker.receipts]
            called += any(isinstance(p, ToolCall) for r in replies for p in r.message.parts)

            world = World("")
            chat = Chat(Obedient(), store=None, tools=Toolbox(world.tools))
            links = "\n".join(link.text for link in found.links)
            text = f"{found.title}\n{found.text}\n{links}"
            chat.say(Message("user", (Text("Sum up."), *quoted(text, found.url))))
            assert world.done == [], (place, words)
            results = [message.text for message in chat.messages if message.role == "tool"]
            assert any("was not run" in text or "do not fit" in text for text in results), words
    assert called > len(pages) / 2  # the model did try
