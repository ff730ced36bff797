"""The token lab's views: nothing in the content acts, figures are right, columns line up."""

from __future__ import annotations

import re
import sys
from decimal import Decimal

import pytest

import sample_receipts as samples
from pellucid.errors import UsageError
from pellucid.models import price_list
from pellucid.record.forecast import forecast
from pellucid.record.prices import Price, Rate, cost
from pellucid.replies import Usage
from pellucid.tokens.bpe import Learned
from pellucid.tokens.counting import Counted
from pellucid.tokens.encoding import Encoding
from pellucid.tokens.explain import Explained, Step
from pellucid.tokens.measures import ages, density
from pellucid.views import money, tokens
from pellucid.views.html.density import density_plot
from pellucid.views.html.tokens import comparison_page

HOSTILE = "a\x1b[2J\u202eb<script>\n日本🦙"
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


def encoding(*pieces: str, front: int = 0) -> Encoding:
    """Made of these pieces, one token each, the first `front` of them added."""
    text = "".join(pieces[front:])
    at = [0] * front
    ends = [0] * front
    place = 0
    for piece in pieces[front:]:
        at.append(place)
        place += len(piece)
        ends.append(place)
    return Encoding(
        text,
        ids=tuple(range(len(pieces))),
        pieces=tuple(piece.encode() for piece in pieces),
        offsets=tuple(zip(at, ends, strict=True)),
        special=tuple(i < front for i in range(len(pieces))),
        vocabulary="x",
    )


def test_nothing_in_the_content_reaches_the_terminal() -> None:
    hostile = samples.encode(HOSTILE)
    explained = Explained(
        HOSTILE, False, (b"\x1b",), (Step(1, b"\x1b[", (b"\x1b[",)),), (1,), (b"x",)
    )
    shown = [
        tokens.listing("x", hostile),
        tokens.chips("x", hostile),
        tokens.comparison({"a\x1b": hostile, "b": hostile}),
        tokens.explained([explained]),
        tokens.entries([(1, b"\x1b[2J")], {}),
        tokens.counts("x", [Counted("name\x1b[2J", 3, 1, 3, 1)]),
        tokens.learned(Learned(1, 2, 256, b"\x1b[", 2), b"\x1b", b"["),
    ]
    for text in shown:
        assert RAW.search(text) is None, text


def test_what_is_added_is_marked_and_not_counted_as_text() -> None:
    shown = tokens.listing("x", encoding("<s>", "Hi", " you", front=1))
    assert shown.startswith("0 = '<s>'  added\n1 = 'Hi'\n2 = ' you'\n")
    assert "3 tokens · 6 characters · 3.00 characters a token" in shown


def test_pieces_are_aligned_where_all_have_a_border() -> None:
    one = encoding("<s>", "To", "ken", "izers", " in", front=1)
    two = encoding("Token", "izers", " ", "in")
    assert tokens.aligned([one, two]) == [
        ((b"To", b"ken"), (b"Token",)),
        ((b"izers",), (b"izers",)),
        ((b" in",), (b" ", b"in")),
    ]


def test_a_token_inside_a_character_makes_no_border() -> None:
    llama = samples.encode("a🦙")
    assert len(tokens.aligned([llama, encoding("a", "🦙")])) == 2


def test_nothing_is_lost_in_alignment() -> None:
    for text in (HOSTILE, "", "a🦙b", "word word"):
        both = [samples.encode(text), encoding(*text)]
        for column in range(2):
            rows = tokens.aligned(both)
            assert b"".join(p for row in rows for p in row[column]) == text.encode()


def test_three_ages() -> None:
    characters, words, pieces = ages(encoding("<s>", "one ", "two ", "one ", "six", front=1), 500)
    assert (characters.length, words.length, pieces.length) == (15, 4, 4)
    assert (words.distinct, words.needed, words.unknown) == (3, None, 1)
    assert (pieces.needed, pieces.unknown) == (500, 0)
    assert "no size is enough" in tokens.ages([characters, words, pieces])


def test_density_of_nothing_is_not_a_number() -> None:
    nothing = density("x", "", 0)
    assert nothing.characters_per_token is None
    assert "–" in tokens.densities([nothing], [0])
    assert "<svg" in density_plot([("", [nothing])])


def test_a_page_escapes_its_text() -> None:
    hostile = samples.encode(HOSTILE)
    page = comparison_page({"<b>": hostile, "y": hostile}, {"<b>": 5, "y": 6})
    assert "<script" not in page and "<b>y" not in page and "script-src 'none'" in page


def test_amounts_keep_two_digits_and_unknown_is_no_zero() -> None:
    price = Price("p", "m", Rate(Decimal("2.5")), None)

    def dollars(count: int, known: str = "exact") -> str:
        return money.dollars(cost(Usage(fresh=count, known=known), price))  # type: ignore[arg-type]

    assert dollars(5_000_000) == "$12.50"
    assert dollars(17) == "$0.000042"
    assert dollars(5_000_000, "estimated") == "~$12.50"
    assert money.dollars(None) == "unknown"


def test_a_model_without_a_price() -> None:
    shown = money.forecast(forecast("no-such-model", 10, turns=2))
    assert shown.count("unknown") >= 4 and "No price of no-such-model is known" in shown


def test_every_figure_shows_its_date() -> None:
    shown = money.forecast(forecast("gpt-4o", 10), width=200)
    day = price_list.dated()
    prices = f"Prices of openai gpt-4o and openai text-embedding-3-small as of {day} (genai"
    assert prices in shown and f"Window as of {day} (genai-prices" in shown
    # What it costs to embed, and the window, are known where what it costs to send is not.
    shown = money.forecast(forecast("llama-3.1", 10), width=200)
    assert f"Prices of openai text-embedding-3-small as of {day} (genai" in shown
    assert "Window as of 20" in shown and "MODEL_CARD.md" in shown


def test_a_table_is_a_data_frame() -> None:
    pandas = pytest.importorskip("pandas")
    frame = encoding("<s>", "Hi", " you", front=1).table()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == ["id", "piece", "bytes", "start", "end", "special"]
    assert list(frame["id"]) == [0, 1, 2] and list(frame["piece"]) == ["<s>", "Hi", " you"]
    assert list(frame["start"]) == [0, 0, 2] and list(frame["end"]) == [0, 2, 6]
    assert list(frame[frame["special"]]["bytes"]) == [b"<s>"]
    assert len(encoding().table()) == 0


def test_without_pandas_a_table_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="pip install pandas"):
        encoding("Hi").table()
