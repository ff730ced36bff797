"""Every command and every snippet of the README and the docs runs as it is written."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_home import Home

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)


def commands() -> list[tuple[str, str]]:
    """Page and command of every `$ ` line, in order."""
    return [
        (page.name, line[2:])
        for page in PAGES
        for block in blocks(page, "console")
        for line in block.splitlines()
        if line.startswith("$ ")
    ]


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, weights_folder: Path, smol: Path, qwen: Path
) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("docs"), weights_folder)
    binaries = Path(sys.executable).parent
    home.environ["PATH"] = f"{binaries}:{home.environ['PATH']}"
    yield home
    home.run("engine", "stop")


@pytest.mark.parametrize("page", [page.name for page in PAGES])
def test_commands_run(home: Home, page: str) -> None:
    for name, command in commands():
        if name != page:
            continue
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=home.folder,
            env=home.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        redirected = re.search(r"(?:>|--html) (\S+)$", command)
        if redirected:
            assert (home.folder / redirected[1]).stat().st_size > 0


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_snippets_run(home: Home, page: Path) -> None:
    for snippet in blocks(page, "python"):
        done = subprocess.run(
            [sys.executable, "-c", snippet],
            cwd=home.folder,
            env=home.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} -> {target}"


def test_every_command_is_in_the_docs() -> None:
    from pellucid.cli.main import COMMANDS

    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    missing = [name for name in COMMANDS if f"pellucid {name}" not in text]
    assert missing == []


def test_the_continuous_integration_runs_the_readme() -> None:
    """`.ci/run` takes its commands from the README's own block."""
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(re.findall(r"<!-- tests -->\n```sh\n.+pytest -n 2\n```\n<!-- end -->", text)) == 1
    assert len(re.findall(r"<!-- chat -->\n```sh\n.+chat\n```\n<!-- end -->", text)) == 1
