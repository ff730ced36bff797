"""All dialects: each has the names of the protocol, and each pair keeps what both can say."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest

import dialect_checks as checks
from pellucid.dialects.registry import MODULES, dialect
from pellucid.errors import UsageError
from pellucid.messages import Message, Request, Text

CHATS = [name for name in MODULES if name != "ollama-generate"]
"""The dialects that can say a conversation; the other holds one question and its answer."""


@pytest.mark.parametrize("name", MODULES)
def test_names(name: str) -> None:
    assert name == dialect(name).NAME


def test_an_unknown_name() -> None:
    with pytest.raises(UsageError, match="openai-responses"):
        dialect("openai2")


def test_every_module_is_a_dialect(tmp_path: Path) -> None:
    """`mypy` holds each module to the protocol, types of arguments and results included."""
    lines = [
        f"import pellucid.dialects.{module} as d{i}\nx{i}: Dialect = d{i}"
        for i, module in enumerate(MODULES.values())
    ]
    file = tmp_path / "modules.py"
    file.write_text("\n".join(["from pellucid.dialects.base import Dialect", *lines, ""]))
    command = [sys.executable, "-m", "mypy", "--strict", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("source", "target"), [*permutations(CHATS, 2)])
def test_translation(source: str, target: str, full: bool) -> None:
    examples = 300 if full else 10
    checks.check_request_translation(dialect(source), dialect(target), examples)
    checks.check_reply_translation(dialect(source), dialect(target), examples)


@pytest.mark.parametrize("name", CHATS)
def test_a_passage_is_quoted_with_its_source(name: str) -> None:
    parts = (Text("Sum up:"), Text("it rains", source="sky\n.txt"))
    outgoing = dialect(name).encode_request(Request((Message("user", parts),)), "m", stream=True)
    body = json.dumps(outgoing.body)
    quoted = "--- passage from sky .txt ---\nit rains\n--- end of passage ---"
    assert json.dumps(quoted)[1:-1] in body
    assert "up:---" not in body
