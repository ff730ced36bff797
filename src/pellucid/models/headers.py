"""The headers of a request: its key where the API wants it, and what a receipt shows of that."""

from __future__ import annotations

from .keys import Endpoint

REMOVED = "[removed]"
SECRET_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "proxy-authorization", "cookie")


def headers_for(endpoint: Endpoint) -> dict[str, str]:
    """The headers of a request to a host: its key where its API wants it."""
    from .. import __version__

    headers = {"User-Agent": f"pellucid/{__version__}", "Accept-Encoding": "identity"}
    dialect = endpoint.host.dialect
    if dialect == "anthropic":
        headers["anthropic-version"] = "2023-06-01"
    if endpoint.key is not None:
        value = endpoint.key.value.strip()
        match dialect:
            case "anthropic":
                headers["x-api-key"] = value
            case "gemini":
                headers["x-goog-api-key"] = value
            case _:
                headers["Authorization"] = f"Bearer {value}"
    return headers


def shown(name: str, value: str) -> str:
    """A header as a receipt has it."""
    if name.lower() not in SECRET_HEADERS:
        return value
    scheme, blank, _ = value.partition(" ")
    return f"{scheme} {REMOVED}" if blank else REMOVED
