"""The assistants: their tools, files of a user's own, and conversations on the embedded model."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from cli_home import Home
from pellucid.assistants.airline import Airline
from pellucid.assistants.assistant import open_assistant, ready_made
from pellucid.assistants.database import Database
from pellucid.assistants.duel import Duel, Speaker, persona
from pellucid.assistants.shop import Shop
from pellucid.chat import Chat
from pellucid.errors import StoreError, UsageError
from pellucid.messages import Message, Options, Request, ToolCall, ToolResult, text_message
from pellucid.models.local import LocalModel
from pellucid.models.scripted import Scripted
from pellucid.tools.running import Toolbox, ToolRan
from pellucid.tools.tool import Tool


@pytest.fixture
def airline(tmp_path: Path) -> Airline:
    return Airline(Database("airline", tmp_path))


def prices(airline: Airline) -> dict[str, int]:
    with airline.database.opened() as db:
        return {str(city): int(price) for city, price in db.execute("select * from cities")}  # type: ignore[arg-type]


# -- the airline's desk


@pytest.mark.parametrize("city", ["London", "LONDON", "london", " London. "])
def test_a_city_in_any_case(airline: Airline, city: str) -> None:
    assert airline.ticket_price([city]) == "A ticket to London costs $799."


def test_accents_may_be_left_out(airline: Airline) -> None:
    assert "São Paulo costs $1249" in airline.ticket_price(["sao paulo"])


@pytest.mark.parametrize("cities", [[], [""], [" , "]])
def test_no_city_is_asked_back(airline: Airline, cities: list[str]) -> None:
    assert airline.ticket_price(cities) == "Which city would you like to fly to?"


def test_several_cities_and_which_is_the_cheapest(airline: Airline) -> None:
    airline.ticket_price(["Berlin"])
    assert airline.ticket_price(["Paris and Tokyo"]) == (
        "The tickets cost $899 to Paris and $1400 to Tokyo; Berlin is the cheapest ($499)."
    )
    assert airline.ticket_price(["Rome"]) == (
        "A ticket to Rome costs $589; Berlin is the cheapest ($499)."
    )


def test_the_cities_of_the_newest_message_are_meant(airline: Airline) -> None:
    """A small model asks again about those of the messages before."""
    box = Toolbox(airline.tools())
    call = ToolCall("1", "ticket_price", '{"cities": ["London", "Paris", "Tokyo"]}')
    (ran,) = box.run([call], message="and to Paris and Tokyo?")
    assert ran.result.text.startswith("The tickets cost $899 to Paris and $1400 to Tokyo")
    (ran,) = box.run([call], message="which is the cheapest of them?")
    assert "London is the cheapest ($799)" in ran.result.text


def test_a_misspelt_city_is_asked_back_and_an_unknown_one_is_unknown(airline: Airline) -> None:
    assert airline.ticket_price(["Londno"]) == (
        "The ticket price for Londno is not known. "
        "I do not know the city Londno. Did you mean London?"
    )
    assert airline.ticket_price(["Atlantis"]) == (
        "The ticket price for Atlantis is not known. We do not fly to Atlantis."
    )
    assert "Nothing was booked." in airline.book("Londno")
    assert airline.what_is_booked() == "Nothing is booked."


def test_a_spelling_that_the_model_mended_is_asked_back(airline: Airline) -> None:
    """A model writes London where the customer wrote Londno."""
    box = Toolbox(airline.tools(), allow=["book"])
    calls = [
        ToolCall("1", "ticket_price", '{"cities": ["London", "Paris"]}'),
        ToolCall("2", "book", '{"city": "London"}'),
    ]
    ran = [each.result.text for each in box.run(calls, message="a ticket to Londno, or Paris?")]
    assert (
        "not know the city Londno. Did you mean London?" in ran[0] and "Paris costs $899" in ran[0]
    )
    assert ran[1].startswith("Nothing was booked.")
    ran = [each.result.text for each in box.run(calls, message="book the cheapest of the two")]
    assert "$799 to London" in ran[0] and "London is booked" in ran[1]


def test_the_cheapest_is_the_cheapest(airline: Airline) -> None:
    """A model books another: nothing is booked, and it is asked back."""
    airline.ticket_price(["Berlin", "Rome"])
    box = Toolbox(airline.tools(), allow=["book"])
    call = ToolCall("1", "book", '{"city": "Rome"}')
    (ran,) = box.run([call], message="book the cheaper one")
    assert ran.result.text == (
        "Nothing was booked. The cheapest ticket is to Berlin, for $499: is that the one to book?"
    )
    (ran,) = box.run([call], message="no, book Rome, cheap enough")
    assert "ticket to Rome is booked" in ran.result.text


def test_bookings_are_made_changed_cancelled_and_kept(airline: Airline, tmp_path: Path) -> None:
    assert airline.book("paris") == (
        "Your ticket to Paris is booked for $899: flight FA137, booking number 1."
    )
    assert "from Paris to Rome, flight FA146, for $589" in airline.change_booking(1, "Rome")
    again = Airline(Database("airline", tmp_path))
    assert again.what_is_booked() == (
        "You booked a ticket to Rome for $589, flight FA146, booking number 1."
    )
    assert again.cancel_booking(1) == "Booking 1 to Rome was cancelled."
    assert "no booking 1" in again.cancel_booking(1) and "no booking 9" in again.change_booking(
        9, "Rome"
    )
    assert again.what_is_booked() == "Nothing is booked."


@pytest.mark.parametrize("flight", ["FA137", "fa 137", "Paris", "paris"])
def test_the_status_of_a_flight(airline: Airline, flight: str) -> None:
    assert airline.flight_status(flight) == (
        "Flight FA137 to Paris departs at 07:40; it is delayed by 25 minutes."
    )


def test_every_city_has_a_flight(airline: Airline) -> None:
    for city in prices(airline):
        assert city in airline.flight_status(city)


def test_what_acts_asks_first(airline: Airline) -> None:
    acting = {tool.name for tool in airline.tools() if tool.acts}
    assert acting == {"book", "change_booking", "cancel_booking"}
    (ran,) = Toolbox(airline.tools()).run([ToolCall("1", "book", '{"city": "Rome"}')])
    assert ran.result.failed and airline.what_is_booked() == "Nothing is booked."


def test_a_damaged_database_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "airline.db").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(StoreError, match="Remove it, and it is made anew"):
        Airline(Database("airline", tmp_path)).what_is_booked()


# -- the shop


def test_the_shop_says_the_price_in_the_sale(tmp_path: Path) -> None:
    shop = Shop(Database("shop", tmp_path))
    assert shop.look_up("Sun hats") == "Sun hat: $12 instead of $30."
    assert shop.look_up("hat").count("instead of") == 5
    assert shop.look_up("jeans") == "Jeans: $32 instead of $64."
    assert "not in the sale" in shop.look_up("socks")
    assert shop.look_up("belt") == "We do not sell belt. Hats are 60% off today."
    with shop.database.opened() as db:
        rows = db.execute("select kind, percent_off from clothes").fetchall()
    assert {percent for kind, percent in rows if kind == "hat"} == {60}
    assert sum(percent == 50 for _, percent in rows) > len(rows) / 2


def test_the_system_message_grows_with_what_is_mentioned() -> None:
    shop = open_assistant("shop")
    assert "belt" not in shop.system(["I want a hat", "beltless"])
    assert "does not sell belts" in shop.system(["Hi", "Do you have a BELT?", "And socks?"])


# -- files


def test_the_ready_made_open() -> None:
    assert ready_made() == ["airline", "shop", "tutor"]
    for name in ready_made():
        assistant = open_assistant(name)
        assert assistant.about and assistant.opening
        assert all(isinstance(tool, Tool) for tool in assistant.load_tools())


OWN = """
instructions = "You know our timetable."
tools = ["calculator", "mine.py", "files:notes"]
opening = "Where to?"
files = ["notes/times.md"]
"""
TOOL = '''
import pellucid

@pellucid.tool
def gate(flight: str) -> str:
    """The gate of a flight."""
    return "Gate 7"
'''


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    (folder / "notes").mkdir(parents=True)
    (folder / "notes" / "times.md").write_text("FA1 leaves at 9.", "utf-8")
    (folder / "mine.py").write_text(TOOL, "utf-8")
    (folder / "desk.toml").write_text(OWN, "utf-8")
    return folder / "desk.toml"


def test_an_assistant_of_ones_own(own: Path) -> None:
    assistant = open_assistant(str(own))
    assert [tool.name for tool in assistant.load_tools()] == ["calculator", "gate", "read_file"]
    assert assistant.system() == "You know our timetable.\n\nFrom notes/times.md:\nFA1 leaves at 9."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x", "is no TOML"),
        ("opening = 'Hi'", "has no instructions"),
        ("instructions = ' '", "has no instructions"),
        ("instructions = 3", "instructions is a str"),
        ("instructions = 'x'\ntemperature = 'hot'", "temperature is a float"),
        ("instructions = 'x'\ntool = ['a']", "unknown 'tool'"),
        ("instructions = 'x'\ntools = [3]", "list of names"),
        ("instructions = 'x'\nfiles = ['none.md']", "none.md, which cannot be"),
        ("instructions = 'x'\n[[when]]\nsays = 'dog'\nadd = 'y'", "takes says"),
    ],
)
def test_a_file_that_is_wrong_is_named(own: Path, text: str, words: str) -> None:
    own.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=words):
        open_assistant(str(own))
    with pytest.raises(UsageError, match="There are airline, shop, tutor"):
        open_assistant("airlin")


# -- commands


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory, weights_folder: Path, qwen: Path) -> Any:
    home = Home(tmp_path_factory.mktemp("assistants"), weights_folder)
    yield home
    home.run("engine", "stop")


def test_they_are_listed_and_unknown_names_refused(commands: Home) -> None:
    listed = commands.run("assistant").stdout
    assert all(name in listed for name in (*ready_made(), "duel", "compare"))
    assert "No assistant is called 'butler'" in commands.run("assistant", "butler").stderr
    done = commands.run("assistant", "duel", "nobody")
    assert done.returncode == 2 and "argument, outlook, table" in done.stderr


def test_a_scripted_customer_at_the_desk(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pellucid.cli.main import main

    call = Message("assistant", (ToolCall("1", "ticket_price", '{"cities": ["London"]}'),))
    model = Scripted([call, "It is $799."])
    monkeypatch.setattr("pellucid.models.names.open_model", lambda *a, **k: model)
    assert main(["assistant", "airline", "How", "much", "is", "London?"]) == 0
    assert "It is $799." in capsys.readouterr().out
    assert model.requests[1].messages[-1].text == "A ticket to London costs $799."
    assert json.dumps(dict(model.requests[0].tools[0].parameters))


def test_the_tutor_draws_its_markdown_on_a_terminal(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pellucid.cli.main import main

    model = Scripted(["It is a **list** of `int`."] * 2)
    monkeypatch.setattr("pellucid.models.names.open_model", lambda *a, **k: model)
    assert main(["assistant", "tutor", "What is it?"]) == 0
    assert capsys.readouterr().out.strip() == "It is a **list** of `int`."
    monkeypatch.setattr("pellucid.cli.output.coloured", lambda stream: True)
    assert main(["assistant", "tutor", "What is it?"]) == 0
    assert "a \x1b[0;1mlist\x1b[0m of \x1b[0;36mint" in capsys.readouterr().out


def test_two_models_answer_the_tutors_pupil_side_by_side(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each with its own history."""
    from pellucid.cli.main import main

    models = {name: Scripted([f"{name} says one", f"{name} says two"]) for name in "ab"}
    monkeypatch.setattr("pellucid.models.names.open_model", lambda name, *a, **k: models[name])
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"One?\nTwo?\n")))
    assert main(["assistant", "tutor", "-m", "a,b"]) == 0
    out = capsys.readouterr().out
    assert all(f"{name} says {word}" in out for name in "ab" for word in ("one", "two"))
    for name, model in models.items():
        said = [message.text for message in model.requests[1].messages[1:]]
        assert said == ["One?", f"{name} says one", "Two?"]


def test_what_the_user_says_of_the_temperature_holds(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pellucid.cli.main import main

    model = Scripted(["Hello."] * 4)
    monkeypatch.setattr("pellucid.models.names.open_model", lambda *a, **k: model)
    warm = ["-o", "temperature=0.5"]
    for words in (["airline", "Hi"], [*warm, "airline", "Hi"], ["tutor", "Hi"]):
        assert main(["assistant", *words]) == 0
    assert main(["assistant", "airline", *warm, "Hi", "there"]) == 0  # words behind options
    assert [request.options.temperature for request in model.requests] == [0, 0.5, None, 0.5]
    assert model.requests[-1].messages[-1].text == "Hi there"
    with pytest.raises(SystemExit):
        main(["assistant", "airline", "--warm", "Hi"])


def talk(
    model: LocalModel, name: str, tools: list[Tool], *lines: str, tokens: int = 60, **allow: Any
) -> list[str]:
    """What the embedded model answers, without chance."""
    assistant = open_assistant(name)
    options = Options(temperature=0, max_tokens=tokens)
    chat = Chat(model, options=options, tools=Toolbox(tools, **allow), store=None)
    answers = []
    for n, line in enumerate(lines):
        chat.system = assistant.system(lines[: n + 1])
        turn = chat.stream(line)
        ran = [event for event in turn.events() if isinstance(event, ToolRan)]
        answers.append(turn.reply.text)
        print(line, [each.call for each in ran], turn.reply.text, sep="\n  ")
    return answers


def test_the_airline_on_the_embedded_model(embedded: LocalModel, airline: Airline) -> None:
    asked: list[str] = []

    def approve(tool: Tool, arguments: Any) -> bool:
        asked.append(f"{tool.name} {arguments['city']}")
        return True

    answers = talk(
        embedded,
        "airline",
        airline.tools(),
        "How much is a ticket to London?",
        "and to Paris and Tokyo?",
        "book the cheapest",
        "what did you just book for me?",
        approve=approve,
    )
    known = prices(airline)
    assert f"${known['London']}" in answers[0]
    assert f"${known['Paris']}" in answers[1] and f"${known['Tokyo']}" in answers[1]
    assert asked == ["book London"]
    with airline.database.opened() as db:
        assert db.execute("select city, price from bookings").fetchall() == [("London", 799)]
    assert "London" in answers[2] and "booked" in answers[2].lower()
    assert "London" in answers[3] and f"${known['London']}" in answers[3]


def test_the_shop_on_the_embedded_model(embedded: LocalModel, tmp_path: Path, full: bool) -> None:
    """The price that is said is that of the database."""
    shop = Shop(Database("shop", tmp_path))
    lines = ["What does a sun hat cost?", *(["Do you sell belts?"] if full else [])]
    answers = talk(embedded, "shop", shop.tools(), *lines)
    with shop.database.opened() as db:
        found = db.execute(
            "select price * (100 - percent_off) / 100 from clothes where item = ?", ("sun hat",)
        )
        ((price,),) = found.fetchall()
    assert f"${price}" in answers[0]
    if full:
        assert "not sell belts" in answers[1].replace("don't", "do not")


def test_the_tutor_on_the_embedded_model(embedded: LocalModel) -> None:
    question = "What does this print, and why?\n```python\nprint(len([2, 3, 5]))\n```"
    (answer,) = talk(embedded, "tutor", [], question, tokens=90)
    assert "3" in answer and "len" in answer
    assert re.search(r"[`*]", answer), "Markdown"


def test_the_personas_talk_on_the_embedded_model(embedded: LocalModel) -> None:
    cast = [Speaker(name, embedded, persona(name)) for name in ("optimist", "sceptic")]
    duel = Duel(cast, openings=["It will rain."], options=Options(0, max_tokens=16))
    for _ in range(2):
        assert list(duel.turn())
    assert [line.speaker for line in duel.lines] == [0, 1, 0]
    assert all(line.text.strip() for line in duel.lines)
    heard = duel.seen_by(0)
    assert heard[0].text == persona("optimist") and heard[2].text == duel.lines[1].text


def test_a_city_that_is_not_there_has_no_price_on_the_embedded_model(
    embedded: LocalModel, airline: Airline, full: bool
) -> None:
    if not full:
        pytest.skip("asks the embedded model for a minute: pytest --full")
    for city, mended in (("Londno", "London"), ("Atlantis", "Rome")):
        lines = f"How much is a ticket to {city}?", f"I mean {mended}"
        answer, then = talk(embedded, "airline", airline.tools(), *lines)
        assert city in answer and "not known" in answer
        assert not any(sign in answer for sign in "$£€0123456789")
        assert f"${prices(airline)[mended]}" in then


@pytest.mark.parametrize("mended", ["I mean London", "Sorry, London", "London"])
def test_a_slip_that_the_customer_mends_needs_a_tool_on_the_embedded_model(
    embedded: LocalModel, airline: Airline, mended: str
) -> None:
    call = ToolCall("1", "ticket_price", '{"cities": ["London"]}')
    said = airline.ticket_price(["Londno"])
    asked = (
        text_message("user", "How much is a ticket to Londno?"),
        Message("assistant", (call,)),
        Message("tool", (ToolResult("1", "ticket_price", said),)),
        text_message("assistant", said),
        text_message("user", mended),
    )
    request = Request(asked, tuple(tool.spec for tool in airline.tools()))
    assert embedded.steer(request)[0].tool_choice == "required"
