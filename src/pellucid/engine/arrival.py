"""A file on its way: the folder it is put together in, and how it gets its name."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import ChecksumMismatch, WeightsError
from .checksums import remember
from .hub import Progress

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system answers when a file cannot grow."""


@contextlib.contextmanager
def work_folder(
    target: Path, folder: Path, size: int, spare: int, progress: Progress
) -> Iterator[Path]:
    """A folder of this process's own beside `target`, for what is on its way.

    It stays after an interruption, so that the next attempt goes on from there; it goes when the
    work is done, when what came was wrong, and when the disk is full. Room for `size` and
    `spare` bytes is needed.
    """
    digest = hashlib.sha256(str(target.relative_to(folder)).encode()).hexdigest()
    work = folder / ".partial" / f"{target.name[:80]}-{digest[:12]}"
    work.parent.mkdir(parents=True, exist_ok=True)
    with _lock(work.with_name(work.name + ".lock"), lambda: progress(_present(work), size)):
        work.mkdir(exist_ok=True)
        _need_room(work, size + spare - _present(work))
        try:
            yield work
        except (ChecksumMismatch, OSError) as error:
            if isinstance(error, ChecksumMismatch) or error.errno in FULL:
                shutil.rmtree(work, ignore_errors=True)
            raise
        shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def _lock(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock between processes; it ends with its process, whatever happens to that."""
    with path.open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waiting()
                time.sleep(0.1)
        yield


def _present(work: Path) -> int:
    """Bytes of the largest file in a work folder, which another process may be changing."""
    with contextlib.suppress(OSError):
        return max((path.stat().st_size for path in work.glob("*") if path.is_file()), default=0)
    return 0


def _need_room(folder: Path, need: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < need:
        text = f"{need / 1e6:,.0f} MB are needed and {free / 1e6:,.0f} MB are free"
        raise OSError(errno.ENOSPC, text)


def publish(arrived: Path, target: Path, folder: Path, size: int, sha256: str | None) -> None:
    """Verify what arrived and give it its name. Raises `ChecksumMismatch`.

    `sha256` is `None` where nobody promised one.
    """
    with arrived.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if arrived.stat().st_size != size or digest != (sha256 or digest):
        raise ChecksumMismatch(
            f"{arrived.stat().st_size} bytes with SHA-256 {digest} arrived where {size} bytes "
            f"with {sha256} were promised; they were removed"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    arrived.replace(target)
    _sync(target.parent)
    remember(target, folder, digest)


def _sync(folder: Path) -> None:
    """Make a rename in `folder` last through a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def disk_error(error: OSError, name: str, folder: Path) -> WeightsError:
    """What a person is told when `folder` would not take a file."""
    if error.errno in FULL:
        return WeightsError(
            f"There is no room for {name} in {folder}: {error.strerror}. Free some space, or "
            "set XDG_CACHE_HOME to a folder on another disk."
        )
    return WeightsError(
        f"{name} cannot be kept in {folder}: {error.strerror or error}. Mend that, or set "
        "XDG_CACHE_HOME to a folder that can be written."
    )
