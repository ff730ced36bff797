"""Markdown in the terminal: the same however it is cut, nothing drawn twice, nothing that acts."""

from __future__ import annotations

import random
import re

import pytest

from pellucid.views.html.markdown import markdown
from pellucid.views.terminal.markdown import MarkdownStream


def shown(*pieces: str) -> str:
    stream = MarkdownStream()
    return "".join([*(stream.feed(piece) for piece in pieces), stream.end()])


def bare(text: str) -> str:
    return re.sub(r"\x1b\]8;;[^\x1b]*\x1b\\|\x1b\[[\d;]*m", "", text)


TEXT = """# Head *one*

A **bold** word, `code *x*`, a * star, 2*3 and <https://a.example/x>.

- item [link](https://b.example/?a=1) end
  * nested ![image](https://c.example/i.png)
1. first [not a link] [broken](
> quoted **text**

```python
# not a head
a = b * c
```
last [x](javascript:alert(1)) line"""


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("# Head\n", "\x1b[0;1;4mHead\x1b[0m\n"),
        ("a **b** c", "a \x1b[0;1mb\x1b[0m c"),
        ("`c`", "\x1b[0;36mc\x1b[0m"),
        ("- x", "• x"),
        ("a * b", "a * b"),
        ("#tag", "#tag"),
        (
            "[t](https://a.example)",
            "\x1b]8;;https://a.example\x1b\\\x1b[0;4mt\x1b[0m\x1b]8;;\x1b\\",
        ),
        ("[t](javascript:x)", "[t](javascript:x)"),
        ("**open\nb **c** d", "**open\nb \x1b[0;1mc\x1b[0m d"),
        ("a ** c and 2*3", "a ** c and 2*3"),
        ("`open", "`open"),
        ("`a * b*`", "\x1b[0;36ma * b*\x1b[0m"),
        ("**a *b***", "\x1b[0;1ma \x1b[0;1;3mb\x1b[0;1m\x1b[0m"),
        (
            "[A (b)](http://a.b/x_(y))!",
            "\x1b]8;;http://a.b/x_(y)\x1b\\\x1b[0;4mA (b)\x1b[0m\x1b]8;;\x1b\\!",
        ),
        ("([a](http://a.b/x))", "(\x1b]8;;http://a.b/x\x1b\\\x1b[0;4ma\x1b[0m\x1b]8;;\x1b\\)"),
        ("[a](http://a.b/x(y) z", "[a](http://a.b/x(y) z"),
        (
            "So it is. [[12]](http://a.b)",
            "So it is. \x1b]8;;http://a.b\x1b\\\x1b[0;2m[12]\x1b[0m\x1b]8;;\x1b\\",
        ),
    ],
)
def test_marks(text: str, want: str) -> None:
    assert shown(text) == want


def test_however_it_is_cut() -> None:
    want = bare(shown(TEXT))
    draw = random.Random(5)
    for _ in range(300):
        cuts = sorted(draw.sample(range(1, len(TEXT)), draw.randint(1, 40)))
        pieces = [TEXT[a:b] for a, b in zip([0, *cuts], [*cuts, len(TEXT)], strict=True)]
        assert bare(shown(*pieces)) == want
    assert "Head one" in want
    assert "• item link end" in want
    assert "# not a head" in want
    assert "a = b * c" in want


def test_however_marks_are_cut() -> None:
    draw = random.Random(6)
    scraps = ["*", "**", "`", "``", " ", "\n", "a", "b c", "[", "](http://a.b/", "(", ")", "!", "<"]
    for _ in range(2_000):
        text = "".join(draw.choices(scraps, k=draw.randint(1, 14)))
        at = draw.randint(0, len(text))
        assert shown(text) == shown(text[:at], text[at:]) == shown(*text), text


def test_what_is_not_closed_soon_is_shown() -> None:
    stream = MarkdownStream()
    assert stream.feed("**" + "word " * 100).startswith("**word")
    assert stream.feed("** and *") == "** and "


def test_nothing_is_drawn_twice() -> None:
    """Only colours, links and text: no code that moves the cursor or erases."""
    out = shown(*TEXT)
    assert set(re.findall(r"\x1b(?!\]8;;|\\|\[[\d;]*m).?", out)) == set()


def test_nothing_acts() -> None:
    out = shown("\x1b[2J\x07 [x\x1b]8;;evil](https://a.example/\x1b[0m) \u202e")
    assert "\x1b[2J" not in out
    assert "\x07" not in out
    assert "\u202e" not in out


def test_it_does_not_wait() -> None:
    """Words come at once; what may be a link comes when it is one, or cannot be any more."""
    stream = MarkdownStream()
    assert bare(stream.feed("some words ")) == "some words "
    assert bare(stream.feed("[may be")) == ""
    assert "[may be" in bare(stream.feed("\nnot"))


def test_brackets_that_are_no_link_take_no_time() -> None:
    text = f"[{'[aaaaaaaaaa' * 30}"
    assert text in bare(shown(text, "\n"))


def test_html_of_markdown() -> None:
    html = markdown(
        "# A <script>x</script>\n\n![i](https://t.example/p.png) [a](javascript:x) "
        "[b](https://b.example) <img src=x onerror=y>"
    )
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert '<a rel="noopener noreferrer" href="https://b.example">b</a>' in html


def test_references_are_told_from_links() -> None:
    html = markdown("So it is. [[1]](https://a.example) [[b]](https://b.example)")
    assert 'class="reference" href="https://a.example">[1]</a>' in html
    assert html.count("reference") == 1
