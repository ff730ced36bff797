"""How well the embedded model calls tools, with and without our steering: the table of
docs/tools.md and RESULTS.md. `python -m benchmarks.tools [TIMES]` asks every case that often; at
temperature 0, and without steering, where a conversation takes many calls, once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from pellucid.evaluate.tool_doctor import CASES, Examined, examine
from pellucid.models.local import LocalModel
from pellucid.models.names import open_model

from .__main__ import keep, machine

PAGE = Path(__file__).parents[1] / "docs" / "tools.md"
TEMPERATURES = (0.0, 0.7)
HEAD = """\
| temperature | steering | well-formed calls where needed | needless calls | fact in the answer |
|---|---|---|---|---|
| target | | at least 90% | at most 5% | at least 85% |
"""


def run(name: str = "local", times: int = 1) -> str:
    """The table, and the failures under steering, as Markdown."""
    model = open_model(name)
    assert isinstance(model, LocalModel)
    rows, failures = [], []
    for model.steers in (True, False):
        for temperature in TEMPERATURES:
            examined = []
            often = times if temperature and model.steers else 1
            for each in examine(model, often, temperature):
                examined.append(each)
                print("." if each.passed else "x", end="", file=sys.stderr, flush=True)
            rows.append(row(temperature, model.steers, examined))
            print(f"\n{rows[-1]}", file=sys.stderr)
            if model.steers:
                failures += [_failure(temperature, each) for each in examined if not each.passed]
    asked = (
        f"{len(CASES)} questions of `pellucid tools doctor`, each {times} time(s); at temperature "
        f"0, and without steering, once. {model.name}."
    )
    return "\n\n".join([asked, HEAD + "\n".join(rows), "\n".join(failures)]).rstrip() + "\n"


def row(temperature: float, steers: bool, examined: Sequence[Examined]) -> str:
    needed = [each for each in examined if each.case.calls]
    others = [each for each in examined if not each.case.calls]
    shares = (
        _share([each.called for each in needed]),
        _share([not each.called for each in others]),
        _share([each.fact for each in needed]),
    )
    return f"| {temperature:g} | {'on' if steers else 'off'} | {' | '.join(shares)} |"


def _share(found: Sequence[bool]) -> str:
    return f"{sum(found) / len(found):.0%} ({sum(found)} of {len(found)})"


def _failure(temperature: float, each: Examined) -> str:
    return f"- at {temperature:g}, “{each.case.question}”: {each.verdict}"


if __name__ == "__main__":
    table = run(times=int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    print(table)
    keep("tools", f"## Calling tools\n\n{table}\n{machine()}\n")
    keep("doctor", table, PAGE)
