"""What goes wrong between here and a host, as errors that say it."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPException

from ..errors import BadReply, CertificateFailed, ProviderError, Stalled, Unreachable
from .addresses import Origin
from .route import Proxy


@contextlib.contextmanager
def named(origin: Origin, proxy: Proxy | None = None, timeout: str = "connect") -> Iterator[None]:
    """Turns errors of sockets, TLS and HTTP into ours. `timeout` is which of the timeouts is
    running: `connect`, `first` or `silence`."""
    try:
        yield
    except (OSError, HTTPException) as error:
        raise translated(error, origin, proxy, timeout) from error


def translated(
    error: Exception, origin: Origin, proxy: Proxy | None = None, timeout: str = "connect"
) -> ProviderError:
    """The error of ours for one of a library's. `code` says which may pass by themselves."""
    place = f"the proxy {proxy.host}:{proxy.port}" if proxy else str(origin)
    match error:
        case ssl.SSLCertVerificationError():
            return CertificateFailed(
                f"{origin} could not prove who it is: {error.verify_message}. Where a proxy reads "
                "along, name its authority's certificate in SSL_CERT_FILE."
            )
        case ssl.SSLError():
            return Unreachable(f"{origin} does not speak TLS as it should: {error.reason}.")
        case TimeoutError():
            return timed_out(origin, place, timeout)
        case socket.gaierror():
            passing = error.errno == socket.EAI_AGAIN
            return Unreachable(
                f"{place} cannot be found: {error.strerror}. Is the name right, and is there a "
                "network?",
                code="reset" if passing else "no such host",
            )
        case ConnectionRefusedError():
            return Unreachable(
                f"{place} refuses the connection; nothing listens there."
                + (" Is its server running?" if origin.loopback else ""),
                code="refused",
            )
        case HTTPException() if not isinstance(error, ConnectionError):
            if type(error).__name__ == "IncompleteRead":
                return Unreachable(f"{place} broke off its answer.", code="reset")
            return BadReply(f"{place} does not speak HTTP as it should ({type(error).__name__}).")
        case OSError():
            return Unreachable(
                f"The connection to {place} broke: {error.strerror or error}.", code="reset"
            )
        case _:
            return Unreachable(f"The connection to {place} broke.", code="reset")


def timed_out(origin: Origin, place: str, timeout: str) -> ProviderError:
    variable = f"PELLUCID_TIMEOUT_{timeout.upper()}"
    if timeout == "connect":
        return Unreachable(
            f"{place} did not take the connection in time; {variable} sets how long is waited.",
            code="timeout",
        )
    what = "answered nothing for too long" if timeout == "first" else "stopped sending"
    return Stalled(f"{origin} {what}; {variable} sets how long is waited.")
