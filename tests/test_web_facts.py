"""What summaries are made of: figures and names, and parts of a page."""

from __future__ import annotations

import random

import pytest

from pellucid import facts
from pellucid.web.passages import blocks, bounded, grouped


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It cost 4.2 million. Dr. No left.", ["It cost 4.2 million.", "Dr. No left."]),
        ("Am 1. April 2026 begann es. Gut.", ["Am 1. April 2026 begann es.", "Gut."]),
        ("# Head\n- **Bold** point.\n2. Next", ["Bold point.", "Next"]),
        ("春天来了。花开了。", ["春天来了。", "花开了。"]),
        ("", []),
    ],
)
def test_sentences(text: str, found: list[str]) -> None:
    assert facts.sentences(text) == found


def test_a_dateline_is_no_part_of_the_sentence_after_it() -> None:
    assert facts.joined(["LEEDS, 3 May", "It opened.", "It is big."]) == (
        "LEEDS, 3 May – It opened. It is big."
    )


def test_figures_and_names() -> None:
    assert facts.figures("1,200 or 1.200 or 1 200 at 08:12, 4 of 5") == [
        *("1200", "1200", "1200", "08.12", "4", "5")
    ]
    assert facts.figures("4.2, 4,2, 1,200.50 and 1.200,50 on 3.5.2026 or May 3 2026") == [
        *("4.2", "4.2", "1200.50", "1200.50", "3.5.2026", "3", "2026")
    ]
    assert facts.names("Today Ada met Jean-Luc O'Hara. He left for Leeds.") == [
        *("Ada", "Jean-Luc", "Hara", "Leeds")
    ]
    assert facts.unsupported("L'atelier paid Ada 5.", "The Atelier: 5 for L'Ada.") == []
    assert facts.unsupported("They paid Bob 6.", "They paid Ada 5.") == ["6", "Bob"]


@pytest.mark.parametrize(
    ("said", "text", "strange"),
    [
        ("It cost £4.2 million.", "Es kostete 4,2 Mio. Pfund.", []),
        ("It cost 4.2 billion.", "It cost 4.2 million.", ["4.2"]),
        ("It cost 4.2.", "It cost 4.2 million.", ["4.2"]),
        ("It rose by 3 to 5%.", "It rose by 3% to 5 percent.", []),
        ("It rose by 5%.", "It rose by 5.", ["5"]),
        ("It cost 5 euros.", "It cost $5.", ["euros"]),
        ("Il coûte 5 mille euros.", "Il coûte 5 mille €.", []),
        ("Cuesta 5 millones.", "Cuesta 5 mil millones.", ["5"]),
    ],
)
def test_a_figure_is_its_digits_and_what_they_count(
    said: str, text: str, strange: list[str]
) -> None:
    assert facts.unsupported(said, text) == strange


def test_nothing_is_added_to_what_was_said_already() -> None:
    text = "Two boats sank near Leeds."
    assert facts.completed("", text, 20, before=text) == ""
    assert facts.completed("", text, 20, before="") == text


def test_names_of_a_long_line() -> None:
    """One without a full stop, a hundred times as long as a page's: in seconds, not in hours."""
    assert len(facts.names("and Ada went to Leeds " * 50_000)) == 100_000


def test_groups_keep_everything_in_order() -> None:
    draw = random.Random(7)
    for _ in range(300):
        texts = [f"{n}" + "x" * draw.choice((0, 5, 400)) for n in range(draw.randint(1, 30))]
        count = draw.randint(1, 35)
        groups = grouped(texts, count)
        assert "\n".join(groups).split("\n") == texts
        assert len(groups) == min(count, len(texts))


def test_parts_are_bounded() -> None:
    def count(text: str) -> int:
        return len(text.replace(" ", ""))

    texts = ["A short one.", "Many words here. " * 50, "x" * 500]
    parts = bounded(texts, 100, count)
    assert max(map(count, parts)) <= 100
    assert parts[0] == texts[0]
    assert sum(part.count("Many") for part in parts) == 50


def test_blocks() -> None:
    code = "```sh\nrm -rf everything that there is\n```\n"
    text = f"{code}# Head\n\nA paragraph that is long enough.\n\na\n\nAnother that is long enough."
    assert [block.count("\n") for block in blocks(text)] == [1, 1]
