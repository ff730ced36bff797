"""The page with the embedded models: what the glass says is what the receipt holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("gradio")

from playwright.sync_api import Browser, Page, expect

import pellucid
from pellucid.models.local import LocalModel
from pellucid.ui.desk import Desk
from pellucid.views.glass import PANELS
from test_ui import Tab, choose_model
from ui_server import served

pytestmark = pytest.mark.browser
PATIENCE = 60_000
LIMIT = "#option-max_tokens textarea, #option-max_tokens input"
HEAT = "#option-temperature textarea, #option-temperature input"


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, smol: Path, embedded: LocalModel
) -> Iterator[tuple[str, Desk]]:
    given = {"embedded": embedded}
    with served(tmp_path_factory.mktemp("site"), given, model=str(smol)) as (address, desk):
        yield address, desk


@pytest.fixture(scope="module")
def tab(browser: Browser, site: tuple[str, Desk]) -> Iterator[Tab]:
    tab = Tab(browser.new_context(viewport={"width": 1280, "height": 800}), site[0])
    yield tab
    tab.close()


def limit(page: Page, tokens: int) -> None:
    """Short replies, the likeliest tokens."""
    page.fill(LIMIT, str(tokens))
    page.fill(HEAT, "0")


def answered(page: Page, turns: int) -> None:
    expect(page.locator("article[data-turn]")).to_have_count(turns, timeout=PATIENCE)
    expect(page.locator(".turn.live")).to_have_count(0)


def test_each_panel_tells_the_receipts_figures_and_an_alternative_makes_a_branch(
    tab: Tab, site: tuple[str, Desk]
) -> None:
    desk, page = site[1], tab.page
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    limit(page, 6)
    page.locator(".examples button").first.click()
    answered(page, 1)
    receipt = desk.conversation(tab.id)[0]
    assert receipt.prompt is not None
    usage, reply = receipt.reply.usage, receipt.reply
    figures = {
        "messages": "Hi! I'm Stephen!",
        "prompt": f"{len(receipt.prompt.ids):,}",
        "tokens": f"{usage.input_total:,}",
        "reply": "ended by: length",
        "wire": str(receipt.prompt.ids[0]),
        "cost": f"{usage.output_total:,}",
        "tools": "",
    }
    assert set(figures) == {panel.key for panel in PANELS}
    for key, figure in figures.items():
        page.click(f"#panel-{key}")
        expect(page.locator(f"#panel[aria-labelledby=panel-{key}]")).to_contain_text(figure)
    page.click("#panel-reply")
    expect(page.locator(".said-tokens > button")).to_have_count(len(reply.tokens))
    page.locator(".said-tokens > button").nth(1).click()
    card = page.locator("#token-1")
    expect(card).to_contain_text(str(reply.tokens[1].id))
    card.locator("[data-pellucid=branch]").first.click()
    expect(tab.turns.first.locator(".pager")).to_contain_text("2/2", timeout=PATIENCE)
    expect(page.locator(".card:popover-open")).to_have_count(0)
    branch = desk.conversation(tab.id)[-1]
    assert [t.id for t in branch.reply.tokens] != [t.id for t in reply.tokens]
    assert any(receipt.id in note for note in branch.notes)


def test_the_default_model_knows_the_name_from_the_history_alone(tab: Tab) -> None:
    page = tab.page
    page.click("[data-pellucid=new]")
    expect(tab.turns).to_have_count(0)
    choose_model(page, "embedded")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    limit(page, 16)
    for turn in (1, 2):
        page.locator(".examples button").first.click()
        answered(page, turn)
    assert "Stephen" in tab.reply(1)
    tab.press("alone", 1)
    both = tab.turns.nth(1).locator(".beside .reply")
    expect(both).to_have_count(2, timeout=PATIENCE)
    assert "Stephen" not in both.nth(1).inner_text()


def test_gradios_own_chat_interface(browser: Browser, weights_folder: Path, smol: Path) -> None:
    import gradio as gr

    fn = pellucid.gradio_fn(str(smol), options=pellucid.Options(max_tokens=6))
    with gr.ChatInterface(fn=fn, analytics_enabled=False) as interface:
        pass
    _, address, _ = interface.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    page = browser.new_page()
    try:
        page.goto(address)
        box = page.get_by_role("textbox").first
        box.fill("Hello")
        box.press("Enter")
        expect(page.locator("[data-testid=bot]").last).to_contain_text("Hello", timeout=PATIENCE)
    finally:
        page.close()
        interface.close()
