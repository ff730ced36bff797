"""The conversation of a tab, without the page: its tree, found again from the receipts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pellucid.errors import UsageError
from pellucid.messages import Message, Request, Text, text_message
from pellucid.models.scripted import Scripted
from pellucid.prompt.values import Prompt
from pellucid.replies import Event
from pellucid.settings import load
from pellucid.ui import conversation, papers
from pellucid.ui.desk import KEPT, Desk
from pellucid.ui.live import Live, spoken
from pellucid.ui.own import Function, read_history
from pellucid.ui.session import Session, Setup
from sample_receipts import second_turn
from work import at_once

SETUP = Setup("counts")


class Counts(Scripted):
    """Says how many messages it was sent, and the newest."""

    def __init__(self) -> None:
        super().__init__([], name="counts")

    def stream(self, request: Request, prompt: Prompt | None) -> Iterator[Event]:
        self._replies = [f"{len(request.messages)}: {request.messages[-1].text}"]
        return super().stream(request, prompt)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(load(), model="counts", given={"counts": Counts()}, store=tmp_path / "r.db")
    yield desk
    desk.close()


def say(session: Session, words: str) -> str:
    return over(session.say(text_message("user", words), SETUP), session)


def over(turn: Iterator[Live], session: Session) -> str:
    *_, last = turn
    assert last.error == ""
    return replies(session)[-1]


def replies(session: Session) -> list[str]:
    return [step.receipt.reply.text for step in session.steps()]


def test_turns_follow_each_other_and_are_found_again(desk: Desk) -> None:
    session = Session(desk)
    assert say(session, "one") == "1: one"
    assert say(session, "two") == "3: two"
    again = Session(desk, session.id)
    assert replies(again) == ["1: one", "3: two"]
    assert say(again, "three") == "5: three"
    assert [m.role for m in again.messages] == ["user", "assistant"] * 3


def test_versions_of_a_turn_are_siblings(desk: Desk) -> None:
    session = Session(desk)
    say(session, "one")
    say(session, "two")
    first, second = (step.receipt.id for step in session.steps())
    over(session.edit(second, "2", SETUP), session)
    over(session.edit(first, "1", SETUP), session)
    say(session, "after 1")
    for tab in (session, Session(desk, session.id)):
        tab.go(first)
        assert replies(tab) == ["1: one", "3: 2"]  # the newest that follows it
        tab.go(second)
        assert replies(tab) == ["1: one", "3: two"]
        assert [(s.place, len(s.siblings)) for s in tab.steps()] == [(0, 2), (0, 2)]
        tab.go(tab.steps()[0].siblings[1])
        assert replies(tab) == ["1: 1", "3: after 1"]


def test_alone_is_beside_and_never_the_way_on(desk: Desk) -> None:
    session = Session(desk)
    say(session, "one")
    say(session, "two")
    second = session.steps()[1].receipt.id
    over(session.alone(second, SETUP), session)
    for tab in (session, Session(desk, session.id)):
        step = tab.steps()[1]
        assert step.receipt.id == second
        assert step.alone is not None
        assert step.alone.reply.text == "1: two"
    assert say(session, "three") == "5: three"
    assert "without the history" in conversation.html(session)


def test_a_policy_without_history_is_a_conversation_too(desk: Desk) -> None:
    session = Session(desk)
    for words in ("one", "two"):
        list(session.say(text_message("user", words), Setup("counts", memory="none")))
    assert replies(session) == ["1: one", "1: two"]
    assert replies(Session(desk, session.id)) == ["1: one", "1: two"]


def test_undo_and_fork(desk: Desk) -> None:
    session = Session(desk)
    say(session, "one")
    say(session, "two")
    undone = session.undo()
    assert undone is not None
    assert undone.text == "two"
    say(session, "zwei")
    assert len(session.steps()[1].siblings) == 2
    session.fork(session.steps()[0].receipt.id)
    assert replies(session) == ["1: one"]
    with pytest.raises(UsageError, match="not part"):
        session.fork("01ARZ3NDEKTSV4RRFFQ69G5FAV")


def test_settings_may_change_from_turn_to_turn(desk: Desk) -> None:
    session = Session(desk)
    list(session.say(text_message("user", "one"), Setup("counts", system="Be brief.")))
    say(session, "two")
    systems = [s.receipt.request.messages[0].role for s in session.steps()]
    assert systems == ["system", "user"]


def test_an_error_is_told_and_the_conversation_stays(desk: Desk) -> None:
    session = Session(desk)
    say(session, "one")
    *_, last = session.say(text_message("user", "two"), Setup("no-such-model"))
    assert "No model is called" in last.error
    assert replies(session) == ["1: one"]
    assert say(session, "two") == "3: two"


def test_only_one_turn_at_a_time(desk: Desk) -> None:
    session = Session(desk)
    turn = session.say(text_message("user", "one"), SETUP)
    next(turn)
    with pytest.raises(UsageError, match="being written"):
        next(session.say(text_message("user", "two"), SETUP))
    list(turn)
    assert replies(session) == ["1: one"]


def test_what_was_imported_is_sent(desk: Desk, tmp_path: Path) -> None:
    source = Session(desk)
    say(source, "one")
    for name, write in (("c.json", papers.as_json), ("c.md", papers.as_markdown)):
        path = tmp_path / name
        path.write_text(write(source.messages), "utf-8")
        session = Session(desk)
        session.opening = papers.read(path)
        assert [m.text for m in session.opening] == ["one", "1: one"]
        assert say(session, "two") == "3: two"
        again = Session(desk, session.id)
        assert [m.text for m in spoken(again.steps()[0].receipt)] == ["one", "1: one", "two"]
        assert conversation.html(again).count("imported") == 2
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(UsageError, match="not JSON"):
        papers.read(tmp_path / "bad.json")


def test_the_shelf_lists_and_searches(desk: Desk) -> None:
    one, two = Session(desk), Session(desk)
    say(one, "about apples")
    say(two, "about <pears>")
    every = conversation.shelf(desk, "", one.id)
    assert every.count("<li>") == 2
    assert "about &lt;pears&gt;" in every
    assert conversation.shelf(desk, "apples", "").count("<li>") == 1
    assert "Nothing was found" in conversation.shelf(desk, "plums", "")


def test_a_given_model_has_no_file_for_the_tabs_to_read(desk: Desk) -> None:
    from pellucid.ui.tabs.shared import has_file

    assert not has_file(desk)
    desk.model = "smollm2-135m"
    assert has_file(desk)
    assert Desk(desk.settings, model="small").model == "smollm2-135m"  # listed once
    desk.model = "openai:gpt-4.1-mini"
    assert not has_file(desk)


def test_turns_of_many_tabs_are_kept_at_once_where_there_is_no_store() -> None:
    desk, receipt = Desk(replace(load(), log=False)), second_turn()

    def keep(thread: int) -> None:
        for number in range(2000):
            desk.keep(replace(receipt, conversation=f"{thread} {number}"))

    assert at_once(keep) == []
    assert len(desk._kept) == KEPT


def test_a_function_of_ones_own_is_a_model() -> None:
    heard: list[object] = []

    def growing(message: str, history: object) -> Iterator[str]:
        heard.append(history)
        yield "You"
        yield f"You said {message}"

    def pieces(message: str, history: object) -> Iterator[str]:
        yield "You "
        yield f"said {message}"

    messages = tuple(
        Message(role, (Text(words),)) for role, words in (("user", "a"), ("assistant", "b"))
    )
    request = Request((*messages, text_message("user", "hello")))
    for fn in (growing, pieces, lambda message, history: f"You said {message}"):
        for form in ("messages", "pairs"):
            model = Function(fn, form, "mine")  # type: ignore[arg-type]
            said = [getattr(e, "text", "") for e in model.stream(request, None)]
            assert "".join(said) == "You said hello"
    assert heard == [
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
        [["a", "b"]],
    ]


def test_histories_of_gradio_are_read(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("a note")
    text = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    parts = [
        {"role": "user", "content": [{"type": "text", "text": "a"}], "metadata": None},
        {"role": "assistant", "content": [{"type": "text", "text": "b"}], "options": []},
    ]
    for history in (text, parts, [["a", "b"]], [("a", "b")]):
        assert [(m.role, m.text) for m in read_history(history)] == [
            ("user", "a"),
            ("assistant", "b"),
        ]
    files = read_history([{"role": "user", "content": {"path": str(note)}}, [(str(note),), None]])
    assert [m.parts[0] for m in files] == [Text("a note", source="note.txt")] * 2


def test_gradio_fn_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pellucid

    monkeypatch.setenv("PELLUCID_LOG", "no")
    fn = pellucid.gradio_fn(Counts())
    assert list(fn("hello", [["a", "b"]]))[-1] == "3: hello"
    assert list(fn({"text": "hello", "files": []}, []))[-1] == "1: hello"
    assert pellucid.ui.chat.__name__ == "chat"  # type: ignore[attr-defined]
