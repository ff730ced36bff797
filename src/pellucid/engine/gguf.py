"""Reading the header of a GGUF file, which is never trusted.

Every length and count is checked against the size of the file before anything is allocated for
it. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import os
import stat
import struct
import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import BadModelFile
from .gguf_types import ARRAY, BOOL, FILE_TYPES, SCALARS, STRING, TENSOR_TYPES

MAX_HEADER = 128 << 20
"""Bytes. The largest headers in use have about 30 MB."""

MAX_ITEMS = 2_000_000
"""Strings, truths and nested arrays in all arrays together; the largest vocabularies with their
merges have about 900,000."""

MAX_DEPTH = 4
"""Arrays in arrays."""

MAX_TENSORS = 200_000

LONG = 1024
"""With `arrays=False`, arrays of more elements than this are passed over."""

_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Skipped:
    """An array that was passed over: only its length was kept."""

    count: int

    def __len__(self) -> int:
        return self.count


@dataclass(frozen=True, slots=True)
class Tensor:
    """`offset` counts from the start of the file; `offset` and `size` are in bytes."""

    name: str
    shape: tuple[int, ...]
    type: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
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
        if isinstance(kv_heads, array):  # one number for each layer
            return int(sum(kv_heads)) * (keys + values) * 2
        kv_heads = self._own("attention.head_count_kv", heads)
        return layers * kv_heads * (keys + values) * 2 or None

    def _text(self, key: str) -> str | None:
        value = self.metadata.get(key)
        return value if isinstance(value, str) else None

    def _whole(self, key: str, default: int = 0) -> int:
        value = self.metadata.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    def _own(self, key: str, default: int = 0) -> int:
        return self._whole(f"{self.architecture}.{key}", default)


def read(path: Path, *, arrays: bool = True) -> Gguf:
    """Read the header of a GGUF file, version 2 or 3.

    Without `arrays`, long arrays (the vocabulary) are passed over and become `Skipped`. Raises
    `BadModelFile`, which says what is wrong and at which byte.
    """
    try:
        mode = path.stat()
        if not stat.S_ISREG(mode.st_mode):  # a pipe or a device might never end
            raise BadModelFile(f"{path} is not a file. Name a GGUF file.")
        with path.open("rb") as file:
            return _Reader(path, file, os.fstat(file.fileno()).st_size, arrays).gguf()
    except OSError as error:
        raise BadModelFile(f"{path} cannot be read: {error.strerror or error}.") from error


class _Reader:
    """Walks the header; `at` is the offset of the next byte, `data` what was read so far."""

    def __init__(self, path: Path, file: BinaryIO, size: int, arrays: bool) -> None:
        self.path, self.file, self.size, self.arrays = path, file, size, arrays
        self.data = b""
        self.at = 0
        self.items = 0

    def gguf(self) -> Gguf:
        version = self.version()
        tensor_count, entry_count = self.u64("tensor count"), self.u64("metadata count")
        metadata: dict[str, Any] = {}
        for _ in range(self.count(entry_count, 13, "metadata entries")):
            key = self.key("metadata key")
            if key in metadata:
                raise self.bad(f"the metadata key {key!r} is there twice")
            metadata[key] = self.value(self.u32("value type"), key)
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20 or alignment % 8:
            raise self.bad(f"the alignment {alignment!r} is not a multiple of 8")
        if tensor_count > MAX_TENSORS:
            raise self.bad(f"it claims {tensor_count:,} tensors")
        found = [self.tensor(alignment) for _ in range(self.count(tensor_count, 24, "tensors"))]
        if len({name for name, *_ in found}) < len(found):
            raise self.bad("two tensors have the same name")
        data_offset = -(-self.at // alignment) * alignment
        tensors = tuple(self.place(tensor, data_offset) for tensor in found)
        return Gguf(self.path, version, metadata, tensors, data_offset, self.size)

    def version(self) -> int:
        magic = self.take(min(4, self.size), "magic")
        if magic != b"GGUF":
            raise BadModelFile(f"{self.path} is not a GGUF file: {_looks_like(magic)}")
        version = self.u32("version")
        if version in (2, 3):
            return version
        if version == 1:
            what = "has GGUF's first version, which has long been out of use; fetch a newer file."
        elif version & 0xFFFF == 0:
            what = "is big-endian, made for another kind of processor; fetch the usual file."
        else:
            what = f"has GGUF version {version}; versions 2 and 3 are read here."
        raise BadModelFile(f"{self.path} {what}")

    def value(self, type: int, key: str, depth: int = 0) -> Any:
        if letter := SCALARS.get(type):
            size = struct.calcsize("<" + letter)
            return struct.unpack("<" + letter, self.take(size, key))[0]
        if type == BOOL:
            return self.truth(self.take(1, key)[0], key)
        if type == STRING:
            return self.take(self.u64(key), key).decode("utf-8", "replace")
        if type == ARRAY:
            return self.elements(key, depth + 1)
        raise self.bad(f"{key!r} has the unknown type {type}")

    def elements(self, key: str, depth: int) -> Any:
        type, count = self.u32(key), self.u64(key)
        keep = self.arrays or count <= LONG
        if letter := SCALARS.get(type):
            size = self.count(count, struct.calcsize("<" + letter), key)
            size *= struct.calcsize("<" + letter)
            return self.numbers(letter, size, key) if keep else self.skip(count, size, key)
        if type == BOOL:
            self.spend(self.count(count, 1, key), key)
            return [self.truth(byte, key) for byte in self.take(count, key)]
        if type == STRING:
            self.spend(self.count(count, 8, key), key)
            strings = self.strings(count, keep, key)
            return strings if keep else Skipped(count)
        if type == ARRAY and depth < MAX_DEPTH:
            self.spend(self.count(count, 12, key), key)
            return [self.elements(key, depth + 1) for _ in range(count)]
        if type == ARRAY:
            raise self.bad(f"{key!r} nests arrays more than {MAX_DEPTH} deep")
        raise self.bad(f"{key!r} is an array of the unknown type {type}")

    def numbers(self, letter: str, size: int, key: str) -> array[Any]:
        numbers: array[Any] = array(letter)
        numbers.frombytes(self.take(size, key))
        if sys.byteorder == "big":
            numbers.byteswap()
        return numbers

    def skip(self, count: int, size: int, key: str) -> Skipped:
        self.need(size, key)
        self.at += size
        return Skipped(count)

    def strings(self, count: int, keep: bool, key: str) -> list[str]:
        """The one loop that runs hundreds of thousands of times: plain and with few calls."""
        raw: list[bytes] = []
        unpack, append = _U64.unpack_from, raw.append
        data, at, end = self.data, self.at, len(self.data)
        for _ in range(count):
            if end - at < 8:
                self.at = at
                self.need(8, key)
                data, end = self.data, len(self.data)
            start = at + 8
            at = start + unpack(data, at)[0]
            if at > end:
                self.at = start
                self.need(at - start, key)
                data, end = self.data, len(self.data)
            if keep:
                append(data[start:at])
        self.at = at
        return _decoded(raw)

    def tensor(self, alignment: int) -> tuple[str, tuple[int, ...], int, int, int]:
        """Name, shape, type, offset in the data, and the byte of the header it is told at."""
        at = self.at
        name = self.key("tensor name")
        dimensions = self.u32(name)
        if dimensions > 4:
            raise self.bad(f"tensor {name!r} has {dimensions:,} dimensions")
        shape = tuple(self.u64(name) for _ in range(dimensions))
        type, offset = self.u32(name), self.u64(name)
        if type not in TENSOR_TYPES:
            raise self.bad(f"tensor {name!r} has the unknown type {type}")
        if offset % alignment:
            raise self.bad(f"tensor {name!r} is not aligned to {alignment} bytes")
        return name, shape, type, offset, at

    def place(self, found: tuple[str, tuple[int, ...], int, int, int], data_offset: int) -> Tensor:
        name, shape, type, offset, at = found
        label, block, block_bytes = TENSOR_TYPES[type]
        if shape and shape[0] % block:
            raise self.bad(f"the rows of tensor {name!r} are not whole blocks of {label}", at)
        size = math.prod(shape) // block * block_bytes
        if data_offset + offset + size > self.size:
            raise self.bad(f"tensor {name!r} reaches beyond the end of the file", at)
        return Tensor(name, shape, label, data_offset + offset, size)

    def key(self, what: str) -> str:
        length = self.u64(what)
        if not 0 < length <= 0xFFFF:
            raise self.bad(f"a {what} has {length:,} bytes")
        try:
            return self.take(length, what).decode()
        except UnicodeDecodeError:
            raise self.bad(f"a {what} is not UTF-8") from None

    def truth(self, byte: int, key: str) -> bool:
        if byte > 1:
            raise self.bad(f"{key!r} is neither true nor false")
        return byte == 1

    def count(self, count: int, least: int, what: str) -> int:
        """`count` things of at least `least` bytes must fit into the rest of the file."""
        if count * least > self.size - self.at:
            raise self.bad(f"{what!r} has {count:,} elements, more than the file can hold")
        return count

    def spend(self, count: int, what: str) -> None:
        self.items += count
        if self.items > MAX_ITEMS:
            raise self.bad(f"{what!r} has {count:,} elements, more than any real model")

    def u32(self, what: str) -> int:
        value: int = _U32.unpack(self.take(4, what))[0]
        return value

    def u64(self, what: str) -> int:
        value: int = _U64.unpack(self.take(8, what))[0]
        return value

    def take(self, count: int, what: str) -> bytes:
        self.need(count, what)
        start = self.at
        self.at += count
        return self.data[start : self.at]

    def need(self, count: int, what: str) -> None:
        """Have the next `count` bytes in `data`."""
        end = self.at + count
        if end <= len(self.data):
            return
        if end > self.size:
            raise self.bad(f"{what!r} needs {count:,} bytes and the file ends before that")
        if end > MAX_HEADER:
            raise self.bad(f"{what!r} makes the header larger than {MAX_HEADER >> 20} MB")
        wanted = max(end, 2 * len(self.data), 1 << 20)
        self.data += self.file.read(min(wanted, MAX_HEADER) - len(self.data))
        if end > len(self.data):
            raise self.bad("the file became shorter while it was read")

    def bad(self, what: str, at: int | None = None) -> BadModelFile:
        at = self.at if at is None else at
        return BadModelFile(
            f"{self.path} is damaged or incomplete: {what} (at byte {at:,} of {self.size:,}). "
            "Fetch it again."
        )


def _decoded(raw: list[bytes]) -> list[str]:
    """All at once, which is faster; no character reaches across the NUL between two strings."""
    out = b"\0".join(raw).decode("utf-8", "surrogateescape").split("\0")
    if len(out) == len(raw):
        return out
    return [item.decode("utf-8", "surrogateescape") for item in raw]


def _looks_like(magic: bytes) -> str:
    if not magic:
        return "it is empty."
    if magic in (b"lmgg", b"fmgg", b"tjgg", b"algg"):
        return "it has the older GGML format; fetch a GGUF file of this model."
    if magic == b"vers":
        return "it is a Git LFS pointer; run `git lfs pull` where it came from."
    if magic[:1] in (b"<", b"{"):
        return "it is a page or a message that a server sent in place of the file; fetch it again."
    return f"it begins with {magic!r}. Name a GGUF file."
