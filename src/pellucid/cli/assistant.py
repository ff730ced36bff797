"""`pellucid assistant`: a ready-made assistant, or one of a TOML file of your own."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from . import options, output, toolbox

if TYPE_CHECKING:
    from ..assistants.assistant import Assistant
    from ..chat import Chat

CASTS = {
    "argument": (("argumentative", "polite"), "Tea is better than coffee."),
    "outlook": (("optimist", "sceptic"), "Robots will do all our work in ten years."),
    "table": (("argumentative", "polite", "curious"), "Every child should learn to cook."),
}
"""Who talks with whom in `pellucid assistant duel`, and what the first says."""
OTHERS = {
    "duel": f"models that talk with one another: {', '.join(CASTS)}",
    "compare": "one question to several models, side by side",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    name = parser.add_argument(
        "name", nargs="?", help="an assistant or a TOML file; left out, they are listed"
    )
    options.completes(name, _names)
    parser.add_argument(
        "words",
        nargs="*",
        help="say this and leave; for duel the cast, for compare the question",
    )
    options.later_words(parser)
    options.add_model(parser)
    options.add_option(parser)
    toolbox.add_allow(parser)
    parser.add_argument("--offline", action="store_true", help="reach no other machine")
    parser.add_argument("--no-log", action="store_true", help="keep no receipts")


def _names(prefix: str, **_: Any) -> list[str]:
    from ..assistants.assistant import ready_made

    return [name for name in (*ready_made(), *OTHERS) if name.startswith(prefix)]


def run(args: argparse.Namespace) -> int:
    if args.name is None:
        return _list()
    if args.name == "duel":
        return _duel(args)
    if args.name == "compare":
        return _compare(args)
    from ..assistants.assistant import open_assistant

    assistant = open_assistant(args.name)
    models = options.several_models(args)
    if len(models) > 1:
        return _side_by_side(assistant, args, models)
    chat = _chat(assistant, args, options.one_model(args) or assistant.model)
    chat.open_store()
    return _talk(assistant, chat, args.words)


def _list() -> int:
    from ..assistants.assistant import open_assistant, ready_made

    for name in ready_made():
        print(f"{name:<8} {open_assistant(name).about}")
    for name, about in OTHERS.items():
        print(f"{name:<8} {about}")
    return 0


def _chat(assistant: Assistant, args: argparse.Namespace, model: str | None) -> Chat:
    """A conversation with the assistant. Its tools are looked up before a model is fetched."""
    from dataclasses import replace

    from ..chat import Chat
    from ..models.names import open_model

    chosen = options.settings(args)
    tools = assistant.load_tools(lambda names: toolbox.load(names, chosen))
    box = toolbox.of(tools, args.allow)
    sampling = options.sampling(args.option)
    if sampling.temperature is None:
        sampling = replace(sampling, temperature=assistant.temperature)
    with output.Fetching() as progress:
        opened = open_model(model, chosen, say=output.say, progress=progress)
    return Chat(
        opened,
        system=assistant.system(),
        options=sampling,
        tools=box,
        store="default" if chosen.log else None,
    )


def _talk(assistant: Assistant, chat: Chat, words: list[str]) -> int:
    from . import chat as talking

    def take(line: str) -> bool:
        said = [message.text for message in chat.messages if message.role == "user"]
        chat.system = assistant.system([*said, line])
        return talking.take(chat, line, markdown=True)

    if words:
        return 0 if take(" ".join(words)) else 1
    if assistant.opening:
        print(assistant.opening)
    if sys.stdin.isatty():
        for line in talking.typed_lines():
            take(line)
        return 0
    failures = 0
    for line in talking.piped_lines():
        failures += not take(line)
    return 1 if failures else 0


def _side_by_side(assistant: Assistant, args: argparse.Namespace, models: list[str]) -> int:
    """Every question to each of the models, each with its own history."""
    from . import chat as talking
    from . import compare

    chats = [_chat(assistant, args, model) for model in models]
    if args.words:
        lines = iter([" ".join(args.words)])
    else:
        if assistant.opening:
            print(assistant.opening)
        lines = talking.typed_lines() if sys.stdin.isatty() else talking.piped_lines()
    failed = False
    for line in lines:
        for chat in chats:
            said = [message.text for message in chat.messages if message.role == "user"]
            chat.system = assistant.system([*said, line])
        failed |= bool(compare.show(line, list(zip(models, chats, strict=True))))
    return 1 if failed else 0


def _duel(args: argparse.Namespace) -> int:
    from ..errors import UsageError
    from . import duel

    cast = args.words[0] if args.words else "argument"
    if cast not in CASTS:
        raise UsageError(f"No cast is called {cast!r}; there are {', '.join(CASTS)}.")
    personas, opening = CASTS[cast]
    flags = [flag for persona in personas for flag in ("--persona", persona)]
    return duel.run(_as(duel, args, [*flags, "--open", opening]))


def _compare(args: argparse.Namespace) -> int:
    from . import compare

    return compare.run(_as(compare, args, args.words))


def _as(module: Any, args: argparse.Namespace, words: list[str]) -> argparse.Namespace:
    """The arguments of another command, with what was said here."""
    parser = argparse.ArgumentParser()
    module.arguments(parser)
    own = parser.parse_args(words)
    for name in ("model", "option", "offline", "no_log"):
        setattr(own, name, getattr(args, name))
    return own
