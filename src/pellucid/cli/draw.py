"""`pellucid draw`: a picture of what a text says, into a file."""

from __future__ import annotations

import argparse
import re
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from . import options, output

if TYPE_CHECKING:
    from ..pictures.drawing import PictureModel
    from ..pictures.picture import Picture
    from ..pictures.wish import Wish


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="*", help="what is to be seen; without any, standard input")
    parser.add_argument(
        "-m", "--model", metavar="NAME", help="the folder of a model, or hf:owner/name"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="its end says the format: .png, .jpg, .webp (default: standard output, as png)",
    )
    parser.add_argument(
        "--size", metavar="WxH", help="width and height, multiples of 8 (default: the model's own)"
    )
    parser.add_argument(
        "--steps", type=int, metavar="N", help="from noise to the picture (default: 25; turbo: 1)"
    )
    parser.add_argument(
        "--guidance",
        type=float,
        metavar="N",
        help="how much more the text says than none would (default: 7.5; turbo: 0, not at all)",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="make the same picture again")
    parser.add_argument("--json", action="store_true", help="what was made and how; needs -o")
    parser.add_argument("--offline", action="store_true", help="reach no other machine")


def run(args: argparse.Namespace) -> int:
    from ..errors import UsageError
    from ..pictures import drawing
    from ..pictures.picture import format_of
    from ..pictures.wish import Wish

    path = Path(args.output) if args.output else None
    if path is not None:
        format_of(path)  # refused before anything is made
        if not path.parent.is_dir():
            raise UsageError(f"There is no folder {path.parent} for {path.name}; make it first.")
        if path.is_dir():
            raise UsageError(f"{path} is a folder; -o names a file.")
    elif args.json or sys.stdout.isatty():
        raise UsageError("Where is the picture to go? pellucid draw TEXT -m NAME -o picture.png")
    if not args.model:
        raise UsageError(
            "Which model is to draw? -m takes the folder of a Stable Diffusion exported to ONNX, "
            "or hf:owner/name."
        )
    text = " ".join(args.text)
    text = options.standard_input() if text in ("", "-") else text
    wish = Wish(_size(args.size), args.steps, args.guidance, args.seed)
    drawing.check(text, wish)
    with output.Fetching() as progress:
        model = drawing.open_picture_model(args.model, options.settings(args), progress)
    began = time.monotonic()
    picture = _drawn(model, text, wish)
    seconds = time.monotonic() - began
    if path is not None:
        picture.save(path)
    else:
        sys.stdout.buffer.write(bytes(picture))
    _tell(picture, path, seconds, args.json)
    return 0


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text, re.ASCII)
    if found is None:
        from ..errors import UsageError

        raise UsageError(f"--size is {text!r}; it is written as 512x512.")
    return int(found[1]), int(found[2])


def _drawn(model: PictureModel, text: str, wish: Wish) -> Picture:
    """The picture; on a terminal with its steps as they are done."""
    if not sys.stderr.isatty():
        return _made(partial(model.draw, text, wish))
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("drawing", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return _made(partial(model.draw, text, wish, progress=progress))


def _made(draw: Callable[..., Picture]) -> Picture:
    """What it draws, in a thread: Ctrl-C is heard at once, not after a step of many seconds."""
    from concurrent.futures import ThreadPoolExecutor

    left = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        try:
            return pool.submit(draw, stopped=left.is_set).result()
        except BaseException:
            left.set()
            raise


def _tell(picture: Picture, path: Path | None, seconds: float, as_json: bool) -> None:
    width, height = picture.size
    steps = "1 step" if picture.steps == 1 else f"{picture.steps} steps"
    for note in picture.notes:
        output.quiet(note)
    if not as_json:
        output.quiet(
            f"{path or 'png'}: {width}x{height}, {steps}, guidance {picture.guidance:g}, "
            f"seed {picture.seed}, {seconds:.1f} seconds"
        )
        return
    output.print_json(
        {
            "file": str(path),
            "text": picture.text,
            "model": picture.model,
            "width": width,
            "height": height,
            "steps": picture.steps,
            "guidance": picture.guidance,
            "seed": picture.seed,
            "seconds": round(seconds, 3),
            "notes": picture.notes,
        }
    )
