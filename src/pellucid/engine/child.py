"""The engine's own process: llama.cpp's server for one model, and its watch.

Started by `process.py` with its configuration on standard input (the key must show neither in
the arguments nor in the environment). It publishes a rendezvous file once the model is loaded,
and ends when it was idle for long enough, when it is told to, or when the rendezvous file is no
longer its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

TICK = 1.0
COUNTERS = ("prompt_tokens_total", "prompt_tokens_cached_total", "tokens_predicted_total")


def main() -> None:
    config = json.load(sys.stdin)
    os.umask(0o077)
    xllamacpp = _library()
    server = xllamacpp.Server(_parameters(xllamacpp, config))
    host, port = server.listening_address.removeprefix("http://").rsplit(":", 1)
    rendezvous = Path(config["rendezvous"])
    published = {
        **config["publish"],
        "host": host,
        "port": int(port),
        "key": config["key"],
        "pid": os.getpid(),
    }
    publish(rendezvous, published)
    # llama.cpp installs handlers that end its loop but not this process.
    signal.signal(signal.SIGTERM, lambda *_: _leave(rendezvous))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is not meant for us
    _watch(server, config, rendezvous)


def _library() -> Any:
    try:
        import xllamacpp
    except ImportError as error:
        sys.exit(f"Error: llama.cpp cannot be loaded: {error}.{_remedy(str(error))}")
    return xllamacpp


def _remedy(error: str) -> str:
    if "libgomp" not in error:
        return ""
    return " Your system has it: `apt-get install libgomp1` (Debian, Ubuntu), elsewhere `libgomp`."


def _parameters(xllamacpp: Any, config: dict[str, Any]) -> Any:
    p = xllamacpp.CommonParams()
    p.model.path = config["model"]
    p.port = 0
    p.api_keys = [config["key"]]
    p.n_ctx = config["window"]
    p.n_parallel = config["slots"]
    p.kv_unified = True  # the slots share one cache, so each may use the whole window
    p.n_batch = p.n_ubatch = config["batch"]
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = config["threads"]
    p.cache_ram_mib = 512
    p.endpoint_metrics = True
    p.ui = False
    p.warmup = True
    p.verbosity = 2  # warnings; more would write prompts into the log
    return p


def publish(path: Path, value: dict[str, Any]) -> None:
    """Write the rendezvous file, readable by its owner alone, all at once."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file)
    temporary.replace(path)


def _watch(server: Any, config: dict[str, Any], rendezvous: Path) -> NoReturn:
    """End this process when it has been idle for `idle` seconds."""
    seen: tuple[float, ...] = ()
    last = time.monotonic()
    while True:
        time.sleep(TICK)
        metrics = _metrics(server)
        counts = tuple(metrics.get(name, 0.0) for name in COUNTERS)
        if counts != seen or metrics.get("requests_processing") or metrics.get("requests_deferred"):
            if counts != seen:
                _remember_rate(Path(config["rate"]), metrics)
            seen, last = counts, time.monotonic()
            with contextlib.suppress(FileNotFoundError):
                os.utime(rendezvous)  # for whoever asks when it was last used
        if time.monotonic() - last > config["idle"] or not _is_ours(rendezvous):
            _leave(rendezvous)


def _metrics(server: Any) -> dict[str, float]:
    out = {}
    for line in server.handle_metrics().splitlines():
        if line.startswith("llamacpp:"):
            name, _, number = line.removeprefix("llamacpp:").partition(" ")
            out[name] = float(number)
    return out


def _remember_rate(path: Path, metrics: dict[str, float]) -> None:
    """Keep the measured reading rate (tokens/s): the next start chooses its batch by it."""
    tokens, seconds = metrics["prompt_tokens_total"], metrics["prompt_seconds_total"]
    if tokens >= 256 and seconds > 0:
        path.write_text(f"{tokens / seconds:.1f}")


def _is_ours(rendezvous: Path) -> bool:
    try:
        return bool(json.loads(rendezvous.read_text())["pid"] == os.getpid())
    except (OSError, ValueError, KeyError):
        return False


def _leave(rendezvous: Path) -> NoReturn:
    if _is_ours(rendezvous):
        rendezvous.unlink(missing_ok=True)
    os._exit(0)


if __name__ == "__main__":
    main()
