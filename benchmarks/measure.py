"""Small tools shared by the benchmarks: medians of interleaved runs, and the table they make."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `target` is empty for figures that are only given for comparison."""

    what: str
    measured: str
    target: str = ""
    met: bool | None = None


def milliseconds(command: Sequence[str]) -> float:
    """Wall time of one run of a whole process."""
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return (time.perf_counter() - began) * 1000


def interleaved(runs: int, subjects: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """The median of each subject; they take turns, so that a slow minute hits all of them."""
    values: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(runs):
        for name, subject in subjects.items():
            values[name].append(subject())
    return {name: statistics.median(found) for name, found in values.items()}


def table(title: str, rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = [f"## {title}", "", "| what | measured | target | |", "|---|---|---|---|"]
    for row in rows:
        mark = {True: "met", False: "**missed**", None: ""}[row.met]
        lines.append(f"| {row.what} | {row.measured} | {row.target} | {mark} |")
    return "\n".join([*lines, ""])
