"""How soon a report can be used: by hand, with pages of different sizes; writes results/page.csv.

PYTHONPATH=scripts python benchmarks/time_page.py default=results/report/robustness.html large=…
"""

import csv
import shutil
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

RESULT = Path(__file__).parent / "results" / "page.csv"
ROUNDS = 7
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
READY = "() => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
TIMED = """async () => { const start = performance.now(); %s; return performance.now() - start; }"""
DRAW = "await robustness.drawAll()"
FILTER = "document.querySelector('input[data-choice=gtv_cutoff]').click(); await robustness.settled()"
"""A choice is taken back, until every chart that was drawn follows."""


def time_page(browser: Browser, page: Path) -> dict[str, float]:
    """What a reader waits for, in seconds.

    From the call for the page until it is `ready` and until its `curve` is drawn, when it can be used; then
    what `all_charts` and a change of `filter` take. `analyses` counts those that the charts draw.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.goto(page.absolute().as_uri())
    tab.wait_for_selector("html[data-ready]")
    found = {"ready": tab.evaluate(READY)}
    tab.evaluate("() => document.getElementById('explore').scrollIntoView()")
    tab.wait_for_selector("#curve-chart svg")
    found["curve"] = tab.evaluate("() => performance.now()")
    found["all_charts"] = tab.evaluate(TIMED % DRAW)
    found["filter"] = tab.evaluate(TIMED % FILTER)
    analyses = tab.evaluate("() => robustness.specs.length")
    context.close()
    return {"analyses": analyses} | {name: value / 1000 for name, value in found.items()}


def time_pages(browser: Browser, pages: Mapping[str, Path], rounds: int = ROUNDS) -> list[dict[str, object]]:
    """Medians over rounds in which the pages take turns, one row a page."""
    drawn = [{name: time_page(browser, path) for name, path in pages.items()} for _ in range(rounds)]
    return [
        {"page": name, "megabytes": round(path.stat().st_size / 1e6, 2)}
        | {key: round(statistics.median(each[name][key] for each in drawn), 3) for key in drawn[0][name]}
        for name, path in pages.items()
    ]


if __name__ == "__main__":
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=shutil.which("chromium"), args=list(QUIET))
        named = dict(text.split("=", 1) for text in sys.argv[1:])
        rows = time_pages(chromium, {name: Path(path) for name, path in named.items()})
        chromium.close()
    with RESULT.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(RESULT.read_text(encoding="utf-8"), end="")
