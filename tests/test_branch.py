"""Going on from inside a reply, on the small real model: every id in its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import sample_receipts as samples
from pellucid.chat import Chat
from pellucid.engine import process
from pellucid.errors import CannotExpress, UsageError
from pellucid.messages import Options, ResponseFormat
from pellucid.models.local import LocalModel
from pellucid.models.names import open_model
from pellucid.models.scripted import Scripted
from pellucid.record.codec import from_json, to_json
from pellucid.record.receipt import Receipt
from pellucid.record.store import Store
from pellucid.settings import Folders
from pellucid.views import figures

STILL = Options(temperature=0, max_tokens=14, alternatives=4)


@pytest.fixture(scope="module")
def model(
    smol: Path, weights_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalModel]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG", "DATA", "CACHE", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
        (home / "cache" / "pellucid").mkdir(parents=True)
        (home / "cache" / "pellucid" / "weights").symlink_to(weights_folder)
        model = open_model("smollm2-135m")
        assert isinstance(model, LocalModel)
        yield model
        for engine in process.running(Folders.of()):
            process.stop(engine, patience=0.5)


@pytest.fixture(scope="module")
def told(model: LocalModel) -> Receipt:
    chat = Chat(model, system="Be brief", options=STILL, store=None)
    chat.say("Tell me about a cat.")
    return chat.receipts[-1]


def branched(chat: Chat, receipt: Receipt, token: int, id: int) -> Receipt:
    turn = chat.branch(receipt, token, id)
    for _ in turn:
        pass
    assert turn.receipt is not None
    return turn.receipt


def test_the_same_token_gives_the_same_reply(model: LocalModel, told: Receipt) -> None:
    assert told.prompt is not None
    ids = [token.id for token in told.reply.tokens]
    chat = Chat(model, options=STILL, store=None)
    again = branched(chat, told, 5, ids[5])
    assert again.prompt is not None
    assert again.prompt.ids == (*told.prompt.ids, *ids[:6])
    assert [token.id for token in again.reply.tokens] == ids
    assert again.reply.text == told.reply.text
    assert again.reply.message.produced == told.reply.message.produced
    assert again.reply.usage.output == told.reply.usage.output - 6
    assert again.request.options.max_tokens == 14 - 6


def test_another_token_leads_elsewhere(model: LocalModel, told: Receipt, tmp_path: Path) -> None:
    was = told.reply.tokens[5]
    other = figures.others(was)[0]
    store = Store(tmp_path / "s.db")
    chat = Chat(model, options=STILL, store=store)
    chat.resume(told)
    seen = "".join(chat.branch(told, 5, other.id))
    new = chat.receipts[-1]
    prompt, tokens = new.prompt, new.reply.tokens
    assert told.prompt is not None and prompt is not None
    kept = [token.id for token in told.reply.tokens[:5]]
    assert list(prompt.ids[-6:]) == [*kept, other.id]
    assert [token.id for token in tokens[:6]] == [*kept, other.id]
    assert tokens[:5] == told.reply.tokens[:5] and tokens[5].logprob == other.logprob
    assert new.reply.text == seen != told.reply.text
    spelled = b"".join(token.piece for token in tokens).decode()
    assert spelled.startswith(seen) and figures.endings(new.reply) in (0, 1)
    assert (new.parent, new.conversation) == (told.id, told.conversation)
    assert new.replayed_messages == len(told.request.messages)
    (note,) = [note for note in new.notes if "Branched from receipt" in note]
    assert told.id in note and f"(id {other.id}) in place of" in note
    # where the kept ids came from is said, and outlives the store
    places = [figures.origin_place(prompt, touched[0]) for touched in prompt.origins[-6:]]
    assert places == ["kept from an earlier reply"] * 5 + ["token chosen for this reply"]
    assert prompt.counts()["assistant"] == 6
    assert "".join(prompt.text[span.start : span.end] for span in prompt.spans) == prompt.text
    assert store.get(new.id).prompt == prompt
    assert from_json(to_json(new)) == new
    # the tree: the branch is where the chat is now, and it goes on with the ids as they are
    assert [m.text for m in chat.messages] == ["Tell me about a cat.", new.reply.text]
    chat.say("And?")
    after = chat.receipts[-1].prompt
    assert after is not None and after.replayed >= len(tokens) - 1
    store.close()


def test_a_branch_of_a_branch(model: LocalModel, told: Receipt) -> None:
    ids = [token.id for token in told.reply.tokens]
    chat = Chat(model, options=STILL, store=None)
    first = branched(chat, told, 6, ids[6])
    again = branched(chat, first, 3, ids[3])
    assert told.prompt is not None and again.prompt is not None
    assert again.prompt.ids == (*told.prompt.ids, *ids[:4])
    assert again.prompt.replayed == told.prompt.replayed + 3
    assert [token.id for token in again.reply.tokens] == ids
    assert again.request.options.max_tokens == 14 - 4
    assert len(chat.messages) == 2  # both are branches at the same message


def test_from_the_first_token(model: LocalModel, told: Receipt) -> None:
    other = figures.others(told.reply.tokens[0])[0]
    new = branched(Chat(model, options=STILL, store=None), told, 0, other.id)
    assert told.prompt is not None and new.prompt is not None
    assert new.prompt.ids == (*told.prompt.ids, other.id)
    assert [span.origin.part for span in new.prompt.spans if span.origin.kind == "produced"] == [1]


def test_what_cannot_be_gone_on_with(model: LocalModel, told: Receipt) -> None:
    chat = Chat(model, options=STILL, store=None)
    end = next(iter(model.tokenizer.end_ids))
    half = next(id for id in range(600) if model.tokenizer.piece(id) == b"\xe6")
    schema = replace(told, request=replace(told.request, response_format=ResponseFormat()))
    wrong: tuple[tuple[Receipt, int, int, str], ...] = (
        (told, 99, 5, "no token 99"),
        (told, -1, 5, "no token -1"),
        (told, 1, end, "ends the reply"),
        (told, 1, half, "ends inside a character"),
        (schema, 1, 5, "held to a schema"),
        (samples.second_turn(), 1, 5, "another vocabulary"),
    )
    for receipt, token, id, words in wrong:
        with pytest.raises(UsageError, match=words):
            chat.branch(receipt, token, id)
    assert chat.messages == ()
    with pytest.raises(CannotExpress, match="Its host takes messages"):
        Chat(Scripted(["x"]), store=None).branch(told, 1, 5)
