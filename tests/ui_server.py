"""The page, served on a free port of this process, with models of a test's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pellucid.models.base import Model
from pellucid.settings import load
from pellucid.ui.desk import Desk
from pellucid.ui.door import Door


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
