"""What went wrong with a page, a sentence each."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import NothingToRead, WebError

if TYPE_CHECKING:
    from yarl import URL

_ANSWERS = {
    401: "it wants a login. A page that you may see can be saved and given as a file.",
    403: "it does not let this reader in. A page that you may see can be saved and given as a "
    "file.",
    404: "there is no such page. Check the address.",
    410: "the page was taken away.",
}
_UNREADABLE = ("image", "audio", "video", "font")
_CLOSED = {"application/zip", "application/gzip", "application/x-tar", "application/wasm"}


def require_success(url: URL, status: int, headers: Mapping[str, str]) -> None:
    """Raises `WebError` unless a page came."""
    if status == 200:
        return
    if status in (204, 205):
        raise NothingToRead(str(url), f"{url} answered {status}: there is nothing in it.")
    wait = headers.get("Retry-After", "")
    later = f"it asks to wait {wait} s." if wait.isdecimal() else "ask again later."
    if status == 429:
        why = f"it had too many requests; {later}"
    elif status >= 500:
        why = f"the server failed; {later}"
    else:
        why = _ANSWERS.get(status, "that is no page.")
    raise WebError(str(url), f"{url} answered {status}: {why}", status)


def require_readable(url: URL, mime: str) -> None:
    """Raises `NothingToRead` for what has no text by its own account."""
    if mime.partition("/")[0] in _UNREADABLE or mime in _CLOSED:
        raise NothingToRead(str(url), f"{url} is no page but {mime}; there is no text to read.")


def too_big(url: URL, most: int) -> WebError:
    return WebError(str(url), f"{url} is larger than {most / 1e6:g} MB; it was not read.")


def explain(url: URL, error: Exception) -> str:
    """Why a connection failed, or broke."""
    import ssl

    import aiohttp

    where = f"{url.raw_host}:{url.port}"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"The certificate of {where} is not to be trusted: {cause.verify_message}."
        if isinstance(cause, ssl.SSLError):
            return f"{where} does not speak https as it should; http:// may do."
        if isinstance(cause, ConnectionRefusedError):
            return f"{where} refused the connection: nothing answers there. Check the address."
        cause = cause.__cause__ or getattr(cause, "os_error", None)
    if isinstance(error, aiohttp.ClientPayloadError):
        return f"What {url} sent broke off, or is not packed as it says."
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionResetError):
        return f"{where} hung up without an answer."
    if isinstance(error, aiohttp.ClientResponseError):
        said = error.message.partition("\n")[0].rstrip(":")
        return f"{where} does not speak HTTP as it should: {said}."
    if isinstance(error, OSError) and error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return f"There is no way to {where} from here: check the network."
    return f"{url} could not be fetched: {error or type(error).__name__}."
