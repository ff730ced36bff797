"""`pellucid serve`, `run` and `watch` as a user runs them."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_home import Home
from pellucid.cli.main import main

pytestmark = pytest.mark.timeout(120)
PROGRAM = """
import json, os, urllib.request, sys
def post(url, body, **headers):
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    return json.load(urllib.request.urlopen(request, timeout=60))
e = os.environ
said = [{"role": "user", "content": "Say hi."}]
short = {"model": "gpt-4o-mini", "messages": said, "max_tokens": 3}
post(e["OPENAI_BASE_URL"] + "/chat/completions", short,
     Authorization="Bearer " + e["OPENAI_API_KEY"])
post(e["ANTHROPIC_BASE_URL"] + "/v1/messages", short, **{"x-api-key": e["ANTHROPIC_API_KEY"]})
post(e["OPENAI_BASE_URL"] + "/chat/completions", short, Authorization="Bearer sk-its-own")
print("secret" if "canary" in repr(dict(e)) else "clean")
sys.exit(7)
"""
REFUSED = """
import json, os, urllib.error, urllib.request as u
body = json.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]})
key = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
try:
    u.urlopen(u.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", body.encode(), key))
except urllib.error.HTTPError as error:
    assert error.code == 401, error
"""


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, weights_folder: Path, smol: Path
) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("server"), weights_folder)
    home.environ |= {"PELLUCID_MODEL": "small", "PELLUCID_WINDOW": "1024"}
    yield home
    home.run("engine", "stop")


def start(home: Home, *words: str) -> tuple[subprocess.Popen[str], str]:
    """A server in a process of its own, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pellucid", "serve", "--port", "0", *words],
        env=home.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_run_shows_what_a_program_sent(home: Home) -> None:
    (home.folder / "app.py").write_text(PROGRAM)
    keys = {"OPENAI_API_KEY": "sk-canary", "ANTHROPIC_API_KEY": "sk-ant-canary"}
    done = home.run("run", "--default", "small", "--", sys.executable, "app.py", env=keys)
    assert done.returncode == 7, done.stderr
    assert done.stdout == "clean\n"
    assert "3 calls by python" in done.stderr
    assert done.stderr.count("Say hi.") == 3
    rows = json.loads(home.run("receipts", "--app", "python", "--json").stdout)
    assert [row["model"] for row in rows] == ["smollm2-135m"] * 3
    assert json.loads(home.run("receipts", "--app", "nobody", "--json").stdout or "[]") == []


def test_run_says_why_nothing_came_of_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """In this process, without a key and without a default."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("pellucid.server.threads.leave", lambda code: code)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert main(["run", "--", sys.executable, "-c", REFUSED]) == 0
    said = capfd.readouterr().err
    assert "0 calls by python" in said and "No key for openai" in said and "--default" in said
    assert main(["run", "--", "true"]) == 0
    assert "refused" not in capfd.readouterr().err


def test_run_of_nothing(home: Home) -> None:
    assert home.run("run").returncode == 2
    done = home.run("run", "--default", "small", "--", "no-such-program")
    assert done.returncode == 127 and "no-such-program" in done.stderr


def test_serve_and_watch(home: Home) -> None:
    watch = subprocess.Popen(
        [sys.executable, "-m", "pellucid", "watch", "-n", "1", "--app", "course"],
        env=home.environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    process, base = start(home, "--default", "local")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", base)
    body = {"model": "small", "messages": [{"role": "user", "content": "Say hi."}], "max_tokens": 3}
    request = urllib.request.Request(
        f"{base}/v1/chat/completions", json.dumps(body).encode(), {"X-Pellucid-App": "course"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer)["usage"]["completion_tokens"]
    shown, _ = watch.communicate(timeout=20)
    assert "Say hi." in shown and "course" in shown and "smollm2-135m" in shown
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_watch_opens_a_receipt_by_its_key(home: Home) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-m", "pellucid", "watch"], home.environ)
    try:
        assert "1 to 9 open one" in _read(terminal, "leaves")
        home.run("ask", "Say hello.", "-o", "max_tokens=3")
        assert "Say hello." in _read(terminal, " out")
        os.write(terminal, b"1")
        assert "Versions" in _read(terminal, "template_sha256")
        os.write(terminal, b"q")
        deadline = time.monotonic() + 10
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        os.close(terminal)


def _read(terminal: int, until: str) -> str:
    got = b""
    deadline = time.monotonic() + 20
    while until not in got.decode("utf-8", "replace"):
        assert time.monotonic() < deadline, got
        try:
            got += os.read(terminal, 4096)
        except OSError as error:
            raise AssertionError(got) from error
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", got.decode("utf-8", "replace"))


def test_serve_says_what_is_wrong(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = home.run("serve", "--port", port)
        assert done.returncode == 2 and "--port" in done.stderr
    for words, said in (
        (("--host", "0.0.0.0", "--port", "0"), "token"),
        (("--default", "no-such-model"), "no-such-model"),
        (("--port", "70000"), "not a port"),
        (("--host", "999.1.1.1"), "999.1.1.1"),
    ):
        done = home.run("serve", *words)
        assert done.returncode in (1, 2) and said in done.stderr, (words, done.stderr)


def test_a_token_from_the_environment(home: Home) -> None:
    home.environ["PELLUCID_TOKEN"] = "open-sesame"
    try:
        process, base = start(home, "--no-log")
    finally:
        del home.environ["PELLUCID_TOKEN"]
    request = urllib.request.Request(f"{base}/v1/models", headers={"x-api-key": "open-sesame"})
    assert urllib.request.urlopen(request, timeout=20).status == 200
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(f"{base}/v1/models", timeout=20)
    assert raised.value.code == 401
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0
