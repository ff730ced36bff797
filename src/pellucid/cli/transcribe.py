"""`pellucid transcribe`: speech written down."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from . import options, output

if TYPE_CHECKING:
    from ..dialects.openai_transcription import Transcript


def arguments(parser: argparse.ArgumentParser) -> None:
    from ..speech.hearing import DEFAULT, MODELS

    parser.add_argument("files", nargs="+", metavar="FILE", help="sounds; - is standard input")
    parser.add_argument(
        "-m", "--model", default=DEFAULT, choices=MODELS, help=f"default: {DEFAULT}"
    )
    parser.add_argument("--language", metavar="CODE", help="as in de; otherwise it is found out")
    parser.add_argument("--prompt", metavar="TEXT", help="names and words that may come")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="with the times of each segment")
    form.add_argument("--srt", action="store_true", help="as subtitles")
    parser.add_argument("--offline", action="store_true", help="reach no other machine")


def run(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from ..errors import PellucidError
    from ..speech.hearing import open_whisper, read_sound

    with output.Fetching() as progress:
        whisper = open_whisper(args.model, options.settings(args), progress)
    failed = 0
    for name in args.files:
        try:
            sound = sys.stdin.buffer.read() if name == "-" else read_sound(name)
            found = whisper.write_down(sound, language=args.language, prompt=args.prompt)
        except PellucidError as error:
            failed += 1
            said = str(error)
            print(f"pellucid: {said if name in said else f'{name}: {said}'}", file=sys.stderr)
            continue
        if args.json:
            output.print_json({"file": name, **asdict(found)})
        else:
            print(_shown(found, args.srt), end="", flush=True)
    return 1 if failed else 0


def _shown(found: Transcript, subtitles: bool) -> str:
    from ..dialects.openai_transcription import encode_transcript
    from ..views.terminal import plain

    text = encode_transcript(found, "srt" if subtitles else "text")
    return plain(text) if sys.stdout.isatty() else text
