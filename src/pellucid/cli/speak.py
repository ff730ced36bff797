"""`pellucid speak`: text read aloud, into a file of sound."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import options, output


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="*", help="what to say; without any, standard input")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="its end says the format: .wav, .mp3, .opus, .aac, .flac, .pcm (default: standard "
        "output, as wav)",
    )
    parser.add_argument("--speed", type=float, default=1.0, help="0.25 to 4 (default: 1)")
    parser.add_argument("--offline", action="store_true", help="reach no other machine")


def run(args: argparse.Namespace) -> int:
    from ..errors import UsageError
    from ..speech.speaking import Speech, format_of, open_voice

    path = Path(args.output) if args.output else None
    if path is not None:
        format_of(path)  # refused before anything is said
    elif sys.stdout.isatty():
        raise UsageError("Where is the sound to go? pellucid speak TEXT -o speech.wav")
    text = " ".join(args.text)
    text = options.standard_input() if text in ("", "-") else text
    with output.Fetching() as progress:
        voice = open_voice(options.settings(args), progress)
    made = Speech(text, b"".join(voice.say(text, args.speed)), voice.rate)
    if path is not None:
        made.save(path)
    else:
        sys.stdout.buffer.write(bytes(made))
    output.quiet(f"{path or 'wav'}: {made.seconds:.1f} seconds")
    return 0
