"""The page in people's own programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ..attachments import attachment
from ..errors import PellucidError, UsageError
from ..messages import Media, Message, Options, Part, Request, Text
from ..models.base import Model
from ..prompt.values import Prompt
from ..replies import Event, Finish, TextDelta, Usage, UsageEvent
from ..shapes import as_messages

if TYPE_CHECKING:
    from ..tools.tool import Tool

Format = Literal["messages", "pairs"]
Answers = Callable[[Any, Any], str | Iterable[str]]
"""What Gradio calls a chat function: a message and the history in, text or growing text out."""


def gradio_fn(
    model: Model | str | None = None,
    *,
    system: str | None = None,
    memory: str | None = None,
    options: Options | None = None,
    tools: Iterable[Tool] = (),
) -> Callable[..., Iterator[str]]:
    """A function for `gr.ChatInterface(fn=...)` that streams the replies of a model.

    The history may come as messages or as pairs, messages with files of a multimodal box too.
    Every call leaves a receipt. What goes wrong is shown on the page, as `gr.Error`.
    """

    def answer(message: Any, history: Any = (), *_: Any) -> Iterator[str]:
        from ..chat import Chat

        said = ""
        try:
            chat = Chat(
                model,
                system=system,
                memory=memory,
                options=options,
                tools=tools,
                history=read_history(history),
            )
            for piece in chat.stream(_spoken(message)):
                said += piece
                yield said
        except PellucidError as error:
            raise _shown(error) from error

    return answer


def chat(
    fn: Answers,
    *,
    history: Format = "messages",
    name: str = "",
    port: int | None = None,
    browser: bool = True,
) -> None:
    """The page in front of `fn(message, history)`, which returns text or yields it as it grows.

    `history` is the form in which `fn` wants what was said before: dictionaries with `role` and
    `content`, or `[user, assistant]` pairs. `name` is what the page and the receipts call it.
    Returns when the server is stopped (Ctrl-C).
    """
    model = Function(fn, history, name or getattr(fn, "__name__", "") or "function")
    _serve(model.name, {model.name: model}, port, browser)


def launch(model: str | None = None, *, port: int | None = None, browser: bool = True) -> None:
    """The page, as `pellucid ui` opens it. Returns when the server is stopped (Ctrl-C)."""
    _serve(model, {}, port, browser)


def _serve(model: str | None, given: Mapping[str, Model], port: int | None, browser: bool) -> None:
    from ..settings import load

    with_extra()
    from . import serving
    from .desk import Desk

    serving.run(Desk(load(), model=model, given=given), port=port, browser=browser)


def with_extra() -> None:
    """Raises `UsageError` where Gradio is not installed."""
    from importlib.util import find_spec

    if find_spec("gradio") is None:
        raise UsageError("The page needs the extra `ui`: pip install 'pellucid[ui]'.")


class Function:
    """A function of somebody's own as a model: it is asked, and its answers get receipts."""

    def __init__(self, fn: Answers, history: Format, name: str) -> None:
        self.name = name
        self.window: int | None = None
        self._fn = fn
        self._history = history

    def settle(self, options: Options) -> Options:
        return options

    def prepare(self, request: Request) -> Prompt | None:
        return None

    def settings(self) -> Mapping[str, Any]:
        return {}

    def versions(self) -> Mapping[str, str]:
        return {}

    def stream(self, request: Request, prompt: Prompt | None) -> Iterator[Event]:
        *before, newest = request.messages
        history = _pairs(before) if self._history == "pairs" else _dicts(before)
        answer = self._fn(newest.text, history)
        said = ""
        for text in (answer,) if isinstance(answer, str) else answer:
            # Gradio's functions yield all that was said so far; others only what is new.
            new = text[len(said) :] if text.startswith(said) else text
            said += new
            yield TextDelta(new)
        read = sum(len(message.text) for message in request.messages)
        yield UsageEvent(Usage(fresh=-(-read // 4), output=-(-len(said) // 4), known="estimated"))
        yield Finish("stop")


def _dicts(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": m.role, "content": m.text} for m in messages]


def _pairs(messages: Sequence[Message]) -> list[list[str | None]]:
    """What was said as `[user, assistant]`; pairs have no place for a system message."""
    pairs: list[list[str | None]] = []
    for message in messages:
        if message.role == "user":
            pairs.append([message.text, None])
        elif message.role == "assistant" and pairs:
            pairs[-1][1] = (pairs[-1][1] or "") + message.text
    return pairs


def read_history(history: Any) -> tuple[Message, ...]:
    """A history as Gradio gives it: messages, whose contents may be files, or pairs.

    Raises `UsageError`.
    """
    out: list[Message] = []
    for item in history or ():
        if isinstance(item, Mapping):
            parts = _content(item.get("content"))
            if parts and item.get("role") in ("user", "assistant", "system"):
                out.append(Message(item["role"], parts))
        elif isinstance(item, list | tuple) and len(item) == 2:
            user, assistant = item
            if user is not None:
                out.append(Message("user", _content(user)))
            if assistant is not None:
                out.append(Message("assistant", _content(assistant)))
        else:
            out += as_messages([item])
    return tuple(out)


def _content(content: Any) -> tuple[Part, ...]:
    """Text, a file (`{"path": ..}`, or a tuple with its path), or a list of both."""
    match content:
        case None:
            return ()
        case str():
            return (Text(content),)
        case {"type": "text", "text": str(text)}:
            return (Text(text),)
        case {"file": {"path": str(path)}} | {"path": str(path)}:
            return (attachment(path),)
        case (str(path),) if isinstance(content, tuple):
            return (attachment(path),)
        case [*items]:
            return tuple(part for item in items for part in _content(item))
    raise UsageError(f"The history holds {type(content).__name__}, which is no text and no file.")


def _spoken(message: Any) -> Message | str:
    """What a text box gives, or a multimodal one."""
    if isinstance(message, str):
        return message
    files: list[Text | Media] = [attachment(_path(file)) for file in message.get("files") or ()]
    return Message("user", (Text(str(message.get("text") or "")), *files))


def _path(file: Any) -> str:
    return str(file["path"]) if isinstance(file, Mapping) else str(file)


def _shown(error: PellucidError) -> Exception:
    import gradio

    return gradio.Error(str(error))
