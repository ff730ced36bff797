"""Who may call: one check, before every route.

Without a token only programs of this machine are let in: the request names a loopback host, so no
name of another's was made to point here, and no page of another site sent it. With a token,
whoever has it.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from ..dialects.base import Failure
from ..errors import UsageError

KEY_HEADERS = ("x-api-key", "x-goog-api-key", "api-key")


def credentials(headers: Mapping[str, str], query: Mapping[str, str]) -> Iterator[str]:
    """Every key or token that a request shows, wherever its API has it."""
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret.strip():
        yield secret.strip()
    for name in KEY_HEADERS:
        if headers.get(name):
            yield headers[name].strip()
    if query.get("key"):
        yield query["key"]


def refusal(
    hosts: Sequence[str],
    headers: Mapping[str, str],
    shown: Sequence[str],
    token: str | None,
) -> Failure | None:
    """Why a request is not let in; `None`: it is.

    `hosts` are its Host headers, `shown` its credentials.
    """
    if token is not None:
        if any(_same(secret, token) for secret in shown):
            return None
        said = "The token that was sent is not this server's." if shown else "This needs a token."
        return Failure(
            401, "key", f"{said} It goes where the API has its key, as `Authorization: Bearer ...`."
        )
    if len(hosts) != 1 or not is_loopback(_hostname(hosts[0])):
        name = ", ".join(hosts) or "no host"
        return Failure(
            403,
            "permission",
            f"The request is for {name!r}; without a token this server answers to localhost alone. "
            "`--token` lets others in.",
        )
    return foreign(hosts[0], headers)


def foreign(host: str, headers: Mapping[str, str]) -> Failure | None:
    """Why a request that a page of another site sent is not let in; `None`: none did."""
    origin = headers.get("origin")
    if origin is not None and not _same_origin(origin, host):
        return Failure(403, "permission", f"A page of {origin!r} may not use this server.")
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return Failure(403, "permission", f"A page of another site ({site}) may not use this one.")
    return None


def _same(one: str, other: str) -> bool:
    """Compared in a time that tells nothing."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _same_origin(origin: str, host: str) -> bool:
    scheme, separator, authority = origin.partition("://")
    return scheme == "http" and bool(separator) and authority.lower() == host.lower()


@lru_cache(maxsize=1024)
def _hostname(host: str) -> str:
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises for what is none
    except ValueError:
        return ""
    if parts.netloc != host or parts.username is not None or parts.path or "%" in host:
        return ""
    return parts.hostname or ""


@lru_cache(maxsize=1024)
def is_loopback(name: str) -> bool:
    """Whether a host's name, or address, is this machine's alone."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name.lower().removesuffix(".") == "localhost"


def require_token(host: str, token: str | None) -> None:
    """Raises `UsageError` for an address that others can reach, without a token."""
    if token is None and not is_loopback(host):
        raise UsageError(
            f"{host} can be reached from other machines, so a token is needed: "
            "`--token SECRET`, or PELLUCID_TOKEN."
        )
    if token is not None and not (token.isascii() and token.isprintable() and token.strip()):
        raise UsageError("The token must be printable ASCII, since it is sent in a header.")
