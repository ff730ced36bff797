"""Pellucid: talk to a language model and see what really happened.

Names are loaded when they are first used, so that `import pellucid` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .messages import Message as Message
    from .messages import Reply as Reply
    from .prompt.values import Prompt as Prompt
    from .record.receipt import Receipt as Receipt
    from .tokens.encoding import Encoding as Encoding

__version__ = "0.1.0"

_HOMES = {
    "Message": "messages",
    "Reply": "messages",
    "Prompt": "prompt.values",
    "Receipt": "record.receipt",
    "Encoding": "tokens.encoding",
}

__all__ = ["Encoding", "Message", "Prompt", "Receipt", "Reply", "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pellucid' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
