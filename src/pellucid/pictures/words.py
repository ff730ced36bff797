"""A text as the ids that CLIP's text encoder reads. https://github.com/openai/CLIP"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..engine import extra
from ..errors import BadModelFile

LENGTH = 77
"""Ids that it reads, the first and the last among them: what it was trained for."""
START, END = "<|startoftext|>", "<|endoftext|>"
SPLIT = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)
"""What is merged together, as CLIP's `simple_tokenizer.py` has it."""


class Words:
    """The vocabulary of a folder: `tokenizer.json`, or `vocab.json` and `merges.txt`.

    Raises `BadModelFile`.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._tokenizer = _read(folder)
            self._start, self._end = map(self._tokenizer.token_to_id, (START, END))
            self._padding = self._tokenizer.token_to_id(_padding(folder))
        except Exception as error:  # `tokenizers` raises no narrower one
            raise BadModelFile(f"{folder} holds no vocabulary of CLIP's: {error}.") from error
        if None in (self._start, self._end, self._padding):
            raise BadModelFile(f"{folder} holds no vocabulary of CLIP's: it has no {START}.")

    def ids(self, text: str) -> tuple[list[int], int]:
        """The `LENGTH` ids of a text, and how many of its tokens were left out for that.

        Nothing in the text acts as a control token.
        """
        found = self._tokenizer.encode(_sound(text), add_special_tokens=False).ids
        read = [self._start, *found[: LENGTH - 2], self._end]
        return read + [self._padding] * (LENGTH - len(read)), max(0, len(found) - LENGTH + 2)


def _sound(text: str) -> str:
    """Without halves of characters, which have no bytes."""
    return text.encode("utf-8", "replace").decode()


def _read(folder: Path) -> Any:
    tokenizers = extra.need("pictures", "tokenizers")
    if (whole := folder / "tokenizer.json").is_file():
        tokenizer = tokenizers.Tokenizer.from_file(str(whole))
        tokenizer.no_truncation()
        tokenizer.no_padding()
    else:
        files = str(folder / "vocab.json"), str(folder / "merges.txt")
        parts = tokenizers.models.BPE.from_file(
            *files, unk_token=END, end_of_word_suffix="</w>", continuing_subword_prefix=""
        )
        tokenizer = tokenizers.Tokenizer(parts)
        normal, split = tokenizers.normalizers, tokenizers.pre_tokenizers
        space = normal.Replace(tokenizers.Regex(r"\s+"), " ")
        tokenizer.normalizer = normal.Sequence([normal.NFC(), space, normal.Lowercase()])
        tokenizer.pre_tokenizer = split.Sequence(
            [
                split.Split(tokenizers.Regex(SPLIT), "removed", invert=True),
                split.ByteLevel(add_prefix_space=False),
            ]
        )
    tokenizer.encode_special_tokens = True
    return tokenizer


def _padding(folder: Path) -> str:
    """What a short text is filled up with, which differs between models. In the older form of these
    files, without `added_tokens_decoder`, the map goes before: transformers'
    `tokenization_utils_base.py`, `_from_pretrained`."""
    config, names = (
        json.loads(path.read_text("utf-8")) if path.is_file() else {}
        for path in (folder / "tokenizer_config.json", folder / "special_tokens_map.json")
    )
    said = config.get("pad_token")
    if "added_tokens_decoder" not in config:
        said = names.get("pad_token", said)
    return str(said["content"] if isinstance(said, dict) else said or END)
