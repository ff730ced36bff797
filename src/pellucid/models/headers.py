"""The headers of a request: its key where the API wants it, and what a receipt shows of that."""

from __future__ import annotations

from collections.abc import Mapping

from .. import __version__
from .keys import Endpoint

AGENT = f"pellucid/{__version__}"
REMOVED = "[removed]"
SECRET_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "proxy-authorization", "cookie")


def headers_for(endpoint: Endpoint) -> dict[str, str]:
    """The headers of a request to a host: its key where its API wants it."""
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
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


def shown(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as a receipt has them."""
    return {
        name: _hidden(value) if name.lower() in SECRET_HEADERS else value
        for name, value in headers.items()
    }


def _hidden(value: str) -> str:
    scheme, blank, _ = value.partition(" ")
    return f"{scheme} {REMOVED}" if blank else REMOVED
