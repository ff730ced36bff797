"""Tools in the shapes of other clients, tools by name, and the built-in ones."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import pellucid
from pellucid.errors import UsageError
from pellucid.messages import ToolCall
from pellucid.tools.builtin import calculator, clock, files, sql
from pellucid.tools.loading import load_tools
from pellucid.tools.running import Toolbox
from pellucid.tools.shapes import as_tools
from pellucid.tools.tool import Tool

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SHAPES: dict[str, dict[str, Any]] = {
    "openai": {
        "type": "function",
        "function": {"name": "price", "description": "A price.", "parameters": SCHEMA},
    },
    "responses": {
        "type": "function",
        "name": "price",
        "description": "A price.",
        "parameters": SCHEMA,
    },
    "anthropic": {"name": "price", "description": "A price.", "input_schema": SCHEMA},
    "gemini": {
        "function_declarations": [
            {
                "name": "price",
                "description": "A price.",
                "parameters": {
                    "type": "OBJECT",
                    "properties": {"city": {"type": "STRING"}},
                    "required": ["city"],
                },
            }
        ]
    },
    "mcp": {"name": "price", "description": "A price.", "inputSchema": SCHEMA},
}


def price(city: str) -> str:
    return f"{city}: 799"


def run(tool: Tool, **arguments: Any) -> tuple[str, bool]:
    box = Toolbox([tool], allow=[tool.name])
    (ran,) = box.run([ToolCall("a", tool.name, json.dumps(arguments))])
    return ran.result.text, ran.result.failed


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_says_the_same(shape: str, recwarn: pytest.WarningsRecorder) -> None:
    (made,) = as_tools(SHAPES[shape], price)
    assert made.spec.description == "A price." and made.spec.parameters == SCHEMA
    assert made.acts, "a dictionary does not say that its tool only reads"
    assert run(made, city="London") == ("London: 799", False)
    assert "'city' is a required property" in run(made)[0]
    assert not recwarn.list
    assert pellucid.as_tools is as_tools


def test_a_schema_without_a_type_is_named_and_mended() -> None:
    said: list[str] = []
    shape = {"name": "price", "input_schema": {"properties": {"city": {"type": "string"}}}}
    (made,) = as_tools(shape, price, say=said.append)
    assert made.spec.parameters["type"] == "object"
    assert said == ['The schema of the tool price has no "type": "object"; it was added.']
    (bare,) = as_tools({"name": "now"}, lambda: "noon", acts=False, say=said.append)
    assert run(bare) == ("noon", False) and len(said) == 1


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"name": "p", "parameters": {"type": "array"}}, "'array'"),
        ({"name": "p", "parameters": {"city": {"type": "string"}}}, "no properties but 'city'"),
        ({"name": "p", "parameters": {"type": "object", "properties": 3}}, "is wrong"),
        ({"name": "p", "parameters": {"required": ["x"]}}, "requires 'x'"),
        ({"name": "p", "parameters": "none"}, "must be an object"),
        ({"type": "web_search_20250305", "name": "p"}, "run by its provider"),
        ({"description": "x"}, "no name"),
        ({"name": "a b"}, "no name of a tool"),
    ],
)
def test_what_no_provider_takes_is_refused(shape: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        as_tools(shape, price, say=lambda _: None)


def test_each_function_finds_its_declaration() -> None:
    shape = {"function_declarations": [{"name": "a"}, {"name": "b"}]}
    made = as_tools(shape, {"a": lambda: "1", "b": lambda: "2"})
    assert [run(each)[0] for each in made] == ["1", "2"]
    with pytest.raises(UsageError, match="no function for the tool b"):
        as_tools(shape, {"a": price})
    with pytest.raises(UsageError, match="One function was given for a, b"):
        as_tools(shape, price)


def test_a_schema_that_refers_to_nothing_is_a_sentence() -> None:
    schema = {"type": "object", "properties": {"x": {"$ref": "#/nowhere"}}}
    (made,) = as_tools({"name": "p", "parameters": schema}, price)
    text, failed = run(made, x=1)
    assert failed and "schema of p is broken" in text


# -- by name

FILE = '''
from dataclasses import dataclass
import pellucid

@dataclass
class Place:
    city: str

@pellucid.tool
def price(place: Place) -> str:
    """A price."""
    return f"{place.city}: 799"

def plain(city: str) -> str:
    return city
'''


def test_tools_of_a_file_and_of_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "my_flight_tools.py"
    file.write_text(FILE, "utf-8")
    (found,) = load_tools([str(file)])
    assert found.name == "price" and not found.acts
    assert run(found, place={"city": "Rome"}) == ("Rome: 799", False)
    (undecorated,) = load_tools([f"{file}:plain"])
    assert undecorated.acts, "it does not say that it only reads"
    monkeypatch.chdir(tmp_path)
    assert load_tools(["my_flight_tools:price"])[0].name == "price"
    assert load_tools(["x"], {"x": found}) == [found]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("calculater", "built in are calculator, clock"),
        ("nothing.py", "no file nothing.py"),
        ("no_such_module:f", "cannot be loaded: ModuleNotFoundError"),
        ("broken.py", "cannot be loaded: ZeroDivisionError"),
        ("empty.py", "has no tools"),
        ("empty.py:f", "has no f"),
        ("empty.py:X", "int, no function, X"),
        ("empty.py:untyped", "'city' of the tool untyped has no type"),
        ("clock:x", "takes nothing"),
        ("files", "told where"),
        ("files:nowhere", "no folder"),
        ("sql:nowhere.db", "no database"),
        ("sql:empty.py", "no SQLite database"),
    ],
)
def test_names_that_lead_nowhere(
    name: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.py").write_text("1 / 0")
    Path("empty.py").write_text("X = 3\ndef untyped(city): return city\n" + "#" * 200)
    with pytest.raises(UsageError, match=words):
        load_tools([name])


# -- built in


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("799 * 2 + 45", "1643"),
        ("0.1 + 0.2", "0.3"),
        ("(3 + 4) / 7", "1"),
        ("-2 ** 2", "-4"),
        ("2^10", "1024"),
        ("1,000 × 3", "3000"),
        ("sqrt(16) + max(1, 5)", "9"),
        ("10 ** 300", str(10**300)),
    ],
)
def test_the_calculator(expression: str, answer: str) -> None:
    assert run(calculator, expression=expression) == (f"{expression} = {answer}", False)


@pytest.mark.parametrize(
    "expression",
    [
        *("__import__('os')", "().__class__", "2 +", "'a' * 9", "9 ** 9 ** 9", "True", "1 / 0"),
        *("(-1) ** 0.5", "x", "[1]*9", "10 ** 300 * 100", "(" * 5000, "exp(999)", "10.0 ** 400"),
    ],
)
def test_what_is_no_arithmetic_is_a_sentence(expression: str) -> None:
    text, failed = run(calculator, expression=expression)
    assert failed and text.startswith("calculator failed")


def test_the_clock() -> None:
    assert "UTC" in run(clock, zone="UTC")[0] and run(clock)[0].startswith("It is ")
    assert "no time zone is called 'Moon'" in run(clock, zone="Moon")[0]
    assert run(clock, zone="../../etc/passwd")[1]


def test_files_stay_in_their_folder(tmp_path: Path) -> None:
    inside, outside = tmp_path / "notes", tmp_path / "secret.txt"
    (inside / "sub").mkdir(parents=True)
    (inside / "a.txt").write_text("Monday", "utf-8")
    (inside / "b.bin").write_bytes(b"\0\1")
    outside.write_text("secret", "utf-8")
    (inside / "link.txt").symlink_to(outside)
    (inside / "up").symlink_to(tmp_path)
    tool = files(str(inside))
    assert run(tool, path="a.txt") == ("Monday", False)
    assert "a.txt" in run(tool)[0] and "sub/" in run(tool)[0]
    ways = ["../secret.txt", str(outside), "link.txt", "up/secret.txt", "sub/../../secret.txt"]
    for way in ways:
        assert run(tool, path=way) == (
            f"read_file failed: ValueError: {way} is outside the folder",
            True,
        )
    assert "no text" in run(tool, path="b.bin")[0]
    assert "there is no file c.txt" in run(tool, path="c.txt")[0]
    assert run(tool, path="a\0b")[1]


def test_sql_reads_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as db:
        db.execute("create table hats (name text, price int)")
        db.executemany("insert into hats values (?, ?)", [(f"hat {i}", i) for i in range(300)])
    db.close()
    before = path.read_bytes()
    tool = sql(str(path))
    assert "hats(name, price)" in tool.spec.description
    found = json.loads(run(tool, sql="select name, price from hats where price = 7")[0])
    assert found == {"columns": ["name", "price"], "rows": [["hat 7", 7]]}
    assert "only the first 100" in run(tool, sql="select * from hats")[0]
    other = tmp_path / "other.db"
    for bad in (
        "delete from hats",
        "drop table hats",
        f"attach '{other}' as o",
        "pragma journal_mode=wal",
        "select 1; delete from hats",
        "select nothing from hats",
        "vacuum into 'x.db'",
    ):
        assert run(tool, sql=bad)[1], bad
    monkeypatch.setattr("pellucid.tools.builtin.SQL_SECONDS", 0.2)
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
    assert "interrupted" in run(tool, sql=endless)[0].lower()
    assert run(tool, sql="select zeroblob(900000000)")[1]
    assert path.read_bytes() == before and not other.exists()
