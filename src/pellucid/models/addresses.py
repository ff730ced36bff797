"""Addresses of hosts: their origin, whether they are on this machine, what may be in them."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import SplitResult, quote, urlsplit

from ..errors import UsageError
from ..value import value

PORTS = {"http": 80, "https": 443}


@value
class Origin:
    """What a key is bound to. https://www.rfc-editor.org/rfc/rfc6454"""

    scheme: str
    host: str
    port: int

    @classmethod
    @lru_cache(maxsize=1024)  # several times for every call to a host
    def of(cls, url: str) -> Origin:
        """Raises `UsageError` for what is no address of a host."""
        parts = split(url)
        return cls(parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme])

    @property
    def netloc(self) -> str:
        """Host and port as a Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"


def split(url: str) -> SplitResult:
    """The parts of an http or https address. Raises `UsageError`: the message never holds it
    whole, since what makes it wrong may be a key."""
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError as error:
        raise UsageError(f"The address of a host cannot be read: {error}.") from None
    if parts.scheme not in PORTS or not parts.hostname or not port_is_fine:
        raise UsageError("The address of a host is written https://host/path or http://host:port.")
    if "@" in parts.netloc or parts.query:
        raise UsageError(
            f"The address of {parts.hostname} has a name or a key in it; leave them out and put "
            "the key where `pellucid keys` finds it."
        )
    if any(c.isspace() or not c.isprintable() or not c.isascii() for c in url):
        raise UsageError(
            f"The address of {parts.hostname} has a blank or a letter in it that no address has; "
            "a name in another script is written xn--…"
        )
    return parts


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name alone: nothing is looked up."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


@lru_cache(maxsize=1024)
def join(base: str, path: str) -> str:
    """The address of `path` below `base`; what an address cannot hold is percent-encoded."""
    path = quote(path, safe="/:?&=%+,;@!$'()*~")
    return f"{base.rstrip('/')}/{path.lstrip('/')}"


def ollama(text: str) -> str:
    """OLLAMA_HOST as Ollama reads it: `host`, `:port`, `host:port`, an address of either kind of
    IP, a scheme or none. What servers listen on (0.0.0.0) is asked as loopback.

    https://github.com/ollama/ollama/blob/main/envconfig/config.go
    """
    text = text.strip().strip("\"'").strip()
    scheme, found, rest = text.partition("://")
    if not found:
        scheme, rest = "http", text
        port = 11434
    else:
        port = PORTS.get(scheme, 11434)
    hostport, _, path = rest.partition("/")
    host = hostport
    if hostport.startswith("["):
        host, _, tail = hostport[1:].partition("]")
        given = tail.removeprefix(":")
    elif hostport.count(":") == 1:
        host, _, given = hostport.partition(":")
    else:  # a bare IPv6 address, or no port
        given = ""
    if given.isdecimal() and 0 < int(given) <= 65535:
        port = int(given)
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}:{port}" + (f"/{path}" if path else "")
