"""`pellucid prompt`: what would be sent. Nothing is called and no engine is started."""

from __future__ import annotations

import argparse

from . import options, output, toolbox


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="*", help="the next message; standard input is joined to it")
    options.add_talk(parser)
    toolbox.arguments(parser)
    parser.add_argument("--tokens", action="store_true", help="ids and pieces instead of text")
    parser.add_argument(
        "--no-generation-prompt",
        action="store_true",
        help="leave out the words that open the assistant's turn",
    )
    parser.add_argument("--json", action="store_true", help="ids, origins, counts and budget")


def run(args: argparse.Namespace) -> int:
    from ..errors import UsageError

    text = options.question(args.text)
    if not text:
        raise UsageError('Nothing to send: pellucid prompt "Hi!"')
    message = options.message(text, options.attached(args.attach))
    chat = options.chat(args)
    prompt = chat.prompt(message, generation=not args.no_generation_prompt)
    if prompt is None:
        raise UsageError(f"The provider of {chat.model.name} renders the prompt out of sight.")
    from ..prompt.budget import measure
    from ..views import terminal

    max_tokens = chat.model.settle(chat.options).max_tokens
    budget = measure(prompt, chat.model.window or 0, max_tokens)
    if args.json:
        from dataclasses import asdict

        from ..record.codec import encode

        output.print_json({**encode(prompt), "budget": asdict(budget)})
        return 0 if budget.fits else 1
    if args.tokens:
        output.show(terminal.tokens, prompt.encoding, prompt)
    else:
        output.show(terminal.prompt, prompt)
    print()
    output.show(terminal.budget, budget)
    return 0 if budget.fits else 1
