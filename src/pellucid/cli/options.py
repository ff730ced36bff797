"""Options that several commands share, and the chat they describe."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..chat import Chat
    from ..messages import Message, Part
    from ..models.base import Model
    from ..record.receipt import Receipt
    from ..settings import Settings


def model_names(prefix: str, **_: Any) -> list[str]:
    """Names for the shell to complete."""
    from ..models.catalog import names

    return [name for name in names() if name.startswith(prefix)]


def completes(argument: argparse.Action, names: Callable[..., Iterable[str]]) -> None:
    """Let the shell complete `argument` by the words of `names(prefix, ...)`."""
    argument.completer = names  # type: ignore[attr-defined]  # as argcomplete wants it


OPTION_HELP = {
    "temperature": "0 always takes the likeliest token",
    "top_p": "keep the likeliest tokens that sum up to this",
    "top_k": "keep this many of the likeliest tokens",
    "min_p": "drop tokens below this share of the likeliest",
    "max_tokens": "the longest answer",
    "seed": "repeat a reply",
    "stop": "end the reply before this text (may be given again)",
    "alternatives": "candidates kept for every token",
}


def add_model(parser: argparse.ArgumentParser) -> None:
    model = parser.add_argument(
        "-m", "--model", action="append", metavar="NAME", help="a model's name or a GGUF file"
    )
    completes(model, model_names)


def add_talk(parser: argparse.ArgumentParser) -> None:
    """Everything that decides what is sent and how it is answered."""
    add_model(parser)
    add_instructions(parser)
    memory = parser.add_argument(
        "--memory", metavar="POLICY", help="what is replayed: full (default), none, last:N, fit"
    )
    completes(memory, lambda prefix, **_: ["full", "none", "last:4", "fit"])
    parser.add_argument(
        "-a",
        "--attach",
        action="append",
        default=[],
        metavar="FILE",
        help="send a file along: an image, a sound, a PDF or text (may be given again)",
    )
    parser.add_argument(
        "-c", "--continue", dest="resume", action="store_true", help="go on with the last one"
    )
    parser.add_argument("--offline", action="store_true", help="reach no other machine")


def add_instructions(parser: argparse.ArgumentParser) -> None:
    """The system message and the sampling options."""
    parser.add_argument("-s", "--system", metavar="TEXT", help="the system message")
    add_option(parser)


def add_option(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument(
        "-o",
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a sampling option: " + ", ".join(OPTION_HELP),
    )
    completes(option, lambda prefix, **_: [f"{key}=" for key in OPTION_HELP])


def default_verb(parser: argparse.ArgumentParser, verb: str, others: Collection[str]) -> None:
    """Let `verb` be understood where a command's first word is none of its verbs."""
    parse = parser.parse_known_args

    def with_verb(args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        words = list(args or ())
        if not words or words[0] not in (verb, *others, "-h", "--help"):
            words.insert(0, verb)
        return parse(words, namespace)

    _parse_by(parser, with_verb)


def later_words(parser: argparse.ArgumentParser) -> None:
    """Let `words` go on after options: argparse ends them at the first."""
    parse = parser.parse_known_args

    def with_words(args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        found, others = parse(args, namespace)
        found.words += [word for word in others if not word.startswith("-")]
        return found, [word for word in others if word.startswith("-")]

    _parse_by(parser, with_words)


def _parse_by(parser: argparse.ArgumentParser, parse: Callable[..., Any]) -> None:
    # Words reach the parser of a command by this method alone; argparse has no other place to
    # change them, nor a class to give it that one command could have for itself.
    parser.parse_known_args = parse  # type: ignore[method-assign]


def one_model(args: argparse.Namespace) -> str | None:
    """The model that was named. Raises `UsageError` for several."""
    if args.model and len(args.model) > 1:
        from ..errors import UsageError

        raise UsageError(
            f"{len(args.model)} models were named ({', '.join(args.model)}); this command "
            "asks one, `pellucid compare` several."
        )
    if args.model and not args.model[0]:
        from ..errors import UsageError

        raise UsageError("The name after -m is empty; `pellucid models` lists the models.")
    return args.model[0] if args.model else None


def several_models(args: argparse.Namespace) -> list[str]:
    """Every model that was named, by -m again and again or with commas between."""
    given = (word.strip() for words in args.model or () for word in words.split(","))
    return [word for word in given if word]


def settings(args: argparse.Namespace) -> Settings:
    """Settings with the flags of this command on top."""
    from dataclasses import replace

    from ..settings import load

    chosen = load()
    if getattr(args, "offline", False):
        chosen = replace(chosen, offline=True, origins={**chosen.origins, "offline": "--offline"})
    if getattr(args, "no_log", False):
        chosen = replace(chosen, log=False, origins={**chosen.origins, "log": "--no-log"})
    return chosen


def model(args: argparse.Namespace, otherwise: str | None = None) -> Model:
    """The model this command is to use, fetched if need be, with progress on a terminal.

    `otherwise` is the one to take when none was named.
    """
    from ..models.names import open_model
    from .output import Fetching, say

    chosen = settings(args)
    with Fetching() as progress:
        return open_model(one_model(args) or otherwise, chosen, say=say, progress=progress)


def chat(args: argparse.Namespace) -> Chat:
    """The conversation the options describe. With `-c`, the last one with its model and memory."""
    from ..chat import Chat
    from ..memory import parse_policy
    from . import toolbox

    chosen = settings(args)
    options = sampling(args.option)
    last = _last_receipt() if args.resume else None
    memory = args.memory or (last.memory.policy if last else chosen.memory)
    parse_policy(memory)  # refused before a model is fetched, as are the tools
    tools = toolbox.toolbox(args)
    opened = Chat(
        model(args, last.model if last else None),
        system=args.system,
        memory=memory,
        options=options,
        tools=tools,
        store="default" if chosen.log else None,
    )
    if last:
        opened.resume(last)
    return opened


def _last_receipt() -> Receipt | None:
    from ..record.store import Store
    from ..settings import Folders

    with Store(Folders.of().store) as store:
        newest = store.list(limit=1, kind="conversation")
        return store.get(newest[0].id) if newest else None


def question(words: list[str]) -> str:
    """What was asked: the words, joined to standard input when that is not a terminal."""
    return "\n\n".join(part for part in (" ".join(words), standard_input()) if part.strip())


def attached(files: Sequence[str]) -> tuple[Part, ...]:
    """The files that go along with what is said. Raises `UsageError`."""
    if not files:
        return ()
    from ..attachments import attachment

    return tuple(map(attachment, files))


def message(text: str, parts: tuple[Part, ...]) -> str | Message:
    """What is said, with what goes along."""
    if not parts:
        return text
    from ..messages import Message, Text

    return Message("user", (Text(text), *parts))


def sampling(words: list[str]) -> Any:
    """`Options` from `key=value` words. Raises `UsageError` naming the one that is wrong."""
    from ..errors import UsageError
    from ..messages import Options

    readers: dict[str, Any] = dict.fromkeys(("temperature", "top_p", "min_p"), float)
    readers |= dict.fromkeys(("top_k", "max_tokens", "seed", "alternatives"), int)
    values: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in OPTION_HELP:
            raise UsageError(f"-o takes KEY=VALUE with KEY one of {', '.join(OPTION_HELP)}: {word}")
        if key == "stop":
            values["stop"] = (*values.get("stop", ()), value)
            continue
        try:
            values[key] = readers[key](value)
        except ValueError:
            raise UsageError(f"-o {key} takes a number, not {value!r}.") from None
    return Options(**values)


def standard_input() -> str:
    """All of standard input when it is not a terminal. Raises `UsageError` for bad UTF-8."""
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    return utf8(sys.stdin.buffer.read(), "standard input")


def utf8(data: bytes, where: str) -> str:
    from ..errors import UsageError

    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"Byte {error.start:,} (0x{data[error.start]:02x}, counted from 0) of {where} is not "
            "UTF-8; convert it first, for instance with iconv."
        ) from None
