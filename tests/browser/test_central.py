"""The collector's pages while they stay open: live, quiet when nobody looks, honest when they can not be renewed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from central import access, fleet
from central.database import Database, micros
from central.ingest import Ingest
from central.roster import Row, store
from central.web.office import Office
from mqtt_bridge.client import Inbound
from mqtt_bridge.envelope import seal
from mqtt_bridge.records import Connection

from ..central.factories import GATEWAY, KEYS, KnownKeys, batch, chain, envelope, status
from . import looks
from .looks import SIZES, is_good, log_in
from .served import Served

PASSWORD = "kata-sandi-uji"
NAME = "Ani Contoh"


class Site(Served):
    """Central's pages over a database of their own, without a broker; what gateways say is written by the test."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder}/central.db")
        fleet.add(self.database, GATEWAY, datetime.now(UTC))
        store(self.database, [Row(2, "1" * 18, NAME, "+6281234567890", GATEWAY)])
        access.set_password(self.database, "admin", PASSWORD, datetime.now(UTC))
        self.show(Office(self.database, ZoneInfo("Asia/Jakarta")))

    def hear(self, *, online: bool) -> None:
        """The gateway reports, or its last will does."""
        now = datetime.now(UTC)
        kept = fleet.Fleet(self.database, KnownKeys())  # type: ignore[arg-type]
        for payload in (status(at=now), Connection(gateway=GATEWAY, online=online, since=now, starts=1, session=1)):
            kept.note(GATEWAY, Inbound("", seal(payload, KEYS[GATEWAY])), now)

    def record(self) -> None:
        now = datetime.now(UTC)
        employee = self.database.value("SELECT id FROM employee")
        made = chain(1, employee=employee, at=now, received=now)
        Ingest(self.database, KnownKeys()).take([envelope(batch(made, 1, 1))], now)  # type: ignore[arg-type]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path).served() as made:
        yield made


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """Logged in, on the fleet; marked, so that a reload would show."""
    context = browser.new_context(locale="id-ID")
    opened = context.new_page()
    log_in(opened, site.url("/"), PASSWORD)
    opened.evaluate("window.mark = 'the same document'")
    yield opened
    context.close()


def was_not_reloaded(page: Page) -> bool:
    return bool(page.evaluate("window.mark") == "the same document")


@looks.ONE_SIZE
def test_the_fleet_follows_its_gateways_and_keeps_the_focus(page: Page, site: Site) -> None:
    row = page.get_by_role("row").filter(has_text=GATEWAY)
    link = page.get_by_role("link", name=GATEWAY)
    expect(row).to_contain_text("Belum pernah terhubung")
    link.focus()
    for online, words in ((True, "Baik"), (False, "Periksa listrik dan jaringan data kantor"), (True, "Baik")):
        site.hear(online=online)
        expect(row).to_contain_text(words, timeout=10_000)
        expect(link).to_be_focused()
    assert was_not_reloaded(page)


@looks.ONE_SIZE
def test_a_record_appears_while_one_types_a_search(page: Page, site: Site) -> None:
    page.get_by_role("link", name="Presensi").click()
    expect(page.get_by_text("Belum ada presensi hari ini")).to_be_visible()
    page.evaluate("window.mark = 'the same document'")
    search = page.get_by_label("Nama atau nomor tanda terima")
    search.fill("ani")
    site.record()
    expect(page.get_by_role("rowheader", name=NAME)).to_be_visible(timeout=10_000)
    expect(search).to_have_value("ani")
    assert was_not_reloaded(page)


@looks.ONE_SIZE
def test_a_hidden_page_asks_for_nothing(page: Page) -> None:
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true, configurable: true })")
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    # Counted where it can be seen without evaluating strings, which the policy of contents forbids.
    page.evaluate(
        "document.body.dataset.due = '';"
        " document.addEventListener('htmx:configRequest', () => { document.body.dataset.due += '+' })"
    )
    expect(page.locator("body")).to_have_attribute("data-due", re.compile(r"\+\+"), timeout=10_000)
    assert asked == []
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => false })")
    with page.expect_request("**/"):
        pass


@looks.ONE_SIZE
def test_a_page_that_can_not_be_renewed_says_since_when(page: Page) -> None:
    note = page.locator("#stale")
    expect(note).to_be_hidden()
    page.context.set_offline(True)
    expect(note).to_contain_text("Pusat tidak menjawab", timeout=10_000)
    expect(note).to_contain_text("dari pukul")
    page.context.set_offline(False)
    expect(note).to_be_hidden(timeout=10_000)
    assert was_not_reloaded(page)


@looks.ONE_SIZE
def test_whoever_is_logged_out_meanwhile_sees_it(page: Page) -> None:
    page.context.clear_cookies()
    expect(page.get_by_role("heading", name="Masuk ke Gardu")).to_be_visible(timeout=10_000)
    assert "/login" in page.url


@looks.ONE_SIZE
def test_what_came_by_sms_appears_apart_and_goes_when_it_is_final(page: Page, site: Site) -> None:
    page.get_by_role("link", name="Presensi").click()
    expect(page.get_by_text("Belum ada presensi hari ini")).to_be_visible()
    page.evaluate("window.mark = 'the same document'")
    employee, now = site.database.value("SELECT id FROM employee"), micros(datetime.now(UTC))
    columns = ("gateway", "journal_tag", "seq", "employee", "action", "at", "presence", "flags", "number", "stored")
    row = (GATEWAY, "1556", 1, employee, "in", now, "none", "clock-untrusted", "+6281234567890", now)
    site.database.insert_all("provisional", columns, [row])
    section = page.get_by_role("region", name="Sementara, baru lewat SMS: 1")
    expect(section).to_contain_text(NAME, timeout=10_000)
    expect(page.get_by_text("Belum ada presensi hari ini")).to_be_hidden()
    for size in SIZES.values():
        page.set_viewport_size(size)
        is_good(page)
    site.database.run("DELETE FROM provisional")
    expect(section).to_be_hidden(timeout=10_000)
    assert was_not_reloaded(page)
