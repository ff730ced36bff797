"""The command line: which command, and what happens to errors.

Only the module of the command that was named is imported; `pellucid --help` imports none.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

COMMANDS = {
    "chat": "a conversation you can see through",
    "ask": "one question, one answer",
    "assistant": "ready to talk to: an airline, a shop, a tutor; or your own",
    "agent": "a task for agents: planned, carried out, with sources",
    "summarize": "web pages, files or standard input in a few sentences",
    "brochure": "a company's site as one page, with its sources",
    "prompt": "what would be sent, with counts; nothing is called",
    "compare": "one question to several models, side by side",
    "duel": "models that talk with one another",
    "tokens": "text as tokens; count, compare, explain, train",
    "tools": "how well a model calls tools; what it is told of one",
    "template": "the text a chat becomes; compare and check chat templates",
    "embed": "texts as vectors, and how near they are to each other",
    "speak": "text read aloud, into a file of sound",
    "transcribe": "speech written down, with its times or as subtitles",
    "draw": "a picture of what a text says",
    "models": "what can be used now, and what each model needs",
    "keys": "keys of hosts: which exist, from where, what looks wrong",
    "pull": "fetch a model",
    "receipts": "list, search, export, import and delete receipts",
    "diff": "two prompts: where they part, and why a cache was missed",
    "show": "one receipt: in the terminal, as JSON or as a page",
    "mcp": "an MCP server: count tokens, show a prompt, search receipts",
    "engine": "the process that runs local models: status, stop",
    "ui": "the page: a conversation on the left, what really happened on the right",
    "serve": "OpenAI's, Anthropic's, Gemini's and Ollama's APIs, on this machine",
    "run": "a program pointed at a server of ours; what it sent, when it ends",
    "watch": "calls as they happen",
    "where": "files, folders and settings in use",
    "completion": "the words that make your shell complete names",
}
GROUPS = {
    "talk": ("chat", "ask", "assistant", "agent", "compare", "duel", "ui"),
    "look": ("tokens", "prompt", "template", "show", "receipts", "diff", "embed"),
    "web": ("summarize", "brochure"),
    "sound": ("speak", "transcribe"),
    "pictures": ("draw",),
    "models": ("models", "tools", "keys", "pull", "engine"),
    "server": ("serve", "run", "watch", "mcp"),
    "setup": ("where", "completion"),
}
INTERRUPTED = 130
CLOSED_PIPE = 141


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser. With the name of a command, of that one alone; with `all`, of all in full."""
    lines = []
    for group, names in GROUPS.items():
        lines += ["", f"{group}:", *(f"  {name:<11} {COMMANDS[name]}" for name in names)]
    root = argparse.ArgumentParser(
        prog="pellucid",
        usage="pellucid COMMAND [options]",
        description="Talk to a language model and see what really happened.",
        epilog="\n".join(lines).strip() + "\n\n`pellucid COMMAND --help` explains each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="store_true", help="print the version and leave")
    commands = root.add_subparsers(
        dest="command", metavar="COMMAND", prog="pellucid", help=argparse.SUPPRESS
    )
    for name in (only,) if only in COMMANDS else COMMANDS:
        line = COMMANDS[name]
        sub = commands.add_parser(name, help=line, description=line[0].upper() + line[1:] + ".")
        if only in (name, "all"):
            module = import_module(f".{name}", __package__)
            module.arguments(sub)
            sub.set_defaults(run=module.run)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    _prepare_streams()
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser("all"))
    named = next((word for word in words if not word.startswith("-")), None)
    root = parser(named)
    try:
        args = root.parse_args(words)
        if args.version:
            from .. import __version__

            print(f"pellucid {__version__}")
            return 0
        if args.command is None:
            root.print_help()
            return 0
        code = int(args.run(args) or 0)
        sys.stdout.flush()  # a full disk or a closed pipe shows here at the latest
        return code
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return CLOSED_PIPE
    except OSError as error:
        _discard_output()
        where = f"{error.filename}: " if error.filename else ""
        print(f"pellucid: {where}{error.strerror or error}", file=sys.stderr)
        return 1
    except Exception as error:
        from ..errors import PellucidError

        if not isinstance(error, PellucidError):
            raise
        print(f"pellucid: {error}", file=sys.stderr)
        return error.exit_code


def _prepare_streams() -> None:
    """Closed streams are empty; characters that an odd encoding lacks become escapes."""
    nothing = Path(os.devnull)
    sys.stdin = sys.stdin or nothing.open()
    sys.stdout = sys.stdout or nothing.open("w")
    sys.stderr = sys.stderr or nothing.open("w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Keep Python from complaining at its exit about what can no longer be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
