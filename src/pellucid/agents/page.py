"""What agents found, put together: each sentence checked, sources set by code, not by a model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import facts
from ..value import value

QUOTED_WORDS = 40
"""Words of a file that stand where nothing of an answer was borne out by it."""
LOOSE = 0.6
"""The share of a sentence's longer words a source may lack; above it is another's, or no one's."""


@value
class Finding:
    """What the agent `author` answered; `source` is the file it had read, if any."""

    author: str
    text: str
    source: str = ""


Number = Callable[[str], int]
"""The number of a source in the list at the end."""


def sentences(text: str) -> list[str]:
    """The sentences of a file whose lines may be broken anywhere, each once."""
    joined = re.sub(r"(?<=\S)[ \t]*\n(?=[^\W_])", " ", re.sub(r"(?m)^#.*$\n?", "\n", text))
    return list(dict.fromkeys(facts.sentences(joined)))


def quoting(found: Sequence[str], most: int) -> dict[str, Any]:
    """The schema of an answer that consists of some of these sentences."""
    return {
        "type": "object",
        "properties": {
            "sentences": {
                "type": "array",
                "items": {"enum": list(found)},
                "minItems": 1,
                "maxItems": most,
            }
        },
        "required": ["sentences"],
        "additionalProperties": False,
    }


def quoted(answer: Mapping[str, Any], found: Sequence[str]) -> list[str]:
    """The sentences chosen, in the order in which they stand in the text."""
    return [sentence for sentence in found if sentence in answer["sentences"]]


def borne_out(answer: str, text: str, task: str) -> tuple[str, list[str]]:
    """An answer without the sentences whose figures or names are not in the text, and those
    sentences. Where none is left, the text's own weightiest ones stand instead."""
    known = f"{task}\n{text}"
    if not facts.unsupported(answer, known):
        return answer, []
    said = facts.sentences(answer)
    strange = [sentence for sentence in said if facts.unsupported(sentence, known)]
    kept = " ".join(sentence for sentence in said if sentence not in strange)
    return kept or facts.completed("", text, QUOTED_WORDS), strange


def page(answer: str, findings: Sequence[Finding], number: Number, *, quotes: bool = False) -> str:
    """An answer with the source of each sentence, and below it what was found in the sources that
    it does not speak of; where it `quotes`, everything that was found and is not in it."""
    named = [finding for finding in findings if finding.source]
    lines = [_cited(line, named, number) for line in answer.splitlines() if not _list(line)]
    head = "\n".join(lines).strip()
    rest = []
    for finding in named if head else findings:
        text, cited = finding.text, f" [{number(finding.source)}]" if finding.source else ""
        if head and quotes:
            text = " ".join(each for each in sentences(text) if each not in answer)
        elif cited and cited in head:
            continue
        if text:
            rest.append(f"- {text}{cited}")
    if not head and len(findings) == 1:
        rest = [line.removeprefix("- ") for line in rest]
    return "\n\n".join(part for part in (head, "\n".join(rest)) if part)


def _list(line: str) -> bool:
    """Whether a line is of a list of sources, as a model makes them up."""
    return re.match(r"\W*(?:sources?|references?)\b\W*(?:$|:)|\s*\[\d+\]", line, re.I) is not None


def _cited(line: str, findings: Sequence[Finding], number: Number) -> str:
    """A line of an answer, the numbers of their sources behind its sentences."""
    mark = re.match(r"\s*(?:#+\s.*|(?:[-*•>]|\d+\.)\s+)?", line)
    assert mark is not None
    said = facts.sentences(re.sub(r"\s*\[\d+\]", "", line[mark.end() :]))
    cited = [
        f"{sentence} [{number(finding.source)}]"
        if (finding := _of(sentence, findings))
        else sentence
        for sentence in said
    ]
    return mark[0] + " ".join(cited)


def _of(sentence: str, findings: Sequence[Finding]) -> Finding | None:
    """The finding that a sentence was made from."""
    bearing = [each for each in findings if not facts.unsupported(sentence, each.text)]
    best = min(bearing, key=lambda each: facts.strangeness(sentence, each.text), default=None)
    if best is None or facts.strangeness(sentence, best.text) > LOOSE:
        return None
    return best
