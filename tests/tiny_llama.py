"""A llama of one layer with random weights and a real SentencePiece vocabulary, as a GGUF file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import sentencepiece

WIDTH, HEADS, FEED = 32, 2, 64


def write(path: Path, model: Path, *, prefix: bool = True) -> None:
    """Write it to `path`, with the vocabulary of the SentencePiece file `model`."""
    pieces: Any = sentencepiece.SentencePieceProcessor(model_file=str(model))
    ids = range(pieces.get_piece_size())
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(512)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([pieces.id_to_piece(id) for id in ids])
    writer.add_token_scores([pieces.get_score(id) for id in ids])
    writer.add_token_types([_kind(pieces, id) for id in ids])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_space_prefix(prefix)
    random = np.random.default_rng(1)
    block = "blk.0"
    shapes = {
        "token_embd": (len(ids), WIDTH),
        "output": (len(ids), WIDTH),
        "output_norm": (WIDTH,),
        f"{block}.attn_norm": (WIDTH,),
        f"{block}.ffn_norm": (WIDTH,),
        **{f"{block}.attn_{part}": (WIDTH, WIDTH) for part in ("q", "k", "v", "output")},
        f"{block}.ffn_gate": (FEED, WIDTH),
        f"{block}.ffn_up": (FEED, WIDTH),
        f"{block}.ffn_down": (WIDTH, FEED),
    }
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", random.normal(0, 1, shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _kind(pieces: Any, id: int) -> int:
    if pieces.is_byte(id):
        return gguf.TokenType.BYTE
    if pieces.is_control(id):
        return gguf.TokenType.CONTROL
    return gguf.TokenType.UNKNOWN if pieces.is_unknown(id) else gguf.TokenType.NORMAL
