from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from .looks import SIZES

CHROMIUM = "/usr/bin/chromium-headless-shell"
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield running
        running.close()


@pytest.fixture(params=list(SIZES))
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """On a desk by day, on a phone by night. It must not complain, nor ask anybody but this machine for anything."""
    theme = "light" if request.param == "desktop" else "dark"
    context = browser.new_context(viewport=SIZES[request.param], color_scheme=theme, locale="id-ID")  # type: ignore[arg-type]
    opened = context.new_page()
    complaints: list[str] = []
    hosts: set[str | None] = set()
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda asked: hosts.add(urlsplit(asked.url).hostname))
    yield opened
    context.close()
    assert complaints == []
    assert hosts <= {"127.0.0.1", None}  # none in data:
