"""Tools named on the command line or in a file: built in, a module's function, a file's."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import UsageError
from . import builtin
from .tool import Tool

HOW = (
    "Tools are named as module:function, file.py, file.py:function or mcp.json; built in are "
    f"{', '.join(builtin.NAMES)} and fetch."
)


def load_tools(
    names: Iterable[str],
    given: Mapping[str, Tool] | None = None,
    *,
    offline: bool = False,
    say: Callable[[str], Any] = lambda _: None,
) -> list[Tool]:
    """The tools of these names, in order; `given` are those the caller has under names of its own.

    A function that is no `Tool` yet says not whether it acts, so it asks first. With `offline`, no
    server on another machine is reached; `say` is told of servers that cannot be had. Raises
    `UsageError`.
    """
    tools: list[Tool] = []
    for name in names:
        target, _, only = name.partition(":")
        if given and name in given:
            tools.append(given[name])
        elif target.endswith(".json"):
            from .servers import server_tools

            tools += server_tools(Path(target), only, offline=offline, say=say)
        else:
            tools += _load(name)
    return tools


def beside(folder: Path, name: str) -> str:
    """The name of a tool that a file in `folder` names: what is on the disk is looked for there."""
    target, colon, rest = name.partition(":")
    if target in ("files", "sql") and rest:
        return f"{target}:{folder / rest}"
    return f"{folder / target}{colon}{rest}" if target.endswith((".py", ".json")) else name


def _load(name: str) -> list[Tool]:
    target, _, attribute = name.partition(":")
    if target in builtin.NAMES:
        return [builtin.make(target, attribute)]
    if target.endswith(".py"):
        module = _from_file(Path(target))
    elif attribute:
        module = _from_path(target)
    else:
        raise UsageError(f"No tool is called {name!r}. {HOW}")
    if attribute:
        return [_tool(module, attribute, target)]
    found = [each for each in vars(module).values() if isinstance(each, Tool)]
    if not found:
        raise UsageError(
            f"{target} has no tools: write @pellucid.tool over a function, or name one, "
            f"{target}:function."
        )
    return list(dict.fromkeys(found))


def _tool(module: ModuleType, attribute: str, target: str) -> Tool:
    found: Any = getattr(module, attribute, None)
    if isinstance(found, Tool):
        return found
    if found is None or not callable(found):
        what = "no" if found is None else f"{type(found).__name__}, no function,"
        raise UsageError(f"{target} has {what} {attribute}.")
    return Tool(found, acts=True)


def _from_path(name: str) -> ModuleType:
    """A module, the working folder's included, as for `python -m`."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        with redirect_stdout(sys.stderr):  # standard output is the reply's
            return importlib.import_module(name)
    except Exception as error:
        raise _unloadable(name, error) from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"There is no file {path} with tools.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # where the types of its functions are looked up
    try:
        with redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except Exception as error:
        raise _unloadable(str(path), error) from error
    return module


def _unloadable(name: str, error: Exception) -> UsageError:
    """The one error there can be about anything that the user's own code raises."""
    if isinstance(error, UsageError):
        return error
    return UsageError(f"{name} cannot be loaded: {type(error).__name__}: {error}. {HOW}")
