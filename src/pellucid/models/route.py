"""How a host is reached: directly or through a proxy of the environment, with which certificates,
or, offline, not at all."""

from __future__ import annotations

import ipaddress
import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ..errors import SettingsError, Unreachable
from ..value import value
from .addresses import Origin

if TYPE_CHECKING:
    from ssl import SSLContext


@value
class Proxy:
    """An HTTP proxy. `authorization` is the value of its header, empty where it wants none."""

    host: str
    port: int
    authorization: str = field(default="", repr=False)


def require_allowed(origin: Origin, offline: bool) -> None:
    """Raises `Unreachable` for another machine while offline."""
    if offline and not origin.loopback:
        raise Unreachable(
            f"{origin} was not called: this is offline, by the setting or `--offline`.",
            code="offline",
        )


def proxy(origin: Origin, environ: Mapping[str, str] | None = None) -> Proxy | None:
    """The proxy for a host: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, unless NO_PROXY names the host.

    This machine is never asked through one. Raises `SettingsError` for a proxy of another kind.
    """
    environ = os.environ if environ is None else environ
    if origin.loopback or _excepted(origin, _variable(environ, "no_proxy")):
        return None
    text = _variable(environ, f"{origin.scheme}_proxy") or _variable(environ, "all_proxy")
    if not text:
        return None
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port or 80
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme != "http" or not parts.hostname:
        raise SettingsError(
            f"The proxy for {origin} is of a kind that is not spoken here "
            f"({parts.scheme or 'no scheme'}); http://host:port is."
        )
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    secret = f"Basic {b64encode(login.encode()).decode()}" if parts.username else ""
    return Proxy(parts.hostname, port, secret)


def _variable(environ: Mapping[str, str], name: str) -> str:
    # In a CGI program HTTP_PROXY is a header that a visitor sent. https://httpoxy.org
    if name == "http_proxy" and "REQUEST_METHOD" in environ:
        return environ.get(name, "")
    return environ.get(name) or environ.get(name.upper(), "")


def _excepted(origin: Origin, rules: str) -> bool:
    """NO_PROXY as curl and Go read it: names, their subdomains, addresses, networks, or `*`."""
    for rule in (word.strip().lower() for word in rules.split(",")):
        name, _, port = rule.rpartition(":") if rule.count(":") == 1 else (rule, "", "")
        if port and port != str(origin.port):
            continue
        name = name.removeprefix("*").removeprefix(".")
        if rule == "*" or (name and f".{origin.host}".endswith(f".{name}")):
            return True
        try:
            if ipaddress.ip_address(origin.host) in ipaddress.ip_network(name, strict=False):
                return True
        except ValueError:
            continue
    return False


@cache
def certificates() -> SSLContext:
    """Who is trusted: the system's authorities, or those of SSL_CERT_FILE, SSL_CERT_DIR or
    REQUESTS_CA_BUNDLE. Raises `SettingsError` for a file that cannot be used."""
    import ssl

    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if text := os.environ.get(variable):
            path = Path(text)
            try:
                if path.is_dir():
                    return ssl.create_default_context(capath=text)
                return ssl.create_default_context(cafile=text)
            except (OSError, ssl.SSLError) as error:
                raise SettingsError(
                    f"{variable} names {text}, which cannot be used: {error}."
                ) from error
    return ssl.create_default_context()
