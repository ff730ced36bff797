"""Counts of a provider that publishes no tokenizer: asked where a key is set, else estimated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_home import Home
from host_server import answer, fails, host
from hosted_models import KEY

CLAUDE = ("-m", "claude-opus-4-5")
GEMINI = ("-m", "gemini-2.5-pro")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, weights_folder: Path) -> Home:
    return Home(tmp_path_factory.mktemp("home"), weights_folder)


def said(value: object) -> bytes:
    return json.dumps(value).encode()


def keyed(home: Home, monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    for name in ("ANTHROPIC", "GEMINI"):
        monkeypatch.setitem(home.environ, f"{name}_API_KEY", KEY)
        monkeypatch.setitem(home.environ, f"{name}_BASE_URL", base)


def test_anthropic_counts(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with host(answer(said({"input_tokens": 14}), media="application/json")) as server:
        keyed(home, monkeypatch, server.base)
        done = home.run("tokens", "Hi there", *CLAUDE)
        assert done.stdout.startswith("14 tokens\nreported: counted by anthropic"), done.stderr
        assert done.stderr.startswith("anthropic counts: the text goes to 127.0.0.1:")
        value = json.loads(home.run("tokens", "Hi there", *CLAUDE, "--json").stdout)
        assert (value["tokens"], value["known"]) == (14, "reported")
    asked = server.asked[0]
    assert asked.line.startswith("POST /v1/messages/count_tokens ")
    assert asked.headers["x-api-key"] == KEY
    assert json.loads(asked.body) == {
        "model": "claude-opus-4-5",
        "messages": [{"role": "user", "content": "Hi there"}],
    }


def test_gemini_counts_files(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.folder / "one.txt").write_text("Hi there")
    (home.folder / "none.txt").write_text("")
    with host(answer(said({"totalTokens": 3}), media="application/json")) as server:
        keyed(home, monkeypatch, server.base)
        done = home.run("tokens", "count", "one.txt", "none.txt", *GEMINI, "--cost")
        assert (
            "reported: counted by gemini" in done.stdout and "~" not in done.stdout.split("\n")[1]
        )
        value = json.loads(home.run("tokens", "count", "one.txt", *GEMINI, "--json").stdout)
        assert (value["files"][0]["tokens"], value["known"]) == (3, "reported")
    assert server.asked[0].line.startswith("POST /v1beta/models/gemini-2.5-pro:countTokens ")
    assert server.asked[0].headers["x-goog-api-key"] == KEY


def test_a_provider_that_fails_is_said_and_the_count_estimated(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home.folder / "one.txt").write_text("Hi there")
    with host(fails("anthropic", 400)) as server:
        keyed(home, monkeypatch, server.base)
        for words in (("Hi there",), ("count", "one.txt")):
            done = home.run("tokens", *words, *CLAUDE)
            assert done.returncode == 0 and "estimated" in done.stdout
            assert "What follows is an estimate." in done.stderr and KEY not in done.stderr


def test_many_files_or_no_key_are_estimated_here(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home.folder / "large.txt").write_text("Hi there. " * 110_000)
    with host(answer(said({"input_tokens": 14}), media="application/json")) as server:
        keyed(home, monkeypatch, server.base)
        assert "estimated" in home.run("tokens", "count", "large.txt", *CLAUDE).stdout
        monkeypatch.delitem(home.environ, "ANTHROPIC_API_KEY")
        assert "estimated" in home.run("tokens", "Hi there", *CLAUDE).stdout
    assert server.asked == []
