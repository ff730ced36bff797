"""`python -m benchmarks [NAME ...]`: measure, print, and keep the tables in RESULTS.md."""

from __future__ import annotations

import datetime
import os
import platform
import re
import sys
from importlib import import_module
from pathlib import Path

NAMES = ("startup", "engine", "tokens", "client", "web", "translation", "server", "ui")
RESULTS = Path(__file__).with_name("RESULTS.md")
HEAD = """# Measurements

Ratios within one run are what counts; absolute figures move from machine to machine and with what
else it does. Made by `python -m benchmarks`.
"""


def main(names: list[str]) -> None:
    for name in names or NAMES:
        text = import_module(f"benchmarks.{name}").run()
        print(text, flush=True)
        keep(name, f"{text}\n{machine()}\n")


def machine() -> str:
    today = datetime.datetime.now(datetime.UTC).date()
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    name = cpu[1] if cpu else platform.machine()
    return f"{today}, {name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def keep(name: str, text: str, path: Path = RESULTS) -> None:
    """Put this table in the place of its last one."""
    page = path.read_text("utf-8") if path.exists() else HEAD
    block = f"<!-- {name} -->\n{text}<!-- end -->\n"
    pattern = re.compile(rf"<!-- {name} -->\n.*?<!-- end -->\n", re.S)
    page = pattern.sub(lambda _: block, page) if pattern.search(page) else f"{page}\n{block}"
    path.write_text(page, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
