"""`summarize` and `brochure` on a real terminal: what stays on the screen is the whole text."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
from pathlib import Path

import pytest

pytest.importorskip("trafilatura")

from cli_home import Home
from web_server import serving

COLUMNS = 60
PARTS = [
    f"In {year} the {thing} of {town} was built by {name} for {year % 90} guests. Nobody had seen "
    f"a {thing} there before, and many came to look."
    for year, thing, town, name in (
        (1901, "mill", "Leeds", "Ada Stone"),
        (1923, "bridge", "Hull", "Ben Frost"),
        (1947, "pier", "York", "Cora Bell"),
        (1968, "tower", "Bath", "Dan Marsh"),
    )
]
SITE = {
    "/": "<h1>Towns</h1>"
    + "".join(f"<p>{part}</p>" for part in PARTS)
    + "<a href=/about>About</a>",
    "/about": f"<h1>About</h1><p>{PARTS[0]}</p>",
}
# The model runs here from a small file, as far as the commands can tell: they read in parts.
SCRIPT = """
import sys
from pathlib import Path
from types import SimpleNamespace
from pellucid.cli import main, options
from pellucid.models.scripted import Scripted
fault, *words = sys.argv[1:]
model = Scripted(["{}" if words[0] == "brochure" else "No."] * 99)
if fault:
    from pellucid.errors import ModelUnavailable
    model = Scripted([("In 1901 the mill was **bui", ModelUnavailable("scripted", ("gone",)))])
else:
    model.card = SimpleNamespace(path=Path(sys.executable))
    model.window = None
options.model = lambda args: model
sys.exit(main.main(tuple(words)))
"""


class Screen:
    """As much of a terminal as is needed: text, line ends, `CSI K`; colours and links pass by."""

    def __init__(self) -> None:
        self.lines = [[" "] * COLUMNS]
        self.row = self.column = 0

    def feed(self, text: str) -> None:
        for code, kind, char in re.findall(
            r"(\x1b\][^\x1b]*\x1b\\|\x1b\[[\d;]*([A-Za-z]))|([\s\S])", text
        ):
            assert kind in ("", "m", "K"), code
            if kind == "K":
                self.lines[self.row][self.column :] = [" "] * (COLUMNS - self.column)
            elif char == "\r":
                self.column = 0
            elif char == "\n":
                self._down()
            elif char:
                if self.column == COLUMNS:
                    self.column = 0
                    self._down()
                self.lines[self.row][self.column] = char
                self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append([" "] * COLUMNS)

    @property
    def text(self) -> str:
        """What is to be seen; a line that is full goes on in the next one."""
        return "".join(
            line if line[-1] != " " else f"{line.rstrip()}\n" for line in map("".join, self.lines)
        )


@pytest.fixture
def user(tmp_path: Path, weights_folder: Path) -> Home:
    return Home(tmp_path, weights_folder)


def on_a_terminal(user: Home, *words: str) -> tuple[str, str]:
    """What is on the screen at the end, and all that was ever sent to it."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(user.folder)
        environ = {**user.environ, "TERM": "xterm", "COLUMNS": str(COLUMNS)}
        os.execve(sys.executable, [sys.executable, "-c", SCRIPT, *words], environ)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    sent = b""
    while select.select([fd], [], [], 60)[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:  # closed: the program has ended
            break
        sent += data
    os.close(fd)
    os.waitpid(pid, 0)
    screen = Screen()
    screen.feed(sent.decode())
    return screen.text, sent.decode()


def flat(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("style", ["prose", "points"])
def test_a_summary_is_whole(style: str, user: Home) -> None:
    """Though progress is told while the sentences are shown."""
    (user.folder / "page.md").write_text("# Towns\n\n" + "\n\n".join(PARTS))
    words = ("summarize", "page.md", "--words", "50", "--style", style, "--no-log")
    done = user.python(SCRIPT, "", *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(".") >= 3
    text, sent = on_a_terminal(user, "", *words)
    want = done.stdout.removeprefix("# ").replace("\n- ", "\n• ")
    assert flat(text) == flat(want + done.stderr)
    assert "part 1 of" in sent
    assert "Traceback" not in sent


def test_a_brochure_is_whole(user: Home) -> None:
    with serving(SITE) as server:
        words = ("brochure", "Towns", server.url("/"), "--allow-host", server.host, "--no-log")
        done = user.python(SCRIPT, "", *words)
        text, sent = on_a_terminal(user, "", *words)
    assert done.returncode == 0, done.stderr
    want = re.sub(r"\[(\[\d\]|\w+)\]\([^)]*\)", r"\1", done.stdout)
    assert flat(text) == flat(re.sub(r"^#+ ", "", want, flags=re.M) + done.stderr)
    assert sent.count("writing from") == 2


def test_an_answer_that_breaks_off(user: Home) -> None:
    """What is said of it begins a line."""
    (user.folder / "page.md").write_text("# Towns\n\n" + "\n\n".join(PARTS))
    text, _ = on_a_terminal(user, "fault", "summarize", "page.md", "--no-log")
    assert "was **bui\npellucid: " in text
