"""The page, served on a free port of this process, with models of a test's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.models.base import Model
from pellucid.settings import load
from pellucid.ui.desk import Desk
from pellucid.ui.door import Door

if TYPE_CHECKING:
    from playwright.sync_api import Page


@contextmanager
def served(
    folder: Path,
    given: Mapping[str, Model] | None = None,
    model: str | None = None,
    token: str | None = None,
) -> Iterator[tuple[str, Desk]]:
    """The address of a page, and its desk. `folder` is where its receipts go."""
    import uvicorn

    from pellucid.ui import serving
    from pellucid.ui.application import application

    name = model or next(iter(given or {}), None)
    desk = Desk(load(), model=name, given=given, store=folder / "receipts.db")
    accept = serving.listener("127.0.0.1", 0)
    config = uvicorn.Config(Door(application(desk), token), log_level="error", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [accept]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{accept.getsockname()[1]}", desk
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
        desk.close()


def serious(page: Page, within: str = "body") -> list[Any]:
    """What axe finds serious, in the light theme; in the dark one as to colours alone, since only
    they differ."""
    from axe_playwright_python.sync_playwright import Axe

    found = []
    brief: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
    # Colours that fade into one another are none that anybody reads: the new ones at once.
    still = page.add_style_tag(content="* { transition: none !important }")
    for dark, options in ((False, brief), (True, {**brief, "runOnly": ["color-contrast"]})):
        page.evaluate("(on) => document.body.classList.toggle('dark', on)", dark)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        for each in Axe().run(page, within, options).response["violations"]:
            if each["impact"] in ("serious", "critical"):
                node = each["nodes"][0]
                found.append((dark, each["id"], node["html"][:150], node["failureSummary"][:300]))
    page.evaluate("() => document.body.classList.remove('dark')")
    still.evaluate("(style) => style.remove()")
    return found
