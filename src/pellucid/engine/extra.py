"""Packages of the extras, imported when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import NotInstalled
from . import onnx

USES = {
    "embed": "Making vectors",
    "hearing": "Writing down speech",
    "pictures": "Making pictures",
    "speech": "Reading aloud",
    "web": "Reading the web",
}
"""What cannot be done without an extra; where a module is for less than that, `NARROWER`."""
NARROWER = {"av": "Sound in other formats than wav"}
PACKAGES = {"PIL": "pillow", "faster_whisper": "faster-whisper", "piper": "piper-tts"}
"""Those that are not called as their modules."""


def need(extra: str, module: str) -> Any:
    """The module. Raises `NotInstalled` with the command that installs it."""
    onnx.keep_quiet()  # several of them import it
    try:
        return import_module(module)
    except ImportError as error:
        top = module.partition(".")[0]
        use, package = NARROWER.get(module, USES[extra]), PACKAGES.get(top, top)
        raise NotInstalled(use, package, extra) from error
