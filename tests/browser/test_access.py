"""The pages of accounts, programs, people and files in a real browser: accessible, within the screen, one origin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyotp
import pytest
from playwright.sync_api import Page, expect

from central import access, audit, deliveries, endpoints, fleet, orders
from central.database import Database
from central.ingest import Ingest
from central.outbound import Rules
from central.roster import Row, store
from central.web.office import Office
from mqtt_bridge.records import Ending, Result, encode

from ..central.factories import GATEWAY, KnownKeys, batch, chain, envelope
from ..central.test_spreadsheets import workbook
from . import looks
from .looks import is_good, log_in
from .served import Served

PASSWORD = "kata-sandi-uji"
BAR = (
    "Gateway", "Peringatan", "Kesiapan", "Kehadiran", "Presensi", "Nomor", "Pegawai", "Unduh", "Pendaftaran",
    "Program", "Akun", "Audit",
)  # fmt: skip
HEAD = ("nip", "nama", "hp", "gateway")


class Site(Served):
    """Central's pages with an employee, a record, a program that did not take it, and lines in the audit."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder}/central.db")
        now = datetime.now(UTC)
        fleet.add(self.database, GATEWAY, now)
        store(self.database, [Row(2, "1" * 18, "Ani Contoh", "+6281234567890", GATEWAY)], now=now)
        access.set_password(self.database, "admin", PASSWORD, now)
        employee = self.database.value("SELECT id FROM employee")
        made = chain(2, employee=employee, at=now, received=now)
        Ingest(self.database, KnownKeys()).take([envelope(batch(made, 1, 2))], now)  # type: ignore[arg-type]
        rules = Rules()
        endpoint = endpoints.add(
            self.database, "sinergi", "https://sinergi.invalid/", rules, "it", now, from_start=True
        )
        deliveries.fill(self.database, endpoint, now)
        self.database.run("UPDATE delivery SET dead = ?, problem = 'answered 422' WHERE record = 1", 1)
        with self.database.transaction():
            audit.append(self.database, "admin", "example", {"a": 1}, now)
        self.show(Office(self.database, ZoneInfo("Asia/Jakarta")))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path).served() as made:
        yield made


@pytest.fixture
def page(page: Page, site: Site) -> Page:
    log_in(page, site.url("/"), PASSWORD)
    return page


def test_every_page_that_the_bar_leads_to(page: Page, site: Site) -> None:
    for name in BAR:
        page.get_by_role("navigation", name="Utama").get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("navigation", name="Utama").locator("[aria-current]")).to_have_text(name)
        is_good(page)
    page.goto(site.url("/api"))
    is_good(page)


@looks.ONE_SIZE
def test_a_code_from_a_phone(page: Page, site: Site) -> None:
    page.get_by_role("link", name="Akun admin").click()
    is_good(page)
    page.get_by_role("link", name="Aktifkan").click()
    is_good(page)
    secret = page.locator("code.secret").text_content() or ""
    expect(page.get_by_alt_text("Gambar QR")).to_be_visible()
    page.get_by_label("Kode").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Aktifkan").click()
    expect(page.locator(".codes li")).to_have_count(8)
    is_good(page)
    recovery = page.locator(".codes li").first.text_content() or ""
    page.get_by_role("link", name="Sudah saya simpan").click()
    expect(page.get_by_text("Sisa kode cadangan: 8")).to_be_visible()
    is_good(page)
    page.get_by_role("button", name="Keluar").click()
    log_in(page, site.url("/"), PASSWORD, then="Kode dari ponsel")
    is_good(page)
    page.get_by_label("Kode").fill(recovery)
    page.get_by_role("button", name="Masuk").click()
    expect(page.get_by_role("heading", name="Gateway")).to_be_visible()


@looks.ONE_SIZE
def test_an_account_is_made_limited_and_removed(page: Page) -> None:
    page.get_by_role("navigation", name="Utama").get_by_role("link", name="Akun").click()
    page.get_by_label("Nama pengguna").fill("budi")
    page.get_by_label("Admin OPD").check()
    page.get_by_label(GATEWAY).check()
    page.get_by_role("button", name="Buat akun").click()
    expect(page.get_by_role("heading", name="Kata sandi untuk budi")).to_be_visible()
    is_good(page)
    page.get_by_role("link", name="Selesai").click()
    expect(page.get_by_label(GATEWAY)).to_be_checked()
    page.get_by_text("Hapus akun").first.click()
    is_good(page)
    page.get_by_role("button", name="Hapus akun").click()
    expect(page.get_by_text("Akun budi dihapus.")).to_be_visible()


@looks.ONE_SIZE
def test_what_a_program_did_not_take_is_sent_again(page: Page) -> None:
    page.get_by_role("link", name="Program", exact=True).click()
    page.get_by_role("link", name="sinergi").click()
    is_good(page)
    page.get_by_role("button", name="Kirim lagi catatan 1").click()
    expect(page.get_by_text("1 catatan dikirim lagi.")).to_be_visible()
    page.get_by_text("Ganti rahasia").first.click()
    page.get_by_role("button", name="Ganti rahasia").click()
    expect(page.locator("code.secret")).to_have_text(re.compile("^whsec_"))
    is_good(page)


@looks.ONE_SIZE
def test_a_list_is_looked_at_and_taken_in(page: Page, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.xlsx", tmp_path / "bad.xlsx"
    good.write_bytes(workbook(HEAD, ("199001012015011002", "Budi Baru", "081298765432", GATEWAY)))
    bad.write_bytes(workbook(HEAD, ("12", "Budi Baru", "081298765432", GATEWAY)))
    page.get_by_role("link", name="Pegawai", exact=True).click()
    page.get_by_role("link", name="Impor daftar").click()
    is_good(page)
    page.get_by_label("Berkas XLSX atau CSV").set_input_files(good)
    page.get_by_role("button", name="Periksa").click()
    expect(page.get_by_role("heading", name="Baru: 1")).to_be_visible()
    is_good(page)
    page.get_by_role("button", name="Impor").click()
    expect(page.get_by_text("2 pegawai aktif sekarang.")).to_be_visible()
    page.get_by_role("button", name="Tampilkan NIP dan nomor Budi Baru").click()
    expect(page.get_by_text("19900101 201501 1 002")).to_be_visible()
    is_good(page)


@looks.ONE_SIZE
def test_a_file_is_taken_along(page: Page, tmp_path: Path) -> None:
    page.get_by_role("link", name="Unduh", exact=True).click()
    with page.expect_download() as started:
        page.get_by_role("button", name="Unduh presensi").click()
    assert started.value.suggested_filename.endswith(".xlsx")
    started.value.save_as(tmp_path / "file.xlsx")
    assert (tmp_path / "file.xlsx").read_bytes().startswith(b"PK")


@looks.ONE_SIZE
def test_a_command_is_asked_for_and_its_answer_comes_by_itself(page: Page, site: Site) -> None:
    path = f"/gateways/{GATEWAY}/commands"
    page.goto(site.url(path))
    is_good(page)
    page.get_by_label("Kode USSD").fill("*888#")
    page.get_by_role("button", name="Tekan USSD").click()
    expect(page.get_by_text("Menunggu dikirim")).to_be_visible()
    page.get_by_label("Kode USSD").fill("*363#")
    asked = orders.latest(site.database, 1)[0].command
    said = Result(
        gateway=GATEWAY, id=asked.id, ending=Ending.DONE, code="ussd", at=asked.issued, text="Sisa pulsa Rp 25.000."
    )
    site.database.run("UPDATE command SET result = ?", encode(said))
    expect(page.get_by_text("Sisa pulsa Rp 25.000.")).to_be_visible()
    expect(page.get_by_label("Kode USSD")).to_have_value("*363#")
    is_good(page)
    page.locator("#command-list").get_by_role("link", name="Tekan USSD").click()
    expect(page.get_by_role("heading", name="Tekan USSD")).to_be_visible()
    is_good(page)
