"""One HTTP request on its way through a face: what a handler may use of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..dialects.base import Failure
from ..dialects.form import Form, decode_form
from ..dialects.json_text import compact
from ..errors import BadRequest
from ..models.base import Model
from ..record.receipt import Receipt
from ..value import value
from . import bodies
from .http_request import HttpRequest
from .http_response import Response

if TYPE_CHECKING:
    from .serving import Server

APP_HEADER = "x-pellucid-app"
LOG_HEADER = "x-pellucid-log"
RECEIPT_HEADER = "X-Pellucid-Receipt"
NO = ("no", "0", "false", "off")


@value
class Face:
    """An API as its errors are written. `host` is whose API it is: a name of `hosts.toml`."""

    host: str
    encode_error: Callable[[Failure], dict[str, Any]]


Handler = Callable[["Visit"], Awaitable[Response | None]]
"""Answers; `None` where the answer was streamed."""


@value
class Route:
    """`path` is exact, or ends in `*` for whatever follows."""

    method: str
    path: str
    handler: Handler


class Visit:
    """A request that was let in."""

    def __init__(
        self, server: Server, request: HttpRequest, face: Face, keys: tuple[str, ...]
    ) -> None:
        self.server = server
        self.request = request
        self.face = face
        self.keys = keys
        headers = request.headers
        named = headers.get(APP_HEADER) or server.app or headers.get("user-agent") or "unknown"
        self.app = named[:200]
        self.size = 0
        """Bytes of its body, once that was read."""
        self.receipt = ""
        """The id of the receipt that was kept last, or will be."""
        self.logged = headers.get(LOG_HEADER, "").lower() not in NO

    @property
    def path(self) -> str:
        """As it was written, percent-encoded."""
        return self.request.raw_path

    @property
    def client(self) -> str:
        """Who takes turns with others in a queue."""
        return f"{self.request.remote} {self.app} {hash(self.keys)}"

    def receipt_header(self, id: str) -> dict[str, str]:
        """Where the receipt with this id is found, if one is kept."""
        kept = self.server.recorder is not None and self.logged and id
        return {RECEIPT_HEADER: id} if kept else {}

    def keep(self, receipt: Receipt) -> None:
        """Keep the receipt of a call that was made for it, if one is wanted."""
        recorder = self.server.recorder
        if recorder is not None and self.logged:
            recorder.keep(receipt, self.size)
            self.receipt = receipt.id

    async def body(self) -> dict[str, Any]:
        """The JSON object that was sent. Raises `BadRequest` and `Refused`."""
        return bodies.parse(await self._read(), self.server.limits)

    async def form(self) -> Form:
        """The form that was sent. Raises `BadRequest` and `Refused`."""
        data = await self._read()
        return decode_form(self.request.headers.get("content-type", ""), data)

    async def _read(self) -> bytes:
        data = await bodies.read(self.request, self.server.limits)
        self.size = len(data)
        return data

    async def model(self, name: str) -> Model:
        return await self.server.models.find(name, self.keys, self.face.host)

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number of the query. Raises `BadRequest`."""
        text = self.request.query.get(name, str(default))
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and 0 < int(text) <= most):
            raise BadRequest(f"{name} is {text!r}; it goes from 1 to {most}.", name)
        return int(text)


def answer(
    body: Mapping[str, Any] | list[Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """JSON."""
    return Response(compact(body).encode(), status, headers or {})
