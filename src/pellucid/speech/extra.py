"""Packages of the extras `speech` and `hearing`, imported when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..engine import onnx
from ..errors import NotInstalled

PACKAGES = {
    "piper": ("Reading aloud", "piper-tts", "speech"),
    "av": ("Sound in other formats than wav", "av", "speech"),
    "faster_whisper": ("Writing down speech", "faster-whisper", "hearing"),
}


def need(module: str) -> Any:
    """The module. Raises `NotInstalled` with the command that installs it."""
    onnx.keep_quiet()  # two of them import it
    try:
        return import_module(module)
    except ImportError as error:
        raise NotInstalled(*PACKAGES[module]) from error
