"""What went wrong at a host, and what to do next: one sentence or two for each class of error."""

from __future__ import annotations

from ..errors import (
    BadReply,
    NotFound,
    NotPermitted,
    Overloaded,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    Rejected,
    ServerFault,
    WrongKey,
)
from .keys import Endpoint, problems
from .retries import LONGEST


def sentence(
    error: ProviderError, endpoint: Endpoint, model: str, made: int, asked: float | None
) -> str:
    """The message of `error` for people. `made` are the retries, `asked` the seconds to wait."""
    host = endpoint.host
    said = _said(error)
    again = f" after {made} {'retry' if made == 1 else 'retries'}" if made else ""
    status = f" ({error.status})" if error.status else ""
    match error:
        case WrongKey():
            return _wrong_key(endpoint, f"{status}{said}")
        case NotPermitted():
            return f"{host.name} does not let this key use {model}{status}{said}"
        case NotFound():
            return f"{host.name} has no {model} at {host.base}{status}{said}"
        case QuotaExceeded():
            return (
                f"The account at {host.name} has nothing left{status}{said} Its page says more"
                f"{f': {host.page}' if host.page else ''}."
            )
        case RateLimited() | Overloaded():
            what = "takes no more calls" if isinstance(error, RateLimited) else "is overloaded"
            when = " Try again later."
            if asked is not None and asked > LONGEST:
                when = f" It asks for {asked:,.0f} seconds; that was not waited for."
            elif asked is not None:
                when = f" It asks for {asked:,.0f} seconds more."
            return f"{host.name} {what}{again}{status}{said}{when}"
        case ServerFault():
            return f"{host.name} failed{again}{status}{said} Try again later."
        case Rejected():
            return f"{host.name} refused the request{status}{said}"
        case BadReply():
            return (
                f"{host.origin} did not answer as {host.name} does{again}{status}{said} Is a "
                "proxy in between, or the address not that of the API?"
            )
        case _:  # the transport names the host itself
            return f"{error}{f' It was tried {made + 1} times.' if made else ''}"


def _wrong_key(endpoint: Endpoint, said: str) -> str:
    host, key = endpoint.host, endpoint.key
    if key is None:
        return f"{host.name} wants a key{said} Store one: {endpoint.command}."
    wrong = problems(key.value, host)
    looks = f" What looks wrong with it: {', '.join(wrong)}." if wrong else ""
    return f"{host.name} refused {key.where}{said}{looks} {endpoint.command} stores another."


def _said(error: ProviderError) -> str:
    text = " ".join(str(error).split())
    text = text if len(text) <= 500 else f"{text[:499]}…"
    if not text:
        return "."
    return f": {text}" if text[-1] in ".!?…" else f": {text}."
