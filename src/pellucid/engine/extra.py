"""Packages of the extras `speech`, `hearing` and `pictures`, imported when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import NotInstalled
from . import onnx

PACKAGES = {
    "piper": ("Reading aloud", "piper-tts", "speech"),
    "av": ("Sound in other formats than wav", "av", "speech"),
    "faster_whisper": ("Writing down speech", "faster-whisper", "hearing"),
    "onnxruntime": ("Making pictures", "onnxruntime", "pictures"),
    "tokenizers": ("Making pictures", "tokenizers", "pictures"),
    "PIL.Image": ("Making pictures", "pillow", "pictures"),
}


def need(module: str) -> Any:
    """The module. Raises `NotInstalled` with the command that installs it."""
    onnx.keep_quiet()  # several of them import it
    try:
        return import_module(module)
    except ImportError as error:
        raise NotInstalled(*PACKAGES[module]) from error
