"""A key goes only where it was set for, and is in nothing that is kept or shown."""

from __future__ import annotations

import base64
import json
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from cli_home import Home
from host_server import Act, Host, answer, broken, chunked, fails, host, says, stream_of
from hosted_models import DIALECTS, TRANSPORTS, ask, model
from pellucid.errors import WrongKey
from pellucid.models import retries

HOSTS = (
    *("openai", "openai-responses", "anthropic", "gemini", "ollama", "deepseek"),
    *("groq", "mistral", "openrouter", "together", "xai", "huggingface"),
)
CANARIES = {name: f"canary{n:02}-{name}-0123456789abcdef" for n, name in enumerate(HOSTS)}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_WAIT", 0.001)


def echo(key: str, dialect: str) -> list[Act]:
    """Ways in which a host may send a key back."""
    data, media = stream_of(dialect)
    aside = f": {key}\n\n".encode() if media == "text/event-stream" else b""
    return [
        fails(dialect, 401, f"Incorrect API key provided: {key}."),
        fails(dialect, 500, f"Debug: Authorization: Bearer {key}", X_Debug=key),
        answer(f"<html>{key}</html>".encode(), 502, "text/html", Set_Cookie=f"k={key}"),
        answer(key.encode()),
        answer(status=307, Location=f"https://elsewhere.example/?key={key}"),
        answer(status=302, Location=f"/{key}"),
        chunked(b"data: {" + key.encode() + b"}\n\n"),
        broken(data[:40] + aside),
        chunked(aside + data, media=media, X_Echo=key),
        # cut inside of the key
        chunked(aside[:12], aside[12:25], aside[25:] + data, media=media),
    ]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_key_that_is_sent_back_is_kept_nowhere(transport: str, dialect: str) -> None:
    key = "canary-0123456789abcdef"
    for act in echo(key, dialect):
        with host(act) as server:
            outcome = ask(model(server.base, dialect, key), transport)
        assert key in str(server.asked[0].headers)
        everything = f"{outcome.exchange!r} {outcome.error!r} {outcome.events!r}"
        assert key not in everything
        assert outcome.exchange.status is not None


@pytest.fixture
def home(tmp_path: Path, weights_folder: Path) -> Home:
    return Home(tmp_path, weights_folder)


def test_twelve_keys_of_twelve_hosts(home: Home) -> None:
    """Each to its own origin alone; then the bytes of everything written are searched."""
    from pellucid.models.hosts import host as named

    config = Path(home.environ["XDG_CONFIG_HOME"]) / "pellucid"
    config.mkdir(parents=True)
    servers: dict[str, Host] = {}
    rows, environ = "", {}
    with ExitStack() as stack:
        for name, key in CANARIES.items():
            row = named(name)
            assert row is not None
            acts = [says(row.dialect), *echo(key, row.dialect)]
            servers[name] = stack.enter_context(host(*acts))
            variable = f"KEY_OF_{name.upper().replace('-', '_')}"
            environ[variable] = key
            rows += (
                f'[models.{name}]\nhost = "{name}"\nbase = "{servers[name].base}"\n'
                f'key = "{variable}"\nmodel = "m"\n'
            )
        (config / "pellucid.toml").write_text(rows)
        (home.folder / ".env").write_text("OPENAI_API_KEY=canary99-dotenv-0123456789\n")
        script = (
            "import sys, pellucid\n"
            "from pellucid.models import retries\n"
            "retries.FIRST_WAIT = 0.001\n"
            "for name in sys.argv[1:]:\n"
            "    for _ in range(11):\n"
            "        try:\n"
            "            print(repr(pellucid.Chat(name).say('Hi')))\n"
            "        except pellucid.errors.PellucidError as error:\n"
            "            print(repr(error), repr(error.__cause__), file=sys.stderr)\n"
        )
        outputs = [home.python(script, *HOSTS, env=environ)]
        for words in (
            ("ask", "-m", "openai", "Hi"),
            ("ask", "-m", "gpt-4.1-mini", "--offline", "Hi"),
            ("keys", "--offline", "--check"),
            ("models", "openai"),
            ("receipts", "export", "all.jsonl"),
            ("show", "--json"),
            ("show", "--html", "page.html"),
        ):
            outputs.append(home.run(*words, env=environ))  # noqa: PERF401
    stored = outputs[0].stdout.count("Reply(")
    assert stored >= len(HOSTS), outputs[0].stderr
    for name, server in servers.items():
        seen = [key for key in CANARIES.values() if key in str([a.headers for a in server.asked])]
        assert seen == [CANARIES[name]]
        assert len(server.asked) > 10
        assert not [key for key in CANARIES.values() if key in str([a.line for a in server.asked])]
    written = [f"{done.stdout}{done.stderr}".encode() for done in outputs]
    written += [
        path.read_bytes()
        for path in home.folder.rglob("*")
        if path.is_file() and path.name != ".env" and path.stat().st_size < 50_000_000
    ]
    everything = b"".join(written)
    assert b"receipts" in everything
    keys = [*CANARIES.values(), "canary99-dotenv-0123456789"]
    spelled = [
        spelling for key in keys for spelling in (key.encode(), base64.b64encode(key.encode()))
    ]
    assert [each for each in spelled if each in everything] == []


def test_a_key_with_a_line_break_never_becomes_a_header() -> None:
    def listen(connection: socket.socket) -> bool:
        raise AssertionError("nothing may be sent")

    with host(listen) as server:
        for transport in TRANSPORTS:
            outcome = ask(model(server.base, key="canary\r\nX-Evil: 1"), transport)
            assert isinstance(outcome.error, WrongKey)
            assert "canary" not in str(outcome.error)
        assert server.connections == 0


def test_a_model_is_shown_without_its_key() -> None:
    hosted = model("http://127.0.0.1:1", key="canary-shown")
    text = f"{hosted.endpoint!r} {hosted.settings()!r} {hosted.target!r} {vars(hosted)!r}"
    assert "canary-shown" not in text
    assert json.dumps(dict(hosted.settings()))
