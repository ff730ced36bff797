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
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import BadModelFile
from .gguf_types import ARRAY, BOOL, SCALARS, STRING, TENSOR_TYPES
from .gguf_values import Gguf as Gguf
from .gguf_values import Skipped as Skipped
from .gguf_values import Tensor as Tensor

MAX_HEADER = 64 << 20
"""Bytes. The largest headers in use have about 30 MB."""

MAX_VALUE = 16 << 20
"""Bytes of one string or one array of numbers."""

MAX_ITEMS = 2_000_000
"""Strings, truths and nested arrays in all arrays together; the largest vocabularies with their
merges have about 900,000."""

MAX_DEPTH = 4
"""Arrays in arrays."""

MAX_TENSORS = 200_000

LONG = 1024
"""With `arrays=False`, arrays of more elements than this are passed over."""

_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")


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
        if end > MAX_HEADER or count > MAX_VALUE:
            raise self.bad(f"{what!r} has {count:,} bytes, more than any real model")
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
