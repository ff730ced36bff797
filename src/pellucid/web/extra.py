"""Packages of the extra `web`, imported when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import UsageError


def need(module: str) -> Any:
    """The module, or a `UsageError` with the command that installs it."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise UsageError(
            f"Reading the web needs the package {package}: pip install 'pellucid[web]'."
        ) from error
