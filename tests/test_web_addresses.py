"""Which addresses the page fetcher reaches: 200 hostile ones refused, 50 ordinary ones served, and
no connection but to the address that was checked."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest

from pellucid.errors import AddressRefused, UsageError, WebError
from pellucid.web import addresses
from pellucid.web.fetch import Access, Fetched, Limits, fetch
from web_server import Server, serving
from work import SOON

pytest.importorskip("aiohttp")

PRIVATE_V4 = (
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255"),
    *("172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", "169.254.169.254"),
    *("169.254.0.1", "100.64.0.1", "100.100.100.200", "100.127.255.255", "192.0.0.1"),
    *("192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "224.0.1.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    "168.63.129.16",
)
PRIVATE_V6 = (
    *("::", "::1", "::2", "::7f00:1", "fe80::1", "febf::1", "fec0::1", "fc00::1", "fd00:ec2::254"),
    *("ff02::1", "ff0e::1", "100::1", "100:0:0:1::1", "2001::1", "2001:2::1", "2001:10::1"),
    *("2001:20::1", "2001:db8::1", "3fff::1", "5f00::1", "4000::1", "64:ff9b:1::1"),
    *("2a00:1450::5efe:127.0.0.1", "2a00:1450::200:5efe:10.0.0.1", "::ffff:0:127.0.0.1"),
)


def spellings(ip: str) -> list[str]:
    """A private IPv4 address in other notations."""
    a, b, c, d = map(int, ip.split("."))
    number = int(ip_address(ip))
    return [
        f"{number}",
        f"0x{number:08x}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a}.{b}.{c * 256 + d}",
        f"{a}.{b * 65536 + c * 256 + d}",
        f"{ip}.",
        "".join(chr(0xFF10 + int(ch)) if ch.isdigit() else "\u3002" for ch in ip),
        f"[::ffff:{ip}]",
        f"[::ffff:{a:02x}{b:02x}:{c:02x}{d:02x}]",
        f"[64:ff9b::{ip}]",
        f"[2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1]",
        f"[::{ip}]",
    ]


RESOLVED = {
    "localhost": ["127.0.0.1", "::1"],
    "localtest.example": ["127.0.0.1"],
    "metadata.internal": ["169.254.169.254"],
    "mixed.example": ["93.184.215.14", "10.0.0.5"],
    "mapped.example": ["::ffff:192.168.1.1"],
    "nat64.example": ["64:ff9b::a00:1"],
    "six.example": ["fd12::1"],
    "scoped.example": ["fe80::1%eth0"],
    "xn--lkjhst-bua.example": ["10.1.1.1"],
}
ODD = (
    "http://user:secret@example.com/",
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1#@example.com/",
    "http://127.0.0.1\\@example.com/",
    "http://example.com\\@127.0.0.1/",
    "http://127.0.0.1\t.example.com/",
    "http://exam\nple.com/",
    "http://exam ple.com/",
    "http://%31%32%37.0.0.1/",
    "http://127.0.0.1%00.example.com/",
    "http://[::1%25lo]/",
    "http://[fe80::1%25eth0]/",
    "http://127.0.0.1:99999/",
    "http://256.256.256.256/",
    "http://127.0.0.1.5/",
    "http://0x/",
    "http://1.2.3.08/",
    "http:///127.0.0.1/",
    "http:127.0.0.1",
    "//127.0.0.1/",
    "file:///etc/passwd",
    "ftp://example.com/",
    "gopher://127.0.0.1:70/_x",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://-example.com/",
    "http://.example.com/",
    "http://example..com/",
    "http://[::1/",
    "http://[1.2.3.4]/",
    "http://example.com:0/",
)
HOSTILE = [
    *(f"http://{ip}/" for ip in PRIVATE_V4),
    *(f"https://[{ip}]/" for ip in PRIVATE_V6),
    *(f"http://{spelling}:80/x" for ip in PRIVATE_V4[::3] for spelling in spellings(ip)),
    *(f"http://{name}/" for name in RESOLVED),
    *ODD,
]

ORDINARY = [
    *(f"http://site{n}.example.com/page" for n in range(12)),
    *(f"http://93.184.215.{n}/page" for n in range(1, 9)),
    *(f"http://[2606:2800:21f:cb07::{n}]/page" for n in range(1, 5)),
    *("http://8.8.8.8/page", "http://134744072/page", "http://0x08080808/page"),
    *("http://010.010.010.010/page", "http://8.8.2056/page", "http://1.1/page"),
    *("http://[::ffff:8.8.8.8]/page", "http://[64:ff9b::8.8.8.8]/page"),
    *("http://EXAMPLE.com/page", "http://example.com./page", "http://example.com:80/page"),
    *("http://bücher.example/page", "http://例え.example/page", "http://a_b.example.com/page"),
    *("HTTP://example.com/page", "http://example.com/page#part", "http://x--y.example/page"),
    *("http://1e100.net/page", "http://3com.example/page", "http://9.example/page"),
    *("http://deep.er.and.deep.er.example.com/page", "http://100.63.255.255/page"),
    *("http://172.32.0.1/page", "http://11.0.0.1/page", "http://192.169.0.1/page"),
    "http://223.255.255.254/page",
]


async def lookup(host: str) -> list[str]:
    return RESOLVED.get(host, ["93.184.215.14"])


class Spy:
    """Notes where connections go, and leads them to a server on loopback."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dialled: list[str] = []
        self.port: int | None = None
        real = socket.socket.connect

        def connect(sock: socket.socket, address: tuple[str, int]) -> None:
            self.dialled.append(address[0])
            assert self.port, f"{address} was dialled"
            with socket.socket() as other:
                real(other, ("127.0.0.1", self.port))
                os.dup2(other.fileno(), sock.fileno())
            sock.setblocking(False)

        monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    return Spy(monkeypatch)


def test_there_are_enough() -> None:
    assert len(set(HOSTILE)) >= 200
    assert len(set(ORDINARY)) >= 50


def test_hostile_addresses_are_refused(spy: Spy) -> None:
    results = fetch(HOSTILE, lookup=lookup)
    for url, result in zip(HOSTILE, results, strict=True):
        assert isinstance(result, AddressRefused | UsageError), (url, result)
    assert spy.dialled == []


def test_ordinary_addresses_are_served(spy: Spy) -> None:
    with serving({"/page": "<p>served</p>"}) as server:
        spy.port = server.port
        for url in ORDINARY:
            [result] = fetch([url], Access(ignore_robots=True), lookup=lookup)
            assert isinstance(result, Fetched), (url, result)
            assert result.body == b"<p>served</p>"
        assert len(server.paths) == len(spy.dialled) == len(ORDINARY)
    assert all(addresses.is_public(ip_address(host)) for host in spy.dialled)
    assert set(spy.dialled) >= {"8.8.8.8", "93.184.215.14", "2606:2800:21f:cb07::1", "1.0.0.1"}


def test_a_redirect_is_judged_anew(spy: Spy) -> None:
    """A public site that leads to private ones, by every spelling above: one connection each, to
    the public site."""
    targets = [url for url in HOSTILE if url not in ODD or url == "http://[::1/"]
    pages = {f"/{n}": (302, {"Location": target}, b"") for n, target in enumerate(targets)}
    with serving(pages) as server:
        spy.port = server.port
        urls = [f"http://public.example/{n}" for n in (*range(0, len(pages), 7), len(pages) - 1)]
        for result in fetch(urls, Access(ignore_robots=True), lookup=lookup):
            assert isinstance(result, AddressRefused | UsageError), result
    assert set(spy.dialled) == {"93.184.215.14"}


def test_a_name_that_changes_its_address(spy: Spy) -> None:
    """The second answer of a rebinding name is never asked for."""
    answers = [["93.184.215.14"], ["127.0.0.1"]]

    async def rebinding(host: str) -> list[str]:
        return answers.pop(0)

    with serving({"/": "<p>served</p>"}) as server:
        spy.port = server.port
        [result] = fetch(["http://rebind.example/"], Access(ignore_robots=True), lookup=rebinding)
    assert isinstance(result, Fetched)
    assert spy.dialled == ["93.184.215.14"]
    assert answers == [["127.0.0.1"]]


def test_only_the_host_and_port_that_were_allowed() -> None:
    with serving({"/": "<p>mine</p>"}) as mine, serving({"/": "<p>other</p>"}) as other:
        allowed = Access(allowed=(addresses.parse_allowed(f"localhost:{mine.port}"),))
        served, refused, by_number = fetch(
            [f"http://localhost:{mine.port}/", f"http://localhost:{other.port}/", mine.url("/")],
            allowed,
        )
    assert isinstance(served, Fetched)
    assert isinstance(refused, AddressRefused)
    assert f"--allow-host localhost:{other.port}" in str(refused)
    assert isinstance(by_number, AddressRefused)


def test_a_strangers_page_does_not_lead_to_an_allowed_host(spy: Spy) -> None:
    with serving({}) as server:
        spy.port = server.port
        server.pages["/"] = (302, {"Location": f"http://localhost:{server.port}/mine"}, b"")
        server.pages["/mine"] = "<p>mine</p>"
        access = Access(allowed=(f"localhost:{server.port}",), ignore_robots=True)
        [result] = fetch(["http://public.example/"], access, lookup=lookup)
    assert isinstance(result, AddressRefused)
    assert "/mine" not in server.paths


def test_links_are_judged_as_redirects_are(spy: Spy) -> None:
    """A frame or a link of a public page, of a page that was redirected to one too, does not lead
    to an allowed host."""
    with serving({"/mine": "<p>mine</p>"}) as server:
        spy.port = server.port
        mine = f"http://localhost:{server.port}/mine"
        public = Fetched("http://public.example/", mine, "text/html", "", b"")
        access = Access(allowed=(f"localhost:{server.port}",), ignore_robots=True)
        [refused] = fetch([mine], access, linked_from=public, lookup=lookup)
        [served] = fetch([mine], access, linked_from=replace(public, url=mine), lookup=lookup)
    assert isinstance(refused, AddressRefused)
    assert "http://public.example/ leads to" in str(refused)
    assert isinstance(served, Fetched)


def test_offline_asks_no_resolver() -> None:
    async def never(host: str) -> list[str]:
        raise AssertionError(host)

    [result] = fetch(["http://public.example/"], Access(offline=True), lookup=never)
    assert isinstance(result, AddressRefused)


def test_offline_reaches_loopback_alone(spy: Spy) -> None:
    with serving({"/": "<p>mine</p>"}) as server:
        spy.port = server.port
        access = Access(allowed=(server.host,), offline=True)
        mine, theirs = fetch([server.url("/"), "http://8.8.8.8/"], access, lookup=lookup)
    assert isinstance(mine, Fetched)
    assert isinstance(theirs, AddressRefused)
    assert set(spy.dialled) == {"127.0.0.1"}


def test_no_proxy_of_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    [result] = fetch([server.url("/")], Access(allowed=(server.host,)))
    assert isinstance(result, Fetched)


def test_a_host_that_does_not_exist() -> None:
    async def nobody(host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    [result] = fetch(["http://nowhere.example/"], lookup=nobody)
    assert isinstance(result, WebError)
    assert "no host nowhere.example" in str(result)


def test_a_resolver_that_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for, neither by the page's time nor at the end."""
    end, over = threading.Event(), threading.Event()

    def stuck(*_: object, **__: object) -> list[object]:
        end.wait(SOON)
        over.set()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    [result] = fetch(["http://stuck.example/"], Access(limits=Limits(seconds=0.2)))
    assert not over.is_set()
    assert "not there after 0.2 s" in str(result)
    assert all(thread.daemon for thread in threading.enumerate() if "lookup" in thread.name)
    end.set()


def test_a_name_that_cannot_be_asked_for() -> None:
    [result] = fetch([f"http://{'a' * 70}.example/"])
    assert isinstance(result, WebError)
    assert "There is no host" in str(result)


@pytest.mark.parametrize("text", ["localhost", "", "http://x:80", "a:b", "x:80/", "user@x:80"])
def test_allow_host_takes_host_and_port(text: str) -> None:
    with pytest.raises(UsageError, match="HOST:PORT"):
        addresses.parse_allowed(text)


def test_allow_host_spellings() -> None:
    assert addresses.parse_allowed("LOCALHOST:8000") == "localhost:8000"
    assert addresses.parse_allowed("[0:0::1]:8000") == "[::1]:8000"
    assert addresses.parse_allowed("127.1:80") == "127.0.0.1:80"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving({"/": "<p>here</p>"}) as server:
        yield server
