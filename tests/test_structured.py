"""Replies that are data: from the embedded model, and where a model does not keep to the schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli_home import Home
from host_server import host, says
from hosted_models import model
from pellucid.chat import Chat
from pellucid.errors import UnfitReply, UsageError
from pellucid.models.scripted import Scripted
from pellucid.structured import misfit

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def scripted(*replies: str) -> Chat:
    return Chat(Scripted(replies), store=None)


def test_a_reply_that_fits_is_returned_and_the_request_says_the_schema() -> None:
    chat = scripted('{"name": "Ada", "age": 36}')
    assert chat.json("Who?", PERSON) == {"name": "Ada", "age": 36}
    asked = chat.receipts[0].request.response_format
    assert asked is not None and asked.schema == PERSON
    assert chat.response_format is None


def test_one_repair_is_asked_for() -> None:
    chat = scripted("Ada, of course.", '{"name": "Ada", "age": 36}')
    assert chat.json("Who?", PERSON)["age"] == 36
    assert "not JSON" in chat.receipts[1].request.messages[-1].text


def test_after_one_repair_the_text_is_in_the_error() -> None:
    chat = scripted('{"name": "Ada"}', '{"name": "Ada", "age": "old"}', "never asked")
    with pytest.raises(UnfitReply, match=r"at \['age'\]") as error:
        chat.json("Who?", PERSON)
    assert error.value.text == '{"name": "Ada", "age": "old"}'
    assert len(chat.receipts) == 2


@pytest.mark.parametrize(
    ("name", "schema"), [("claude-haiku-4-5", None), ("claude-3-haiku-20240307", PERSON)]
)
def test_a_model_without_the_mode_is_asked_in_words(
    name: str, schema: dict[str, Any] | None
) -> None:
    said = '```json\n{"name": "Ada", "age": 36}\n```'
    with host(says("anthropic", said)) as server:
        chat = Chat(model(server.base, "anthropic", name=name), store=None)
        assert chat.json("Who?", schema) == {"name": "Ada", "age": 36}
        (asked,) = (json.loads(each.body) for each in server.asked)
    assert "output_config" not in asked
    assert "one JSON object" in asked["messages"][0]["content"]
    assert ("additionalProperties" in asked["messages"][0]["content"]) == bool(schema)


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"a":' * 5_000])
def test_deep_text_is_no_crash(deep: str) -> None:
    assert "not JSON" in str(misfit(deep, PERSON))


def test_a_wrong_schema_is_refused_before_anything_is_sent() -> None:
    chat = scripted()
    with pytest.raises(UsageError, match="strin"):
        chat.json("Who?", {"type": "strin"})
    assert not chat.receipts


def test_the_embedded_model_is_held_to_the_schema(
    tmp_path: Path, weights_folder: Path, smol: Path
) -> None:
    place = Home(tmp_path, weights_folder)
    (tmp_path / "person.json").write_text(json.dumps(PERSON))
    (tmp_path / "wrong.json").write_text('{"type": "strin"}')
    asked = ("ask", "-m", "smollm2-135m", "Ada is 36 years old.", "--json-schema")
    try:
        ran = place.run(*asked, "person.json", "-o", "seed=1")
        assert misfit(ran.stdout, PERSON) is None
        cut = place.run(*asked, "person.json", "-o", "max_tokens=2")
        assert cut.returncode == 1 and "cut at max_tokens" in cut.stderr and not cut.stdout
        wrong = place.run(*asked, "wrong.json")
        assert wrong.returncode == 2 and "'strin'" in wrong.stderr
        none = place.run(*asked, "nowhere.json")
        assert none.returncode == 1 and "nowhere.json" in none.stderr
    finally:
        place.run("engine", "stop")
