"""The library's conversation on the real default model: memory, streams, branches, accidents."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import pellucid
from pellucid.chat import Chat
from pellucid.engine import process
from pellucid.errors import EngineStopped, PromptTooLong, UsageError
from pellucid.messages import Options
from pellucid.models.local import LocalModel
from pellucid.models.names import open_model
from pellucid.models.scripted import Scripted
from pellucid.settings import Folders
from pellucid.shapes import as_messages

STILL = Options(temperature=0, max_tokens=32)
SHORT = Options(temperature=0, max_tokens=6)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, weights_folder: Path) -> Iterator[Path]:
    """One home for the whole module, so that its engines are started once."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG", "DATA", "CACHE", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
        (home / "cache" / "pellucid").mkdir(parents=True)
        (home / "cache" / "pellucid" / "weights").symlink_to(weights_folder)
        yield home
        for engine in process.running(Folders.of()):
            process.stop(engine, patience=0.5)


@pytest.fixture(scope="module")
def model(home: Path, qwen: Path) -> LocalModel:
    model = open_model("local")
    assert isinstance(model, LocalModel)
    return model


@pytest.fixture(scope="module")
def small(home: Path, smol: Path) -> LocalModel:
    model = open_model("smollm2-135m")
    assert isinstance(model, LocalModel)
    return model


def test_the_history_is_replayed_and_that_is_all_the_memory_there_is(model: LocalModel) -> None:
    chat = Chat(model, system="You are a helpful assistant", options=STILL)
    chat.say("Hi! I'm Stephen!")
    assert "Stephen" in str(chat.say("What's my name?"))
    first, second = chat.receipts
    assert second.conversation == first.conversation == first.id
    assert (second.parent, second.replayed_messages) == (first.id, 3)
    assert second.prompt is not None and "Stephen" in second.prompt.text

    alone = Chat(model, system="You are a helpful assistant", options=STILL, memory="none")
    alone.say("Hi! I'm Stephen!")
    assert "Stephen" not in str(alone.say("What's my name?"))
    assert alone.receipts[1].memory.dropped[0].text == "Hi! I'm Stephen!"
    assert "Stephen" not in alone.receipts[1].prompt.text  # type: ignore[union-attr]


def test_a_receipt_says_what_happened(model: LocalModel) -> None:
    chat = Chat(model, options=STILL)
    reply = chat.say("Name the capital of France in one word.")
    receipt = chat.receipts[-1]
    assert receipt.prompt is not None
    assert reply.usage.input_total == len(receipt.prompt)
    assert reply.usage.output_total == len(reply.tokens)
    text = b"".join(token.piece for token in reply.tokens[:-1]).decode()
    assert text == reply.text and reply.finish == "stop"
    assert reply.tokens[-1].piece == b"<|im_end|>"
    for token in reply.tokens:
        assert token.logprob is not None and token.logprob <= 0
        assert len(token.alternatives) == 5
        assert token.alternatives[0].logprob == max(c.logprob or -99 for c in token.alternatives)
    assert receipt.request.options.temperature == 0 and receipt.request.options.seed is not None
    assert len(receipt.versions["model_sha256"]) == 64
    assert receipt.settings["threads"] >= 1 and "core" in receipt.settings["threads_why"]
    assert receipt.timings.first_token is not None and receipt.timings.total is not None
    assert 0 < receipt.timings.first_token <= receipt.timings.total


def test_produced_ids_are_replayed_and_found_in_the_cache(small: LocalModel) -> None:
    chat = Chat(small, options=STILL)
    chat.say("Tell me about foxes.")
    chat.say("And about wolves?")
    first, second = chat.receipts
    assert first.prompt is not None and second.prompt is not None
    produced = first.reply.message.produced
    assert produced is not None
    kept = (*first.prompt.ids, *produced.ids)
    assert second.prompt.ids[: len(kept)] == kept
    assert second.prompt.replayed == len(produced.ids)
    assert second.reply.usage.cache_read >= len(kept) - 1


def test_characters_of_several_tokens_keep_their_ids(model: LocalModel) -> None:
    chat = Chat(model, options=STILL)
    reply = chat.say("Repeat exactly this: 🦄🫠𝔘 你好龘 done")
    assert any(ord(character) > 0xFFFF for character in reply.text)
    assert all(token.exact for token in reply.tokens)
    produced = reply.message.produced
    assert produced is not None
    assert model.tokenizer.decode(produced.ids) == reply.text
    hidden = [token for token in reply.tokens if token.logprob is None]
    assert hidden, "the engine names only the last token of such a character"
    receipt = chat.receipts[-1]
    assert receipt.prompt is not None
    scored = list(model.score(receipt.prompt.ids, reply.tokens))
    assert [token.id for token in scored] == [token.id for token in reply.tokens]
    assert all(token.logprob is not None and token.alternatives for token in scored)


def test_a_stop_string_ends_the_reply_before_it(small: LocalModel) -> None:
    chat = Chat(small, options=Options(temperature=0, max_tokens=60, stop=("France",)))
    reply = chat.say("Name the capital of France.")
    assert reply.finish == "stop_string"
    assert "France" not in reply.text and reply.text.startswith("The capital of")
    assert reply.message.produced is None


def test_length_and_seed(small: LocalModel) -> None:
    options = Options(temperature=1.5, max_tokens=12, seed=7)
    # The first reads the prompt in batches, the others find it in the cache: their numbers differ
    # in the last bits, which at this temperature is enough for another story.
    replies = [Chat(small, options=options, store=None).say("Tell a story.").text for _ in range(3)]
    assert replies[1] == replies[2]
    reply = Chat(small, options=options, store=None).say("Tell a story.")
    assert reply.finish == "length" and reply.usage.output == 12


def test_sync_and_async_iteration(small: LocalModel) -> None:
    chat = Chat(small, options=SHORT, store=None)
    pieces = list(chat.stream("Count from 1 to 5."))
    assert len(pieces) > 1 and "".join(pieces) == chat.receipts[-1].reply.text

    async def collect() -> list[str]:
        return [piece async for piece in chat.stream("And to 6?")]

    assert "".join(asyncio.run(collect())) == chat.receipts[-1].reply.text


def test_async_cancellation_frees_the_engine(small: LocalModel) -> None:
    chat = Chat(small, options=Options(max_tokens=2000), store=None)

    async def first_piece() -> None:
        pieces = aiter(chat.stream("Write a very long story."))
        await anext(pieces)
        await pieces.aclose()  # type: ignore[attr-defined]

    asyncio.run(first_piece())
    assert chat.receipts[-1].reply.finish == "cut"


def test_a_cancelled_task_ends_the_call(small: LocalModel) -> None:
    """Cancelled while a thread waits for the engine, not between two pieces."""
    chat = Chat(small, options=Options(max_tokens=2000), store=None)

    async def listen() -> None:
        async for _ in chat.stream("word " * 2000):
            pass

    async def cancel() -> None:
        task = asyncio.create_task(listen())
        await asyncio.sleep(1)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())
    receipt = chat.receipts[-1]
    assert receipt.reply.finish == "cut"
    assert receipt.prompt is not None
    read = receipt.reply.usage
    assert 0 <= read.input_total < len(receipt.prompt) and read.output == 0
    assert read.known == "estimated"  # it has read more than it said last


def test_a_reply_that_is_cut_is_kept_and_the_conversation_goes_on(small: LocalModel) -> None:
    chat = Chat(small, options=SHORT)
    turn = chat.stream("Write a long story about a fox.")
    pieces = iter(turn)
    received = next(pieces) + next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert (turn.reply.finish, turn.reply.text) == ("cut", received)
    assert turn.receipt is not None and turn.receipt.prompt is not None
    assert turn.reply.usage.input_total == len(turn.receipt.prompt)
    assert turn.reply.usage.output == len(turn.reply.tokens) > 0
    assert turn.reply.usage.known == "exact"
    with pytest.raises(UsageError, match="sent already"):
        list(turn)
    assert [message.role for message in chat.messages] == ["user", "assistant"]
    assert chat.say("Stop. Say only: yes").complete


def test_killing_the_engine_in_mid_reply_is_survived(small: LocalModel) -> None:
    chat = Chat(small, options=Options(temperature=0, max_tokens=400))
    turn = chat.stream("Write a very long story about a fox.")
    pieces = iter(turn)
    received = next(pieces)
    pid = small.engine().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(EngineStopped, match="The part received is kept"):
        for piece in pieces:
            received += piece
    assert turn.reply.finish == "error" and turn.reply.text == received
    assert turn.receipt is not None and "kept" in (turn.receipt.reply.error or "")
    chat.options = SHORT
    assert chat.say("Say only: yes").complete
    assert small.engine().pid != pid


def test_a_frozen_engine_that_has_not_begun_is_replaced_unseen(
    small: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How soon it is noticed is measured where the engine is tested.
    monkeypatch.setattr("pellucid.engine.client.SILENCE", 1.0)
    monkeypatch.setattr("pellucid.engine.client.PROBE", 2.0)
    pid = small.engine().pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    chat = Chat(small, options=SHORT)
    assert chat.say("Say only: yes").complete
    assert small.engine().pid != pid


def test_what_does_not_fit_is_refused_before_it_is_sent(small: LocalModel) -> None:
    chat = Chat(small, options=STILL)
    with pytest.raises(PromptTooLong) as caught:
        chat.say("word " * 9000)
    assert caught.value.prompt_tokens > caught.value.window == small.window
    assert chat.receipts == [] and chat.messages == ()


def test_a_damaged_vocabulary_is_built_again(small: LocalModel) -> None:
    ids = small.tokenizer.encode("Hello there").ids
    file = small.card.vocabulary
    file.write_bytes(bytes(file.stat().st_size))
    again = open_model("smollm2-135m")
    assert isinstance(again, LocalModel)
    assert again.tokenizer.encode("Hello there").ids == ids


def test_branches(small: LocalModel) -> None:
    chat = Chat(small, options=SHORT)
    chat.say("My cat is called Tom.")
    chat.say("My dog is called Rex.")
    undone = chat.undo()
    assert undone is not None and undone.text == "My dog is called Rex."
    assert len(chat.messages) == 2
    for _ in chat.retry():
        pass
    assert [m.text for m in chat.messages if m.role == "user"] == ["My cat is called Tom."]
    chat.forget()
    assert chat.messages == () and chat.undo() is None
    with pytest.raises(UsageError, match="Nothing has been said"):
        chat.retry()


def test_save(small: LocalModel, tmp_path: Path) -> None:
    chat = Chat(Scripted(["Hello Ada."]), system="Be brief", store=None)
    chat.say("Hi, I'm Ada")
    messages = json.loads(chat.save(tmp_path / "c.json").read_text())
    assert [m.text for m in as_messages(messages)] == ["Be brief", "Hi, I'm Ada", "Hello Ada."]
    assert "**user**\n\nHi, I'm Ada" in chat.save(tmp_path / "c.md").read_text()
    with pytest.raises(UsageError, match="cannot be written"):
        chat.save(tmp_path / "no" / "c.md")


def test_resuming_leaves_out_what_was_never_answered() -> None:
    chat = Chat(Scripted(["Hello.", EngineStopped("gone")]), system="Be brief", store=None)
    chat.say("Hi")
    with pytest.raises(EngineStopped):
        chat.say("Are you there?")
    again = Chat(Scripted(["Yes."]), store=None)
    again.resume(chat.receipts[-1])
    assert [m.text for m in again.messages] == ["Hi", "Hello."] == [m.text for m in chat.messages]
    assert again.system == "Be brief"
    again.say("And now?")
    assert again.receipts[-1].replayed_messages == 3


def test_what_is_replayed_was_sent_before() -> None:
    chat = Chat(Scripted(["a", "b", "c"]), system="S", history=[["x", "y"]], store=None)
    chat.say("one")
    assert chat.receipts[-1].replayed_messages == 0
    chat.say("two")
    assert chat.receipts[-1].replayed_messages == 5
    chat.system = "T"
    chat.say("three")
    assert chat.receipts[-1].replayed_messages == 0


@pytest.mark.parametrize("empty", ["", "  \n "])
def test_an_empty_message(empty: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        Chat(Scripted(["x"]), store=None).say(empty)


def test_what_is_no_text() -> None:
    for wrong, words in (
        (None, "not NoneType"),
        (5, "not int"),
        ("a\udc80", r"Character 1 \(counted from 0\)"),
    ):
        with pytest.raises(UsageError, match=words):
            Chat(Scripted(["x"]), store=None).say(wrong)  # type: ignore[arg-type]


def test_history_in_every_accepted_shape() -> None:
    shapes = (
        [["Hi", "Hello"], ["And?", None]],
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"},
         {"role": "user", "content": [{"type": "text", "text": "And?"}]}],
    )  # fmt: skip
    for shape in shapes:
        chat = Chat(Scripted(["x"]), history=shape, store=None)
        assert [m.text for m in chat.messages] == ["Hi", "Hello", "And?"]
    for wrong, words in (
        (7, "a string or a list"),
        ([7], "Item 0"),
        ([{"role": "king", "content": "x"}], "'king'"),
        ([{"role": "user"}], 'no "content"'),
        ([["a", 3]], "pair 0"),
    ):
        with pytest.raises(UsageError, match=words):
            Chat(Scripted([]), history=wrong, store=None)


def test_the_lazy_names_of_the_package() -> None:
    assert pellucid.Chat is Chat
    assert {"Chat", "Prompt", "Encoding", "Receipt", "Reply"} <= set(dir(pellucid))
    with pytest.raises(AttributeError, match="no attribute 'Chatt'"):
        _ = pellucid.Chatt


def test_one_engine_serves_several_conversations_at_once(small: LocalModel) -> None:
    texts: dict[int, str] = {}

    def talk(number: int) -> None:
        chat = Chat(small, options=Options(temperature=0, max_tokens=16), store=None)
        texts[number] = chat.say("Name the capital of France.").text

    threads = [threading.Thread(target=talk, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 3 and all("Paris" in text for text in texts.values())
    assert len(process.running(Folders.of())) <= 2
