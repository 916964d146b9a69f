"""The fleet and a gateway's page in a real browser: drawn, by keyboard, on a phone, in the dark, from one origin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from central import access, fleet, gateway_history
from central.database import Database, micros
from central.web.office import Office
from mqtt_bridge.records import ModemReport, SimReport, Status, encode

from ..central.factories import GATEWAY, reason, status
from .looks import is_good, log_in
from .served import Served

PASSWORD = "kata-sandi-uji"
# How many points of each chart have the colour of its line.
DRAWN = """() => {
    const rgb = getComputedStyle(document.documentElement).getPropertyValue('--gardu').trim().match(/[0-9a-f]{2}/g);
    const [red, green, blue] = rgb.map((part) => parseInt(part, 16));
    return [...document.querySelectorAll('#charts canvas')].map((canvas) => {
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let painted = 0;
        for (let at = 0; at < data.length; at += 4) {
            const off = Math.abs(data[at] - red) + Math.abs(data[at + 1] - green) + Math.abs(data[at + 2] - blue);
            if (data[at + 3] > 200 && off < 30) painted += 1;
        }
        return painted;
    });
}"""


class Site(Served):
    """Sixty gateways; one of them is sick, and has a day of history."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder}/central.db")
        for number in range(60):
            self.hear(f"k-{number:02}", status(f"k-{number:02}", at=datetime.now(UTC)))
        now = datetime.now(UTC)
        for minutes in range(0, 24 * 60, 5):
            gateway_history.note(self.database, _said(now - timedelta(minutes=minutes), minutes), now, retained=True)
        self.hear(GATEWAY, _said(now, 0))
        access.set_password(self.database, "admin", PASSWORD, now)
        self.show(Office(self.database, ZoneInfo("Asia/Jakarta")))

    def hear(self, id_: str, said: Status, *, online: bool = True) -> None:
        now = datetime.now(UTC)
        fleet.add(self.database, id_, now)
        self.database.run(
            "UPDATE gateway SET online = ?, seen = ?, status = ? WHERE id = ?",
            int(online), micros(now + timedelta(minutes=10)), encode(said), id_,
        )  # fmt: skip


def _said(at: datetime, minutes: int) -> Status:
    return status(
        at=at,
        reasons=(reason("sim-balance"),),
        modem=ModemReport(state="registered", signal=40 + minutes % 30),
        sim=SimReport(at=at, balance=20_000 + minutes, days_left=3),
        heat=50 + minutes % 9,
        disk_free=9_000_000_000 - minutes * 1000,
        messages=2000 - minutes,
        replies=1500 - minutes // 2,
    )


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path).served() as made:
        yield made


def test_from_the_fleet_to_the_charts_of_the_sick_one(page: Page, site: Site) -> None:
    log_in(page, site.url(), PASSWORD)
    is_good(page)
    assert page.get_by_role("rowheader").first.inner_text().startswith(GATEWAY)
    page.get_by_role("searchbox").fill("k-0")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?search=k-0"))
    link = page.get_by_role("link", name="k-07")
    link.focus()
    page.evaluate("window.mark = 'the same document'")
    site.hear("k-07", status("k-07"), online=False)
    expect(page.get_by_role("row").filter(has_text="k-07")).to_contain_text("Terputus", timeout=10_000)
    expect(link).to_be_focused()
    expect(page.get_by_role("rowheader")).to_have_count(10)
    assert page.evaluate("window.mark") == "the same document"
    page.locator("#only-down").click()
    expect(page.get_by_role("rowheader")).to_have_count(1)
    page.go_back()
    expect(page.get_by_role("rowheader")).to_have_count(10)
    expect(page.get_by_role("searchbox")).to_have_value("k-0")
    page.get_by_role("link", name="Tampilkan semua").click()
    page.get_by_role("link", name=GATEWAY).click()
    expect(page.locator("#now")).to_contain_text("Isi pulsa kartu SIM gateway")
    expect(page.locator("#charts")).to_have_attribute("data-drawn", "yes")
    painted = page.evaluate(DRAWN)
    assert len(painted) == 6
    assert min(painted) > 100, f"a chart is empty: {painted}"
    expect(page.locator("#chart-signal output")).to_contain_text("terendah 40 %")
    page.get_by_text("Riwayat sebagai tabel").click()
    is_good(page)
