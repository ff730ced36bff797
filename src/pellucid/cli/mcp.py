"""`pellucid mcp`: what Pellucid can do, as an MCP server on standard input and output."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from . import options, toolbox

if TYPE_CHECKING:
    from ..record.receipt import Summary
    from ..record.store import Store


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--offline", action="store_true", help="reach no other machine")


def run(args: argparse.Namespace) -> int:
    from ..errors import UsageError

    try:
        from mcp.server.mcpserver import MCPServer
    except ImportError as error:
        raise UsageError("MCP needs a package: pip install 'pellucid[mcp]'.") from error
    from .. import __version__
    from ..tools.running import shortened

    server = MCPServer("pellucid", version=__version__, log_level="ERROR")
    chosen = options.settings(args)

    @server.tool()
    @_explained
    def count_tokens(text: str, model: str = "gpt-4o") -> str:
        """How many tokens a text is for a model, counted exactly."""
        from ..models.tokenizers import open_tokenizer

        return f"{len(open_tokenizer(model).encode(text).ids):,} tokens for {model}"

    @server.tool()
    @_explained
    def show_prompt(text: str, system: str = "", model: str = "local") -> str:
        """The exact prompt a local model would be given for a message; nothing is sent."""
        from ..chat import Chat
        from ..models.names import open_model

        chat = Chat(open_model(model, chosen), system=system or None, store=None)
        prompt = chat.prompt(text)
        if prompt is None:
            raise UsageError("This model's provider renders the prompt out of sight.")
        return f"{prompt.text}\n\n{len(prompt):,} tokens"

    @server.tool()
    @_explained
    def search_receipts(words: str, limit: int = 10) -> list[dict[str, Any]]:
        """Calls to models made on this machine whose question or answer has these words. Of one
        that was answered without words, the answer says what was made."""
        from ..record.store import Store
        from ..settings import Folders

        with Store(Folders.of().store) as store:
            found = store.list(limit=min(max(limit, 1), 100), text=words)
            return [_told(store, one) for one in found]

    fetching = toolbox.page_fetcher(chosen)

    @server.tool(description=fetching.spec.description)
    @_explained
    def fetch_page(url: str) -> str:
        return shortened(fetching(url))

    server.run("stdio")
    return 0


def _told(store: Store, one: Summary) -> dict[str, Any]:
    said = one.answer
    if not said and one.kind != "conversation":
        said = " ".join(store.get(one.id).reply.notices)
    shown = ("id", "kind", "model", "question")
    return {**{name: getattr(one, name) for name in shown}, "answer": said}


def _explained(function: Any) -> Any:
    """Our errors as the server's own, whose words the client is shown."""
    from functools import wraps

    from mcp.server.mcpserver.exceptions import ToolError

    from ..errors import PellucidError

    @wraps(function)
    def explained(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (PellucidError, ValueError) as error:
            raise ToolError(str(error)) from error

    return explained
