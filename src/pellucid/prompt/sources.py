"""Chat templates out of files: `tokenizer_config.json`, `.jinja`, and what a GGUF header says.

A model may have several templates with names; the first of those returned is the default one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import TemplateError
from .families import ChatFormat

CONFIG = "tokenizer_config.json"
DEFAULT = "default"
TOOL_USE = "tool_use"
"""The name of the template that Hugging Face transformers takes when there are tools."""

ADDS_BOS = ("LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer", "CohereTokenizer")
"""Classes of tokenizers that put a BOS in front where the configuration does not say."""

_SPELLING = re.compile(
    r"<\|[^\s|<>]+\|>|<｜[^\s｜<>]+｜>|</?(?:s|bos|eos|\w+_of_\w+)>|\[/?[A-Z_]{4,}\]"
)
"""What control tokens look like, for a template without a vocabulary."""


def choose(templates: Iterable[ChatFormat], *, tools: bool) -> ChatFormat:
    """The template to render with: the default one, but `tool_use` where there are tools."""
    first, *others = templates
    wanted = next((t for t in others if t.name.endswith(f": {TOOL_USE}")), None)
    return wanted if tools and wanted is not None else first


def read_file(path: Path) -> list[ChatFormat]:
    """The templates of a `tokenizer_config.json`, of a `.jinja` file, or of the folder of a
    model, each read together with what lies beside it.

    Raises `TemplateError` where there are none, or they cannot be read.
    """
    if path.is_dir():
        path = path / CONFIG
    if path.suffix != ".json":
        config = path.with_name(CONFIG)
        return _from_config(
            str(path), _json(config) if config.is_file() else {}, {DEFAULT: _text(path)}, path
        )
    config_of = _json(path)
    texts = _named(config_of.get("chat_template"), path)
    beside = path.with_name("chat_template.jinja")
    if beside.is_file():
        texts = {**texts, DEFAULT: _text(beside)}
    for extra in sorted(path.parent.glob("additional_chat_templates/*.jinja")):
        texts[extra.stem] = _text(extra)
    if not texts:
        raise TemplateError(
            f"{path} has no chat template, nor is there a chat_template.jinja beside it: a base "
            "model's tokenizer, it seems."
        )
    return _from_config(str(path), config_of, texts, path)


def from_gguf(
    name: str,
    metadata: Mapping[str, Any],
    *,
    bos: str,
    eos: str,
    adds_bos: bool,
    controls: Iterable[str],
) -> list[ChatFormat]:
    """The templates in the header of a GGUF file. Raises `TemplateError` where there are none."""
    key = "tokenizer.chat_template"
    texts = {
        k.removeprefix(key).removeprefix(".") or DEFAULT: text
        for k, text in metadata.items()
        if (k == key or k.startswith(f"{key}.")) and isinstance(text, str)
    }
    if not texts:
        raise TemplateError(f"{name} has no chat template: it is the file of a base model.")
    return _ordered(name, texts, bos, eos, adds_bos, tuple(controls), guessed=False)


def _from_config(
    name: str, config: Mapping[str, Any], texts: Mapping[str, str], path: Path
) -> list[ChatFormat]:
    decoder = config.get("added_tokens_decoder")
    entries = decoder.values() if isinstance(decoder, dict) else ()
    controls = {e["content"] for e in entries if isinstance(e, dict) and e.get("special")}
    bos, eos = (_content(config.get(key)) for key in ("bos_token", "eos_token"))
    guessed = not controls
    if guessed:
        controls = {found for text in texts.values() for found in _SPELLING.findall(text)}
    controls |= {bos, eos} - {""}
    adds_bos = _adds_bos(config, bos, path)
    return _ordered(name, texts, bos, eos, adds_bos, tuple(sorted(controls)), guessed=guessed)


def _ordered(
    name: str,
    texts: Mapping[str, str],
    bos: str,
    eos: str,
    adds_bos: bool,
    controls: tuple[str, ...],
    *,
    guessed: bool,
) -> list[ChatFormat]:
    """One template for each text, the default one first; the others have their name added."""
    first = DEFAULT if DEFAULT in texts else next(iter(texts))
    return [
        ChatFormat(
            name if title == first else f"{name}: {title}",
            texts[title],
            bos,
            eos,
            adds_bos,
            controls,
            guessed,
        )
        for title in sorted(texts, key=lambda title: title != first)
    ]


def _named(value: object, path: Path) -> dict[str, str]:
    """`chat_template` of a configuration: a text, or a list of texts with names."""
    if value is None:
        return {}
    if isinstance(value, str):
        return {DEFAULT: value}
    try:
        assert isinstance(value, list)
        texts = {entry["name"]: entry["template"] for entry in value}
        assert all(isinstance(text, str) for text in (*texts, *texts.values()))
    except (AssertionError, TypeError, KeyError):
        raise TemplateError(
            f'"chat_template" in {path} is neither a text nor a list of texts with names.'
        ) from None
    return texts


def _adds_bos(config: Mapping[str, Any], bos: str, path: Path) -> bool:
    """Whether the tokenizer puts a BOS in front: what the configuration says, or else what
    `tokenizer.json` beside it does, or else what its class does."""
    said = config.get("add_bos_token")
    if isinstance(said, bool):
        return said
    beside = path.with_name("tokenizer.json")
    if beside.is_file():
        processor = json.dumps(_json(beside).get("post_processor"), ensure_ascii=False)
        return bool(bos) and json.dumps(bos, ensure_ascii=False) in processor
    return str(config.get("tokenizer_class")).removesuffix("Fast") in ADDS_BOS


def _content(token: object) -> str:
    """The spelling of a token in a configuration: a text, or `{"content": text, ...}`."""
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else ""


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise TemplateError(
            f"Byte {error.start:,} (counted from 0) of {path} is not UTF-8."
        ) from error
    except OSError as error:
        raise TemplateError(f"{path} cannot be read: {error.strerror}.") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise TemplateError(f"{path} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise TemplateError(f"{path} holds a {type(value).__name__}; an object was expected.")
    return value
