"""The pages of attendance in a real browser: live, readable for everybody, on a desk, a phone and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from central import access
from central.database import Database
from central.web.office import Office
from mqtt_bridge.records import Action

from ..central.offices import DAY, NOW, WIB, City, later
from . import looks
from .looks import is_good, log_in
from .served import Served

PASSWORD = "kata-sandi-uji"
GATEWAY = "dinkes-01"
NAMES = ("Ani Contoh", "Budi Santoso", "Cici Lestari", "Dodi Wijaya", "Eka Putri", "Fajar Hidayat", "Gita Permata")


TIMES = (
    ("Ani Contoh", "07:12", "16:03"), ("Budi Santoso", "07:45", "16:10"), ("Cici Lestari", "07:20", "15:20"),
    ("Dodi Wijaya", "08:10", "16:30"),
)  # fmt: skip


class Site(Served):
    """An office on the evening of a day with all that can happen on one."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder}/central.db")
        self.city = City(self.database)
        self.people = self.city.office(GATEWAY, NAMES)
        self.city.office("disdik-01", ["Hari Nugroho"])
        for name, came, left in TIMES:
            self.city.record(name, Action.IN, came)
            self.city.record(name, Action.OUT, left)
        self.city.record("Eka Putri", Action.SICK, "06:40")
        self.city.incident("modem", "07:50", "07:58", gateway="disdik-01")
        self.city.incident("network", "07:05", "07:40")
        self.city.complete(later(hours=-1))
        access.set_password(self.database, "admin", PASSWORD, NOW)
        self.now = NOW
        self.show(Office(self.database, WIB, clock=lambda: self.now))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path).served() as made:
        yield made


@pytest.fixture
def page(page: Page, site: Site) -> Page:
    log_in(page, site.url("/"), PASSWORD)
    return page


def test_from_the_city_down_to_the_reasons(page: Page, site: Site) -> None:
    page.get_by_role("link", name="Kehadiran").click()
    page.get_by_label("Tanggal").fill(DAY.isoformat())
    page.get_by_role("button", name="Buka").click()
    expect(page.get_by_role("heading", name="Kehadiran Selasa, 24 November 2026")).to_be_visible()
    is_good(page)
    page.get_by_role("link", name=GATEWAY).click()
    row = page.get_by_role("row").filter(has_text="Budi Santoso")
    expect(row).to_contain_text("Hadir")
    expect(row).to_contain_text("gangguan")
    is_good(page)
    page.get_by_role("link", name="Mengapa Dodi Wijaya Terlambat?").click()
    expect(page.get_by_text("Terlambat 15 menit dari 07.55.")).to_be_visible()
    expect(page.get_by_text("Masuk pertama 08.10.00")).to_be_visible()
    is_good(page)
    page.get_by_role("link", name="Bulan ini").click()
    expect(page.get_by_role("heading", name="Dodi Wijaya, November 2026")).to_be_visible()
    is_good(page)


@looks.ONE_SIZE
def test_an_office_narrows_to_one_status(page: Page, site: Site) -> None:
    page.goto(site.url(f"/attendance/office/{GATEWAY}?date={DAY}"))
    page.get_by_role("link", name="3 Pulang sebelum waktu").click()
    expect(page.get_by_role("rowheader")).to_have_text(["Cici Lestari", "Fajar Hidayat", "Gita Permata"])
    expect(page.get_by_role("row").filter(has_text="Fajar")).to_contain_text("Tanpa catatan pulang")
    is_good(page)


@looks.ONE_SIZE
def test_today_follows_what_comes_in(page: Page, site: Site) -> None:
    page.goto(site.url(f"/attendance/office/{GATEWAY}"))
    row = page.get_by_role("row").filter(has_text="Ani Contoh")
    expect(row).to_contain_text("Belum ada")
    page.evaluate("window.mark = 'the same document'")
    site.city.record("Ani Contoh", Action.IN, "07:05", NOW.date())
    expect(row).to_contain_text("Hadir", timeout=15_000)
    assert page.evaluate("window.mark") == "the same document"


def test_the_recap_and_the_report(page: Page, site: Site) -> None:
    page.goto(site.url(f"/attendance/office/{GATEWAY}?date={DAY}"))
    page.get_by_role("link", name="Rekap bulan ini").click()
    expect(page.get_by_role("heading", name="Rekap dinkes-01, November 2026")).to_be_visible()
    is_good(page)
    page.goto(site.url(f"/attendance/office/{GATEWAY}/incidents?from={DAY}&until={DAY}"))
    expect(page.get_by_role("row").filter(has_text="Budi Santoso")).to_contain_text("gangguan")
    expect(page.get_by_text("Mengetahui")).to_be_hidden()
    is_good(page)
    page.emulate_media(media="print")
    expect(page.get_by_text("Mengetahui")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("navigation")).to_have_count(0)


@looks.ONE_SIZE
def test_a_correction_by_two_people(page: Page, site: Site) -> None:
    access.set_password(site.database, "kepala", PASSWORD, NOW)
    path = f"/attendance/person/{site.people['Gita Permata']}/{DAY}"
    page.goto(site.url(path))
    page.get_by_text("Tambah catatan yang tidak ada").click()
    page.get_by_label("Catatan", exact=True).select_option("Pulang")
    page.get_by_label("Jam").fill("16:05")
    page.get_by_label("Alasan").first.fill("gateway terganggu, daftar manual")
    is_good(page)
    page.get_by_role("button", name="Ajukan").first.click()
    expect(page.get_by_text("Diajukan; sekarang menunggu persetujuan orang lain.")).to_be_visible()
    expect(page.get_by_role("button", name="Setujui")).to_have_count(0)
    page.get_by_role("button", name="Keluar").click()
    page.get_by_label("Nama pengguna").fill("kepala")
    page.get_by_label("Kata sandi").fill(PASSWORD)
    page.get_by_role("button", name="Masuk").click()
    page.goto(site.url("/corrections"))
    is_good(page)
    page.get_by_role("button", name="Setujui koreksi 1").click()
    expect(page.get_by_text("Tidak ada yang menunggu")).to_be_visible()
    page.goto(site.url(path))
    expect(page.get_by_text("Pulang terakhir 16.05.00 (koreksi 1).")).to_be_visible()
    is_good(page)


@looks.ONE_SIZE
def test_a_draft_of_the_rules(page: Page, site: Site) -> None:
    page.goto(site.url("/attendance/replay"))
    is_good(page)
    page.get_by_label("Kantor").select_option(GATEWAY)
    page.get_by_label("Rancangan", exact=True).select_option("panrb")
    page.get_by_role("button", name="Bandingkan").click()
    expect(page.get_by_role("row").filter(has_text="Dodi Wijaya").first).to_contain_text("Hadir")
    is_good(page)
