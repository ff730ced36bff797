"""An assistant is a file: instructions, a model, tools, opening words, files to read.

about = "knows our flights"
instructions = "You answer questions about flights."
model = "local"
temperature = 0                 # of its answers
tools = ["calculator", "flights.py"]
opening = "Where to?"
files = ["timetable.md"]

[[when]]                        # once somebody mentions it, this is added
says = ["dog", "cat"]
add = "Animals fly in the hold."
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..tools.loading import beside, load_tools
from ..tools.tool import Tool
from ..value import value
from .airline import Airline
from .shop import Shop

OWN_TOOLS: Mapping[str, Callable[[], list[Tool]]] = {
    "airline": lambda: Airline().tools(),
    "shop": lambda: Shop().tools(),
}
"""Tools of the ready-made assistants; a user's own may use them as well."""
FIELDS: Mapping[str, type] = {
    "about": str,
    "instructions": str,
    "model": str,
    "temperature": float,
    "opening": str,
    "tools": list,
    "files": list,
    "when": list,
}


@value
class When:
    """`add` joins the instructions once one of the words `says` was said."""

    says: tuple[str, ...]
    add: str

    def heard(self, text: str) -> bool:
        words = "|".join(map(re.escape, self.says))
        return re.search(rf"\b(?:{words})\b", text, re.IGNORECASE) is not None


@value
class Assistant:
    """`tools` are names as `-T` takes them; `reading` are the texts of its files; `temperature`
    holds where the user says none."""

    name: str
    instructions: str
    about: str = ""
    model: str | None = None
    temperature: float | None = None
    opening: str = ""
    tools: tuple[str, ...] = ()
    reading: Mapping[str, str] = field(default_factory=dict)
    when: tuple[When, ...] = ()

    def system(self, said: Iterable[str] = ()) -> str:
        """The system message after the user has said these things."""
        text = "\n".join(said)
        passages = [f"From {name}:\n{words}" for name, words in self.reading.items()]
        added = [each.add for each in self.when if each.heard(text)]
        return "\n\n".join([self.instructions, *passages, *added])

    def load_tools(self, load: Callable[[Sequence[str]], list[Tool]] = load_tools) -> list[Tool]:
        """Its tools, made anew for one conversation; `load` knows those that are not its own."""
        tools: list[Tool] = []
        for name in self.tools:
            tools += OWN_TOOLS[name]() if name in OWN_TOOLS else load([name])
        return tools


def ready_made() -> list[str]:
    """The names of the assistants that come with Pellucid."""
    folder = files(__package__)
    found = [each.name for each in folder.iterdir() if each.name.endswith(".toml")]
    return sorted(name.removesuffix(".toml") for name in found if name != "personas.toml")


def open_assistant(name: str) -> Assistant:
    """The assistant of this name, or of this TOML file. Raises `UsageError`."""
    if name in ready_made():
        text = files(__package__).joinpath(f"{name}.toml").read_text("utf-8")
        return _parse(text, name, Path())
    path = Path(name)
    if not path.is_file():
        raise UsageError(
            f"No assistant is called {name!r}. There are {', '.join(ready_made())}; one of your "
            "own is a TOML file with instructions."
        )
    try:
        return _parse(path.read_text("utf-8"), name, path.parent)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} cannot be read: {error}.") from error


def _parse(text: str, name: str, folder: Path) -> Assistant:
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name} is no TOML: {error}.") from error
    for key, found in given.items():
        if key not in FIELDS:
            raise UsageError(f"{name} has an unknown {key!r}; known are {', '.join(FIELDS)}.")
        kind = FIELDS[key]
        if not isinstance(found, int | float if kind is float else kind):
            raise UsageError(f"{name}: {key} is a {kind.__name__}, not {found!r}.")
    if not given.get("instructions", "").strip():
        raise UsageError(f'{name} has no instructions = "..."; they make the assistant.')
    return Assistant(
        name=Path(name).stem,
        instructions=given["instructions"].strip(),
        about=given.get("about", ""),
        model=given.get("model"),
        temperature=given.get("temperature"),
        opening=given.get("opening", ""),
        tools=tuple(beside(folder, each) for each in _words(given, "tools", name)),
        reading={each: _read(folder / each, name) for each in _words(given, "files", name)},
        when=tuple(_when(each, name) for each in given.get("when", ())),
    )


def _words(given: Mapping[str, Any], key: str, name: str) -> list[str]:
    found = given.get(key, [])
    if not all(isinstance(each, str) for each in found):
        raise UsageError(f"{name}: {key} is a list of names, not {found!r}.")
    return list(found)


def _read(path: Path, name: str) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} is to read {path}, which cannot be: {error}.") from error


def _when(given: Any, name: str) -> When:
    match given:
        case {"says": [*says], "add": str(add)} if says and all(isinstance(s, str) for s in says):
            return When(tuple(says), add)
    raise UsageError(f'{name}: [[when]] takes says = ["word"] and add = "...", not {given!r}.')
