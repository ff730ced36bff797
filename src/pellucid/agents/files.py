"""An agent as a TOML file: the fields of an assistant's where they mean the same.

instructions = "You write summaries."
plan = true                     # the task is divided among the agents offered
offers = ["reader"]

[agents.reader]
about = "reads the notes"
instructions = "You read one note."
files = ["notes/*.md"]          # carried out once for each of them
quotes = 2                      # answers in sentences of the file
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..tools.loading import beside, load_tools
from ..tools.tool import Tool
from .agent import Agent

FIELDS: Mapping[str, type] = {
    "about": str,
    "instructions": str,
    "model": str,
    "tools": list,
    "offers": list,
    "files": list,
    "plan": bool,
    "quotes": int,
    "notebook": bool,
}
ONCE: Mapping[str, type] = {"calls": int, "tokens": int, "agents": dict}
"""Fields of the agent the file begins with, alone."""

Load = Callable[[Sequence[str]], list[Tool]]


def open_agent(path: Path | str, load: Load = load_tools) -> Agent:
    """The agent of a TOML file, with those it offers; `load` finds tools by their names.

    Raises `UsageError` for fields, files, tools and agents that are wrong, and where agents offer
    one another in a circle.
    """
    path = Path(path)
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is no TOML: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}. An agent is a TOML file.") from error
    _check(given, {**FIELDS, **ONCE}, str(path))
    tables: dict[str, Any] = {path.stem: given, **given.get("agents", {})}
    for name, table in given.get("agents", {}).items():
        if not isinstance(table, dict):
            raise UsageError(f"{path}: agents are tables, [agents.{name}], not {table!r}.")
        _check(table, FIELDS, f"{path}, [agents.{name}]")
    return _File(path, tables, load).agent(path.stem, ())


class _File:
    """The tables of a file by the names of their agents, made into agents as they are offered."""

    def __init__(self, path: Path, tables: Mapping[str, Mapping[str, Any]], load: Load) -> None:
        self._path = path
        self._tables = tables
        self._load = load

    def agent(self, name: str, above: tuple[str, ...]) -> Agent:
        """The agent called `name`; `above` are those that lead to it, from the first on."""
        if name in above:
            circle = " offers ".join([*above[above.index(name) :], name])
            raise UsageError(
                f"{self._path}: {circle}: agents cannot be offered to one another in a circle."
            )
        if name not in self._tables:
            known = ", ".join(self._tables)
            raise UsageError(
                f"{self._path}: {above[-1]} offers {name!r}, which is no agent of this file; "
                f"there are {known}."
            )
        given = self._tables[name]
        folder = self._path.parent
        plain = {
            key: given[key] for key in given if key not in ("tools", "offers", "files", "agents")
        }
        tools = [beside(folder, each) for each in self._words(name, "tools")]
        try:
            return Agent(
                name=name,
                tools=tuple(self._load(tools)),
                offers=tuple(self.agent(n, (*above, name)) for n in self._words(name, "offers")),
                reading=_read(folder, self._words(name, "files")),
                **{"instructions": "", **plain},
            )
        except UsageError as error:
            if str(error).startswith(str(self._path)):
                raise
            raise UsageError(f"{self._path}: {error}") from error

    def _words(self, name: str, key: str) -> list[str]:
        found = self._tables[name].get(key, [])
        if not all(isinstance(each, str) for each in found):
            raise UsageError(f"{self._path}: {key} is a list of names, not {found!r}.")
        return list(found)


def _check(given: Mapping[str, Any], fields: Mapping[str, type], where: str) -> None:
    for key, found in given.items():
        if key not in fields:
            raise UsageError(f"{where} has an unknown {key!r}; known are {', '.join(fields)}.")
        if type(found) is not fields[key]:
            raise UsageError(f"{where}: {key} is a {fields[key].__name__}, not {found!r}.")


def _read(folder: Path, patterns: Sequence[str]) -> dict[str, str]:
    """The files that fit the patterns, by their names below `folder`, in order."""
    texts: dict[str, str] = {}
    for pattern in patterns:
        try:
            found = sorted(path for path in folder.glob(pattern) if path.is_file())
        except (ValueError, NotImplementedError) as error:
            raise UsageError(f"files has {pattern!r}, which is no pattern: {error}.") from error
        if not found:
            raise UsageError(f"No file fits {pattern!r} in {folder}; for instance notes/*.md.")
        for path in found:
            try:
                text = path.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"{path} cannot be read: {error}.") from error
            if text:
                texts[str(path.relative_to(folder))] = text
    return texts
