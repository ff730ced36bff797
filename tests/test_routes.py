"""Certificates and proxies of the environment, through both transports."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_server import Act, host, says
from hosted_models import KEY, TRANSPORTS, ask, model
from pellucid.errors import CertificateFailed, SettingsError, Unreachable
from pellucid.models import retries, route
from pellucid.models.addresses import Origin

PEM = Path(__file__).with_name("data") / "loopback.pem"
both = pytest.mark.parametrize("transport", TRANSPORTS)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(retries, "FIRST_WAIT", 0.001)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    route.certificates.cache_clear()
    yield
    route.certificates.cache_clear()


@pytest.fixture
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    return context


@both
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_certificates_of_the_environment(
    transport: str, variable: str, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(PEM))
    with host(says(), tls=tls) as server:
        outcome = ask(model(f"https://localhost:{server.port}"), transport)
    assert outcome.error is None
    assert outcome.text == "Hello there, you."


@both
def test_a_host_that_cannot_prove_who_it_is(transport: str, tls: ssl.SSLContext) -> None:
    with host(says(), tls=tls) as server:
        outcome = ask(model(f"https://127.0.0.1:{server.port}"), transport)
        assert type(outcome.error) is CertificateFailed
        assert "SSL_CERT_FILE" in str(outcome.error)
        assert server.asked == []
        assert "CertificateFailed" not in str(outcome.exchange.retries)  # not tried again


@both
def test_a_certificate_of_another_name(
    transport: str, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(PEM))
    with host(says(), tls=tls) as server:
        error = ask(model(f"https://other.localhost:{server.port}"), transport).error
    # Where the system does not know the name, it is refused for that.
    assert isinstance(error, Unreachable)


@both
def test_a_host_that_speaks_no_tls(transport: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def plain() -> None:
        for _ in range(3):
            connection, _ = listener.accept()
            connection.sendall(b"HTTP/1.1 400 Bad request\r\n\r\n")
            connection.close()

    threading.Thread(target=plain, daemon=True).start()
    error = ask(model(f"https://127.0.0.1:{listener.getsockname()[1]}"), transport).error
    listener.close()
    assert type(error) is Unreachable
    assert "TLS" in str(error)


def test_a_file_of_certificates_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("/nonexistent.pem", __file__):
        monkeypatch.setenv("SSL_CERT_FILE", path)
        route.certificates.cache_clear()
        with pytest.raises(SettingsError, match="SSL_CERT_FILE"):
            route.certificates()


# -- proxies


def forward(to: int) -> Act:
    """A proxy that leads everything to the port `to`."""

    def act(connection: socket.socket) -> bool:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        there = socket.create_connection(("127.0.0.1", to))

        def pump(a: socket.socket, b: socket.socket) -> None:
            try:
                while data := a.recv(65536):
                    b.sendall(data)
            except OSError:
                pass

        threading.Thread(target=pump, args=(there, connection), daemon=True).start()
        pump(connection, there)
        there.close()
        return False

    return act


@both
def test_a_proxy_in_front_of_https(
    transport: str, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(PEM))
    with host(says(), tls=tls) as server, host(forward(server.port)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{proxy.port}")
        outcome = ask(model("https://provider.test/v1"), transport)
        assert outcome.error is None
        assert outcome.text == "Hello there, you."
        asked = proxy.asked[0]
        assert asked.line == "CONNECT provider.test:443 HTTP/1.1"
        assert asked.headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"
        assert KEY not in str(proxy.asked)  # the proxy sees no key
        assert "secret" not in repr(outcome.exchange)
        assert "proxy-authorization" not in server.asked[0].headers


@both
def test_a_proxy_in_front_of_http(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with host(says()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        outcome = ask(model("http://provider.test/v1"), transport)
        assert outcome.text == "Hello there, you."
        assert proxy.asked[0].line == "POST http://provider.test/v1/chat/completions HTTP/1.1"
        assert proxy.asked[0].headers["host"] == "provider.test"
        assert "without encryption" in outcome.notices[0]


@both
def test_a_proxy_that_refuses(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(connection: socket.socket) -> bool:
        connection.sendall(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
        return False

    with host(refuse) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        error = ask(model("https://provider.test/v1"), transport).error
        assert isinstance(error, Unreachable)
        assert "proxy" in str(error)
        assert "407" in str(error)
        assert len(proxy.asked) == 1


@both
def test_a_proxy_that_is_not_there(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    error = ask(model("https://provider.test/v1"), transport).error
    assert isinstance(error, Unreachable)
    assert "127.0.0.1:9" in str(error)


@both
def test_offline_is_not_led_around_by_a_proxy(
    transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with host(says()) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        error = ask(model("https://provider.test/v1"), transport, offline=True).error
        assert isinstance(error, Unreachable)
        assert proxy.connections == 0


@pytest.mark.parametrize(
    ("rules", "url", "direct"),
    [
        ("", "https://api.openai.com", False),
        ("*", "https://api.openai.com", True),
        ("openai.com", "https://api.openai.com", True),
        (".openai.com", "https://api.openai.com", True),
        ("*.openai.com", "https://api.openai.com", True),
        ("notopenai.com, api.openai.com:443", "https://api.openai.com", True),
        ("api.openai.com:80", "https://api.openai.com", False),
        ("nai.com", "https://api.openai.com", False),
        ("10.0.0.0/8", "http://10.1.2.3:8000", True),
        ("10.1.2.3", "http://10.1.2.3:8000", True),
        ("10.1.2.4", "http://10.1.2.3:8000", False),
        ("fd00::/8", "http://[fd00::7]:1", True),
        ("", "http://127.0.0.1:11434", True),
        ("", "http://localhost:11434", True),
    ],
)
def test_what_goes_past_a_proxy(rules: str, url: str, direct: bool) -> None:
    environ = {"http_proxy": "http://p:1", "HTTPS_PROXY": "http://p:2", "NO_PROXY": rules}
    found = route.proxy(Origin.of(url), environ)
    assert (found is None) is direct


@pytest.mark.parametrize("text", ["socks5://p:1", "https://p:1", "http://", "http://p:99999"])
def test_proxies_that_are_not_spoken(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        route.proxy(Origin.of("https://x.example"), {"HTTPS_PROXY": text})
    assert "http://host:port" in str(caught.value)


def test_a_visitors_header_is_no_proxy() -> None:
    environ = {"HTTP_PROXY": "http://evil:1", "REQUEST_METHOD": "GET"}
    assert route.proxy(Origin.of("http://x.example"), environ) is None
