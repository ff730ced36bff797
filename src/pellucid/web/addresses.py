"""Addresses: parsed once, and which of them may be reached.

A name is looked up by whoever connects; `is_public` decides on the numbers that came back.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from ..errors import AddressRefused, UsageError

if TYPE_CHECKING:
    from yarl import URL

IP = IPv4Address | IPv6Address

_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")

_NAT64 = ip_network("64:ff9b::/96")
_GLOBAL_UNICAST = ip_network("2000::/3")
# What Python's own tables call global in some version, or what only looks it: 6to4 and Teredo lead
# to an IPv4 address of the sender's choice; 168.63.129.16 is a cloud's metadata service.
_NEVER = tuple(
    ip_network(net)
    for net in (
        *("0.0.0.0/8", "100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24"),
        *("198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)


def is_public(address: IP) -> bool:
    """Whether anybody on the internet may be meant by this address.

    The IPv4 address inside a mapped or NAT64 one decides for it; of the other forms that carry
    one, none is public. https://www.iana.org/assignments/iana-ipv6-special-registry/
    """
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if address in _NAT64 or address.ipv4_mapped:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        isatap = int(address) >> 32 & 0xFDFFFFFF == 0x5EFE  # ::[2]00:5efe:a.b.c.d, RFC 5214
        if address not in _GLOBAL_UNICAST or isatap:
            return False
    never = any(address in net for net in _NEVER if net.version == address.version)
    return address.is_global and not never


def typed(text: str) -> str:
    """The address that a person names, who may leave out `https://`; empty where it is none."""
    if "://" in text:
        return text
    host = text.partition("/")[0].partition(":")[0]
    is_host = "." in host.strip(".") and not any(char.isspace() for char in text)
    return f"https://{text}" if is_host else ""


def parse(text: str, *, what: str = "address") -> URL:
    """The address, parsed once: http or https, a plain host in lower case, no credentials.

    An IPv4 address in any notation (hexadecimal, octal, short, one number) comes back in four
    decimals. Raises `UsageError` for what is no address, `AddressRefused` for what hides one.
    """
    from yarl import URL

    shown = text if len(text) <= 200 else f"{text[:199]}…"
    if _UNSAFE.search(text):
        raise AddressRefused(
            shown, f"The {what} {shown!r} has a blank, a backslash or a control character in it."
        )
    try:
        url = URL(text)
        port = url.port
    except ValueError as error:
        raise UsageError(f"{shown!r} is not an address: {error}.") from None
    if url.scheme not in ("http", "https"):
        raise UsageError(
            f"{shown!r} is not a web page: an address begins with http:// or https://."
        )
    if not url.raw_host or port == 0:
        raise UsageError(f"{shown!r} names no host: write https://example.com/page.")
    if url.user is not None or url.password is not None:
        raise AddressRefused(
            shown, f"The {what} of {url.raw_host} has a name or a password in it; leave it out."
        )
    return url.with_fragment(None).with_host(_host(url.raw_host, shown))


def _host(host: str, shown: str) -> str:
    if ":" in host:
        try:
            return str(ip_address(host))
        except ValueError:
            raise UsageError(f"{shown!r} is not an address: {host!r} is no host.") from None
    host = host.lower().removesuffix(".")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):  # https://url.spec.whatwg.org/#ends-in-a-number
        try:
            return str(IPv4Address(socket.inet_aton(host)))
        except (OSError, ValueError):
            raise UsageError(f"{shown!r} is not an address: {host!r} is no host.") from None
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise UsageError(f"{shown!r} is not an address: {host!r} is no host.")
    return host


def literal(host: str) -> IP | None:
    """The address that a host of a parsed URL is, `None` for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def origin(url: URL) -> tuple[str, str, int]:
    """Scheme, host and port: what a connection, a cookie or a robots.txt belongs to."""
    return url.scheme, url.raw_host or "", url.port or 0


def host_port(url: URL) -> str:
    host = url.raw_host or ""
    return f"[{host}]:{url.port}" if ":" in host else f"{host}:{url.port}"


def parse_allowed(text: str) -> str:
    """`HOST:PORT` of `--allow-host`, as `host_port` writes it. Raises `UsageError`."""
    try:
        if re.fullmatch(r"[^/@?#]+:[0-9]+", text):
            return host_port(parse(f"http://{text}/"))
    except (UsageError, AddressRefused):
        pass
    raise UsageError(f"--allow-host takes HOST:PORT, such as localhost:8000, not {text!r}.")
