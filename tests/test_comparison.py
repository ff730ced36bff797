"""Several models on one question, and models that talk with one another."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_home import Home
from host_server import host, stalled
from hosted_models import model
from pellucid.assistants.duel import Duel, Speaker, persona
from pellucid.chat import Chat
from pellucid.errors import ServerFault, UsageError
from pellucid.evaluate.comparison import Answered, Comparison
from pellucid.models.scripted import Scripted
from pellucid.record.store import Store
from pellucid.replies import TextDelta
from pellucid.views import terminal
from work import SOON


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, weights_folder: Path, smol: Path, qwen: Path
) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("home"), weights_folder)
    yield home
    home.run("engine", "stop")


def contender(*replies: str | Exception, delay: float = 0.0) -> Chat:
    return Chat(Scripted(replies, delay=delay), store=None)


def test_hosted_models_answer_at_the_same_time_and_one_failure_stops_no_other() -> None:
    fault = ServerFault("The host failed.")
    slow = contender("one two three", delay=0.05)
    comparison = Comparison("Hi", [slow, contender("quick"), contender(fault)])
    steps = list(comparison.steps())
    ends = {step.index: step.error for step in steps if isinstance(step, Answered)}
    assert ends == {0: None, 1: None, 2: fault}
    order = [s[0] for s in steps if not isinstance(s, Answered) and isinstance(s[1], TextDelta)]
    assert order.index(1) < len(order) - 1 - order[::-1].index(0)  # before the slow one's end
    receipts = comparison.receipts
    assert [r and r.reply.text for r in receipts] == ["one two three", "quick", ""]


def test_closing_cuts_every_reply() -> None:
    comparison = Comparison("Hi", [contender("a " * 50, delay=0.02) for _ in range(3)])
    steps = comparison.steps()
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert {r.reply.finish for r in comparison.receipts if r} == {"cut"}


def test_closing_does_not_wait_for_a_silent_host() -> None:
    with host(stalled()) as server:
        comparison = Comparison("Hi", [Chat(model(server.base), store=None)])
        steps = comparison.steps()
        next(steps)
        began = time.monotonic()
        steps.close()  # type: ignore[attr-defined]
        assert time.monotonic() - began < SOON  # the host is waited for in minutes
    assert comparison.receipts[0] is not None
    assert comparison.receipts[0].reply.finish == "cut"


def test_columns_fit_the_width_and_fall_below_one_another() -> None:
    wide = terminal.columns(["a", "b"], ["word " * 30, "日本語 " * 20], width=60)
    assert all(terminal.cells(line) <= 60 for line in wide.split("\n"))
    narrow = terminal.columns(["a", "b"], ["word " * 30, "y"], width=30)
    assert "│" not in narrow
    assert all(terminal.cells(line) <= 30 for line in narrow.split("\n"))
    assert narrow.count("word") == 30


def test_compare_runs_on_the_embedded_models(place: Home) -> None:
    asked = ("compare", "Say hi.", "-m", "smollm2-135m", "-o", "max_tokens=4")
    ran = place.run(*asked, "--temperature", "0,0.7")
    assert ran.returncode == 0 and "--- smollm2-135m at 0.7 ---" in ran.stdout
    assert ran.stdout.count("tok/s") == 2 and "none" in ran.stdout
    receipts = json.loads(place.run(*asked, "--json").stdout)
    assert receipts[0]["reply"]["usage"]["output"] == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("compare", "Hi", "--temperature", "hot"), "not hot"),
        (("compare", "Hi", "-m", "smollm2-135m,nobody"), "'nobody'"),
        (("compare",), "Nothing was asked"),
        (("duel", "--persona", "rude", "--persona", "polite"), "'rude'"),
        (("duel", "--persona", "polite", "-m", "a", "-m", "b"), "give every model"),
        (("duel", "--turns", "0"), "--turns is 0"),
        (("duel", "-m", "smollm2-135m", *("--open", "Hi") * 3), "3 opening words"),
    ],
)
def test_bad_input_is_a_sentence(place: Home, words: tuple[str, ...], said: str) -> None:
    ran = place.run(*words)
    assert ran.returncode != 0 and said in ran.stderr


def test_each_speaker_sees_the_other_as_the_user() -> None:
    first, second = Scripted(["No, it is not."] * 3), Scripted(["I see your point."] * 3)
    duel = Duel([Speaker("A", first, "argue"), Speaker("B", second, "agree")])
    for _ in range(3):
        list(duel.turn())
    requests = first.requests[1], second.requests[0]
    asked = [[(m.role, m.text) for m in request.messages] for request in requests]
    assert asked[0] == [
        ("system", "argue"),
        ("assistant", "Hi there"),
        ("user", "Hi"),
        ("assistant", "No, it is not."),
        ("user", "I see your point."),
    ]
    assert asked[1] == [
        ("system", "agree"),
        ("user", "Hi there"),
        ("assistant", "Hi"),
        ("user", "No, it is not."),
    ]


def test_three_at_a_table_are_told_who_spoke() -> None:
    models = [Scripted(["word"] * 2) for _ in range(3)]
    duel = Duel([Speaker(n, m, n) for n, m in zip("ABC", models, strict=True)], openings=["Hello"])
    for _ in range(3):
        list(duel.turn())
    heard = [(m.role, m.text) for m in models[0].requests[0].messages[2:]]
    assert heard == [("user", "B: word\n\nC: word")]


def test_a_duel_is_saved_as_one_conversation(tmp_path: Path) -> None:
    with Store(tmp_path / "receipts.db") as store:
        speakers = [Speaker(n, Scripted(["Hm."] * 2), persona("polite")) for n in "AB"]
        duel = Duel(speakers, store=store)
        for _ in range(4):
            list(duel.turn())
        rows = store.list(conversation=duel.receipts[0].conversation)
        assert len(rows) == 4
        assert [r.parent for r in duel.receipts[1:]] == [r.id for r in duel.receipts[:-1]]


def test_a_persona_is_a_name_a_file_or_words(tmp_path: Path) -> None:
    (tmp_path / "pirate.txt").write_text("You are a pirate.\n")
    assert persona(str(tmp_path / "pirate.txt")) == "You are a pirate."
    assert persona("You are kind.") == "You are kind."
    with pytest.raises(UsageError, match="Ready-made are argumentative"):
        persona("nobody")


def test_duel_runs_on_the_embedded_model(place: Home) -> None:
    ran = place.run(
        *("duel", "-m", "smollm2-135m", "-m", "smollm2-135m", "--turns", "1"),
        *("--open", "Hi there", "--open", "Hi", "-o", "max_tokens=6"),
    )
    assert ran.returncode == 0
    assert ran.stdout.count("· smollm2-135m") == 4 and "Argumentative" in ran.stdout


def test_diff_of_two_turns_and_of_two_conversations(place: Home) -> None:
    small = ("-m", "smollm2-135m", "-o", "max_tokens=3")
    place.run("ask", *small, "What is a harbour?")
    first = json.loads(place.run("show", "--json").stdout)["id"]
    place.run("ask", "-c", *small, "And a quay?")
    found = json.loads(place.run("diff", first, "last", "--json").stdout)
    assert (found["cause"], found["known"], found["reread"]) == ("grown", "exact", 0)
    assert found["shared"] == found["first"]
    place.run("ask", *small, "What is a quay?")
    shown = place.run("diff", first, "last").stdout
    assert "'What is a harbour?' became 'What is a quay?'" in shown and "░" in shown
    assert "No receipt" in place.run("diff", first, "nothing").stderr
