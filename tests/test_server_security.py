"""Who may call, on every route; whose key goes where."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from host_server import Host, answer, broken, host, says, stalled, stream_of
from pellucid.errors import UsageError
from pellucid.models import hosts, keys
from pellucid.server import admission
from pellucid.server import routes as routing
from pellucid.settings import load
from served import Served, echo, served
from test_server import ask, every
from test_server_faults import STREAMS, raw
from test_server_faults import stream_of as streamed
from work import SOON

pytestmark = pytest.mark.timeout(60)
TOKEN = "canary-token-8f2c"
REFUSED: list[tuple[str, ...]] = [
    *(("Host", name) for name in ("evil.example", "evil.example:PORT", "127.0.0.1.evil.example")),
    *(("Host", name) for name in ("localhost.evil.example", "localhost@evil.example", "0.0.0.0")),
    *(("Host", name) for name in ("", "127.0.0.1:PORT/evil", "192.168.1.5:PORT", "[::2]:PORT")),
    *(
        ("Host", name)
        for name in ("127.0.0.1:PORT, evil.example", "localhost:PORT:1", "2130706433")
    ),
    *(
        ("Host", name)
        for name in ("evil.example#localhost", "a.localhost.b", "[::1", "%31", "１２７.0.0.1")
    ),
    *(("Origin", name) for name in ("http://evil.example", "https://evil.example", "null", "")),
    *(("Origin", name) for name in ("http://127.0.0.1.evil.example:PORT", "http://127.0.0.1:1")),
    *(("Origin", name) for name in ("https://127.0.0.1:PORT", "file://", "chrome-extension://abc")),
    *(("Origin", name) for name in ("http://localhost:PORT", "http://127.0.0.1:PORT.evil.example")),
    *(("Sec-Fetch-Site", site) for site in ("cross-site", "same-site", "", "CROSS-SITE", "x")),
    ("Origin", "http://127.0.0.1:PORT", "Sec-Fetch-Site", "cross-site"),
    ("Origin", "http://evil.example", "Sec-Fetch-Site", "same-origin"),
    ("Host", "evil.example", "Origin", "http://evil.example"),
    ("Host", "evil.example", "Authorization", f"Bearer {TOKEN}"),
    ("Host", "evil.example", "X-Forwarded-Host", "127.0.0.1"),
    ("Host", "localhost", "Host", "evil.example"),
]
LET_IN: list[tuple[str, ...]] = [
    (),
    ("Host", "localhost:PORT"),
    ("Host", "LOCALHOST"),
    ("Host", "[::1]:PORT"),
    ("Host", "127.0.0.2:PORT"),
    ("Origin", "http://127.0.0.1:PORT", "Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-Site", "none"),
    ("Authorization", "Bearer anything"),
]


def status(link: socket.socket, port: int, method: str, path: str, vector: tuple[str, ...]) -> int:
    """Sent byte for byte on a connection that stays open."""
    fields = list(zip(vector[::2], vector[1::2], strict=True))
    if not any(name == "Host" for name, _ in fields):
        fields.insert(0, ("Host", f"127.0.0.1:{port}"))
    lines = [f"{name}: {value.replace('PORT', str(port))}" for name, value in fields]
    body = "Content-Length: 2\r\n\r\n{}" if method == "POST" else "\r\n"
    link.sendall("\r\n".join([f"{method} {path} HTTP/1.1", *lines, body]).encode())
    got = b""
    while b"\r\n\r\n" not in got:
        data = link.recv(65536)
        assert data, got
        got += data
    head, _, rest = got.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    while method != "HEAD" and len(rest) < length:
        rest += link.recv(65536)
    return int(head.split()[1])


def routes() -> list[tuple[str, str]]:
    known = [(route.method, route.path.replace("*", "echo")) for route in routing.all_routes()]
    return [*known, ("GET", "/nothing"), ("OPTIONS", "/v1/models"), ("HEAD", "/"), ("PUT", "/")]


def test_no_route_answers_to_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[str] = []
    with served({"echo": echo()}) as server:
        monkeypatch.setattr(routing, "find", lambda method, path: reached.append(path))
        for method, path in routes():
            for vector in REFUSED:
                with socket.create_connection(("127.0.0.1", server.port)) as link:
                    got = status(link, server.port, method, path, vector)
                assert got in (400, 403), (method, path, vector, got)  # 400: not even HTTP
    assert reached == []


def test_programs_of_this_machine_are_let_in() -> None:
    with (
        served({"echo": echo()}) as server,
        socket.create_connection(("127.0.0.1", server.port)) as link,
    ):
        for vector in LET_IN:
            assert status(link, server.port, "GET", "/v1/models", vector) == 200, vector


PLACES = {
    "authorization": lambda key: ({"Authorization": f"Bearer {key}"}, ""),
    "x-api-key": lambda key: ({"x-api-key": key}, ""),
    "x-goog-api-key": lambda key: ({"x-goog-api-key": key}, ""),
    "query": lambda key: ({}, f"?key={key}"),
}
SECRETS = {TOKEN: 200, "wrong": 401, TOKEN[:-1]: 401, TOKEN + "x": 401, TOKEN.upper(): 401, "": 401}


@pytest.mark.parametrize("place", PLACES)
def test_a_token_counts_the_same_wherever_it_stands(place: str) -> None:
    with served({"echo": echo()}, token=TOKEN) as server:
        for method, path in routes():
            body = b"{}" if method == "POST" else None
            for secret in SECRETS if method == "GET" else (TOKEN, "wrong"):
                headers, query = PLACES[place](secret)
                got = server.request(method, path + query, body, headers)
                assert (got.status == 401) == (secret != TOKEN), (path, secret, got.body)
                assert TOKEN.encode() not in got.body
        said = {"model": "echo", "messages": [{"role": "user", "content": "hi"}]}
        for secret, expected in SECRETS.items():
            headers, query = PLACES[place](secret)
            headers |= {"Host": "my.example", "Origin": "https://my.example"}
            assert server.post(f"/v1/chat/completions{query}", said, headers).status == expected


def test_another_address_needs_a_token() -> None:
    for name in ("0.0.0.0", "::", "192.168.1.5", "example.com"):
        with pytest.raises(UsageError, match="token"):
            admission.require_token(name, None)
        admission.require_token(name, "secret")
    for name in ("127.0.0.1", "::1", "localhost", "127.9.9.9"):
        admission.require_token(name, None)
    for bad in ("", " ", "a\nb", "é"):
        with pytest.raises(UsageError, match="printable"):
            admission.require_token("127.0.0.1", bad)


# -- keys, and models at hosts


@contextlib.contextmanager
def in_front_of(
    there: Host, dialect: str = "openai", store: Path | None = None, **more: Any
) -> Iterator[Served]:
    row = {"base": there.base, "dialect": dialect, "model": "m"}
    settings = replace(load(), models={"mine": row}, timeout_first=2.0)
    with served(settings=settings, store=store, **more) as server:
        yield server


@every
@pytest.mark.parametrize("dialect", ("openai", "openai-responses", "anthropic", "gemini", "ollama"))
def test_any_api_in_front_of_any_host(home: Path, api: str, dialect: str) -> None:
    if api == "completions":
        return  # plain text has no place in these
    with host(says(dialect)) as there, in_front_of(there, dialect, home / "r.db") as server:
        reply = ask(server, api, "mine")
        assert reply.status == 200, reply.body
        assert b"Hello there, you." in reply.body
        receipt = server.get(f"/receipts/{reply.headers['x-pellucid-receipt']}").json
    assert b"hello" in there.asked[0].body
    assert receipt["reply"]["usage"]["output"] == 3
    assert receipt["exchange"]["url"].startswith(there.base)


@pytest.mark.parametrize("stream", (False, True))
def test_a_host_is_asked_as_the_caller_asked(stream: bool) -> None:
    choice = {"message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}
    whole = answer(json.dumps({"choices": [choice]}).encode())
    with (
        host(says("openai") if stream else whole) as there,
        in_front_of(there, default="mine") as server,
    ):
        messages = [{"role": "user", "content": "hello"}]
        body = {"model": "mine", "max_tokens": 9, "messages": messages, "stream": stream}
        reply = server.post("/v1/messages", body)
    assert reply.status == 200 and b"Hello" in reply.body
    assert json.loads(there.asked[0].body)["stream"] is stream


@pytest.mark.parametrize("api", STREAMS)
def test_a_host_that_breaks_off_is_an_error(api: str) -> None:
    data, _ = stream_of("openai", "one two three four")
    with (
        host(broken(data[: len(data) * 2 // 3])) as there,
        in_front_of(there, default="mine") as server,
    ):
        said = streamed(server, api)
    end, error = STREAMS[api]
    assert b"one" in said and error in said and end not in said


def test_a_client_that_goes_away_ends_the_hosts_call(home: Path) -> None:
    data, _ = stream_of("openai", "one two three four")
    with host(stalled(data[:300])) as there, in_front_of(there) as server:
        body = {"model": "mine", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        link = socket.create_connection(("127.0.0.1", server.port))
        link.sendall(raw(server, body))
        assert b"200 OK" in link.recv(1000)
        link.close()
        assert there.gone.wait(SOON)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """Anthropic and OpenAI, as the table of hosts has them, on loopback."""
    with host(says("anthropic")) as there:
        rows = tuple(
            replace(row, base=f"{there.base}/v1") if row.name == "anthropic" else row
            for row in hosts.hosts()
        )
        monkeypatch.setattr(hosts, "hosts", lambda: rows)
        monkeypatch.setattr(keys, "hosts", lambda: rows)
        yield there


def test_a_callers_own_key_goes_to_its_provider(
    home: Path, table: Host, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    own, servers = "sk-ant-canary-of-the-caller", "sk-ant-canary-of-the-server"
    monkeypatch.setenv("ANTHROPIC_API_KEY", servers)
    sent = []
    with served(store=home / "receipts.db") as server:
        for headers in (
            {"x-api-key": own},
            {"Authorization": f"Bearer {own}"},
            {"x-api-key": "sk-another-hosts-canary"},  # not Anthropic's: stays here
            {"x-api-key": "none"},
            {},
        ):
            reply = ask(server, "anthropic", "anthropic:claude-x", **headers)
            assert reply.status == 200, reply.body
            sent.append(table.asked[-1].headers["x-api-key"])
        rows = server.get("/receipts").json["receipts"]
        assert len(rows) == len(sent)
        shown = b"".join(server.get(f"/receipts/{row['id']}").body for row in rows)
    assert sent == [own, own, servers, servers, servers]
    everything = b"".join(path.read_bytes() for path in home.rglob("receipts.db*"))
    everything += shown + "".join(capfd.readouterr()).encode()
    assert b"canary" not in everything


def test_the_servers_keys_need_its_token(
    home: Path, table: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-canary-of-the-server")
    own = "sk-ant-canary-of-the-caller"
    with served(token=TOKEN) as server:
        assert ask(server, "anthropic", "claude-x").status == 401
        assert ask(server, "anthropic", "claude-x", **{"x-api-key": own}).status == 401
        assert not table.asked
        both = {"x-api-key": own, "Authorization": f"Bearer {TOKEN}"}
        assert ask(server, "anthropic", "claude-x", **both).status == 200
        assert table.asked[-1].headers["x-api-key"] == own
        assert ask(server, "anthropic", "claude-x", **{"x-api-key": TOKEN}).status == 200
        assert table.asked[-1].headers["x-api-key"] == "sk-ant-canary-of-the-server"
        assert TOKEN not in str(table.asked)


def test_a_hosts_error_goes_on(home: Path) -> None:
    error = b'{"error":{"message":"Slow down.","type":"requests","code":"rate_limit_exceeded"}}'
    with host(answer(error, 429, retry_after="0")) as there, in_front_of(there) as server:
        reply = ask(server, "anthropic", "mine")
    assert reply.status == 429
    assert reply.json["error"]["type"] == "rate_limit_error"
    assert "Slow down." in reply.json["error"]["message"]


def test_twelve_keys_that_hosts_send_back(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    keys = [f"canary{i:02}-0123456789abcdef" for i in range(12)]
    acts = [
        answer(b'{"error":{"message":"The key %s is wrong."}}' % key.encode(), 401) for key in keys
    ]
    shown = b""
    with host(*acts) as there:
        rows = {}
        for i, key in enumerate(keys):
            monkeypatch.setenv(f"KEY_{i}", key)
            rows[f"m{i}"] = {"base": there.base, "dialect": "openai", "key": f"KEY_{i}"}
        with served(settings=replace(load(), models=rows), store=home / "r.db") as server:
            for name in rows:
                reply = ask(server, "chat", name)
                assert reply.status == 401
                shown += reply.body + repr(reply.headers).encode()
            for row in server.get("/receipts").json["receipts"]:
                shown += server.get(f"/receipts/{row['id']}").body
    assert [each.headers["authorization"] for each in there.asked] == [f"Bearer {k}" for k in keys]
    shown += b"".join(path.read_bytes() for path in home.rglob("r.db*"))
    assert b"canary" not in shown + "".join(capfd.readouterr()).encode()
