"""JSON schemas as grammars: what fits is accepted, what does not is refused; the engine's too."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gbnf import accepts
from pellucid.engine import client, process
from pellucid.errors import UsageError
from pellucid.models.grammar import Grammar
from pellucid.models.local import LocalModel
from pellucid.models.names import open_model

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
UNIT = {"enum": ["celsius", "fahrenheit", 3]}
OPTIONAL = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}, "c": {"type": "null"}},
    "required": ["b"],
}
TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["name", "children"],
        }
    },
    "$ref": "#/$defs/node",
}

CASES: list[tuple[dict[str, Any], list[str], list[str]]] = [
    (CITY, ['{"city": "Rome"}', '{"city":""}', '{\n  "city": "\\n\\u00e9 é"\n}'],
     ["{}", '{"town": "Rome"}', '{"city": 3}', '{"city": "a"', '{"city": "a\nb"}', '"Rome"']),
    (UNIT, ['"celsius"', "3"], ['"kelvin"', "celsius", "4"]),
    (OPTIONAL, ['{"b": true}', '{"a": 1, "b": false}', '{"b": true, "c": null}',
                '{"a": -12, "b": true, "c": null}'],
     ["{}", '{"a": 1}', '{"b": true, "a": 1}', '{"a": 1.5, "b": true}', '{, "b": true}']),
    (TREE, ['{"name": "a", "children": []}',
            '{"name": "a", "children": [{"name": "b", "children": []}]}'],
     ['{"name": "a"}', '{"name": "a", "children": [1]}']),
    ({"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 2},
     ["[1]", "[1, -2.5e3]"], ["[]", "[1, 2, 3]", "[01]", '["1"]']),
    ({"type": "string", "minLength": 2, "maxLength": 3}, ['"ab"', '"abc"'], ['"a"', '"abcd"']),
    ({"type": ["string", "null"]}, ['"a"', "null"], ["1"]),
    ({"anyOf": [{"type": "integer"}, {"const": "all"}]}, ["7", '"all"'], ['"some"']),
    ({"allOf": [CITY, {"properties": {"n": {"type": "integer"}}}]},
     ['{"city": "a"}'], ['{"n": 1}']),
    ({}, ["1", "[]", '{"a": [1, {"b": null}]}'], ["", "a", "[1,]"]),
    ({"type": "object", "additionalProperties": False}, ["{}"], ['{"a": 1}']),
]  # fmt: skip


@pytest.mark.parametrize("schema,fit,unfit", CASES)
def test_what_fits_is_accepted(schema: dict[str, Any], fit: list[str], unfit: list[str]) -> None:
    grammar = Grammar()
    text = grammar.text(grammar.of(schema))
    assert [each for each in fit if not accepts(text, each)] == []
    assert [each for each in unfit if accepts(text, each)] == []


def test_plain_blanks_are_those_of_json_dumps() -> None:
    grammar = Grammar()
    text = grammar.text(grammar.of(OPTIONAL), plain=True)
    value = {"a": 1, "b": True, "c": None}
    assert accepts(text, json.dumps(value))
    assert not accepts(text, json.dumps(value, separators=(",", ":")))
    assert not accepts(text, json.dumps(value, indent=2))


def test_a_reference_that_leads_nowhere_is_named() -> None:
    with pytest.raises(UsageError, match="#/nowhere"):
        Grammar().of({"$ref": "#/nowhere"})


def test_the_engine_writes_only_what_fits(home: Path, smol: Path) -> None:
    model = open_model(str(smol))
    assert isinstance(model, LocalModel)
    ids = model.tokenizer.encode("Some data:\n").ids
    address = model.engine().address
    try:
        for schema in (CITY, OPTIONAL, TREE, UNIT):
            grammar = Grammar()
            text = grammar.text(grammar.of(schema))
            body = {"prompt": ids, "n_predict": 60, "temperature": 0.3, "seed": 3, "grammar": text}
            answer = client.call(address, "/completion", body)
            if answer["stop_type"] == "eos":
                Draft202012Validator(schema).validate(json.loads(answer["content"]))
            else:  # cut: what there is begins something that fits
                assert re.match(r'\{\s*"(city|a|b|name)"', answer["content"])
    finally:
        process.stop(model.engine())
