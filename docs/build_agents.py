"""Write the example in `docs/agents.md`, and what comes of it, by running it.

    python docs/build_agents.py

It runs on the embedded model at temperature 0, with a notebook that ends with the run.
"""

from __future__ import annotations

import re
from pathlib import Path

from pellucid.agents import open_agent, run
from pellucid.views.terminal.agents import trace

PAGE = Path(__file__).with_name("agents.md")
FILE = PAGE.parent.parent / "examples" / "notes" / "summary.toml"
TASK = "Read this folder of notes and write a one-page summary with sources."


def main() -> None:
    outcome = run(open_agent(FILE), TASK, model="local", store=None)
    shown = f"{outcome.markdown}\n\n{trace(outcome, width=100)}"
    page = PAGE.read_text("utf-8")
    for name, kind, text in (
        ("run", "text", shown),
        ("agent", "toml", FILE.read_text("utf-8").rstrip()),
    ):
        block = f"<!-- {name} -->\n```{kind}\n{text}\n```\n<!-- end -->"
        page = re.sub(rf"<!-- {name} -->\n.*?<!-- end -->", lambda _, b=block: b, page, flags=re.S)
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
