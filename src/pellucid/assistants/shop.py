"""A clothes shop in its sale: what an item costs, as a sentence ready to be said."""

from __future__ import annotations

from typing import Any

from ..tools.tool import Tool
from .database import Database


class Shop:
    def __init__(self, database: Database | None = None) -> None:
        self.database = database or Database("shop")

    def tools(self) -> list[Tool]:
        return [Tool(self.look_up, parallel=True)]

    def look_up(self, item: str) -> str:
        """What an item of clothing costs in the sale, and whether the shop sells it.

        Args:
            item: the item or kind of clothing, for instance sun hat, or shoes
        """
        words = {word.rstrip("s") for word in item.casefold().split()}
        with self.database.opened() as db:
            rows: Any = db.execute("select item, kind, price, percent_off from clothes").fetchall()
        named = [row for row in rows if {word.rstrip("s") for word in row[0].split()} <= words]
        of_kind = [row for row in rows if row[1].rstrip("s") in words]
        found = named or of_kind
        if not found:
            return f"We do not sell {item}. Hats are 60% off today."
        return " ".join(map(_sentence, found))


def _sentence(row: tuple[str, str, int, int]) -> str:
    item, _, price, percent = row
    if not percent:
        return f"{item.capitalize()}: ${price}, not in the sale."
    return f"{item.capitalize()}: ${price * (100 - percent) // 100} instead of ${price}."
