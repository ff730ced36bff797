"""GGUF headers: what is read, what is refused, and that no mutation does more than that."""

from __future__ import annotations

import json
import os
import random
import resource
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pellucid.engine import gguf, gguf_types
from pellucid.errors import BadModelFile
from work import calls


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def entry(key: str, type: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", type) + value


def tensor(name: str, shape: tuple[int, ...], type: int = 0, offset: int = 0) -> bytes:
    head = text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return head + struct.pack("<IQ", type, offset)


def header(*entries: bytes, tensors: tuple[bytes, ...] = (), version: int = 3) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(entries))
    return head + b"".join(entries) + b"".join(tensors)


def read(tmp_path: Path, data: bytes, tail: int = 0, **options: bool) -> gguf.Gguf:
    path = tmp_path / "model.gguf"
    path.write_bytes(data + bytes(tail))
    return gguf.read(path, **options)


def test_the_small_model(smol: Path) -> None:
    model = gguf.read(smol)
    assert (model.version, model.architecture, model.quantisation) == (3, "llama", "Q4_1")
    assert (model.context_length, model.parameters) == (8192, 134_515_008)
    # 30 layers, 3 KV heads, 64 numbers for a key and for a value, two bytes each
    assert model.kv_bytes_per_token == 30 * 3 * (64 + 64) * 2
    assert len(model.metadata["tokenizer.ggml.tokens"]) == 49152
    assert model.metadata["tokenizer.ggml.tokens"][1] == "<|im_start|>"
    assert model.metadata["tokenizer.ggml.token_type"][1] == 3
    assert model.metadata["general.languages"] == ["en"]
    assert "<|im_start|>" in (model.chat_template or "")
    assert model.chat_templates == {"default": model.chat_template}
    last = max(model.tensors, key=lambda t: t.offset)
    assert 0 <= model.size - (last.offset + last.size) < 32


def test_without_arrays_only_their_length_is_kept(smol: Path) -> None:
    whole, short = gguf.read(smol), gguf.read(smol, arrays=False)
    assert short.metadata["tokenizer.ggml.tokens"] == gguf.Skipped(49152)
    assert short.metadata["tokenizer.ggml.token_type"] == gguf.Skipped(49152)
    assert short.metadata["general.languages"] == ["en"]
    assert short.tensors == whole.tensors and short.chat_template == whole.chat_template


def test_a_vocabulary_of_152_thousand_is_read_in_two_calls_a_string(qwen: Path) -> None:
    """And in one where it is only passed over."""
    arrays = gguf.read(qwen).metadata.values()
    items = sum(len(each) for each in arrays if isinstance(each, list))
    assert items > 300_000
    assert calls(lambda: gguf.read(qwen)) < 2.5 * items
    assert calls(lambda: gguf.read(qwen, arrays=False)) < 1.25 * items


def test_equal_to_the_reference_writer(tmp_path: Path) -> None:
    from gguf import GGUFWriter

    path = tmp_path / "model.gguf"
    writer = GGUFWriter(path, "tiny")
    values: dict[str, Any] = {}
    for kind, value in (
        ("uint8", 200), ("int8", -100), ("uint16", 60_000), ("int16", -30_000),
        ("uint32", 4_000_000_000), ("int32", -2_000_000_000), ("uint64", 2**63 + 1),
        ("int64", -(2**62)), ("float32", 0.5), ("float64", 0.1), ("bool", True),
        ("string", "naïve ☃"),
    ):  # fmt: skip
        getattr(writer, f"add_{kind}")(f"a.{kind}", value)
        values[f"a.{kind}"] = value
    for key, array in (
        ("a.strings", ["", "x", "a\0b", "☃"]),
        ("a.numbers", [1, -2, 3]),
        ("a.floats", [0.5, -0.25]),
        ("a.truths", [True, False]),
        ("a.nested", [[1, 2], [3]]),
    ):
        writer.add_array(key, array)
        values[key] = array
    import numpy

    writer.add_tensor("w", numpy.zeros((3, 64), dtype=numpy.float32))
    writer.add_tensor("v", numpy.zeros((5,), dtype=numpy.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    model = gguf.read(path)
    plain = {k: v if isinstance(v, str | bool) else _plain(v) for k, v in model.metadata.items()}
    assert {key: plain[key] for key in values} == values
    assert [(t.name, t.shape, t.type, t.size) for t in model.tensors] == [
        ("w", (64, 3), "F32", 768),
        ("v", (5,), "F16", 10),
    ]
    assert model.architecture == "tiny" and model.kv_bytes_per_token is None


def _plain(value: Any) -> Any:
    if isinstance(value, int | float | str):
        return value
    return [_plain(item) for item in value]


def test_the_tables_are_those_of_the_reference() -> None:
    import gguf as reference

    assert {
        int(type): (type.name, *sizes) for type, sizes in reference.GGML_QUANT_SIZES.items()
    } == gguf_types.TENSOR_TYPES
    assert {
        int(type): type.name.removeprefix("MOSTLY_").removeprefix("ALL_")
        for type in reference.LlamaFileType
        if type.name != "GUESSED"
    } == gguf_types.FILE_TYPES


def test_text_that_is_not_utf8_is_kept_in_arrays(tmp_path: Path) -> None:
    strings = struct.pack("<IQ", 8, 2) + struct.pack("<Q", 2) + b"\xe2\x82" + text("\xac")
    model = read(tmp_path, header(entry("t", 9, strings)))
    assert [s.encode("utf-8", "surrogateescape") for s in model.metadata["t"]] == [
        b"\xe2\x82",
        "\xac".encode(),
    ]


BAD = {
    "empty": (b"", "empty"),
    "short": (b"GG", "begins with"),
    "older format": (b"tjgg" + bytes(40), "older GGML"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    "page": (b"<!doctype html><p>Not found", "a server sent"),
    "first version": (header(version=1), "first version"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
    "from the future": (header(version=9), "version 9"),
    "only the magic": (b"GGUF\3", "ends before"),
    "same key twice": (header(entry("k", 0, b"1"), entry("k", 0, b"1")), "there twice"),
    "no key": (header(entry("", 0, b"1")), "0 bytes"),
    "unknown type": (header(entry("key", 13, b"1")), "unknown type 13"),
    "array of unknown": (header(entry("k", 9, struct.pack("<IQ", 99, 0))), "unknown type 99"),
    "long string": (header(entry("k", 8, struct.pack("<Q", 2**62))), "the file ends before"),
    "long array": (header(entry("k", 9, struct.pack("<IQ", 10, 2**61))), "file can hold"),
    "many strings": (header(entry("k", 9, struct.pack("<IQ", 8, 2**63))), "file can hold"),
    "neither true nor false": (header(entry("k", 7, b"\2")), "neither true nor false"),
    "deep": (header(entry("k", 9, struct.pack("<IQ", 9, 1) * 9)), "nests arrays"),
    "many entries": (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), "file can hold"),
    "many tensors": (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "tensors"),
    "alignment": (header(entry("general.alignment", 4, struct.pack("<I", 3))), "alignment"),
    "alignment 0": (header(entry("general.alignment", 4, bytes(4))), "alignment"),
    "unknown tensor": (header(tensors=(tensor("w", (32,), 77),)), "unknown type 77"),
    "five dimensions": (header(tensors=(tensor("w", (1, 1, 1, 1, 1)),)), "5 dimensions"),
    "beyond the end": (header(tensors=(tensor("w", (9999,)),)), "beyond the end"),
    "far offset": (header(tensors=(tensor("w", (1,), 0, 2**63),)), "beyond the end"),
    "overflow": (header(tensors=(tensor("w", (2**62, 2**62)),)), "beyond the end"),
    "not aligned": (header(tensors=(tensor("w", (1,), 0, 4),)), "not aligned"),
    "part of a block": (header(tensors=(tensor("w", (33,), 2),)), "whole blocks"),
    "same tensor twice": (header(tensors=(tensor("w", (1,)), tensor("w", (1,)))), "same name"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused_with_a_sentence(tmp_path: Path, case: str) -> None:
    data, words = BAD[case]
    for arrays in (True, False):
        with pytest.raises(BadModelFile, match=words) as error:
            read(tmp_path, data, arrays=arrays)
        assert str(tmp_path / "model.gguf") in str(error.value)


def test_a_sound_file_of_the_same_making_is_read(tmp_path: Path) -> None:
    """Otherwise the refusals above might come from how those files are made."""
    data = header(
        entry("k", 9, struct.pack("<IQ", 9, 1) * 2 + struct.pack("<IQ", 0, 0)),
        entry("b", 7, b"\1"),
        tensors=(tensor("w", (32,), 2, 0), tensor("v", (1,), 0, 32)),
    )
    model = read(tmp_path, data, tail=128)
    assert [[list(part) for part in whole] for whole in model.metadata["k"]] == [[[]]]
    assert model.metadata["b"] is True
    assert [t.offset - model.data_offset for t in model.tensors] == [0, 32]


def test_a_file_far_larger_than_its_strings_is_refused_at_once(tmp_path: Path) -> None:
    """Nothing but holes: 100 million empty strings that the file could hold."""
    path = tmp_path / "model.gguf"
    path.write_bytes(header(entry("k", 9, struct.pack("<IQ", 8, 100_000_000))))
    os.truncate(path, 1 << 40)
    with pytest.raises(BadModelFile, match="more than any real model"):
        gguf.read(path)
    path.write_bytes(header(entry("k", 9, struct.pack("<IQ", 0, 1 << 39))))
    os.truncate(path, 1 << 40)
    with pytest.raises(BadModelFile, match="more than any real model"):
        gguf.read(path)


def test_what_is_not_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in (
        (tmp_path, "not a file"),
        (tmp_path / "pipe", "not a file"),
        (Path("/dev/zero"), "not a file"),
        (tmp_path / "absent", "No such file"),
    ):
        with pytest.raises(BadModelFile, match=words):
            gguf.read(path)


def test_mutated_headers(smol: Path, full: bool, tmp_path: Path) -> None:
    """In a process of its own, whose address space is limited."""
    count = 5_000 if full else 150
    done = subprocess.run(
        [sys.executable, __file__, str(smol), str(tmp_path / "mutant.gguf"), str(count)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["read"] + result["refused"] == 2 * count
    assert result["read"] > count / 20 and result["refused"] > count / 2, result
    assert result["slowest"] < 30  # no length that a file names is believed; most take 2 ms
    assert result["resident"] < 300e6


def mutate(source: Path, mutant: Path, count: int) -> dict[str, float]:
    """Read `count` mutants with and without arrays; anything but BadModelFile ends the process."""
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    dice = random.Random(26)
    model = gguf.read(source)
    with source.open("rb") as file:
        whole = file.read(model.data_offset)
    originals = [(data, fields(data, model)) for data in (whole, slimmed(whole, model))]
    result = {"read": 0, "refused": 0, "slowest": 0.0}
    for i in range(count):
        original, places = originals[i % 10 != 0]
        size = model.size - len(whole) + len(original)
        data, size = mutation(dice, bytearray(original), places, size)
        mutant.write_bytes(data)
        os.truncate(mutant, max(size, 0))
        for arrays in (True, False):
            start = time.perf_counter()
            try:
                look(gguf.read(mutant, arrays=arrays))
                result["read"] += 1
            except BadModelFile:
                result["refused"] += 1
            result["slowest"] = max(result["slowest"], time.perf_counter() - start)
    # Not `ru_maxrss`: that still counts the process that started this one.
    status = Path("/proc/self/status").read_text()
    result["resident"] = int(status.split("VmHWM:")[1].split()[0]) * 1024
    return result


def look(model: gguf.Gguf) -> None:
    for name in dir(gguf.Gguf):
        if not name.startswith("_"):
            getattr(model, name)


def slimmed(whole: bytes, model: gguf.Gguf) -> bytes:
    """The same header with a vocabulary of 500, so that most mutants are quick to read."""
    for key in ("tokenizer.ggml.merges", "tokenizer.ggml.tokens"):
        at = whole.index(key.encode()) + len(key) + 4 + 4
        start = end = at + 8
        for i, item in enumerate(model.metadata[key]):
            end += 8 + len(item.encode())
            if i == 499:
                kept = end
        whole = whole[:at] + struct.pack("<Q", 500) + whole[start:kept] + whole[end:]
    padding = -len(whole.rstrip(b"\0")) % 32  # the data begins at a multiple of 32 again
    return whole.rstrip(b"\0") + bytes(padding)


def fields(data: bytes, model: gguf.Gguf) -> list[tuple[int, int]]:
    """Places and sizes of lengths, counts, types, dimensions and offsets."""
    out = [(4, 4), (8, 8), (16, 8)]
    for name in (*model.metadata, *(t.name for t in model.tensors)):
        at = data.index(text(name))
        out.append((at, 8))
        at += 8 + len(name.encode())
        out += [(at, 4), (at + 4, 4), (at + 4, 8), (at + 8, 8), (at + 12, 8), (at + 20, 8)]
    return [(at, size) for at, size in out if at + size <= len(data)]


def mutation(
    dice: random.Random, data: bytearray, places: list[tuple[int, int]], size: int
) -> tuple[bytearray, int]:
    """A mutated header, and the size its file is to have."""
    match dice.randrange(5):
        case 0:
            for _ in range(dice.randint(1, 8)):
                data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        case 1:  # a length, count, type or offset that is huge, negative or slightly off
            at, width = dice.choice(places)
            old = int.from_bytes(data[at : at + width], "little")
            new = dice.choice(
                (0, 1, old + 1, old - 1, old * 2, size, size // 8, 2**31, 2**32 - 1, 2**63, -1)
            )
            data[at : at + width] = (new % 256**width).to_bytes(width, "little")
        case 2:  # a type
            at, _ = dice.choice([place for place in places if place[1] == 4])
            data[at : at + 4] = struct.pack("<I", dice.randrange(45))
        case 3:  # cut off
            size = dice.choice((dice.randrange(len(data)), dice.randrange(len(data), size)))
        case 4:  # a stretch that moved
            a, b = sorted(dice.randrange(len(data)) for _ in range(2))
            stretch = data[a : min(b, a + 4096)]
            to = dice.randrange(len(data))
            data[to : to + len(stretch)] = stretch[: len(data) - to]
    return data, size


if __name__ == "__main__":
    print(json.dumps(mutate(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
