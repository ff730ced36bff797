"""The assistants' databases: they ship as SQL, filled, and live in the user's own folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StoreError
from ..settings import Folders

if TYPE_CHECKING:
    import apsw


class Database:
    """The database `name`, made from `name.sql` of this package when it is first opened."""

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self._script = f"{name}.sql"
        self.path = (folder or Folders.of().data) / f"{name}.db"

    @contextmanager
    def opened(self) -> Iterator[apsw.Connection]:
        """A connection inside one transaction. Raises `StoreError`."""
        import apsw

        try:
            if not self.path.exists():
                self._fill()
            db = apsw.Connection(str(self.path))
        except (apsw.Error, OSError) as error:
            raise StoreError(f"{self.path} cannot be opened: {error}.") from error
        try:
            db.set_busy_timeout(10_000)
            with db:
                yield db
        except apsw.Error as error:
            raise StoreError(
                f"{self.path} cannot be used: {error}. Remove it, and it is made anew."
            ) from error
        finally:
            db.close()

    def _fill(self) -> None:
        """Make the file whole under another name first: two processes may do this at once."""
        import apsw

        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, suffix=".db")
        os.close(handle)
        try:
            db = apsw.Connection(name)
            db.execute(files(__package__).joinpath(self._script).read_text("utf-8"))
            db.close()
            with suppress(FileExistsError):
                os.link(name, self.path)
        finally:
            Path(name).unlink()
