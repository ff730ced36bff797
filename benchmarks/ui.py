"""The page: from the command to the first paint in a browser, and until one can write."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time

from .measure import Row, table

CHROMIUM = "/usr/bin/chromium"
TYPED = ("What is typed is seen at once, and says how many it is. " * 40)[:2000]
TYPE = """(text) => new Promise((done) => {
    const box = document.querySelector("#tokens-text textarea");
    const result = document.querySelector("#tokens-result");
    const words = `${text.length.toLocaleString("en")} characters`;
    const began = performance.now();
    new MutationObserver((_, watch) => {
        if (!result.textContent.includes(words)) return;
        watch.disconnect();
        done(performance.now() - began);
    }).observe(result, {childList: true, subtree: true, characterData: true});
    box.value = text;
    box.dispatchEvent(new Event("input", {bubbles: true}));
})"""
"""Milliseconds from a text being in the field to its tokens being on the page."""


def run(runs: int = 3) -> str:
    from playwright.sync_api import sync_playwright

    painted, usable, typed = [], [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for _ in range(runs):
            page = browser.new_page()
            with tempfile.TemporaryFile("w+") as out:
                began = time.perf_counter()
                command = ["-m", "pellucid", "ui", "--no-browser", "--no-log", "--port", "0"]
                server = subprocess.Popen(
                    [sys.executable, *command], stdout=subprocess.PIPE, stderr=out, text=True
                )
                assert server.stdout is not None
                page.goto(server.stdout.readline().strip(), wait_until="commit")
                page.wait_for_function("performance.getEntriesByType('paint').length > 0")
                painted.append(time.perf_counter() - began)
                page.wait_for_selector("#words textarea")
                usable.append(time.perf_counter() - began)
                page.get_by_role("tab", name="Tokens", exact=True).first.click()
                page.locator("#tokens-result section").first.wait_for()
                page.wait_for_timeout(1000)  # until the page has come to rest
                keys = [page.evaluate(TYPE, TYPED[: 1990 + n]) for n in range(10)]
                typed.append(statistics.median(keys[1:]))  # the first is not one key but all
                server.terminate()
                server.wait()
            page.close()
        browser.close()
    first, write, key = map(statistics.median, (painted, usable, typed))
    rows = (
        Row("from the command to the first paint", f"{first:.1f} s", "5 s", first <= 5),
        Row("until one can write", f"{write:.1f} s"),
        Row("from key to chips, 2,000 characters", f"{key:.0f} ms", "150 ms", key <= 150),
    )
    return table("The page", rows)
