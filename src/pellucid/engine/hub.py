"""One file from the Hugging Face hub, through `huggingface_hub`, resumed where it broke off.

HF_ENDPOINT, HF_TOKEN (or the token of `hf auth login`) and HF_HUB_OFFLINE are honoured.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import UsageError, WeightsError
from ..value import value

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""


class NoSuchFile(WeightsError):
    """The repository is there, the file is not."""


TIMEOUT = (5.0, 20.0, 20.0, 5.0)
"""Seconds: to connect, until the next byte comes, or goes, and to wait for a free connection."""

TRIES = 3
"""Attempts in a row that bring nothing, after which a download is given up."""


@value
class HubFile:
    """`hf:owner/repo/path/to/file`."""

    repo: str
    file: str

    @classmethod
    def parse(cls, address: str) -> HubFile:
        """Raises `UsageError` when it is not such an address."""
        match = re.fullmatch(r"hf:([\w.-]+/[\w.-]+)/([^\s?#]+)", address)
        if not match or ".." in f"{match[1]}/{match[2]}".split("/"):
            raise UsageError(
                f"{address!r} is not a file on the Hub; write hf:owner/repo/file.gguf."
            )
        return cls(match[1], match[2])

    def __str__(self) -> str:
        return f"hf:{self.repo}/{self.file}"


@value
class Remote:
    """What the Hub says of a file. `sha256` is known for the large ones."""

    url: str
    size: int
    etag: str

    @property
    def sha256(self) -> str | None:
        return self.etag if re.fullmatch(r"[0-9a-f]{64}", self.etag) else None


def look_up(file: HubFile) -> Remote:
    """Ask the Hub for the size and hash of a file. Raises `WeightsError` with the reason."""
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.errors import HFValidationError

    try:
        url = hf_hub_url(file.repo, file.file, endpoint=os.environ.get("HF_ENDPOINT"))
    except HFValidationError as error:  # .. in a name, or a dot at its beginning
        raise WeightsError(str(error)) from error
    session = get_session()
    try:
        request = session.build_request("HEAD", url, headers=_headers(), timeout=TIMEOUT)
        reply = session.send(request, follow_redirects=False)
        # A large file is a redirect whose own headers describe it; any other leads on.
        for _ in range(5):
            if reply.next_request is None or "x-linked-etag" in reply.headers:
                break
            reply = session.send(reply.next_request, follow_redirects=False)
    except (_network_error(), OSError) as error:
        raise WeightsError(_reason(error)) from error
    _check_status(reply)
    size = str(reply.headers.get("x-linked-size") or reply.headers.get("content-length"))
    etag = reply.headers.get("x-linked-etag") or reply.headers.get("etag")
    if not size.isdecimal() or not etag:
        raise WeightsError("the answer has no size and no etag, so it is not from a Hub")
    commit = reply.headers.get("x-repo-commit")  # what follows is then of the same version
    url = hf_hub_url(file.repo, file.file, revision=commit, endpoint=os.environ.get("HF_ENDPOINT"))
    return Remote(url, int(size), etag.removeprefix("W/").strip('"'))


def download(remote: Remote, work: Path, progress: Progress) -> Path:
    """Download into `work` and return the file there, complete but not yet verified.

    An earlier download of the same etag is continued. Raises `WeightsError` with the reason when
    the Hub fails, `OSError` when the disk is full.
    """

    path = work / f"hub-{hashlib.sha256(remote.etag.encode()).hexdigest()[:16]}"
    failures = 0
    with path.open("ab") as out:
        reached = out.tell()
        while out.tell() < remote.size:
            try:
                _stream(remote, out, progress)
            except _network_error() as error:
                failures = 1 if out.tell() > reached else failures + 1
                if failures == TRIES:
                    raise WeightsError(_reason(error)) from error
                reached = max(reached, out.tell())
                time.sleep(failures / 2)
        out.flush()
        os.fsync(out.fileno())
    return path


def _stream(remote: Remote, out: BinaryIO, progress: Progress) -> None:
    """Append what is missing, as far as the connection lasts."""
    from huggingface_hub import get_session

    headers = _headers()
    if out.tell():
        headers["Range"] = f"bytes={out.tell()}-"
    with get_session().stream("GET", remote.url, headers=headers, timeout=TIMEOUT) as reply:
        _check_status(reply)
        if reply.status_code != 206:  # the range was ignored: all of it comes again
            out.seek(0)
            out.truncate()
        for chunk in reply.iter_bytes():
            out.write(chunk)
            if out.tell() > remote.size:
                out.seek(0)
                out.truncate()
                raise WeightsError("more bytes came than the Hub had promised")
            progress(out.tell(), remote.size)


def _network_error() -> type[Exception]:
    """The base error of httpx or of httpx2, whichever the installed `huggingface_hub` uses."""
    from huggingface_hub import errors

    base: type[Exception] = errors.HTTPError  # type: ignore[attr-defined]
    return base


def _headers() -> dict[str, str]:
    from huggingface_hub import get_token

    # Compressed, a file's ranges and size would not be its own.
    headers = {"Accept-Encoding": "identity", "User-Agent": "pellucid"}
    if token := get_token():
        headers["Authorization"] = f"Bearer {token}"
    return headers


def _check_status(reply: Any) -> None:
    if reply.status_code < 400:
        return
    code = reply.headers.get("x-error-code")
    if code == "GatedRepo":
        reason = "its licence must be accepted on the Hub first; then set HF_TOKEN"
    elif code == "EntryNotFound":
        raise NoSuchFile(f"the Hub answered {reply.status_code}: the repository has no such file")
    elif code == "RepoNotFound" or reply.status_code in (401, 403, 404):
        reason = "no such repository, or it is private and HF_TOKEN does not open it"
    else:
        reason = "try again later"
    raise WeightsError(f"the Hub answered {reply.status_code}: {reason}")


def _reason(error: Exception) -> str:
    """What went wrong with the connection, without addresses."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return f"the Hub cannot be reached: {re.sub(r'https?://[^ ]+', '(address)', text)}"
