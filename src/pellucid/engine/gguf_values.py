"""What the header of a GGUF file says."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..value import value
from .gguf_types import FILE_TYPES


@value
class Skipped:
    """An array that was passed over: only its length was kept."""

    count: int

    def __len__(self) -> int:
        return self.count


@value
class Tensor:
    """`offset` counts from the start of the file; `offset` and `size` are in bytes."""

    name: str
    shape: tuple[int, ...]
    type: str
    offset: int
    size: int


@value
class Gguf:
    """The header of a model file. `size` is that of the file, in bytes.

    Strings inside arrays that are not UTF-8 keep their bytes as lone surrogates
    (`surrogateescape`); arrays of numbers are `array.array`s.
    """

    path: Path
    version: int
    metadata: Mapping[str, Any]
    tensors: tuple[Tensor, ...]
    data_offset: int
    size: int

    @property
    def architecture(self) -> str | None:
        return self._text("general.architecture")

    @property
    def name(self) -> str | None:
        return self._text("general.name")

    @property
    def licence(self) -> str | None:
        return self._text("general.license")

    @property
    def context_length(self) -> int | None:
        """The context window the model was made for, in tokens."""
        return self._own("context_length") or None

    @property
    def parameters(self) -> int:
        """The number of weights in all tensors."""
        return sum(math.prod(tensor.shape) for tensor in self.tensors)

    @property
    def quantisation(self) -> str | None:
        """What most of the weights are stored as: `Q4_K_M`."""
        return FILE_TYPES.get(self._whole("general.file_type", -1))

    @property
    def chat_template(self) -> str | None:
        return self._text("tokenizer.chat_template")

    @property
    def chat_templates(self) -> dict[str, str]:
        """Every template the file holds; the usual one is called `default`."""
        prefix = "tokenizer.chat_template"
        return {
            key.removeprefix(prefix).lstrip(".") or "default": value
            for key, value in self.metadata.items()
            if (key == prefix or key.startswith(prefix + ".")) and isinstance(value, str)
        }

    @property
    def kv_bytes_per_token(self) -> int | None:
        """Bytes of the KV cache for each token of context, kept as 16-bit numbers.

        Layers x KV heads x (key length + value length) x 2, as attention without tricks needs.
        """
        layers, heads = self._own("block_count"), self._own("attention.head_count")
        if not layers or not heads:
            return None
        length = self._own("embedding_length") // heads
        keys = self._own("attention.key_length", length)
        values = self._own("attention.value_length", length)
        kv_heads = self.metadata.get(f"{self.architecture}.attention.head_count_kv")
        if isinstance(kv_heads, array) and kv_heads.typecode not in "fd":
            cached = sum(kv_heads)  # one number for each layer
        else:
            cached = layers * self._own("attention.head_count_kv", heads)
        size: int = cached * (keys + values) * 2
        return size if size > 0 else None

    def _text(self, key: str) -> str | None:
        value = self.metadata.get(key)
        return value if isinstance(value, str) else None

    def _whole(self, key: str, default: int = 0) -> int:
        value = self.metadata.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    def _own(self, key: str, default: int = 0) -> int:
        return self._whole(f"{self.architecture}.{key}", default)
