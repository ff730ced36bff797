"""The page: from the command to the first paint in a browser, and until one can write."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time

from .measure import Row, table

CHROMIUM = "/usr/bin/chromium"


def run(runs: int = 3) -> str:
    from playwright.sync_api import sync_playwright

    painted, usable = [], []
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
                server.terminate()
                server.wait()
            page.close()
        browser.close()
    first, write = statistics.median(painted), statistics.median(usable)
    rows = (
        Row("from the command to the first paint", f"{first:.1f} s", "5 s", first <= 5),
        Row("until one can write", f"{write:.1f} s"),
    )
    return table("The page", rows)
