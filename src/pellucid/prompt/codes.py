"""The code that chat templates compile to, kept between processes: compiling one takes longer
than all else that is done for a first message.

Kept code is trusted as Python trusts the `.pyc` files it wrote, and no further: a file counts only
where it belongs to the user, nobody else can read or write it, and its digest shows that it is
whole and that this very compiler made it from this very template. What does not count is made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import sys
from functools import cache
from pathlib import Path
from stat import S_IRWXG, S_IRWXO
from types import CodeType

DIGEST = hashlib.sha256().digest_size


def find(source: str, folder: Path) -> CodeType | None:
    """The code of a template, `None` where `folder` has none that counts."""
    try:
        with _path(source, folder).open("rb") as file:
            status = os.fstat(file.fileno())
            digest, data = file.read(DIGEST), file.read()
    except OSError:
        return None
    private = status.st_uid == os.getuid() and not status.st_mode & (S_IRWXG | S_IRWXO)
    if not private or digest != _digest(source, data):
        return None
    code: CodeType = marshal.loads(data)
    return code


def keep(source: str, code: CodeType, folder: Path) -> None:
    """Keep the code of a template in `folder`; where that cannot be written, nothing is kept."""
    path = _path(source, folder)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    data = marshal.dumps(code)
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(_digest(source, data) + data)
        temporary.replace(path)


def _path(source: str, folder: Path) -> Path:
    name = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return folder / f"{name}.code"


def _digest(source: str, data: bytes) -> bytes:
    """Of code, the template it was made from, and what made it."""
    return hashlib.sha256(repr((_compiler(), source, data)).encode()).digest()


@cache
def _compiler() -> tuple[object, ...]:
    """What decides how a template compiles."""
    import jinja2

    ours = [Path(__file__).with_name(f"{name}.py") for name in ("codegen", "environment")]
    return sys.version, jinja2.__version__, *(path.read_bytes() for path in ours)
