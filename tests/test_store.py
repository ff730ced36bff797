"""The store: what is added is there, found, small, private, and gone when deleted."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import re
import stat
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import apsw
import pytest

import sample_receipts
from pellucid.errors import ReceiptNotFound, StoreError, UsageError
from pellucid.messages import Message, Part, Request, Text, Thinking, ToolCall, text_message
from pellucid.record import packing
from pellucid.record.connection import OLDEST_SQLITE, check_library
from pellucid.record.ids import ALPHABET, new_id
from pellucid.record.migrations import MIGRATIONS
from pellucid.record.packing import Packer, Unpacker, squeeze, unsqueeze
from pellucid.record.receipt import Memory, Receipt
from pellucid.record.rows import details_data
from pellucid.record.store import Store
from pellucid.replies import Reply
from stored_receipts import conversation, prompt_of, rounded
from work import at_once

SAMPLE = sample_receipts.second_turn()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "receipts.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as store:
        yield store


def said(id: str, *parts: str | Part, reply: str = "Yes.", **more: object) -> Receipt:
    """A receipt of one question, made of these parts, without a prompt."""
    message = Message("user", tuple(Text(p) if isinstance(p, str) else p for p in parts))
    answer = Reply(text_message("assistant", reply), "stop", SAMPLE.reply.usage)
    values = {"conversation": id, "parent": None, "replayed_messages": 0, **more}
    receipt = replace(SAMPLE, id=id, prompt=None, request=Request((message,)), reply=answer)
    return replace(receipt, **values)  # type: ignore[arg-type]


def ids(store: Store, text: str) -> list[str]:
    return [summary.id for summary in store.list(text=text)]


def file_bytes(path: Path) -> bytes:
    """All that is on the disk: the file and its log."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()))


# Opening


def test_the_file_is_its_owners_alone(path: Path) -> None:
    with Store(path) as store:
        store.add(SAMPLE)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(["receipts.db", "receipts.db-wal", "receipts.db-shm"], 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_others_could_read_is_closed_to_them(path: Path) -> None:
    Store(path).close()
    path.chmod(0o644)
    Store(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_settings_that_keep_it_whole(store: Store) -> None:
    def pragma(name: str) -> object:
        return store._db.execute(f"PRAGMA {name}").get

    assert pragma("journal_mode") == "wal"
    assert pragma("foreign_keys") == 1
    assert pragma("synchronous") == 2
    assert pragma("secure_delete") == 1
    assert pragma("user_version") == len(MIGRATIONS)
    assert pragma("trusted_schema") == 0
    assert apsw.sqlite_lib_version() >= "3.51.3"


def test_a_sqlite_that_damages_stores_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library in use is new enough: every other test opens a store."""
    assert OLDEST_SQLITE == (3, 51, 3)
    check_library("3.51.3")
    check_library("3.100.0")
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    with pytest.raises(StoreError, match=r"pip install --upgrade 'apsw>=3\.51\.3\.0'"):
        Store(path)
    assert not path.exists()


def test_opening_reads_no_receipt(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few statements, in a hundred steps of SQLite's machine: about a millisecond."""
    with Store(path) as store:
        for receipt in conversation(1, 20, 50):
            store.add(receipt)
    steps: list[int] = []

    def ran(event: dict[str, Any]) -> None:
        steps.append(event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"])

    def watch(connection: apsw.Connection) -> None:
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, ran)

    monkeypatch.setattr(apsw, "connection_hooks", [*apsw.connection_hooks, watch])
    with Store(path):
        assert 0 < len(steps) < 20 and sum(steps) < 200


def test_opening_writes_nothing_to_an_existing_store(path: Path) -> None:
    with Store(path) as store:
        store.add(SAMPLE)
    content = path.read_bytes()
    with Store(path) as store:
        assert store.get("last").id == SAMPLE.id
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"hello, I am a text file\n" * 50, b"SQLite format 3\0" * 90])
def test_a_file_that_is_no_database(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StoreError, match="not a store of receipts; it was left alone"):
        Store(path)
    assert path.read_bytes() == content


def test_a_database_of_another_program(path: Path) -> None:
    path.parent.mkdir()
    db = apsw.Connection(str(path))
    db.execute("CREATE TABLE bookmarks (url)")
    db.close()
    content = path.read_bytes()
    with pytest.raises(StoreError, match="a SQLite database of another program"):
        Store(path)
    assert path.read_bytes() == content


def test_a_folder_in_the_place_of_the_file(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be written"):
        Store(path)


def test_a_file_in_the_place_of_the_folder(path: Path) -> None:
    path.parent.write_text("in the way")
    with pytest.raises(StoreError, match="XDG_DATA_HOME"):
        Store(path)


@pytest.mark.parametrize("locked", ["folder", "file"])
def test_what_cannot_be_written(locked: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        reader, writer = FORK.Pipe(duplex=False)
        child = FORK.Process(target=open_locked, args=(Path(folder), locked, writer))
        child.start()
        said = reader.recv()
        child.join()
    assert re.search(r"^StoreError: .* cannot be (written|kept)", said), said


NOBODY = 65534
FORK = multiprocessing.get_context("fork")


def open_locked(folder: Path, locked: str, told: Connection) -> None:
    """In a process of its own, since root, who may write everywhere, has to become another."""
    if os.geteuid() == 0:
        os.setuid(NOBODY)
    path = folder / "data" / "receipts.db"
    Store(path).close()
    (path if locked == "file" else path.parent).chmod(0o500 if locked == "folder" else 0o400)
    try:
        Store(path)
        told.send("it was opened")
    except BaseException as error:
        told.send(f"{type(error).__name__}: {error}")
    finally:
        path.parent.chmod(0o700)


def test_a_damaged_file_is_told(path: Path) -> None:
    with Store(path) as store:
        for receipt in conversation(1, 20, 100):
            store.add(receipt)
    with path.open("r+b") as file:
        for page in range(2, 60):
            file.seek(page * 4096)
            file.write(b"\xa5" * 100)
    with pytest.raises(StoreError) as error, Store(path) as store:
        store.list()
        store.get("last")
    assert str(path) in str(error.value)


# Adding and finding


def test_a_receipt_is_found_by_id_prefix_and_as_the_last(store: Store) -> None:
    receipts = [replace(SAMPLE, id=f"01KA{middle}000000000000000000Z") for middle in ("A1", "A2")]
    for receipt in receipts:
        store.add(receipt)
    first, second = map(rounded, receipts)
    assert store.get(first.id) == first
    assert store.get("01kaa1") == first
    assert store.get("last") == second
    with pytest.raises(ReceiptNotFound, match=f"Several .* {first.id}, {second.id}. Give more"):
        store.get("01KA")
    for name in ("02", "", "%", "_", "01KAA10%", "\udcff", "0" * 100_000):
        with pytest.raises(ReceiptNotFound, match="`pellucid receipts` lists them"):
            store.get(name)


def test_an_empty_store_says_so(store: Store) -> None:
    assert store.list() == ()
    assert store.last_conversation() is None
    assert store.conversation("none") == ()
    with pytest.raises(ReceiptNotFound, match="There are no receipts yet"):
        store.get("last")


def test_the_same_id_twice_is_refused(store: Store) -> None:
    store.add(SAMPLE)
    with pytest.raises(StoreError, match=f"There is a receipt {SAMPLE.id} already"):
        store.add(replace(SAMPLE, model="another"))
    assert store.get("last").model == SAMPLE.model


def test_a_summary_tells_what_matters(store: Store) -> None:
    store.add(SAMPLE)
    store.add(said("02", "a  long\nquestion " * 20, reply=" \n", created=5.0, model="other"))
    newest, oldest = store.list()
    assert newest.question == ("a long question " * 20)[:79] + "…"
    assert (newest.id, newest.created, newest.model, newest.answer) == ("02", 5.0, "other", "")
    assert oldest.question == "What's my name?"
    assert oldest.answer == "Your name is Stephen."
    assert oldest.input_tokens == SAMPLE.reply.usage.input_total
    assert oldest.output_tokens == SAMPLE.reply.usage.output_total
    assert (oldest.finish, oldest.conversation) == ("stop", SAMPLE.conversation)


def test_lists_are_filtered(store: Store) -> None:
    for i in range(30):
        store.add(said(f"{i:02}", f"number {i}", created=float(i), model=f"m{i % 2}"))
    assert [summary.id for summary in store.list(3)] == ["29", "28", "27"]
    assert len(store.list()) == 20
    assert len(store.list(None)) == 30
    assert [s.id for s in store.list(model="m1", since=26.0)] == ["29", "27"]
    assert [s.id for s in store.list(conversation="07")] == ["07"]
    assert [s.id for s in store.list(text="number 7", model="m1")] == ["07"]


def test_a_conversation_comes_in_its_order(store: Store) -> None:
    one, other = list(conversation(1, 3, 10)), list(conversation(2, 2, 10))
    for receipt in (other[0], *reversed(one), other[1]):
        store.add(receipt)
    assert store.conversation(one[0].conversation) == tuple(map(rounded, one))
    assert store.last_conversation() == other[0].conversation


def test_threads_may_share_a_store(store: Store) -> None:
    def work(seed: int) -> None:
        for receipt in conversation(seed, 10, 5):
            store.add(receipt)
            assert store.get(receipt.id) == rounded(receipt)

    assert at_once(work, 4) == []
    assert len(store.list(None)) == 40


# Searching


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The quick brown fox", "quick fox"),
        ("The quick brown fox", "BROWN qui"),
        ("Ein Café in Zürich", "cafe zurich"),
        ("def read_the_file(path):", "read_the_file"),
        ("我喜欢吃中国菜。", "中国"),
        ("我喜欢吃中国菜。", "菜"),
        ("東京タワーへ行きます", "タワー 東京"),
        ("서울에서 만나요", "서울"),
        ("ฉันรักภาษาไทย", "ภาษา"),
        ("שלום עולם", "עולם"),
        ("Приве́т, мир", "МИР"),
        ("a shrug 🤷 and a 👩‍💻", "🤷 👩‍💻"),
        ('1 + 1 = 2, NEAR(a b) OR "quoted" -minus *', 'NEAR( OR " -minus * "quoted"'),
        ("nul\0inside", "nul\0inside"),
        ("half \ud83d pair", "pair \udcff"),
    ],
)
def test_a_search_finds_words_of_every_script(store: Store, text: str, words: str) -> None:
    store.add(said("01", "Something else entirely"))
    store.add(said("02", text))
    store.add(said("03", "And more of it", reply=text))
    assert ids(store, words) == ["03", "02"]


@pytest.mark.parametrize("words", ["国中", "fox quick cat", "", " ", "!", '"', "*", "\0"])
def test_a_search_finds_nothing_else(store: Store, words: str) -> None:
    store.add(said("01", "The quick brown fox. 我喜欢吃中国菜。 !"))
    assert ids(store, words) == []


def test_every_part_of_a_message_is_searched(store: Store) -> None:
    store.add(
        said(
            "01",
            Thinking("pondering"),
            ToolCall("c1", "thermometer", '{"city": "Paris"}'),
            Text("quoted", source="https://example.org/page"),
        )
    )
    for words in ("pondering", "thermometer", "paris", "example.org"):
        assert ids(store, words) == ["01"]


def test_a_search_names_the_receipt_where_the_words_were_new(store: Store) -> None:
    turns = list(conversation(1, 5, 10))
    for receipt in turns:
        store.add(receipt)
    for receipt in turns:
        asked = receipt.request.messages[-1].text
        assert ids(store, asked) == [receipt.id]
        assert ids(store, receipt.reply.text) == [receipt.id]
    assert ids(store, turns[0].request.messages[0].text) == [turns[0].id]


def test_the_same_question_in_two_conversations_is_found_twice(store: Store) -> None:
    store.add(said("01", "What is the time?"))
    store.add(said("02", "What is the time?"))
    assert ids(store, "time") == ["02", "01"]


# Deleting


def test_what_is_deleted_is_gone_from_the_file(path: Path) -> None:
    secret = "xyzzyplugh"
    with Store(path) as store:
        for receipt in conversation(1, 10, 50):
            store.add(receipt)
        kept = [store.get(summary.id) for summary in store.list()]
        store.add(said("zz", f"the word is {secret}", reply=f"{secret}, I see"))
        assert secret.encode() in file_bytes(path)
        assert store.delete(text=secret) == 1
        assert secret.encode() not in file_bytes(path)
        assert ids(store, secret) == []
        assert [store.get(receipt.id) for receipt in kept] == kept
        assert store.verify() == ()
    assert secret.encode() not in file_bytes(path)


def test_deleting_everything_leaves_nothing(path: Path) -> None:
    with Store(path) as store:
        for receipt in conversation(1, 20, 100):
            store.add(receipt)
        store.add(sample_receipts.hostile())
        store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        large = path.stat().st_size
        assert store.delete(older_than=1e12) == 21
        for (table,) in _tables(store):
            assert store._db.execute(f"SELECT count(*) FROM {table}").get == 0, table
        assert path.stat().st_size < large / 2
        assert store.verify() == ()
        store.add(SAMPLE)
        assert store.get("last") == rounded(SAMPLE)


def _tables(store: Store) -> list[tuple[str]]:
    return store._db.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'message_text%'"
    ).fetchall()


def test_each_condition_and_all_together(store: Store) -> None:
    for i in range(8):
        store.add(said(f"0{i}", f"number {i}", created=float(i), model=f"m{i % 2}"))
    assert store.delete(ids=["07", "unknown"]) == 1
    assert store.delete(ids=[]) == 0
    assert store.delete(older_than=2.0) == 2
    assert store.delete(model="m0", older_than=4.5, text="number") == 2
    assert store.delete(model="m1") == 2
    assert [summary.id for summary in store.list()] == ["06"]
    assert store.verify() == ()


def test_deleting_without_a_condition_is_refused(store: Store) -> None:
    store.add(SAMPLE)
    with pytest.raises(UsageError, match="Say which receipts"):
        store.delete()
    assert len(store.list()) == 1


def test_words_are_deleted_wherever_they_were_replayed_or_dropped(store: Store) -> None:
    turns = list(conversation(1, 4, 10))
    for receipt in turns:
        store.add(receipt)
    late = turns[-1]
    early = turns[1].request.messages[-1]
    dropped = replace(
        late,
        id="z",
        request=Request((text_message("user", "And now?"),)),
        memory=Memory("last:1", (early,)),
    )
    store.add(dropped)
    assert store.delete(text=early.text) == 4
    assert [summary.id for summary in store.list()] == [turns[0].id]
    assert store.verify() == ()


def test_a_message_whose_first_receipt_is_gone_is_found_by_the_next(store: Store) -> None:
    turns = list(conversation(1, 3, 10))
    for receipt in turns:
        store.add(receipt)
    asked = turns[0].request.messages[-1].text
    assert store.delete(ids=[turns[0].id]) == 1
    assert ids(store, asked) == [turns[1].id]
    assert store.get(turns[2].id) == rounded(turns[2])
    assert store.verify() == ()
    assert store.delete(text=asked) == 2
    assert store.list() == ()


# Space


def test_a_reply_token_takes_at_most_80_bytes(path: Path, full: bool) -> None:
    """With five alternatives and its share of prompts, messages, search and all the rest."""
    conversations, turns, tokens = 400 if full else 40, 3, 150
    with Store(path) as store:
        empty = path.stat().st_size
        for seed in range(conversations):
            for receipt in conversation(seed, turns, tokens):
                assert sum(len(t.alternatives) for t in receipt.reply.tokens) > 4.5 * tokens
                store.add(receipt)
    growth = path.stat().st_size - empty
    assert growth / (conversations * turns * tokens) <= 80


def test_a_long_conversation_grows_by_its_turns(path: Path) -> None:
    """The second fifty turns take no more space than the first, though each prompt is longer."""
    sizes = []
    with Store(path) as store:
        for turn, receipt in enumerate(conversation(1, 100, 8, 4), start=1):
            store.add(receipt)
            if turn in (50, 100):
                store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                sizes.append(path.stat().st_size)
        assert store.get("last") == rounded(receipt)
    assert sizes[1] - sizes[0] < 1.1 * sizes[0]


def test_a_sliding_memory_does_not_keep_messages_twice(path: Path) -> None:
    """Blocks do not say where they stand, so what moves up in the prompt is still the same."""
    with Store(path) as store:
        turns = list(conversation(1, 12, 30))
        for receipt in turns:
            store.add(receipt)
        before = store._db.execute("SELECT count(*) FROM contents").get
        late = turns[-1]
        assert late.prompt is not None
        ids_of = {
            message.text: [
                id
                for id, origins in zip(late.prompt.ids, late.prompt.origins, strict=True)
                if late.prompt.spans[origins[0]].origin.message == number
            ]
            for number, message in enumerate(late.request.messages)
        }
        messages = (late.request.messages[0], *late.request.messages[-5:])
        moved = replace(
            late,
            id="z",
            request=replace(late.request, messages=messages),
            prompt=prompt_of([(message, ids_of[message.text]) for message in messages]),
        )
        store.add(moved)
        assert store.get("z") == rounded(moved)
        assert store._db.execute("SELECT count(*) FROM contents").get == before


def test_pieces_of_tokens_are_kept_once(store: Store) -> None:
    """And one that differs from its vocabulary's stays with its receipt."""
    store.add(SAMPLE)
    rows = store._db.execute("SELECT count(*), count(DISTINCT id) FROM pieces").fetchone()
    assert rows is not None
    odd = replace(SAMPLE.reply.tokens[0], piece=b"\xff odd", alternatives=())
    receipt = replace(SAMPLE, id="02", reply=replace(SAMPLE.reply, tokens=(odd,)))
    store.add(receipt)
    assert store.get("02").reply.tokens[0].piece == b"\xff odd"
    assert store._db.execute("SELECT count(*), count(DISTINCT id) FROM pieces").fetchone() == rows


# Integrity


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("UPDATE contents SET data = zeroblob(9) WHERE id = 3", "Content 3 is not what its hash"),
        ("UPDATE nodes SET content = 1 WHERE id = 4", "Node 4 is not what its hash"),
        ("UPDATE receipts SET model = 'better' WHERE number = 2", "Receipt .* not what its hash"),
        ("UPDATE receipts SET tokens = x'00' WHERE number = 2", "Receipt number 2 is damaged"),
        ("UPDATE receipts SET setup = 99999 WHERE number = 2", "refers to a row of contents"),
        ("DELETE FROM pieces WHERE id = 50000", "Receipt number 1 is damaged"),
    ],
)
def test_verify_finds_what_was_changed(path: Path, damage: str, complaint: str) -> None:
    with Store(path) as store:
        for receipt in conversation(1, 3, 20):
            store.add(receipt)
        assert store.verify() == ()
    db = apsw.Connection(str(path))
    db.execute(damage)
    db.close()
    with Store(path) as store:
        assert any(re.search(complaint, problem) for problem in store.verify())


def test_secrets_of_the_environment_are_not_in_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canaries = {
        name: f"canary-{number}-{name.lower()}"
        for number, name in enumerate(
            ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "HF_TOKEN", "MY_PASSWORD")
        )
    }
    for name, value in canaries.items():
        monkeypatch.setenv(name, value)
    with Store(path) as store, (path.parent / "export.jsonl").open("w", encoding="utf-8") as out:
        store.add(said("01", "canary-of-a-message"))
        store.add(SAMPLE)
        store.export(out)
    found = file_bytes(path)
    assert b"canary-of-a-message" in found
    for value in canaries.values():
        assert value.encode() not in found


# Ids and packing


def test_ids_rise_and_tell_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.record.ids._last", 0)
    assert new_id(0.001)[:10] == "0000000001"
    now = 1763772372.0
    made = [new_id(now) for _ in range(1000)] + [new_id(now - 5), new_id(now + 0.001)]
    assert made == sorted(set(made))
    assert all(len(id) == 26 and set(id) <= set(ALPHABET) for id in made)
    assert new_id(now + 100)[:10] != new_id(now + 200)[:10]


@pytest.mark.parametrize(
    "values",
    [
        [],
        [0] * 1000,
        [1, -1],
        [127, -128],
        [128],
        [-129],
        [70_000] * 40,
        [2**31],
        [-(2**63), 2**63 - 1],
    ],
)
def test_columns_of_numbers_come_back(values: list[int]) -> None:
    packer = Packer()
    packer.ints(values)
    packer.blob(b"after")
    unpacker = Unpacker(unsqueeze(squeeze(packer.packed())))
    assert unpacker.ints() == values
    assert unpacker.blob() == b"after"


def test_short_bytes_are_kept_with_few() -> None:
    receipt = sample_receipts.second_turn()
    details = details_data(receipt)
    kept = squeeze(details)
    assert unsqueeze(kept) == details
    alone = zlib.compress(details, 9)
    assert len(kept) < len(alone) * 3 / 4, (len(kept), len(alone), len(details))
    for length in range(1, len(kept)):
        with pytest.raises(zlib.error):
            unsqueeze(kept[:length])
    for size in (0, 23, 24, 25, 4095, 4096, 4097, 100_000):
        for data in (os.urandom(size), b"word " * (size // 5)):
            assert unsqueeze(squeeze(data)) == data
            assert len(squeeze(data)) <= len(data) + 1


def test_stores_refer_to_these_very_words() -> None:
    """Changed, nothing that was written with them could be read any more."""
    found = hashlib.sha256(packing._familiar()).hexdigest()
    assert found == "777e092f99f7d7b7694a953c91f5ecc0c17c014a10da7ff11d233f653bda91cd"


def test_packed_values_that_end_early_are_an_error() -> None:
    packer = Packer()
    packer.ints(range(100))
    packer.floats([0.5] * 100)
    whole = packer.packed()
    for length in range(len(whole)):
        with pytest.raises(ValueError, match="ends too early"):
            unpacker = Unpacker(whole[:length])
            unpacker.ints()
            unpacker.floats()
