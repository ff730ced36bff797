"""An import only ever points up the list of folders; `import pellucid` pulls in nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pellucid

ROOT = Path(pellucid.__file__).parent
LAYERS = (
    ("errors", "facts", "messages", "replies", "settings", "shapes", "value"),
    ("tokens",),
    ("prompt",),
    ("dialects",),
    ("engine",),
    ("models",),
    ("record",),
    ("calls",),
    ("tools",),
    ("attachments", "branch", "chat", "memory", "structured", "turn"),
    ("agents", "web", "rag", "speech", "pictures", "tasks", "xray", "evaluate"),
    ("assistants",),
    ("views",),
    ("cli", "server", "ui"),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
ABILITIES = LAYERS[10]
HEAVY = (
    *("numpy", "torch", "rich", "jinja2", "tiktoken", "regex", "apsw", "xllamacpp"),
    *("huggingface_hub", "httpx", "ssl", "asyncio", "importlib.metadata"),
)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and target (below `pellucid`) of every import of ours, function-level ones included."""
    package = ("pellucid", *path.relative_to(ROOT).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = (*base, *(node.module or "").split(".")) if node.module else base
            if module[:1] == ("pellucid",):
                names = [module[1]] if len(module) > 1 else [alias.name for alias in node.names]
                for name in names:
                    yield node.lineno, name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("pellucid."):
                    yield node.lineno, alias.name.split(".")[1]


def wrong(path: Path) -> list[str]:
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if own in ("__init__", "__main__"):
        return []
    out = []
    for line, target in imports(path):
        if target.startswith("__"):
            continue
        beside = own != target and own in ABILITIES and target in ABILITIES
        if LEVEL[target] > LEVEL[own] or beside:
            out.append(f"{path.relative_to(ROOT)}:{line} imports {target}")
    return out


def test_imports_point_up() -> None:
    assert [line for path in sorted(ROOT.rglob("*.py")) for line in wrong(path)] == []


def test_the_check_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "tokens" / "bad.py"
    bad.parent.mkdir()
    bad.write_text("def f():\n    from ..engine import gguf\n")
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert wrong(bad) == ["tokens/bad.py:2 imports engine"]


HELP = """
from pellucid.cli.main import main
try:
    main(["--help"])
except SystemExit:
    pass
"""


@pytest.mark.parametrize("words", ["import pellucid", HELP])
def test_nothing_heavy_at_start(words: str) -> None:
    code = f"{words}\nimport sys\nprint(*[n for n in {HEAVY!r} if n in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == ""
