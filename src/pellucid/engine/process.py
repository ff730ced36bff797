"""Finding, starting and stopping engines.

One engine process for each user and model, shared by every Pellucid process: two engines on the
same cores are many times slower than one. An engine is found through its rendezvous file (mode
0600, with a random key) in the state folder; a lock file beside it lets one process start an
engine while the others wait for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EngineError, EngineFrozen, EngineStartError, EngineStopped, SettingsError
from ..settings import Folders, Settings
from ..value import value
from . import client, launch, threads

if TYPE_CHECKING:
    import subprocess

START_LIMIT = 180.0
PF_EXITING = 0x4
"""The flag of a process on its way out (include/linux/sched.h)."""


@value
class EngineModel:
    """What an engine needs to know of a model: its file, and the window to open (tokens)."""

    path: Path
    window: int


@value
class Engine:
    """A running engine. `pid` is `None` for one that Pellucid did not start."""

    address: client.Address
    pid: int | None
    started: int | None
    model: str
    window: int
    batch: int | None
    threads: int | None
    why_threads: str
    version: str
    rendezvous: Path | None
    idle: int | None = None
    """Seconds without work after which it ends; `None`: it does not by itself."""


def ensure(
    model: EngineModel,
    settings: Settings,
    folders: Folders,
    say: Callable[[str], None] = lambda _: None,
) -> Engine:
    """The engine for this model, started if there is none.

    `say` hears one sentence when a start makes the caller wait. Raises `EngineStartError` with the
    engine's last words, `SettingsError` when the configured engine cannot be used.
    """
    if "://" in settings.engine:
        return _running_server(model, settings)
    rendezvous = _rendezvous(model, settings, folders)
    if engine := _find(rendezvous):
        return engine
    try:
        rendezvous.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _lock(rendezvous):
            if engine := _find(rendezvous):
                return engine
            say(f"starting the engine for {model.path.name}")
            return _start(model, settings, rendezvous)
    except OSError as error:
        raise EngineStartError(
            f"The engine's folder {rendezvous.parent} cannot be used: {error.strerror}. "
            "XDG_STATE_HOME names another."
        ) from error


def running(folders: Folders) -> list[Engine]:
    """Every engine of this user that is alive."""
    files = sorted((folders.state / "engines").glob("*.json"))
    return [engine for file in files if (engine := _find(file))]


def stop(engine: Engine, patience: float = 5.0) -> None:
    """End an engine: asked first, killed after `patience` seconds."""
    if engine.pid is None or not _lives(engine.pid, engine.started):
        return
    for number, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(engine.pid, number)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            if not _lives(engine.pid, engine.started):
                if engine.rendezvous:
                    engine.rendezvous.unlink(missing_ok=True)
                return
            time.sleep(0.02)
    raise EngineError(f"The engine (process {engine.pid}) cannot be ended; end it by hand.")


def bury(engine: Engine, error: EngineStopped) -> None:
    """Clear away an engine that failed with `error`, so that the next `ensure` starts another.

    One that still answers somebody else is left alone.
    """
    if engine.pid is not None and (isinstance(error, EngineFrozen) or not is_alive(engine)):
        stop(engine, patience=0.0)
        if engine.rendezvous:
            engine.rendezvous.unlink(missing_ok=True)


def is_alive(engine: Engine) -> bool:
    """Whether the engine's process lives and its main loop answers."""
    lives = engine.pid is None or _lives(engine.pid, engine.started)
    return lives and client.alive(engine.address)


def resident(engine: Engine) -> int | None:
    """Bytes of memory that the engine's process holds; `None`: not known."""
    try:
        lines = Path(f"/proc/{engine.pid}/status").read_text().splitlines()
    except OSError:
        return None
    found = next((line for line in lines if line.startswith("VmRSS:")), None)
    return int(found.split()[1]) * 1024 if found else None


def ends(engine: Engine) -> float | None:
    """When it ends if nobody uses it any more, in seconds since 1970; `None`: never."""
    if engine.idle is None or engine.rendezvous is None:
        return None
    try:
        return engine.rendezvous.stat().st_mtime + engine.idle  # touched while it works
    except FileNotFoundError:
        return time.time()  # it has just ended


def _rendezvous(model: EngineModel, settings: Settings, folders: Folders) -> Path:
    stat = model.path.stat()
    identity = (
        str(model.path.resolve()),
        stat.st_size,
        stat.st_mtime_ns,
        model.window,
        settings.engine,
        settings.threads,
    )
    digest = hashlib.sha256(repr(identity).encode()).hexdigest()[:12]
    return folders.state / "engines" / f"{model.path.stem[:60]}-{digest}.json"


@contextlib.contextmanager
def _lock(rendezvous: Path) -> Iterator[None]:
    with rendezvous.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _find(rendezvous: Path) -> Engine | None:
    try:
        value = json.loads(rendezvous.read_text())
        address = client.Address(value["host"], value["port"], value["key"])
        engine = Engine(
            address,
            value["pid"],
            value["started"],
            value["model"],
            value["window"],
            value["batch"],
            value["threads"],
            value["why_threads"],
            value["version"],
            rendezvous,
            value.get("idle"),
        )
    except (OSError, ValueError, KeyError):
        return None
    return engine if _lives(engine.pid or 0, engine.started) else None


def _lives(pid: int, started: int | None) -> bool:
    """Whether this very process lives: a pid may have been given to another since."""
    _reap()
    if started is not None and Path("/proc/self").exists():
        return _start_time(pid) == started
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


_children: list[subprocess.Popen[bytes]] = []


def _reap() -> None:
    """Collect engines of ours that ended, so that they do not look alive."""
    _children[:] = [child for child in _children if child.poll() is None]


def _start_time(pid: int) -> int | None:
    """Clock ticks after boot at which the process started; `None` if there is none.

    One that is being taken down has closed its connections already, and counts as gone: whoever
    lost one looks for the engine at once (proc_pid_stat(5): the state, the flags, `starttime`).
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    gone = fields[0] in "ZX" or int(fields[6]) & PF_EXITING
    return None if gone else int(fields[19])


def _start(model: EngineModel, settings: Settings, rendezvous: Path) -> Engine:
    import subprocess

    rendezvous.unlink(missing_ok=True)
    count, why = threads.choose(settings.threads)
    rate = rendezvous.with_suffix(".rate")
    config: dict[str, Any] = {
        "model": str(model.path.resolve()),
        "key": os.urandom(24).hex(),
        "window": model.window,
        "slots": launch.SLOTS,
        "batch": launch.batch(rate),
        "threads": count,
        "idle": settings.idle,
        "rendezvous": str(rendezvous),
        "rate": str(rate),
    }
    log = rendezvous.with_suffix(".log")
    own = settings.engine == "embedded"
    command = (
        [sys.executable, "-m", "pellucid.engine.child"] if own else launch.binary(settings, config)
    )
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            env=launch.environment(),
            cwd="/",
            start_new_session=True,
        )
    _children.append(child)
    config["publish"] = {
        "model": config["model"],
        "window": model.window,
        "batch": config["batch"],
        "threads": count,
        "why_threads": why,
        "version": _version() if own else command[0],
        "idle": settings.idle if own else None,
        "started": _start_time(child.pid),
    }
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError), child.stdin:
        child.stdin.write(json.dumps(config).encode())
    try:
        if not own:
            _publish_binary(child, config, rendezvous)
        return _wait(child, rendezvous, log)
    finally:
        rendezvous.with_suffix(".key").unlink(missing_ok=True)


def _wait(child: subprocess.Popen[bytes], rendezvous: Path, log: Path) -> Engine:
    deadline = time.monotonic() + START_LIMIT
    try:
        while time.monotonic() < deadline:
            if engine := _find(rendezvous):
                return engine
            if child.poll() is not None:
                raise EngineStartError(
                    f"The engine ended while it started (code {child.returncode}): "
                    f"{_last_words(log)} The whole log is {log}."
                )
            time.sleep(0.01)
    except BaseException:
        child.kill()
        raise
    child.kill()
    raise EngineStartError(f"The engine was not ready after {START_LIMIT:.0f} s; its log is {log}.")


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines()]
    telling = [line for line in lines if "error" in line.lower() or "fail" in line.lower()]
    return (telling or lines or ["it said nothing"])[0].rstrip(".") + "."


def _version() -> str:
    from importlib.metadata import version

    return f"xllamacpp {version('xllamacpp')}"


def _publish_binary(
    child: subprocess.Popen[bytes], config: dict[str, Any], rendezvous: Path
) -> None:
    """Write the rendezvous file for a server that knows nothing of it, once it has loaded."""
    from .child import publish

    address = client.Address(config["host"], config["port"], config["key"])
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and child.poll() is None:
        with contextlib.suppress(EngineError):
            if client.call(address, "/health") == {"status": "ok"}:
                value = {**config["publish"], "pid": child.pid, "host": address.host}
                publish(rendezvous, {**value, "port": address.port, "key": address.key})
                return
        time.sleep(0.1)


def _running_server(model: EngineModel, settings: Settings) -> Engine:
    """A server that somebody else started, at an address."""
    from urllib.parse import urlsplit

    parts = urlsplit(settings.engine)
    if parts.scheme != "http" or not parts.hostname:
        raise SettingsError(f"The engine's address {settings.engine!r} is not http://host:port.")
    if settings.offline and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise SettingsError(f"Offline: the engine at {parts.hostname} is not on this machine.")
    key = os.environ.get("LLAMA_API_KEY", "")
    address = client.Address(parts.hostname, parts.port or 80, key)
    try:
        window = int(client.call(address, "/props")["default_generation_settings"]["n_ctx"])
    except EngineError as error:
        raise EngineStartError(
            f"{error} Is a llama-server running at {settings.engine}?"
        ) from error
    why = "chosen by whoever started this server"
    return Engine(
        address, None, None, str(model.path), window, None, None, why, settings.engine, None
    )
