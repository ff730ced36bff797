"""Counting a folder of a gigabyte: real files, slices of them shuffled, twelve scripts, JSON lines.

The memory is that of all processes together, what they share counted once; it is looked at ten
times a second.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from .measure import Row
from .startup import CLI

SIZE = 1_000_000_000
SCRIPTS = (0x4E00, 0x3041, 0xAC00, 0x0430, 0x0627, 0x0905, 0x03B1, 0x05D0, 0x0E01, 0x10D0)
"""Where the letters of ten scripts begin: ideographs, kana, Hangul, Cyrillic, Arabic, ..."""


def counted(size: int = SIZE) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        files = _write(Path(folder), size)
        bytes = sum(file.stat().st_size for file in files)
        seconds, busy, memory = _watched([*CLI, "tokens", "count", folder, "-m", "gpt-4o"])
    cores = len(os.sched_getaffinity(0))
    what = f"`count` of a folder, {bytes / 1e9:.2f} GB in {len(files):,} files"
    share = busy / seconds / cores
    return [
        Row(what, f"{seconds:.0f} s, {bytes / seconds / 1e6:.0f} MB/s"),
        Row(f"its share of {cores} cores", f"{share:.0%}", "all cores", share >= 0.8),
        Row("its memory at most", f"{memory / 1e6:.0f} MB", "< 300 MB", memory < 300e6),
    ]


def _watched(command: list[str]) -> tuple[float, float, int]:
    """Seconds, seconds of all cores, and the most memory of a command with its children."""
    before, began, most = os.times(), time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        parent = psutil.Process(process.pid)
        while process.poll() is None:
            most = max(most, _memory(parent))
            time.sleep(0.1)
    assert process.returncode == 0
    seconds, after = time.perf_counter() - began, os.times()
    busy = after.children_user - before.children_user
    return seconds, busy + after.children_system - before.children_system, most


def _memory(parent: psutil.Process) -> int:
    total = 0
    try:
        for process in (parent, *parent.children(recursive=True)):
            total += process.memory_full_info().pss
    except psutil.Error:  # one has just ended
        return 0
    return total


def _write(folder: Path, size: int) -> list[Path]:
    choose = random.Random(5)
    real = list(_texts(size // 4))
    made: list[Path] = []
    done = 0
    for number, text in enumerate(_all(real, choose)):
        made.append(folder / f"{number // 1000}" / f"{number}.{'jsonl' if _lines(text) else 'txt'}")
        made[-1].parent.mkdir(exist_ok=True)
        data = text.encode()
        made[-1].write_bytes(data)
        done += len(data)
        if done >= size:
            break
    return made


def _lines(text: str) -> bool:
    return text.startswith('{"id"')


def _texts(size: int) -> Iterator[str]:
    """Of this Python: its library and what is installed in it, about `size` characters."""
    roots = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
    for path in (path for root in sorted(roots) for path in sorted(Path(root).rglob("*.*"))):
        if path.suffix not in (".py", ".pyi", ".txt", ".md", ".json", ".rst", ".h", ".js", ".css"):
            continue
        if not path.is_file() or path.stat().st_size > 1 << 22:
            continue
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        if text and "\0" not in text:
            yield text
            size -= len(text)
        if size < 0:
            return


def _all(real: list[str], choose: random.Random) -> Iterator[str]:
    """Endless: the real files once, then what is made of them, and words of many scripts."""
    yield from real
    while True:
        for first in SCRIPTS:
            yield _words(first, choose)
        yield "\n".join(
            json.dumps({"id": n, "text": _slice(real, choose)}, ensure_ascii=n % 3 == 0)
            for n in range(2_000)
        )
        for length in (50, 500, 5_000):
            yield "\n".join(_slice(real, choose) for _ in range(length))


def _slice(real: list[str], choose: random.Random) -> str:
    text = choose.choice(real)
    start = choose.randrange(len(text))
    lines = text[start : start + choose.randint(200, 8_000)].split("\n")
    choose.shuffle(lines)
    return "\n".join(lines)


def _words(first: int, choose: random.Random) -> str:
    letters = [chr(first + n) for n in range(2_000 if first in (0x4E00, 0xAC00) else 27)]
    words = ["".join(choose.choices(letters, k=choose.randint(1, 8))) for _ in range(20_000)]
    between = "" if first in (0x4E00, 0x3041) else " "
    common = [words[min(19_999, int(choose.paretovariate(0.7)))] for _ in range(200_000)]
    return ".\n".join(between.join(common[i : i + 20]) for i in range(0, len(common), 20))


if __name__ == "__main__":
    print(*counted(int(float(sys.argv[1]) * 1e9)), sep="\n")
