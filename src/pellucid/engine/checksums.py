"""SHA-256 of files, remembered, so that a start does not read half a gigabyte again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

NAME = "checksums.json"


def sha256_of(path: Path, cache_folder: Path) -> str:
    """The SHA-256 of a file in hex, computed once for each (size, modification time, inode).

    What was computed is kept in `checksums.json` in `cache_folder`; where that cannot be written,
    the file is simply read every time. Raises `OSError` when `path` cannot be read.
    """
    path = path.resolve()
    with path.open("rb") as file:
        stamp = _stamp(os.fstat(file.fileno()))
        known = _load(cache_folder).get(str(path))
        if isinstance(known, list) and known[:-1] == stamp:
            return str(known[-1])
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    _store(cache_folder, path, [*stamp, digest])
    return digest


def known(path: Path, cache_folder: Path) -> str | None:
    """The SHA-256 of a file in hex, if that can be told without reading it: it was computed before,
    or the file is named for it, as in the caches of Ollama and of the Hugging Face tools."""
    path = path.resolve()
    with contextlib.suppress(OSError):
        row = _load(cache_folder).get(str(path))
        if isinstance(row, list) and row[:-1] == _stamp(path.stat()):
            return str(row[-1])
    named = path.name.removeprefix("sha256-")
    return named if re.fullmatch("[0-9a-f]{64}", named) else None


def remember(path: Path, cache_folder: Path, digest: str) -> None:
    """Keep the SHA-256 of a file that was just computed."""
    path = path.resolve()
    _store(cache_folder, path, [*_stamp(path.stat()), digest])


def _stamp(stat: os.stat_result) -> list[Any]:
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]


def _load(cache_folder: Path) -> dict[str, Any]:
    try:
        memory = json.loads((cache_folder / NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    return memory if isinstance(memory, dict) else {}


def _store(cache_folder: Path, path: Path, row: list[Any]) -> None:
    """Add a row and drop those of files that are gone.

    Two processes that write at once may lose a row; it is computed again when it is missed.
    """
    memory = {name: old for name, old in _load(cache_folder).items() if Path(name).exists()}
    memory[str(path)] = row
    temporary = cache_folder / f"{NAME}.{os.getpid()}"
    with contextlib.suppress(OSError):
        cache_folder.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(memory, indent=1), "utf-8")
        temporary.replace(cache_folder / NAME)
