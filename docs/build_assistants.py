"""Write the transcripts in `docs/assistants.md` by talking to the assistants.

    python docs/build_assistants.py

Each runs on the embedded model at temperature 0, with a database as it ships; what acts is allowed.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from pellucid.assistants.airline import Airline
from pellucid.assistants.assistant import open_assistant
from pellucid.assistants.database import Database
from pellucid.assistants.shop import Shop
from pellucid.chat import Chat
from pellucid.messages import Options
from pellucid.tools.running import Toolbox, ToolRan
from pellucid.views.terminal import ran

PAGE = Path(__file__).with_name("assistants.md")
CONVERSATIONS = {
    "airline": (
        "How much is a ticket to London?",
        "and to Paris and Tokyo?",
        "book the cheapest",
        "what did you just book for me?",
    ),
    "shop": ("What does a sun hat cost?", "Do you sell belts?"),
}


def transcript(name: str, lines: tuple[str, ...], folder: Path) -> str:
    """A conversation, its calls of tools shown as the terminal shows them."""
    made = {"airline": Airline, "shop": Shop}[name](Database(name, folder))
    assistant, tools = open_assistant(name), made.tools()
    box = Toolbox(tools, allow=[tool.name for tool in tools if tool.acts])
    chat = Chat("local", options=Options(temperature=0), tools=box, store=None)
    out = [assistant.opening]
    for n, line in enumerate(lines):
        chat.system = assistant.system(lines[: n + 1])
        turn = chat.stream(line)
        out += ["", f"> {line}"]
        out += [ran(event, width=200) for event in turn.events() if isinstance(event, ToolRan)]
        out.append(turn.reply.text)
    return "\n".join(out)


def main() -> None:
    page = PAGE.read_text("utf-8")
    for name, lines in CONVERSATIONS.items():
        with tempfile.TemporaryDirectory() as folder:
            said = transcript(name, lines, Path(folder))
        block = f"<!-- {name} -->\n```text\n{said}\n```\n<!-- end -->"
        page = re.sub(rf"<!-- {name} -->\n.*?<!-- end -->", lambda _, b=block: b, page, flags=re.S)
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
