"""Tools that come with Pellucid; each is off until it is named."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import UsageError
from .tool import Tool, tool

LARGEST = 10.0**300
"""Results above are refused: whole numbers of millions of digits stop the machine."""
FILE_BYTES = 1_000_000
ROWS = 100
SQL_SECONDS = 5.0


@tool(parallel=True)
def calculator(expression: str) -> str:
    """Work out an arithmetic expression, exactly.

    Args:
        expression: for instance 799 * 2 + 45, (3 + 4) / 7, sqrt(2), 2 ** 10
    """
    text = expression.replace("^", "**").replace("×", "*").replace("÷", "/")
    if not any(map(str.isalpha, text)):  # max(1,500) has two numbers
        text = text.replace(",", "")
    try:
        found = _worked(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"{expression!r} is no arithmetic expression") from None
    return f"{expression.strip()} = {_number(found)}"


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(math, name) for name in ("sqrt", "sin", "cos", "tan", "exp", "log", "log10")},
    "abs": abs,
    "round": round,
    "min": min,
    "max": max,
    "floor": math.floor,
    "ceil": math.ceil,
}
_CONSTANTS = {"pi": math.pi, "e": math.e}


def _worked(node: ast.expr) -> float | int:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            found: Any = number
        case ast.Name(id=name) if name in _CONSTANTS:
            found = _CONSTANTS[name]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            found = _UNARY[type(op)](_worked(operand))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            a, b = _worked(left), _worked(right)
            if isinstance(op, ast.Pow) and abs(a) > 1 and b * math.log10(abs(a)) > 300:
                raise ValueError(f"{ast.unparse(node)} is too large")
            found = _BINARY[type(op)](a, b)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            found = _FUNCTIONS[name](*map(_worked, args))
        case _:
            raise ValueError(f"{ast.unparse(node)!r} is no arithmetic")
    if isinstance(found, complex) or abs(found) > LARGEST:
        raise ValueError(f"{ast.unparse(node)} is too large or no real number")
    return found  # type: ignore[no-any-return]


def _number(found: float | int) -> str:
    """Without the last digits, which binary fractions get wrong: 0.1 + 0.2 is 0.3."""
    if isinstance(found, float):
        return f"{found:.12g}"
    return str(found)


@tool(parallel=True)
def clock(zone: str = "") -> str:
    """Today's date and the time now.

    Args:
        zone: a time zone, for instance Europe/Paris; left out, the user's own
    """
    try:
        now = datetime.now(ZoneInfo(zone)) if zone else datetime.now().astimezone()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone is called {zone!r}; for instance Europe/Paris") from None
    return f"It is {now:%A, %d %B %Y, %H:%M} ({now.tzname()})."


def files(folder: str) -> Tool:
    """A tool that reads the text files under `folder`, and nothing outside it."""
    root = Path(folder or ".").resolve()
    if not root.is_dir():
        raise UsageError(f"{folder} is no folder; files:FOLDER reads the files under one.")

    @tool(parallel=True)
    def read_file(path: str = "") -> str:
        """Read a text file of the user's folder, or list a folder.

        Args:
            path: a file, for instance notes/monday.txt; left out, the files are listed
        """
        place = (root / path).resolve()  # links followed: what counts is where it leads
        if not place.is_relative_to(root):
            raise ValueError(f"{path} is outside the folder")
        if place.is_dir():
            return _listed(place, root)
        if not place.is_file():
            raise ValueError(f"there is no file {path}; the files are:\n{_listed(root, root)}")
        with place.open("rb") as file:
            data = file.read(FILE_BYTES)
        if b"\0" in data:
            raise ValueError(f"{path} is no text")
        return data.decode("utf-8", "replace")

    return read_file


def _listed(folder: Path, root: Path, most: int = 200) -> str:
    found = sorted(
        str(path.relative_to(root)) + ("/" if path.is_dir() else "")
        for path in folder.iterdir()
        if not path.name.startswith(".")
    )
    more = [f"and {len(found) - most} more"] if len(found) > most else []
    return "\n".join([*found[:most], *more]) or "The folder is empty."


def sql(file: str) -> Tool:
    """A tool that asks the SQLite database `file`. It is opened read only, and a query is bounded
    in rows and in time."""
    path = Path(file)
    if not path.is_file():
        raise UsageError(f"There is no database {file!r}; sql:FILE asks a SQLite file.")
    import apsw

    uri = path.resolve().as_uri() + "?mode=ro"
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI

    def query(sql: str) -> dict[str, Any]:
        db = apsw.Connection(uri, flags=flags)
        try:
            return _rows(db, sql)
        except apsw.Error as error:
            raise ValueError(f"{error}. {_tables(db)}") from None
        finally:
            db.close()

    db = apsw.Connection(uri, flags=flags)
    try:
        tables = _tables(db)
    except apsw.Error as error:
        raise UsageError(f"{file} is no SQLite database: {error}.") from error
    finally:
        db.close()
    query.__doc__ = (
        f"Ask the database with one SELECT of SQLite. {tables}\n\n:param sql: the SELECT statement"
    )
    return Tool(query, parallel=True)


def _rows(db: Any, sql: str) -> dict[str, Any]:
    """The rows of a query. ATTACH and the like are refused: they reach other files."""
    import time

    import apsw

    end = time.monotonic() + SQL_SECONDS
    allowed = (apsw.SQLITE_SELECT, apsw.SQLITE_READ, apsw.SQLITE_FUNCTION, apsw.SQLITE_RECURSIVE)
    db.authorizer = lambda what, *_: apsw.SQLITE_OK if what in allowed else apsw.SQLITE_DENY
    db.set_progress_handler(lambda: time.monotonic() > end, 1000)
    db.limit(apsw.SQLITE_LIMIT_LENGTH, FILE_BYTES)
    cursor = db.cursor()
    rows: list[tuple[Any, ...]] = []
    columns: list[str] = []
    for row in cursor.execute(sql):
        columns = columns or [column[0] for column in cursor.get_description()]
        if len(rows) == ROWS:
            return {"columns": columns, "rows": rows, "note": f"only the first {ROWS} rows"}
        rows.append(tuple(each.hex() if isinstance(each, bytes) else each for each in row))
    return {"columns": columns, "rows": rows}


def _tables(db: Any) -> str:
    db.authorizer = None
    found = db.execute(
        "select m.name, group_concat(c.name, ', ') from sqlite_schema m "
        "join pragma_table_info(m.name) c where m.type in ('table', 'view') "
        "and m.name not like 'sqlite%' group by m.name"
    )
    return "Its tables: " + "; ".join(f"{name}({columns})" for name, columns in found) + "."


NAMES = {
    "calculator": "arithmetic, exactly",
    "clock": "the date and the time",
    "files": "files:FOLDER reads the text files under a folder",
    "sql": "sql:FILE asks a SQLite database, read only",
}


def make(name: str, argument: str) -> Tool:
    """The built-in tool called `name`. Raises `UsageError` for a wrong argument."""
    if name in ("files", "sql"):
        if not argument:
            raise UsageError(f"The tool {name} is told where: {NAMES[name].split()[0]}.")
        return (files if name == "files" else sql)(argument)
    if argument:
        raise UsageError(f"The tool {name} takes nothing after its name, not {argument!r}.")
    return {"calculator": calculator, "clock": clock}[name]
