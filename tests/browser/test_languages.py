"""The pages in English in a real browser: switched by a button, kept, accessible, and within a phone's screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ..central.offices import DAY
from . import looks
from .looks import SIZES
from .test_attendance import GATEWAY, PASSWORD, Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path).served() as made:
        yield made


def test_somebody_reads_english_on_a_phone(browser: Browser, site: Site) -> None:
    context = browser.new_context(viewport=SIZES["phone"], locale="id-ID")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(site.url(f"/attendance?date={DAY}"))
    expect(page.get_by_role("heading", name="Masuk ke Gardu")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Log in to Gardu")).to_be_visible()
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Attendance Tuesday, 24 November 2026")).to_be_visible()
    is_good(page)
    page.get_by_role("link", name=GATEWAY).click()
    page.get_by_role("link", name="Why Dodi Wijaya Late?").click()
    expect(page.get_by_text("15 minutes late, counted from 07:55.")).to_be_visible()
    is_good(page)
    for name in ("Records", "Employees", "Download", "Accounts", "Audit"):
        page.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("navigation", name="Main").locator("[aria-current]")).to_have_text(name)
        is_good(page)
    page.get_by_role("button", name="Bahasa Indonesia").click()
    expect(page.get_by_role("heading", name="Siapa mengubah dan melihat apa")).to_be_visible()
    context.close()


def is_good(page: Page) -> None:
    expect(page.locator("html")).to_have_attribute("lang", "en")
    looks.is_good(page)
