"""How well the embedded model calls tools, with and without our steering: the table of
docs/tools.md. `python -m benchmarks.tools [TIMES]` asks every case that often."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from pellucid.evaluate.tool_doctor import CASES, Examined, examine, rates
from pellucid.models.local import LocalModel
from pellucid.models.names import open_model

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
            for each in examine(model, times, temperature):
                examined.append(each)
                print("." if each.passed else "x", end="", file=sys.stderr, flush=True)
            print(file=sys.stderr)
            rows.append(_row(temperature, model.steers, examined))
            if model.steers:
                failures += [_failure(temperature, each) for each in examined if not each.passed]
    asked = (
        f"{len(CASES)} questions of `pellucid tools doctor`, each {times} time(s), {model.name}."
    )
    return "\n\n".join([asked, HEAD + "\n".join(rows), "\n".join(failures)]).rstrip() + "\n"


def _row(temperature: float, steers: bool, examined: list[Examined]) -> str:
    found = rates(examined)
    shares = [f"{share or 0:.0%}" for share in (found.called, found.needless, found.facts)]
    return f"| {temperature:g} | {'on' if steers else 'off'} | {' | '.join(shares)} |"


def _failure(temperature: float, each: Examined) -> str:
    return f"- at {temperature:g}, “{each.case.question}”: {each.verdict}"


if __name__ == "__main__":
    table = run(times=int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    print(table)
    block = f"<!-- doctor -->\n{table}<!-- end -->\n"
    page = PAGE.read_text("utf-8")
    PAGE.write_text(
        re.sub(r"<!-- doctor -->\n.*?<!-- end -->\n", lambda _: block, page, flags=re.S), "utf-8"
    )
