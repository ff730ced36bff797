"""What the tools doctor found, and what a model is told of tools."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ...evaluate.tool_doctor import Examined, rates
from ...tools.tool import Tool
from .. import figures
from ..glyphs import visible
from .style import BOLD, DIM, fold, paint, table


def examination(
    model: str, examined: Sequence[Examined], total: int, *, color: bool = False, width: int = 80
) -> str:
    """Pass rates by group, the three rates, and each failure with the raw replies."""
    sections = [f"{paint(visible(model), BOLD, color)}  {len(examined)} of {total} asked"]
    groups = list(dict.fromkeys(each.case.group for each in examined))
    rows = []
    for group in groups:
        found = [each.passed for each in examined if each.case.group == group]
        rows.append(
            (group, f"{sum(found)} of {len(found)}", figures.percent(sum(found) / len(found)))
        )
    sections.append(table(rows, right=" rr"))
    found_rates = rates(examined)
    sections.append(
        table(
            [
                ("well-formed calls where needed", _share(found_rates.called)),
                ("needless calls", _share(found_rates.needless)),
                ("answers with the tool's fact", _share(found_rates.facts)),
            ],
            right=" r",
        )
    )
    failures = [each for each in examined if not each.passed]
    sections += [_failure(each, color, width) for each in failures]
    return "\n\n".join(section for section in sections if section)


def offered(tools: Sequence[Tool], *, color: bool = False, width: int = 80) -> str:
    """Name, description and parameters of each tool."""
    parts = []
    for tool in tools:
        acts = "  acts: asks first" if tool.acts else ""
        lines = [f"{paint(visible(tool.name), BOLD, color)}{paint(acts, DIM, color)}"]
        lines += [f"  {line}" for line in fold(visible(tool.spec.description), width - 2)]
        schema = json.dumps(tool.spec.parameters, ensure_ascii=False)
        lines += [paint(f"  {line}", DIM, color) for line in fold(visible(schema), width - 2)]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _share(share: float | None) -> str:
    return "not asked" if share is None else figures.percent(share)


def _failure(each: Examined, color: bool, width: int) -> str:
    lines = [
        f"{paint(each.verdict.kind, BOLD, color)}  {visible(each.case.question)}",
        *(f"  {line}" for line in fold(visible(each.verdict.detail), width - 2)),
    ]
    for raw in each.raw:
        rest = [piece for line in raw.split("\n") for piece in fold(visible(line), width - 4)]
        lines += [paint(f"  │ {line}", DIM, color) for line in rest]
    return "\n".join(lines)
