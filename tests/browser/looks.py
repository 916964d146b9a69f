"""What every page in a browser must be, and how one gets to it."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect

SIZES: dict[str, ViewportSize] = {
    "desktop": {"width": 1280, "height": 800},
    "phone": {"width": 390, "height": 844},
}
# For what is the same on every screen.
ONE_SIZE = pytest.mark.parametrize("page", ["desktop"], indirect=True)

_AXE = Axe().axe_script
# Style sheets are not fetched again for a rule that we do not use.
_SERIOUS = """() => axe.run({resultTypes: ["violations"], preload: false}).then(found => found.violations
    .filter(each => ["serious", "critical"].includes(each.impact))
    .map(each => `${each.id}: ${each.help}: ${each.nodes.map(node => node.target).join(", ")}`))"""


def log_in(page: Page, url: str, password: str, then: str = "Gateway") -> None:
    """At central's pages, up to the one with that heading."""
    page.goto(url)
    page.get_by_label("Nama pengguna").fill("admin")
    page.get_by_label("Kata sandi").fill(password)
    page.get_by_role("button", name="Masuk").click()
    expect(page.get_by_role("heading", name=then)).to_be_visible()


def is_accessible(page: Page) -> None:
    page.evaluate(_AXE)
    assert page.evaluate(_SERIOUS) == []


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"


def is_good(page: Page) -> None:
    is_accessible(page)
    fits(page)
