"""What went wrong, as an API's error: status and kind for each error of ours."""

from __future__ import annotations

import contextlib
import sys
import traceback

from ..dialects.base import Failure, FailureKind
from ..dialects.failures import ERRORS
from ..errors import (
    BadRequest,
    EngineError,
    IncompleteReply,
    MissingKey,
    ModelUnavailable,
    NotInstalled,
    PellucidError,
    PromptTooLong,
    ProviderError,
    Stalled,
    UnknownModel,
    WebError,
)

BUSY = 503

STATUSES: dict[FailureKind, int] = {
    "key": 401,
    "quota": 402,
    "permission": 403,
    "not_found": 404,
    "rejected": 400,
    "too_large": 400,
    "rate_limit": 429,
    "overloaded": BUSY,
    "server": 502,
    "reply": 502,
}


class Refused(Exception):
    """A request that gets no answer from a model. `retry_after` is in seconds."""

    def __init__(self, failure: Failure, retry_after: int | None = None) -> None:
        self.failure = failure
        self.retry_after = retry_after
        super().__init__(failure.message)


def failure_of(error: PellucidError) -> Failure:
    """The failure that tells a client of `error`."""
    kind: FailureKind = "rejected"
    match error:
        case BadRequest():
            return Failure(400, "rejected", str(error), field=error.field)
        case NotInstalled():
            return Failure(501, "rejected", str(error))
        case UnknownModel() | ModelUnavailable():
            return Failure(404, "not_found", str(error), field="model")
        case PromptTooLong():
            kind = "too_large"
        case Stalled():
            return Failure(504, "server", str(error), error.code)
        case MissingKey():
            instead = (
                "With `--default local` a model of this machine answers where no host is named."
            )
            return Failure(401, "key", f"{error} {instead}")
        case ProviderError():
            return _provider(error)
        case EngineError() | IncompleteReply() | WebError():
            kind = "server"
    return Failure(STATUSES[kind], kind, str(error))


def _provider(error: ProviderError) -> Failure:
    """A host's own failure goes on as it came, as far as its kind is known."""
    kinds = (kind for kind, each in ERRORS.items() if type(error) is each)
    kind: FailureKind = next(kinds, "server")
    status = STATUSES[kind]
    if kind in ("rejected", "quota") and error.status in (402, 409, 413, 422, 429):
        status = error.status
    return Failure(status, kind, str(error), error.code)


def tell(text: str) -> None:
    """Say it on the terminal, if that is still there."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def own_fault() -> Failure:
    """What a client is told of the error of ours that is handled; the terminal is told all."""
    tell(traceback.format_exc())
    said = "The server met an error of its own; its terminal says more."
    return Failure(500, "server", said)
