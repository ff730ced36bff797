"""Vocabularies written in the formats that the engine for bulk work reads (`fast`)."""

from __future__ import annotations

import json
from binascii import b2a_base64

from .compiled import Compiled
from .pretokenize import STEPS
from .vocabulary import spelling_of


def tiktoken(vocabulary: Compiled) -> bytes:
    """As a `.tiktoken` file."""
    lines = bytearray()  # a list of them would take five times the memory
    for piece, rank in vocabulary.normal():
        lines += b"%s %d\n" % (b2a_base64(piece, newline=False), rank)
    return bytes(lines)


def tokenizer_json(vocabulary: Compiled) -> bytes:
    """As a `tokenizer.json`: every way to put a token together is a merge, of the token's rank."""
    ranks = dict(vocabulary.normal())
    spelt = {piece: spelling_of(piece) for piece in ranks}
    merges = [
        [spelt[piece[:cut]], spelt[piece[cut:]]]
        for piece in ranks
        for cut in range(1, len(piece))
        if piece[:cut] in ranks and piece[cut:] in ranks
    ]
    steps: list[dict[str, object]] = [
        {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
        for pattern in STEPS[vocabulary.pretokenizer].patterns
    ]
    steps.append(
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    )
    whole = {
        "added_tokens": [],
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
        "model": {
            "type": "BPE",
            "vocab": {spelt[piece]: rank for piece, rank in ranks.items()},
            "merges": merges,
            "ignore_merges": True,  # a piece that is a token is that token
        },
    }
    return json.dumps(whole).encode()
