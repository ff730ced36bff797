"""What an engine is started with: its reading batch, its environment, its command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..settings import Settings

SLOTS = 4
FIRST_BATCH = 16
"""Tokens read at a time before the machine's reading rate is known."""
BATCH_SECONDS = 0.4
"""A request is cancelled between two batches, so one has to stay under half a second."""
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH")
SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL")
PASSED_ON_PREFIXES = ("GGML_", "CUDA_", "HIP_", "OMP_")


def batch(rate: Path) -> int:
    """The largest power of two that this machine reads in `BATCH_SECONDS`."""
    try:
        affordable = float(rate.read_text()) * BATCH_SECONDS
    except (OSError, ValueError):
        return FIRST_BATCH
    size = 16
    while size * 2 <= min(affordable, 512):
        size *= 2
    return size


def environment() -> dict[str, str]:
    """An environment without keys: what a native library has no need of, it cannot leak."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in PASSED_ON
        or (name.startswith(PASSED_ON_PREFIXES) and not any(word in name for word in SECRET_WORDS))
    }
    # Threads that wait for one another sleep instead of spinning: with other work on the same
    # cores, writing was three to four times faster so.
    return {"OMP_WAIT_POLICY": "passive", **passed}


def binary(settings: Settings, config: dict[str, Any]) -> list[str]:
    """The command line of a llama-server of the user's own."""
    import shutil

    found = shutil.which(settings.engine)
    if not found:
        raise SettingsError(
            f"{settings.origins['engine']} names the engine {settings.engine!r}, which is neither "
            "a program on the PATH nor an address like http://127.0.0.1:8080."
        )
    config["host"], config["port"] = "127.0.0.1", _free_port()
    key_file = Path(config["rendezvous"]).with_suffix(".key")
    with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(config["key"])
    return [
        *(found, "--model", config["model"], "--host", config["host"]),
        *("--port", str(config["port"]), "--api-key-file", str(key_file)),
        *("--ctx-size", str(config["window"]), "--parallel", str(SLOTS), "--kv-unified"),
        *("--batch-size", str(config["batch"]), "--ubatch-size", str(config["batch"])),
        *("--threads", str(config["threads"]), "--metrics", "--no-ui"),
    ]


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
