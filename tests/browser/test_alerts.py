"""The pages of alerts in a real browser: accessible and within the screen, and what IT does on them works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from central import access, alerts, fleet, maintenance, outbox
from central.alerting import Self, Sight, Terms
from central.channels import Channel
from central.database import Database
from central.web.office import Office

from ..central.factories import GATEWAY, OTHER, reason, status
from .looks import is_good, log_in
from .served import Served
from .test_access import PASSWORD


class Site(Served):
    """Central with two gateways that are sick, a channel that fails, and an alert that is over."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder}/central.db")
        self.now = datetime.now(UTC)
        for gateway in (GATEWAY, OTHER):
            fleet.add(self.database, gateway, self.now)
        access.set_password(self.database, "admin", PASSWORD, self.now)
        self._live()
        outbox.join(self.database, "grup-it")
        outbox.failed(self.database, "grup-it", "answered 401", self.now)
        office = Office(
            self.database, ZoneInfo("Asia/Jakarta"), channels=(Channel("grup-it", "json://127.0.0.1:9/rahasia"),)
        )
        self.show(office)

    def _live(self) -> None:
        """Two hours: one was away and came back, then the other's modem fails and central's disk fills."""
        for minute in range(-120, 1):
            now = self.now + timedelta(minutes=minute)
            ill = status(OTHER, reasons=(reason("modem"),) if minute > -30 else ())
            sights = {
                GATEWAY: Sight(GATEWAY, minute < -100 or -80 < minute < -20, now, status(), held=5),
                OTHER: Sight(OTHER, True, now, ill, held=5),
            }
            alerts.evaluate(self.database, sights, Self(disk_free=10**6 if minute > -20 else None), Terms(), now)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path).served() as made:
        yield made


@pytest.fixture
def page(page: Page, site: Site) -> Page:
    log_in(page, site.url("/"), PASSWORD)
    return page


def test_it_sees_to_what_is_wrong(page: Page, site: Site) -> None:
    page.get_by_role("navigation", name="Utama").get_by_role("link", name="Peringatan", exact=True).click()
    expect(page.get_by_role("button", name=re.compile("^Saya urus"))).to_have_count(3)
    is_good(page)
    page.get_by_label(re.compile(f"^Catatan untuk {GATEWAY}")).fill("ke kantor")
    page.get_by_role("button", name=re.compile(f"^Saya urus {GATEWAY}")).click()
    expect(page.get_by_text("ke kantor")).to_be_visible()
    page.get_by_label("Di mana").select_option(f"gateway:{OTHER}")
    page.get_by_label("Sampai").fill("2099-01-01T00:00")
    page.get_by_label("Mengapa").fill("ganti modem")
    page.get_by_role("button", name="Catat pemeliharaan").click()
    expect(page.get_by_text("paling lama 60 hari")).to_be_visible()
    tomorrow = site.now.astimezone(ZoneInfo("Asia/Jakarta")) + timedelta(days=1)
    page.get_by_label("Sampai").fill(f"{tomorrow:%Y-%m-%dT%H:%M}")
    page.get_by_label("Mengapa").fill("ganti modem")
    page.get_by_role("button", name="Catat pemeliharaan").click()
    expect(page.get_by_role("button", name=f"Akhiri pemeliharaan {GATEWAY}")).to_be_visible()
    is_good(page)
    assert maintenance.active(site.database, datetime.now(UTC)) == {GATEWAY}
    page.get_by_role("link", name="Riwayat peringatan dan pemeliharaan").click()
    expect(page.get_by_role("cell", name="Terputus dari broker")).to_be_visible()
    is_good(page)
