"""Settings: what they are, where each came from, and the folders in use.

One table (`FIELDS`) yields the environment variables, the keys of `pellucid.toml` and the page
printed by `pellucid where`. Flags of a command win over the environment, which wins over the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from .errors import SettingsError
from .value import value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("expected text")
    return value


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("1", "true", "yes", "on"):
        return True
    if str(value).lower() in ("0", "false", "no", "off", ""):
        return False
    raise ValueError("expected true or false")


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not str(value).isdecimal():
        raise ValueError("expected a whole number that is not negative")
    return int(value)


def _seconds(value: Any) -> float:
    seconds = float(value)
    if isinstance(value, bool) or not 0 < seconds <= 86_400:
        raise ValueError("expected seconds, more than 0")
    return seconds


def _dotenv(value: Any) -> str:
    if value not in DOTENV:
        raise ValueError(f"expected one of {', '.join(DOTENV)}")
    return str(value)


DOTENV = ("after", "before", "never")
"""Whether keys in `.env` of the working folder come after those of the environment."""
SOURCES = ("path", "caches", "hub", "index")


def _sources(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else list(value)
    names = tuple(str(item).strip() for item in items if str(item).strip())
    if not names or not set(names) <= set(SOURCES):
        raise ValueError(f"expected some of {', '.join(SOURCES)}")
    return names


def _engine(value: Any) -> str:
    text = _text(value)
    if "://" in text and "@" in text:
        raise SettingsError(
            "The engine's address has a name or a key in it. Write http://host:port, and put the "
            "key into LLAMA_API_KEY."
        )
    return text


@value
class Field:
    name: str
    env: str
    read: Callable[[Any], Any]
    default: Any
    help: str


FIELDS = (
    Field("model", "PELLUCID_MODEL", _text, "local", "the model when none is named"),
    Field("memory", "PELLUCID_MEMORY", _text, "full", "full, none, last:N or fit"),
    Field(
        "sources",
        "PELLUCID_SOURCES",
        _sources,
        SOURCES,
        "where weights are looked for, in order",
    ),
    Field("engine", "PELLUCID_ENGINE", _engine, "embedded", "a llama-server: its path or address"),
    Field("threads", "PELLUCID_THREADS", _whole, 0, "threads of the engine; 0 chooses"),
    Field("window", "PELLUCID_WINDOW", _whole, 0, "context window in tokens; 0 chooses"),
    Field("idle", "PELLUCID_IDLE", _whole, 600, "seconds after which an idle engine ends"),
    Field("alternatives", "PELLUCID_ALTERNATIVES", _whole, 5, "candidates kept for every token"),
    Field("offline", "PELLUCID_OFFLINE", _truth, False, "refuse every address but loopback"),
    Field("log", "PELLUCID_LOG", _truth, True, "keep a receipt of every call"),
    Field(
        "dotenv",
        "PELLUCID_DOTENV",
        _dotenv,
        "after",
        "keys in .env of the working folder: used after the environment's, before them, or never",
    ),
    Field("timeout_connect", "PELLUCID_TIMEOUT_CONNECT", _seconds, 10.0, "seconds to reach a host"),
    Field("timeout_first", "PELLUCID_TIMEOUT_FIRST", _seconds, 300.0, "seconds to its first byte"),
    Field(
        "timeout_silence",
        "PELLUCID_TIMEOUT_SILENCE",
        _seconds,
        180.0,
        "seconds it may be silent after that",
    ),
)


@value
class Settings:
    model: str
    memory: str
    sources: tuple[str, ...]
    engine: str
    threads: int
    window: int
    idle: int
    alternatives: int
    offline: bool
    log: bool
    dotenv: str
    timeout_connect: float
    timeout_first: float
    timeout_silence: float
    origins: Mapping[str, str]
    """Name of a setting -> where its value came from: `default`, a variable or a file."""
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The tables `[models.NAME]` of the settings file: models of the user's own."""


def resolve(environ: Mapping[str, str], file: Mapping[str, Any], file_name: str) -> Settings:
    """Settings from an environment and the parsed settings file. Raises `SettingsError`."""
    known = {row.name for row in FIELDS}
    models = file.get("models", {})
    if not isinstance(models, dict) or not all(isinstance(row, dict) for row in models.values()):
        raise SettingsError(f"{file_name}: models of your own are tables, [models.NAME].")
    for key in file:
        if key not in known and key != "models":
            raise SettingsError(
                f"{file_name} has an unknown setting {key!r}; known are {', '.join(sorted(known))}."
            )
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for row in FIELDS:
        if environ.get(row.env):
            raw, origin = environ[row.env], row.env
        elif row.name in file:
            raw, origin = file[row.name], file_name
        else:
            values[row.name], origins[row.name] = row.default, "default"
            continue
        try:
            values[row.name], origins[row.name] = row.read(raw), origin
        except (ValueError, TypeError) as error:
            raise SettingsError(f"{origin} sets {row.name} to {raw!r}: {error}.") from error
    return Settings(**values, origins=origins, models=models)


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in force: defaults, `pellucid.toml`, then the environment."""
    environ = os.environ if environ is None else environ
    path = Folders.of(environ).config / "pellucid.toml"
    if not path.exists():
        return resolve(environ, {}, str(path))
    import tomllib

    try:
        file = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}.") from error
    return resolve(environ, file, str(path))


@value
class Folders:
    """XDG folders. https://specifications.freedesktop.org/basedir-spec/latest/"""

    config: Path
    data: Path
    """The receipts: what must not be lost."""
    cache: Path
    """Weights, built vocabularies, the code of templates: what can be had again."""
    state: Path
    """The engine's rendezvous files and logs."""

    @classmethod
    def of(cls, environ: Mapping[str, str] | None = None) -> Folders:
        environ = os.environ if environ is None else environ
        home = Path(environ.get("HOME") or Path.home())

        def folder(variable: str, fallback: str) -> Path:
            base = environ.get(variable, "")
            # The specification says that a relative path is to be ignored.
            return (Path(base) if base.startswith("/") else home / fallback) / "pellucid"

        return cls(
            config=folder("XDG_CONFIG_HOME", ".config"),
            data=folder("XDG_DATA_HOME", ".local/share"),
            cache=folder("XDG_CACHE_HOME", ".cache"),
            state=folder("XDG_STATE_HOME", ".local/state"),
        )

    @property
    def weights(self) -> Path:
        return self.cache / "weights"

    @property
    def vocabularies(self) -> Path:
        return self.cache / "vocabularies"

    @property
    def templates(self) -> Path:
        return self.cache / "templates"

    @property
    def store(self) -> Path:
        return self.data / "receipts.db"


def expanded(name: str | Path) -> Path:
    """A path with the home folder for `~`; that of a user who is not known stays as it is written,
    and names no file."""
    return Path(os.path.expanduser(name))  # noqa: PTH111 - it knows no failure
