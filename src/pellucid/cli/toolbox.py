"""The tools of a command: `-T` names them, `--allow` those that need not ask."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import options, output

if TYPE_CHECKING:
    from ..settings import Settings
    from ..tools.running import Toolbox, ToolRan
    from ..tools.tool import Tool


def arguments(parser: argparse.ArgumentParser) -> None:
    tool = parser.add_argument(
        "-T",
        "--tool",
        action="append",
        default=[],
        metavar="TOOL",
        help="a tool: module:function, file.py, file.py:function, servers of a mcp.json, or built "
        "in: calculator, clock, fetch, files:FOLDER, sql:FILE (may be given again)",
    )
    options.completes(tool, _names)
    add_allow(parser)


def add_allow(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="NAME",
        help="a tool that acts and need not ask (may be given again)",
    )


def _names(prefix: str, **_: Any) -> list[str]:
    from ..tools.builtin import NAMES

    return [name for name in (*NAMES, "fetch") if name.startswith(prefix)]


def toolbox(args: argparse.Namespace) -> Toolbox:
    """The tools that were named. Raises `UsageError` for one that does not exist."""
    from ..tools.running import Toolbox

    if not args.tool and not args.allow:
        return Toolbox()
    return of(load(args.tool, options.settings(args)), args.allow)


def of(tools: Sequence[Tool], allow: Sequence[str]) -> Toolbox:
    """A box of tools that asks at the terminal."""
    from ..tools.running import Toolbox

    return Toolbox(tools, approve=approve, allow=allow)


def load(names: Sequence[str], settings: Settings) -> list[Tool]:
    """Tools by their names, the page fetcher's among them."""
    from ..tools.loading import load_tools

    given = {"fetch": page_fetcher(settings)} if "fetch" in names else None
    return load_tools(names, given, offline=settings.offline, say=_warn)


def _warn(sentence: str) -> None:
    print(f"pellucid: {sentence}", file=sys.stderr)


def approve(tool: Tool, arguments: Mapping[str, Any]) -> bool:
    """Ask the person at the terminal; where there is none the answer is no, and that is said."""
    from ..views.terminal import called

    call = called(tool.name, arguments)
    if not sys.stdin.isatty():
        print(
            f"pellucid: {call} was refused: it acts, and there is no terminal to ask at. "
            f"--allow {tool.name} lets it.",
            file=sys.stderr,
        )
        return False
    sys.stdout.flush()
    print(f"\nMay it do this? {call}", file=sys.stderr)
    try:
        return input("y or n: ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def show(ran: ToolRan) -> None:
    """What a tool was asked and answered, quietly, where a person looks on."""
    from ..views import terminal

    if sys.stderr.isatty():
        output.quiet(terminal.ran(ran, width=output.width()))


def page_fetcher(settings: Settings) -> Tool:
    """The tool that reads a public page, with the fetcher's care."""
    from ..tools.tool import tool
    from ..web.fetch import Access
    from ..web.sources import pages

    @tool(acts=True, seconds=60)
    def fetch_page(url: str) -> str:
        """Read a public web page: its title and its text.

        Args:
            url: its address, for instance https://example.com/news
        """
        if not url.startswith(("https://", "http://")):
            raise ValueError(f"{url!r} is no address of a page; it begins with https://")
        (page,) = pages([url], Access(offline=settings.offline))
        if isinstance(page, Exception):
            raise page
        return f"{page.title}\n\n{page.text}"

    return fetch_page  # it acts: an address can carry what was said here to another machine
