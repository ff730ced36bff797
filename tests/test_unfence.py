"""The fence around a whole answer: gone, however the answer is cut, and nothing else with it."""

from __future__ import annotations

import random

import pytest

from pellucid.web.unfence import unfenced


def cut(text: str, draw: random.Random) -> list[str]:
    cuts = sorted(draw.choices(range(len(text) + 1), k=draw.randint(0, 8)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("```markdown\n# A\nb\n```", "# A\nb\n"),
        ("```\n# A\n```\n\n", "# A\n"),
        ("# A\n```python\nx\n```\nb", "# A\n```python\nx\n```\nb"),
        ("```md\n# A\n```python\nx\n```\nb\n```", "# A\n```python\nx\n```\nb\n"),
        ("```python\nx\n```", "```python\nx\n```"),
        ("`code` and text", "`code` and text"),
        ("", ""),
        ("``", "``"),
        ("```Markdown\n# A\n```", "# A\n"),
        ("~~~\n# A\n~~~\n", "# A\n"),
        ("````md\n# A\n```\nx\n```\nb\n````", "# A\n```\nx\n```\nb\n"),
        ("```markdown\r\n# A\r\n```\r\n", "# A\r\n"),
        ("\n  ``` markdown \n# A\n  ```  \n\n", "# A\n"),
        ("```md\n# A\n```\nHope this helps!", "# A\n\nHope this helps!"),
        ("```md\n# A\n```\n\n  Hope `this`\n\nhelps!\n", "# A\n\n  Hope `this`\n\nhelps!\n"),
        ("```md\n~~~\n```\n~~~\nb\n```\n", "~~~\n```\n~~~\nb\n"),
        ("```md\n```sh\nx\n```\n```\nEnd", "```sh\nx\n```\n\nEnd"),
        ("```md\nnever closed", "never closed"),
        ("Text\n```md\n# A\n```\n", "Text\n```md\n# A\n```\n"),
        ("```a`b", "```a`b"),
        (" \n", " \n"),
    ],
)
def test_an_outer_fence(text: str, want: str) -> None:
    draw = random.Random(4)
    for _ in range(60):
        assert "".join(unfenced(cut(text, draw))) == want


def test_however_an_answer_is_cut() -> None:
    draw = random.Random(5)
    scraps = ["`", "``", "```", "````", "~~~", "\n", "\r\n", "\r", " ", "md", "Markdown", "sh", "a"]
    for _ in range(2_000):
        text = "".join(draw.choices(scraps, k=draw.randint(1, 14)))
        want = "".join(unfenced([text]))
        assert "".join(unfenced(cut(text, draw))) == want, text
        assert "".join(unfenced(text)) == want, text


def test_only_a_few_characters_wait() -> None:
    pieces = unfenced(iter(["```md\n", "some ", "words", "\n``", "x"]))
    assert [next(pieces) for _ in range(4)] == ["some ", "words", "\n", "``x"]
