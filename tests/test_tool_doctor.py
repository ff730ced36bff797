"""The doctor of tools: each way to fail has its name, and the rates count what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pellucid.cli.main import main
from pellucid.evaluate.tool_doctor import CASES, Examined, Rates, examine, rates
from pellucid.messages import Message, ToolCall
from pellucid.models.scripted import Scripted

LONDON = "How much is a ticket to London?"
CAIRO = "What is the temperature in Cairo, in fahrenheit?"
TWO = "How much is a ticket to Paris, and how much is one to Tokyo?"


def price(city: str, id: str = "1") -> ToolCall:
    return ToolCall(id, "get_ticket_price", json.dumps({"city": city}))


def weather(unit: str) -> ToolCall:
    return ToolCall("1", "get_weather", json.dumps({"city": "Cairo", "unit": unit}))


def calling(*calls: ToolCall) -> Message:
    return Message("assistant", calls)


def asked(question: str, *replies: str | Message) -> Examined:
    case = next(case for case in CASES if case.question == question)
    (found,) = examine(Scripted(replies), cases=[case])
    return found


@pytest.mark.parametrize(
    ("question", "replies", "called", "fact", "kind"),
    [
        (LONDON, (calling(price("London")), "799 dollars."), True, True, "used the result"),
        (TWO, (calling(price("paris"), price("Tokyo", "2")), "$899 and $1,420."), True, True,
         "used the result"),
        ("Hello", ("Hi!",), True, True, "answered in words"),
        (LONDON, ("It costs 500 dollars.",), False, False, "no call"),
        (LONDON, ("799, I guess.",), False, True, "no call"),
        (LONDON, (calling(price("London")), "No idea."), True, False, "ignored result"),
        (LONDON, (calling(price("Paris")), "899 dollars."), False, False, "wrong argument"),
        (CAIRO, (calling(weather("celsius")), "It is 38."), False, False, "wrong argument"),
        (CAIRO, (calling(weather("kelvin")), "It is 311."), False, False, "wrong argument"),
        (TWO, (calling(price("Paris")), "$899."), False, False, "wrong argument"),
        (LONDON, ('{"name": "get_ticket_price", "arguments": {"city": "x"}}',), False, False,
         "call in text"),
        (LONDON, (calling(ToolCall("1", "fly", "{}")), "Sorry."), False, False, "unknown tool"),
        (LONDON, (calling(ToolCall("1", "get_ticket_price", '{"city": ')), "Sorry."), False, False,
         "bad JSON"),
        ("Hello", (calling(price("Rome")), "512 dollars."), False, True, "needless call"),
    ],
)  # fmt: skip
def test_each_way_to_fail_has_its_name(
    question: str, replies: tuple[str | Message, ...], called: bool, fact: bool, kind: str
) -> None:
    found = asked(question, *replies)
    assert (found.called, found.fact, found.verdict.kind) == (called, fact, kind)
    assert found.passed == (called and fact) == found.verdict.fine
    assert len(found.raw) == len(replies) and found.raw[-1] == replies[-1]


def test_the_rates_count_questions_that_need_a_call_apart_from_the_others() -> None:
    found = [
        asked(LONDON, calling(price("London")), "799 dollars."),
        asked(LONDON, calling(price("London")), "No idea."),
        asked("Hello", "Hi!"),
        asked("Hello", calling(price("Rome")), "512 dollars."),
        asked("What is 2+2?", "4"),
        asked("Who wrote Hamlet?", "Shakespeare."),
    ]
    assert rates(found) == Rates(called=1.0, needless=0.25, facts=0.5)
    assert rates([]) == Rates(None, None, None)


def test_the_command_asks_so_often_and_shows_each_failure_with_its_reply(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for times in (1, 2):
        model = Scripted(["I would rather not say."] * len(CASES) * times)
        monkeypatch.setattr("pellucid.models.names.open_model", lambda *a, model=model, **k: model)
        how = ["-k", str(times), "-t", "0.7"]
        assert main(["tools", "doctor", *how, *(["--json"] if times == 2 else [])]) == 0
        assert len(model.requests) == len(CASES) * times
        assert {request.options.temperature for request in model.requests} == {0.7}
        if times == 1:
            shown = capsys.readouterr().out
            assert "17 of 17 asked" in shown and "no call  How much is a ticket to London?" in shown
            assert "│ I would rather not say." in shown
        else:
            found = json.loads(capsys.readouterr().out)
            assert found["rates"] == {"called": 0.0, "needless": 0.0, "facts": 0.0}
            assert [case["passed"] for case in found["cases"]].count(True) == 12
