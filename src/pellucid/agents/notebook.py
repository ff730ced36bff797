"""The notebook that agents share: what they found and noted, kept from one run to the next."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from pathlib import Path
from typing import Any

from ..errors import StoreError
from ..settings import Folders
from ..tools.tool import Tool
from ..value import value

MOST = 10
"""Notes that are recalled at once."""
TABLE = """
create table if not exists notes (
    number integer primary key, created real not null, author text not null, text text not null,
    source text not null, key text not null
)
"""


@value
class Note:
    author: str
    text: str
    source: str


def place(file: Path | str) -> Path:
    """Where the notebook of an agent's file is: in the user's data folder."""
    path = Path(file).resolve()
    short = hashlib.sha256(str(path).encode("utf-8", "replace")).hexdigest()[:8]
    return Folders.of().data / "agents" / f"{path.stem}-{short}.db"


class Notebook:
    """The notes in the SQLite file at `path`, which is made when it is missing; without a path
    they end with the program. May be used from any thread. Raises `StoreError`."""

    def __init__(self, path: Path | None = None) -> None:
        import apsw

        self.path = path
        self._lock = threading.Lock()
        try:
            if path is not None:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = apsw.Connection(str(path) if path else ":memory:")
            self._db.set_busy_timeout(10_000)
        except (apsw.Error, OSError) as error:
            raise StoreError(f"The notebook {path} cannot be opened: {error}.") from error
        self._do(TABLE)

    def write(self, author: str, text: str, *, source: str = "", key: str = "") -> None:
        """A note; `key` is what `kept` finds it by."""
        self._do(
            "insert into notes (created, author, text, source, key) values (?, ?, ?, ?, ?)",
            (time.time(), author, text, source, key),
        )

    def kept(self, key: str) -> str | None:
        """The newest note with this key."""
        found = self._do("select text from notes where key = ? order by number desc", (key,))
        return found[0][0] if found else None

    def recall(self, words: str) -> list[Note]:
        """The notes that have most of these words, newest first where they have as many."""
        wanted = _words(words)
        rows = self._do("select author, text, source from notes order by number desc")
        ranked = sorted(rows, key=lambda row: -_common(wanted, row))
        return [Note(*row) for row in ranked[:MOST] if not wanted or _common(wanted, row)]

    def tools(self, author: str) -> list[Tool]:
        """The tools by which the agent called `author` writes and reads it."""

        def remember(note: str) -> str:
            """Write a note that other agents, and later runs, can recall.

            Args:
                note: what to remember, in a sentence
            """
            self.write(author, note)
            return "Noted."

        def recall(words: str) -> str:
            """What was noted before, by any agent, in this run or an earlier one.

            Args:
                words: what the notes are about
            """
            return "\n".join(map(_line, self.recall(words))) or "Nothing was noted about this."

        return [Tool(remember), Tool(recall)]

    def _do(self, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
        import apsw

        try:
            with self._lock:
                return self._db.execute(statement, values).fetchall()
        except apsw.Error as error:
            raise StoreError(
                f"The notebook {self.path} cannot be used: {error}. Remove it, and it is made anew."
            ) from error


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{4,}", text.lower()))


def _common(words: set[str], row: tuple[str, ...]) -> int:
    return len(words & _words(" ".join(row)))


def _line(note: Note) -> str:
    return f"- {note.author}{f' ({note.source})' if note.source else ''}: {note.text}"
