"""The commands of a conversation: `/prompt`, `/tokens`, `/why` and the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import UsageError
from . import options, output

if TYPE_CHECKING:
    from ..chat import Chat
    from ..record.receipt import Receipt
    from ..turn import Turn


def is_command(line: str) -> bool:
    """`/word` is a command; `/usr/bin` and `//` are something to say."""
    word = line.split(maxsplit=1)[0]
    return word.startswith("/") and word[1:].isalpha()


def run(chat: Chat, line: str) -> Turn | None:
    """Do what the line says. A turn is returned where the model is to answer.

    Raises `UsageError` for a command that does not exist.
    """
    word, rest = (*line.split(maxsplit=1), "")[:2]
    name = word[1:]
    if name not in COMMANDS:
        raise UsageError(f"There is no command {word}; /help lists them.")
    return COMMANDS[name][0](chat, rest.strip())


def _prompt(chat: Chat, _: str) -> None:
    from ..views import terminal

    prompt = _last(chat).prompt
    if prompt is None:
        raise UsageError("This model's provider renders the prompt out of sight.")
    output.show(terminal.prompt, prompt)


def _tokens(chat: Chat, _: str) -> None:
    from ..views import terminal

    prompt = _last(chat).prompt
    if prompt is None:
        raise UsageError("This model's provider does not show its tokens.")
    output.show(terminal.tokens, prompt.encoding, prompt)


def _why(chat: Chat, _: str) -> None:
    from dataclasses import replace

    from ..models.local import LocalModel
    from ..views import terminal

    receipt = _last(chat)
    reply = receipt.reply
    missing = any(token.logprob is None for token in reply.tokens)
    if missing and receipt.prompt is not None and isinstance(chat.model, LocalModel):
        output.say("measuring the tokens that have no probability yet")
        reply = replace(reply, tokens=tuple(chat.model.score(receipt.prompt.ids, reply.tokens)))
    output.show(terminal.why, reply)


def _system(chat: Chat, text: str) -> None:
    if text:
        chat.system = None if text == "none" else text
    print(f"system: {chat.system}" if chat.system else "no system message; /system TEXT sets one")


def _forget(chat: Chat, _: str) -> None:
    chat.forget()
    print("the history is empty; the next message is sent alone")


def _undo(chat: Chat, _: str) -> None:
    message = chat.undo()
    print(f"taken back: {message.text}" if message else "nothing to take back")


def _retry(chat: Chat, _: str) -> Turn:
    return chat.retry()


def _attach(chat: Chat, rest: str) -> Turn:
    path, _, words = rest.partition(" ")
    if not words.strip():
        raise UsageError("/attach FILE WORDS says the words and sends the file along.")
    return chat.stream(options.message(words.strip(), options.attached([path])))


def _save(chat: Chat, path: str) -> None:
    if not path:
        raise UsageError("/save FILE writes the conversation: .json as messages, else Markdown.")
    print(f"saved to {chat.save(path)}")


def _help(_: Chat, __: str) -> None:
    for name, (_function, words) in COMMANDS.items():
        print(f"  /{name:<8} {words}")
    print("  Ctrl-C    stop the reply      Ctrl-D    end")


def _last(chat: Chat) -> Receipt:
    if not chat.receipts:
        raise UsageError("Nothing has been sent yet; say something first.")
    return chat.receipts[-1]


COMMANDS: dict[str, tuple[Callable[[Chat, str], Turn | None], str]] = {
    "prompt": (_prompt, "the exact prompt of the last turn, coloured by where each part came from"),
    "tokens": (_tokens, "its tokens: ids and pieces"),
    "why": (_why, "the last reply, token by token: probability, and what was nearly said"),
    "system": (_system, "show or set the system message (/system none removes it)"),
    "forget": (_forget, "empty the history"),
    "undo": (_undo, "take the last turn back"),
    "retry": (_retry, "another reply to the last message"),
    "attach": (_attach, "/attach FILE WORDS: an image, a sound, a PDF or text sent along"),
    "save": (_save, "write the conversation to a file"),
    "help": (_help, "this list"),
}
