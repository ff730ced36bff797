"""The gate between an address and a socket: a host is looked up and judged once, and connections
go to the very addresses that were judged."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Collection
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from ..errors import AddressRefused, WebError
from .addresses import IP, host_port, is_public, literal

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver
    from yarl import URL

Lookup = Callable[[str], Awaitable[list[str]]]
"""A host's name -> its addresses. Raises `OSError` where there are none."""


async def system_lookup(host: str) -> list[str]:
    """What the machine's own resolver says.

    It is asked in a daemon thread: one of asyncio's own would be waited for at the end, however
    long a resolver is stuck.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def told(found: list[str] | OSError) -> None:
        if answer.done():  # nobody waits any more
            return
        if isinstance(found, OSError):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def look() -> None:
        found: list[str] | OSError
        try:
            infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(info[4][0]) for info in infos))
        except OSError as error:
            found = error
        except UnicodeError:  # a label longer than the encoding of names allows
            found = OSError(f"{host} is no name")
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(told, found)

    threading.Thread(target=look, name="pellucid-lookup", daemon=True).start()
    return await answer


class Gate:
    """Lets public addresses through, and the hosts in `allowed` (`host:port`) wherever they are.

    With `offline` only loopback, and that too only where it is allowed.
    """

    def __init__(
        self,
        allowed: Collection[str] = (),
        *,
        offline: bool = False,
        lookup: Lookup = system_lookup,
    ) -> None:
        self._allowed = frozenset(allowed)
        self._offline = offline
        self._lookup = lookup
        self._admitted: dict[tuple[str, int], tuple[IP, ...]] = {}

    def allows(self, url: URL) -> bool:
        """Whether the user named this host and port: it may be private, and needs no pacing."""
        return host_port(url) in self._allowed

    async def admit(self, url: URL, before: URL | None = None) -> None:
        """Look the host up and let connections to its addresses through.

        `before` is the page that redirected here. Raises `AddressRefused`, and `WebError` for a
        host that does not exist.
        """
        host, port = url.raw_host or "", url.port or 0
        address = literal(host)
        found = [address] if address else []
        if not found and (not self._offline or self.allows(url)):  # a look-up reaches out as well
            found = await self._addresses(url, host)
        if self._offline and not (found and all(ip.is_loopback for ip in found)):
            raise AddressRefused(
                str(url), f"{host} is another machine, and `offline` lets none be reached."
            )
        # A stranger's page must not lead to the user's own site, even where that one is allowed.
        if not self.allows(url) or (before is not None and not self.allows(before)):
            for ip in found:
                if not is_public(ip):
                    raise AddressRefused(str(url), _refusal(url, ip, before))
        self._admitted[host, port] = tuple(found)

    async def _addresses(self, url: URL, host: str) -> list[IP]:
        try:
            found = [ip_address(text) for text in await self._lookup(host)]
        except OSError:
            found = []
        if not found:
            raise WebError(
                str(url), f"There is no host {host}, or no network to ask for it: check the name."
            )
        return found

    def resolver(self) -> AbstractResolver:
        """For aiohttp: answers with the addresses that were admitted, and asks nobody."""
        from aiohttp.abc import AbstractResolver, ResolveResult

        admitted = self._admitted

        class Resolver(AbstractResolver):
            async def resolve(
                self, host: str, port: int = 0, family: int = 0
            ) -> list[ResolveResult]:
                return [
                    ResolveResult(
                        hostname=host,
                        host=str(ip),
                        port=port,
                        family=socket.AF_INET if ip.version == 4 else socket.AF_INET6,
                        proto=0,
                        flags=socket.AI_NUMERICHOST,
                    )
                    for ip in admitted[host, port]
                ]

            async def close(self) -> None:
                pass

        return Resolver()

    def open_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """For aiohttp: the socket of one connection, refused unless its address was admitted."""
        family, kind, proto, _, (host, port, *_) = info
        at = ip_address(host)
        if not any(at in ips for (_, known), ips in self._admitted.items() if known == port):
            raise AddressRefused(str(host), f"{host}:{port} was not looked up and checked.")
        return socket.socket(family, kind, proto)


def _refusal(url: URL, ip: IP, before: URL | None) -> str:
    host = url.raw_host or ""
    what = f"{host} is not" if host == str(ip) else f"{host} is at {ip}, which is not"
    sentence = f"{what} a public address, and pages are read from public ones only."
    if before is not None:
        return f"{before} leads to {url}. {sentence}"
    return f"{sentence} If the site is your own: --allow-host {host_port(url)}."
