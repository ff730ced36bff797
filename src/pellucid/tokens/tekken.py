"""Mistral's Tekken vocabularies: ranks in JSON, the special tokens in front of them.

https://github.com/mistralai/mistral-common/blob/main/src/mistral_common/tokens/tokenizers/tekken.py
"""

from __future__ import annotations

import binascii
import json
from typing import Any

from ..errors import UnsupportedVocabulary
from .pretokenize import name_of
from .tiktoken_file import from_ranks
from .vocabulary import Vocabulary

# The first special tokens of the files that do not list them (Mistral Nemo, Pixtral).
UNLISTED = (
    *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]"),
    *("[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]"),
    *("[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"),
    "[TOOL_CONTENT]",
)


def from_tekken(data: bytes, *, name: str = "") -> Vocabulary:
    """The vocabulary in a `tekken.json`. Raises `UnsupportedVocabulary`."""
    try:
        file: Any = json.loads(data)
        config = file["config"]
        first = int(config["default_num_special_tokens"])
        size = int(config["default_vocab_size"]) - first
        ranks = {
            binascii.a2b_base64(token["token_bytes"]): first + int(token["rank"])
            for token in file["vocab"][: max(size, 0)]
        }
        listed = file.get("special_tokens") or [
            {"rank": rank, "token_str": spelling} for rank, spelling in enumerate(UNLISTED)
        ]
        specials = {str(token["token_str"]): int(token["rank"]) for token in listed}
        pattern = str(config["pattern"])
    except (ValueError, KeyError, TypeError) as error:
        raise UnsupportedVocabulary(f"It is no tekken.json that is known here: {error}.") from error
    taken = set(specials.values())
    specials |= {f"<SPECIAL_{rank}>": rank for rank in range(first) if rank not in taken}
    if not {"<s>", "</s>"} <= specials.keys():
        raise UnsupportedVocabulary("Its special tokens have no <s> and </s>.")
    return from_ranks(
        ranks,
        name_of((pattern,)),
        name=name,
        specials=specials,
        bos="<s>",
        ends=frozenset({"</s>"}),
    )
