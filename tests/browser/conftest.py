"""Debian's chromium, driven by playwright, and the page that it opens."""

import shutil

import pytest
from report_measures import answering_by, without_some_medians
from report_page import evil_page

from bundle_scripts import bundle_scripts
from survival_multiverse.report.page import render_page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
SOME = "some_medians"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    """Path of the scripts that draw charts, in the folder of all pages."""
    if BROWSER is None:
        pytest.skip("no chromium was found: the page was not opened in a browser")
    path = tmp_path_factory.mktemp("report") / "vega.js"
    bundle_scripts(bundle=str(path))
    return path


@pytest.fixture(scope="session")
def report(bundle):
    """Path of the page, whose every label tries to be markup."""
    made = evil_page()
    return written(bundle, "robustness", made.study, made.tables, made.svgs, **made.extra)


def written(bundle, name, study, tables, figures, **extra):
    """Write a page beside the scripts."""
    path = bundle.with_name(f"{name}.html")
    scripts = bundle.read_text(encoding="utf-8")
    html = render_page(study, tables, figures, **(extra | {"scripts": scripts}))
    path.write_text(html, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def answering(bundle):
    """Path of the page of the small study that answers by a measure; `SOME`: by medians that some lack."""
    found = {}

    def path_of(name):
        if name not in found:
            made = without_some_medians() if name == SOME else answering_by(name)
            found[name] = written(bundle, name, *made, {})
        return found[name]

    return path_of


@pytest.fixture(scope="session")
def browser(bundle):
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def opened(browser, report):
    """Open the page; the test ends with no message on the console, no dialog, and no request."""
    noise, contexts = [], []

    def own(url):
        """Whether it is the page, or what the page makes to be taken away."""
        return url.startswith((report.parent.as_uri(), "blob:"))

    def open_page(address=None, **settings):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **settings})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: noise.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: noise.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (noise.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: noise.append(request.url) if not own(request.url) else None)
        page.goto(address or report.as_uri())
        if settings.get("java_script_enabled", True):
            page.wait_for_selector("html[data-ready]")
            page.locator("#explore").scroll_into_view_if_needed()
            page.wait_for_selector("#curve-chart svg")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert noise == []
