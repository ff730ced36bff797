"""Templates out of files: tokenizer_config.json in its shapes, .jinja, GGUF headers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import pytest

from cli_home import Home
from pellucid.errors import BadModelFile, ModelUnavailable, TemplateError, UnknownTemplate
from pellucid.models.formats import open_formats
from pellucid.prompt import families
from pellucid.prompt.sources import choose, read_file
from pellucid.settings import load

PLAIN = "{% for m in messages %}<|im_start|>{{ m.content }}[INST]</s>{% endfor %}"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, weights_folder: Path) -> Home:
    """A home for all tests here, so that a vocabulary is built once."""
    return Home(tmp_path_factory.mktemp("home"), weights_folder)


@pytest.fixture
def home(shared: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in shared.environ.items():
        monkeypatch.setenv(name, value)
    return shared.folder


def config(folder: Path, **values: Any) -> Path:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(values), "utf-8")
    return path


def test_a_configuration_with_one_template(tmp_path: Path) -> None:
    path = config(
        tmp_path,
        chat_template=PLAIN,
        bos_token={"content": "<s>", "lstrip": False},
        eos_token="</s>",
        add_bos_token=True,
        added_tokens_decoder={
            "7": {"content": "<|im_start|>", "special": True},
            "8": {"content": "<think>", "special": False},
        },
    )
    (found,) = read_file(path)
    assert found.text == PLAIN
    assert (found.bos, found.eos, found.adds_bos) == ("<s>", "</s>", True)
    assert found.controls == ("</s>", "<s>", "<|im_start|>")
    assert not found.guessed
    assert read_file(tmp_path) == [found]


def test_without_a_vocabulary_controls_are_guessed(tmp_path: Path) -> None:
    (found,) = read_file(config(tmp_path, chat_template=PLAIN, bos_token=None))
    assert found.guessed
    assert found.controls == ("</s>", "<|im_start|>", "[INST]")
    assert found.bos == ""


def test_templates_with_names(tmp_path: Path) -> None:
    named = [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]
    path = config(tmp_path, chat_template=named)
    extra = tmp_path / "additional_chat_templates"
    extra.mkdir()
    (extra / "rag.jinja").write_text("R")
    found = read_file(path)
    assert [(f.name.removeprefix(str(path)), f.text) for f in found] == [
        ("", "D"),
        (": tool_use", "T"),
        (": rag", "R"),
    ]
    assert choose(found, tools=False).text == "D"
    assert choose(found, tools=True).text == "T"


def test_the_file_beside_a_configuration_wins(tmp_path: Path) -> None:
    path = config(tmp_path, chat_template="old", bos_token="<s>")
    (tmp_path / "chat_template.jinja").write_text("new")
    assert [f.text for f in read_file(path)] == ["new"]
    (found,) = read_file(tmp_path / "chat_template.jinja")
    assert (found.text, found.bos) == ("new", "<s>")


@pytest.mark.parametrize(
    ("values", "tokenizer", "adds"),
    [
        ({"add_bos_token": False, "tokenizer_class": "LlamaTokenizer"}, None, False),
        ({"tokenizer_class": "LlamaTokenizerFast"}, None, True),
        ({"tokenizer_class": "GPT2Tokenizer"}, None, False),
        ({}, {"post_processor": {"single": [{"SpecialToken": {"id": "<s>"}}]}}, True),
        ({"tokenizer_class": "LlamaTokenizer"}, {"post_processor": None}, False),
    ],
)
def test_who_adds_a_bos(
    tmp_path: Path, values: dict[str, Any], tokenizer: object, adds: bool
) -> None:
    path = config(tmp_path, chat_template=PLAIN, bos_token="<s>", **values)
    if tokenizer is not None:
        (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert read_file(path)[0].adds_bos is adds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "holds a list"),
        (b"{}", "has no chat template"),
        (b'{"chat_template": 7}', "neither a text nor a list"),
        (b'{"chat_template": [{"name": "default"}]}', "neither a text nor a list"),
        (b'{"chat_template": [{"name": "default", "template": 7}]}', "neither a text nor a list"),
        (b'{"chat_template": "\xff"}', "Byte 19 \\(counted from 0\\) of .* is not UTF-8"),
    ],
)
def test_a_broken_configuration_is_said(tmp_path: Path, text: bytes, said: str) -> None:
    path = tmp_path / "tokenizer_config.json"
    path.write_bytes(text)
    with pytest.raises(TemplateError, match=said):
        read_file(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="cannot be read"):
        open_formats(str(tmp_path / "absent.jinja"), load())


def test_a_model_file(smol: Path, home: Path) -> None:
    opened = open_formats(str(smol), load())
    (found,) = opened.formats
    assert opened.tokenizer is not None
    assert found.text == families.family("smollm2").format.text
    assert set(families.family("smollm2").controls) <= set(found.controls)
    assert (found.bos, found.eos, found.adds_bos) == ("<|im_start|>", "<|im_end|>", False)


def written(path: Path, templates: dict[str, str]) -> Path:
    """A GGUF file with a vocabulary of a kind that is not read here."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("rwkv")
    writer.add_token_list(["<unk>", "<s>", "</s>", "a"])
    writer.add_token_types([2, 3, 3, 1])
    writer.add_token_scores([0.0, 0.0, 0.0, 0.0])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)
    for name, text in templates.items():
        writer.add_string(f"tokenizer.chat_template{name}", text)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_model_file_whose_vocabulary_is_not_read(tmp_path: Path, home: Path) -> None:
    path = written(tmp_path / "m.gguf", {"": PLAIN, ".tool_use": "T"})
    opened = open_formats(str(path), load())
    assert opened.tokenizer is None
    assert "'rwkv'" in opened.without_ids
    first, second = opened.formats
    assert (first.text, second.text) == (PLAIN, "T")
    assert second.name == f"{path}: tool_use"
    assert (first.bos, first.adds_bos) == ("<s>", True)
    assert {"<s>", "</s>"} <= set(first.controls)


def test_a_base_model_has_no_template(tmp_path: Path, home: Path) -> None:
    with pytest.raises(TemplateError, match="base model"):
        open_formats(str(written(tmp_path / "m.gguf", {})), load())


def test_a_file_that_is_no_model(tmp_path: Path, home: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    with pytest.raises(BadModelFile):
        open_formats(str(tmp_path / "m.gguf"), load())


def test_names_of_families_and_of_models(home: Path) -> None:
    opened = open_formats("command-r", load())
    assert opened.formats == (families.family("command-r").format,)
    assert opened.tokenizer is None  # nobody asked for ids
    with pytest.raises(ModelUnavailable, match="command-r could not be had"):
        open_formats("command-r", load(), ids=True)  # only the Hub has its vocabulary
    assert open_formats("small", load()).tokenizer is not None
    with pytest.raises(UnknownTemplate, match=r"Near it: llama-3\.1"):
        open_formats("llama3.1", load())
