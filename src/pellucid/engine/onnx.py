"""ONNX Runtime, kept from reporting to its makers.

From 1.29 on it tells them of the machine and of every model it opens, unless this is set before it
is imported: https://github.com/microsoft/onnxruntime/pull/27379
"""

from __future__ import annotations

import os


def keep_quiet() -> None:
    """To be called before anything that imports `onnxruntime`."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
