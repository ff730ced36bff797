"""Fetching pages: politely, in parallel, bounded, from public addresses only."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import field
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urljoin

from .. import __version__
from ..engine import extra
from ..errors import AddressRefused, PellucidError, UsageError, WebError
from ..value import value
from . import addresses, failures
from .gate import Gate, Lookup, system_lookup

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from protego import Protego
    from yarl import URL

T = TypeVar("T")

HEADERS = {
    "User-Agent": f"Mozilla/5.0 (compatible; Pellucid/{__version__})",
    "Accept": "text/html,application/xhtml+xml,application/pdf,text/*;q=0.9,*/*;q=0.5",
    "Accept-Language": "en,*;q=0.5",
    "Accept-Encoding": "gzip, deflate",
}
ROBOT = "Pellucid"
"""The name by which a robots.txt may speak of this reader."""

AT_ONCE = 6
PACE = 0.1
"""To one host go at most so many requests at once, and one each `PACE` seconds."""
LONGEST_PACE = 5.0
"""A robots.txt may ask for a slower pace, up to this."""
ROBOTS_BYTES = 512 * 1024  # https://www.rfc-editor.org/rfc/rfc9309#section-2.5


@value
class Limits:
    """What one page may take: bytes after decompression, seconds from the first look-up to the
    last byte, redirects."""

    bytes: int = 10_000_000
    seconds: float = 30.0
    redirects: int = 10


@value
class Access:
    """Who may be asked, and how.

    `allowed` are hosts (`host:port`) that may be private. `headers` are sent besides `HEADERS`;
    the secret ones among them (any but User-Agent and Accept…) to the origin of the first address
    alone.
    """

    allowed: tuple[str, ...] = ()
    ignore_robots: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    offline: bool = False


@value
class Fetched:
    """One response. `url` is where it came from in the end, `asked` where that began, `seconds`
    what it took; `mime` is in lower case and empty when the server named none, as is `charset`."""

    url: str
    asked: str
    mime: str
    charset: str
    body: bytes = field(repr=False)
    seconds: float = 0.0


def fetch(
    urls: Sequence[str],
    access: Access | None = None,
    *,
    linked_from: Fetched | None = None,
    lookup: Lookup = system_lookup,
) -> list[Fetched | PellucidError]:
    """Fetch all of `urls` at once; what came of each, in their order. Links of the page
    `linked_from` are judged as its redirects are, and secret headers go to its site alone."""
    return fetch_and(lambda got: got, urls, access, linked_from=linked_from, lookup=lookup)


def fetch_and(
    work: Callable[[Fetched], T],
    urls: Sequence[str],
    access: Access | None = None,
    *,
    linked_from: Fetched | None = None,
    lookup: Lookup = system_lookup,
) -> list[T | PellucidError]:
    """As `fetch`, with `work` done on each page as soon as it is there, in a thread beside those
    that are on their way. It takes one page at a time: Python would not do two any faster."""

    async def one(fetcher: Fetcher, worker: Executor, url: str) -> T | PellucidError:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(worker, work, await fetcher.get(url))
        except PellucidError as error:
            return error

    async def all_of_them() -> list[T | PellucidError]:
        with ThreadPoolExecutor(1) as worker:
            async with Fetcher(access or Access(), lookup, linked_from) as fetcher:
                return await asyncio.gather(*(one(fetcher, worker, url) for url in urls))

    return _run(all_of_them)


def _run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end, in a thread of its own where a loop runs already: a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()


class Fetcher:
    """Fetches pages over connections that it keeps; an async context manager."""

    def __init__(self, access: Access, lookup: Lookup, linked_from: Fetched | None) -> None:
        self._access = access
        self._gate = Gate(access.allowed, offline=access.offline, lookup=lookup)
        self._session: ClientSession | None = None
        self._robots: dict[tuple[str, str, int], asyncio.Task[Protego | None]] = {}
        self._paces: dict[str, _Pace] = {}
        self._before = addresses.parse(linked_from.url) if linked_from else None
        self._first = addresses.origin(addresses.parse(linked_from.asked)) if linked_from else None

    async def __aenter__(self) -> Self:
        aiohttp = extra.need("web", "aiohttp")
        gate = self._gate
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=gate.resolver(),
                socket_factory=gate.open_socket,
                use_dns_cache=False,
                limit=0,
            ),
            headers=HEADERS,
            # `get` keeps the time, over all redirects.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            trust_env=False,
            requote_redirect_url=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        for task in self._robots.values():
            task.cancel()
        await self._session.close()

    async def get(self, address: str) -> Fetched:
        """One page.

        Raises `UsageError` for what is no address, `AddressRefused` for one that may not be
        reached, `NothingToRead` for an image and the like, `WebError` for every other failure.
        """
        url = addresses.parse(address)
        self._first = self._first or addresses.origin(url)
        began = time.perf_counter()
        limits = self._access.limits
        try:
            async with asyncio.timeout(limits.seconds):
                mime, charset, body, end = await self._follow(url, limits.bytes)
        except TimeoutError:
            raise WebError(
                address, f"{url} was not there after {limits.seconds:g} s; it was given up."
            ) from None
        return Fetched(str(end), address, mime, charset, body, time.perf_counter() - began)

    async def _follow(
        self, url: URL, most: int, *, robots: bool = False
    ) -> tuple[str, str, bytes, URL]:
        """The page at `url`, each redirect judged like the address that was typed."""
        before = self._before
        seen: set[URL] = set()
        while True:
            if url in seen or len(seen) > self._access.limits.redirects:
                circle = "in a circle" if url in seen else f"more than {len(seen) - 1} times"
                raise WebError(str(url), f"{before} redirects {circle}; it was given up.")
            seen.add(url)
            await self._gate.admit(url, before)
            if not robots and not self._access.ignore_robots:
                await self._obey_robots(url)
            async with self._paced(url), self._response(url) as response:
                target = _redirect(response, url)
                if target is None:
                    failures.require_success(url, response.status, response.headers)
                    body = await _read(response, url, most, robots)
                    return _mime(response), response.charset or "", body, url
            before, url = url, target

    @contextlib.asynccontextmanager
    async def _response(self, url: URL) -> AsyncIterator[ClientResponse]:
        from aiohttp import ClientError

        assert self._session is not None
        try:
            async with self._session.get(
                url, allow_redirects=False, headers=self._headers(url)
            ) as response:
                yield response
        except (OSError, ClientError) as error:
            raise WebError(str(url), failures.explain(url, error)) from error

    def _headers(self, url: URL) -> dict[str, str]:
        return {
            name: value
            for name, value in self._access.headers.items()
            if name.title() in HEADERS or addresses.origin(url) == self._first
        }

    async def _obey_robots(self, url: URL) -> None:
        """Raises `AddressRefused` where the site's robots.txt asks this reader to stay out."""
        origin = addresses.origin(url)
        if origin not in self._robots:
            self._robots[origin] = asyncio.create_task(self._read_robots(url))
        rules = await asyncio.shield(self._robots[origin])
        if rules is None:
            return
        if not rules.can_fetch(str(url), ROBOT):
            raise AddressRefused(
                str(url),
                f"The robots.txt of {url.raw_host} asks programs not to read {url}; "
                "--ignore-robots reads it nevertheless.",
            )
        self._pace(url).seconds = max(PACE, min(rules.crawl_delay(ROBOT) or 0.0, LONGEST_PACE))

    async def _read_robots(self, url: URL) -> Protego | None:
        """The rules of a site; `None`: it has none. One that fails to say is left alone, as
        https://www.rfc-editor.org/rfc/rfc9309#section-2.3.1.4 wants it."""
        parse: Callable[[str], Protego] = extra.need("web", "protego").Protego.parse
        try:
            address = url.with_path("/robots.txt").with_query(None)
            _, _, body, _ = await self._follow(address, ROBOTS_BYTES, robots=True)
        except (WebError, UsageError) as error:  # it may lead to what is no address
            if isinstance(error, WebError) and (error.status or 0) >= 500:
                return parse("User-agent: *\nDisallow: /")
            return None
        return parse(body.decode("utf-8", "replace"))

    def _pace(self, url: URL) -> _Pace:
        return self._paces.setdefault(url.raw_host or "", _Pace())

    @contextlib.asynccontextmanager
    async def _paced(self, url: URL) -> AsyncIterator[None]:
        if self._gate.allows(url):  # one's own site
            yield
            return
        pace = self._pace(url)
        async with pace.slots:
            now = time.monotonic()
            pace.next = max(pace.next, now) + pace.seconds
            await asyncio.sleep(pace.next - pace.seconds - now)
            yield


class _Pace:
    """When the next request to a host may start, the seconds between two, and how many at once."""

    def __init__(self) -> None:
        self.next = 0.0
        self.seconds = PACE
        self.slots = asyncio.Semaphore(AT_ONCE)


def _redirect(response: ClientResponse, url: URL) -> URL | None:
    """Where a response leads, judged as an address; `None` for one that is the page itself."""
    target = response.headers.get("Location")
    if response.status not in (301, 302, 303, 307, 308) or not target:
        return None
    with contextlib.suppress(ValueError):  # such as http://[: `parse` says what is wrong with it
        target = urljoin(str(url), target)
    try:
        return addresses.parse(target, what=f"redirect of {url.raw_host}")
    except UsageError as error:
        raise UsageError(f"{error} {url} redirects there.") from None


def _mime(response: ClientResponse) -> str:
    mime = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return "".join(filter(str.isprintable, mime))  # a terminal may come to show it


async def _read(response: ClientResponse, url: URL, most: int, cut: bool) -> bytes:
    """The body, at most `most` bytes of it: a longer one is `cut`, or refused."""
    if not cut:
        failures.require_readable(url, _mime(response))
        if (response.content_length or 0) > most:
            raise failures.too_big(url, most)
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > most:
            if cut:
                break
            raise failures.too_big(url, most)
    return bytes(body[:most])
