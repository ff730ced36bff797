"""The tests that come with OpenAI's and Anthropic's Python clients, run against this server.

    python tests/client_suites.py [openai] [anthropic]

Each suite's source distribution is fetched from the package index into a folder of its own, with an
environment of its own for what its tests need. Prints the table of docs/server.md; fails where a
test fails that `REASONS` does not explain.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
import venv
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pellucid.models.names import open_model
from pellucid.settings import load
from served import served

MOST = 8
"""Tokens of an answer; what it says is not what these tests look at."""


@dataclass(frozen=True)
class Suite:
    """`base` is the path that the client's address ends in; `needs` what its tests import."""

    package: str
    version: str
    base: str
    tests: tuple[str, ...]
    needs: tuple[str, ...]
    options: tuple[str, ...] = ()


SUITES = {
    "openai": Suite(
        "openai",
        "3.54.0",
        "/v1",
        (
            *("chat/test_completions.py", "test_completions.py", "test_responses.py"),
            *("responses/test_input_items.py", "responses/test_input_tokens.py"),
            *("test_embeddings.py", "test_models.py"),
        ),
        (
            *("pytest", "pytest-asyncio", "pytest-xdist", "respx", "dirty-equals", "time-machine"),
            *("rich", "inline-snapshot", "httpx2", "httpx-aiohttp", "aiohttp", "nest-asyncio"),
        ),
    ),
    "anthropic": Suite(
        "anthropic",
        "2.12.0",
        "",
        ("test_messages.py", "test_models.py"),
        (
            *("pytest", "pytest-asyncio", "pytest-xdist", "respx", "dirty-equals", "time-machine"),
            *("rich", "inline-snapshot", "httpx2", "http-snapshot[httpx]==0.1.9", "aiohttp"),
            *("httpx-aiohttp", "hypothesis", "boto3", "opentelemetry-sdk"),
        ),
        ("-p", "tests._alias_httpx"),
    ),
}
REASONS = (
    ("chat.test_completions", "retrieve|update|list|delete", "stored completions are not offered"),
    ("api_resources.test_completions", "all_params", "the placeholder `best_of=0`"),
    (
        "test_responses",
        r"create(_overload|$)|all_params_overload",
        "no `input`, or `previous_response_id` of a response that was never given",
    ),
    ("test_responses", "retrieve|delete|cancel", "a response that was never given"),
    ("test_responses", "compact", "compaction is not offered"),
    ("test_input_items", "", "a response that was never given"),
    ("test_input_tokens", "", "no `input` and no `model`, or a response that was never given"),
    ("test_embeddings", "all_params", "1 dimension is asked for; the embedded model has 384"),
    (
        "test_embeddings",
        r"\[(strict|aiohttp)\]",
        "the client asks for base64, then holds it to be a list of numbers",
    ),
    ("test_models", "delete", "a model is not deleted over the API"),
)
"""Whose failure is expected: part of the module, of the test's name, and why."""


@contextmanager
def pellucid_server() -> Iterator[str]:
    """A server whose embedded small model answers for every name, briefly."""
    settings = replace(load(), window=1024)
    model = open_model("small", settings)
    settle = model.settle

    def briefly(options):  # type: ignore[no-untyped-def]
        return settle(replace(options, max_tokens=min(options.max_tokens or MOST, MOST)))

    model.settle = briefly  # type: ignore[method-assign]
    with served({"x": model}, default="x", settings=settings) as server:
        yield server.base


def run(suite: Suite, base: str, folder: Path) -> list[tuple[str, str, bool]]:
    """Module, name and outcome of every test."""
    source = fetch(suite, folder)
    python = folder / "venv" / "bin" / "python"
    venv.create(folder / "venv", with_pip=True)
    install = [str(python), "-m", "pip", "install", "-q", str(source), *suite.needs]
    subprocess.run(install, check=True)
    report = folder / "report.xml"
    subprocess.run(
        [
            *(str(python), "-m", "pytest", "-q", "--tb=line", "-p", "no:cacheprovider"),
            *("-o", "addopts=", "-o", "filterwarnings=", f"--junitxml={report}", *suite.options),
            *(f"tests/api_resources/{name}" for name in suite.tests),
        ],
        cwd=source,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "OPENAI_API_KEY": "none",
            "TEST_API_BASE_URL": f"{base}{suite.base}",
        },
        stdout=(folder / "out.txt").open("w"),
        stderr=subprocess.STDOUT,
    )
    cases = list(ET.parse(report).iter("testcase"))
    return [
        (
            case.get("classname", "").rpartition(".")[0].removeprefix("tests."),
            case.get("name", ""),
            case.find("failure") is None and case.find("error") is None,
        )
        for case in cases
        if case.find("skipped") is None
    ]


def fetch(suite: Suite, folder: Path) -> Path:
    """The unpacked source distribution."""
    wanted = f"{suite.package}=={suite.version}"
    how = ("--no-deps", "--no-binary", ":all:", "-d", str(folder))
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", *how, wanted], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def reason(module: str, name: str) -> str | None:
    found = (why for part, test, why in REASONS if part in module and re.search(test, name))
    return next(found, None)


def table(suite: Suite, results: list[tuple[str, str, bool]]) -> tuple[str, list[str]]:
    """The rows in Markdown, and the failures that nothing explains."""
    rows, unexplained = [], []
    for module in dict.fromkeys(module for module, _, _ in results):
        mine = [(name, good) for each, name, good in results if each == module]
        passed = sum(good for _, good in mine)
        reasons: Counter[str] = Counter()
        for name, good in mine:
            why = None if good else reason(module, name)
            if why is not None:
                reasons[why] += 1
            elif not good:
                unexplained.append(f"{module}::{name}")
        said = "; ".join(f"{why} ({count})" for why, count in reasons.items())
        short = module.removeprefix("api_resources.").replace("test_", "").replace(".", "/")
        rows.append(f"| {suite.package} | {short} | {passed} | {len(mine) - passed} | {said} |")
    return "\n".join(rows), unexplained


def main(names: list[str]) -> int:
    print("| client | tests | pass | fail | why |\n|---|---|---|---|---|", flush=True)
    bad: list[str] = []
    with pellucid_server() as base:
        for name in names or list(SUITES):
            with tempfile.TemporaryDirectory() as folder:
                rows, unexplained = table(SUITES[name], run(SUITES[name], base, Path(folder)))
            print(rows, flush=True)
            bad += unexplained
    for each in bad:
        print(f"unexplained: {each}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
