"""What goes wrong with tools, met through the commands: a sentence each, and the talk goes on."""

from __future__ import annotations

import io
import json
import sys
from functools import partial
from pathlib import Path

import pytest

from pellucid.cli.main import main
from pellucid.cli.toolbox import page_fetcher
from pellucid.errors import AddressRefused
from pellucid.messages import Message, ToolCall, ToolResult
from pellucid.models.scripted import Scripted
from pellucid.settings import load
from pellucid.tools import servers
from pellucid.tools.running import LONGEST
from pellucid.web.fetch import Access
from web_server import serving

TOOLS = '''
import threading
import pellucid
print("loading")

@pellucid.tool(seconds=0.2)
def hang() -> str:
    """Never ends."""
    threading.Event().wait(20)

@pellucid.tool
def flood() -> str:
    """Megabytes."""
    print("x" * 3_000_000)
    return "y" * 3_000_000

@pellucid.tool
def odd() -> object:
    """No JSON can say it."""
    return object()

@pellucid.tool
def seats(row: int) -> str:
    """Takes a number."""
    return "free"

@pellucid.tool
def broken() -> str:
    """Fails."""
    return {}["flight"]
'''
SERVER = """
import json, os, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("method") == "initialize":
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                  "serverInfo": {"name": "desk", "version": "1"}}
    elif asked.get("method") == "tools/list":
        wrong = {"type": "object", "properties": {"city": {"type": "town"}}}
        schemas = {"fly": {"type": "object"}, "land": wrong}
        result = {"tools": [{"name": n, "inputSchema": s} for n, s in schemas.items()]}
    elif asked.get("method") == "tools/call":
        os._exit(3) if "crash" in sys.argv else sys.stdout.write("x" * 20_000_000)
    else:
        result = None
    if "id" in asked:
        said = {"result": result} if result else {"error": {"code": -32601, "message": "unknown"}}
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **said}), flush=True)
"""
CALLS = {
    "hang": ("{}", "hang was stopped: it takes more than 0.2 s."),
    "flood": ("{}", "[cut here: 3,000,000 characters in all]"),
    "odd": ("{}", "odd returned what no JSON can say"),
    "seats": ('{"row": "window"}', "The arguments of seats do not fit: row"),
    "broken": ("{}", "broken failed: KeyError: 'flight'"),
    "nothing": ("{}", "There is no tool called 'nothing'. There are: hang, flood"),
    "fly": ("{}", "The MCP server"),
}


@pytest.fixture
def folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(home)
    Path("mine.py").write_text(TOOLS, "utf-8")
    Path("server.py").write_text(SERVER, "utf-8")
    return home


def talk(monkeypatch: pytest.MonkeyPatch, words: list[str], name: str) -> list[str]:
    """Two turns in a pipe, the first of which calls the tool `name`; what came of the calls."""
    call = Message("assistant", (ToolCall("1", name, CALLS[name][0]),))
    model = Scripted([call, "That went wrong.", "Still here."])
    monkeypatch.setattr("pellucid.models.names.open_model", lambda *a, **k: model)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Do it\nAnd now?\n")))
    assert main(["chat", *words]) == 0
    return [
        part.text
        for message in model.requests[-1].messages
        for part in message.parts
        if isinstance(part, ToolResult)
    ]


@pytest.mark.parametrize("name", [name for name in CALLS if name != "fly"])
def test_a_tool_that_goes_wrong(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (text,) = talk(monkeypatch, ["-T", "mine.py"], name)
    assert CALLS[name][1] in text and "Traceback" not in text and len(text) < LONGEST + 100
    assert "Still here." in capsys.readouterr().out


def test_what_a_tool_prints_is_no_part_of_the_reply(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It goes to standard error, as much of it as a model would be given of a result."""
    model = Scripted([Message("assistant", (ToolCall("1", "flood", "{}"),)), "Seen."])
    monkeypatch.setattr("pellucid.models.names.open_model", lambda *a, **k: model)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert main(["ask", "-T", "mine.py", "Do it"]) == 0
    print("and here")
    out, err = capsys.readouterr()
    assert out == "Seen.\nand here\n"
    assert err.startswith("loading\n") and err.strip().endswith(
        "x\n[flood prints more, which is left out]"
    )
    assert err.count("x") == LONGEST


@pytest.mark.parametrize(("how", "said"), [("crash", "failed"), ("flood", "16,000,000 bytes")])
def test_a_server_that_goes_wrong(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    how: str,
    said: str,
) -> None:
    """One is missing, one tool has a schema that no provider takes, one call ends its server."""
    program = {"command": sys.executable, "args": ["server.py", how]}
    entries = {"desk": program, "none": {"command": "no-such-program"}}
    Path("mcp.json").write_text(json.dumps({"mcpServers": entries}), "utf-8")
    try:
        (text,) = talk(monkeypatch, ["-T", "mcp.json", "--allow", "fly"], "fly")
    finally:
        servers.close_servers()
    assert "The MCP server desk" in text and said in text
    out = capsys.readouterr()
    assert "Still here." in out.out
    assert "The MCP server none cannot be used: there is no program no-such-program." in out.err
    assert "left out. The schema of the tool land is wrong: 'town'" in out.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def fly(city) -> str:\n    return city", "The parameter 'city' of the tool fly has no"),
        ("def fly(*city: str) -> str:\n    return city", "takes *city"),
        ("def fly() -> str:\n    return ''\n", "Two tools are called 'fly'"),
    ],
)
def test_a_function_that_is_no_tool(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    words: str,
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    Path("one.py").write_text(f"import pellucid\n@pellucid.tool\n{text}\n", "utf-8")
    twice = ["-T", "one.py"] if "Two" in words else []
    assert main(["ask", "-T", "one.py:fly", *twice, "-m", "local", "Hi"]) == 2
    err = capsys.readouterr().err
    assert words in err and "Traceback" not in err


def test_a_page_is_fetched_as_the_fetcher_does(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {"/": "<title>News</title><main><p>Trains run again from Monday on.</p></main>"}
    with serving(pages) as server:
        monkeypatch.setattr("pellucid.web.fetch.Access", partial(Access, allowed=(server.host,)))
        assert "Trains run again from Monday on." in page_fetcher(load())(server.url("/"))
        monkeypatch.undo()
        with pytest.raises(AddressRefused, match=r"127\.0\.0\.1"):
            page_fetcher(load())(server.url("/"))
        with pytest.raises(ValueError, match="no address of a page"):
            page_fetcher(load())("/etc/passwd")
