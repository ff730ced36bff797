"""Write the transcripts in `docs/assistants.md` by talking to the assistants.

    python docs/build_assistants.py [NAME ...]

Each runs on the embedded model, as `pellucid assistant` does it, with a database as it ships; what
acts is allowed. Only the talks of a cast are left to chance, with a seed.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from pellucid.assistants.airline import Airline
from pellucid.assistants.assistant import open_assistant
from pellucid.assistants.database import Database
from pellucid.assistants.duel import Duel, Speaker, persona
from pellucid.assistants.shop import Shop
from pellucid.chat import Chat
from pellucid.cli.assistant import CASTS
from pellucid.messages import Options
from pellucid.models.names import open_model
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
    "tutor": (
        "What does this print, and why?\n```python\nprint([n * n for n in range(4)])\n```",
        "What is a token of a language model?",
    ),
}
TALKS = {"argument": 1, "outlook": 1, "table": 1}
"""Replies of each of a cast."""
LONGEST = 120
"""Tokens of a reply."""


def transcript(name: str, lines: tuple[str, ...], folder: Path) -> str:
    """A conversation, its calls of tools shown as the terminal shows them."""
    assistant = open_assistant(name)
    made = {"airline": Airline, "shop": Shop}.get(name)
    tools = made(Database(name, folder)).tools() if made else []
    box = Toolbox(tools, allow=[tool.name for tool in tools if tool.acts])
    options = Options(temperature=0, max_tokens=LONGEST)
    chat = Chat("local", options=options, tools=box, store=None)
    out = [assistant.opening]
    for n, line in enumerate(lines):
        chat.system = assistant.system(lines[: n + 1])
        turn = chat.stream(line)
        out += ["", f"> {line}"]
        out += [ran(event, width=200) for event in turn.events() if isinstance(event, ToolRan)]
        out.append(turn.reply.text)
    return "\n".join(out)


def talk(cast: str, replies: int) -> str:
    """What the personas of a cast say to one another."""
    model = open_model("local")
    personas, opening = CASTS[cast]
    speakers = [Speaker(name.capitalize(), model, persona(name)) for name in personas]
    options = Options(seed=1, max_tokens=LONGEST)
    duel = Duel(speakers, openings=[opening], options=options)
    for _ in range(replies * len(speakers)):
        list(duel.turn())
    return "\n\n".join(f"{speakers[line.speaker].name}: {line.text}" for line in duel.lines)


def main() -> None:
    page = PAGE.read_text("utf-8")
    for name in sys.argv[1:] or (*CONVERSATIONS, *TALKS):
        if name in TALKS:
            said = talk(name, TALKS[name])
        else:
            with tempfile.TemporaryDirectory() as folder:
                said = transcript(name, CONVERSATIONS[name], Path(folder))
        block = f"<!-- {name} -->\n````text\n{said}\n````\n<!-- end -->"
        page = re.sub(rf"<!-- {name} -->\n.*?<!-- end -->", lambda _, b=block: b, page, flags=re.S)
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
