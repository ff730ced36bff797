"""What a server takes at most."""

from __future__ import annotations

from ..value import value


@value
class Limits:
    """`body` and `url` are bytes, `depth` is how far JSON may nest.

    `local` and `hosted` are calls that one model answers at a time, `waiting` those that queue for
    it. Seconds: `read` for a request to arrive, `write` in which a client takes some of what it is
    sent, `call` for one answer, `grace` for answers to end when the server stops.
    """

    body: int = 20 << 20
    depth: int = 200
    local: int = 4
    hosted: int = 256
    waiting: int = 64
    read: float = 30.0
    write: float = 30.0
    call: float = 1800.0
    grace: float = 5.0
