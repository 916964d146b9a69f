"""What officers of IT and of personnel do, each from the first page on by links and forms alone (docs/tasks.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import NoReturn

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from central import access, audit, deliveries, endpoints
from central.database import Database, micros
from central.outbound import Rules
from central.quarantine import put_aside
from central.roles import Role
from central.web.office import Office
from mqtt_bridge.records import Action, ModemReport, encode
from mqtt_bridge.sealing import public_text, seal_for

from ..central.factories import reason, status
from ..central.offices import DAY, NOW, WIB, City, later
from ..central.test_registrar import Hall
from ..central.test_spreadsheets import workbook
from .looks import SIZES
from .looks import is_good as is_good_here
from .served import Served

PASSWORD = "kata-sandi-uji"
SICK, WELL = "dinkes-01", "disdik-01"
NAMES = ("Ani Contoh", "Budi Santoso", "Cici Lestari", "Dodi Wijaya")
HEAD = ("nip", "nama", "hp", "gateway")
TODAY = NOW.date()


class Site(Served):
    """Two offices on a day on which much waits to be done, and who may do it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database(f"sqlite:///{folder}/central.db")
        self.city = City(self.database)
        self.city.office(SICK, NAMES)
        self.city.office(WELL, ["Hari Nugroho"])
        digest = access.digest_of_password(PASSWORD)  # of all: each takes its time
        people = (("tina", Role.IT), ("peni", Role.PERSONNEL), ("dua", Role.PERSONNEL), ("lupa", Role.VIEWER))
        self.database.insert_all(
            "person", ("name", "password", "created", "roles"), [(name, digest, 0, role) for name, role in people]
        )
        self.office = Office(
            self.database, WIB, clock=lambda: NOW, registrar=Hall(self.database, folder).registrar,
            enrolment_url="https://gardu.example.go.id",
        )  # fmt: skip
        self._machines()
        self._people()
        self.show(self.office)

    def _machines(self) -> None:
        """One gateway is sick and holds an old list, and something of it was put aside."""
        modem = ModemReport(state="registered", signal=61, operator="TELKOMSEL")
        for gateway, reasons in ((SICK, (reason("clock"),)), (WELL, ())):
            self.database.insert_all("desired", ("gateway", "version", "body"), [(gateway, 9, b"{}")])
            said = encode(status(gateway, at=NOW, modem=modem, reasons=reasons, desired=3 if reasons else 9))
            self.database.run(
                "UPDATE gateway SET online = 1, seen = ?, status = ? WHERE id = ?", micros(NOW), said, gateway
            )
        self.database.run("DELETE FROM desired WHERE gateway = ?", WELL)
        put_aside(self.database, SICK, "record 7 does not follow from the one before it", b"", NOW)
        with self.database.transaction():
            audit.append(self.database, "tina", "example", {"a": 1}, NOW)

    def _people(self) -> None:
        """A day of everything in the past, and a morning on which two are there."""
        for name, came, left in (("Ani Contoh", "07:12", "16:03"), ("Budi Santoso", "07:45", "16:10")):
            self.city.record(name, Action.IN, came)
            self.city.record(name, Action.OUT, left)
        self.city.record("Cici Lestari", Action.SICK, "06:40")
        self.disputed = self.city.record("Budi Santoso", Action.DISPUTE, "16:20")
        for name in ("Ani Contoh", "Budi Santoso"):
            self.city.record(name, Action.IN, "07:10", TODAY)
        asked = self.city.record("Ani Contoh", Action.REGISTER, "09:00", TODAY)
        note = seal_for(public_text(self.office.sealing_key), f"{4:018}")
        self.database.run("UPDATE record SET employee = '+6281299999999', note = ? WHERE id = ?", note, asked)
        self.city.incident("network", "07:05", "07:40")
        self.city.complete(later(hours=-1))
        endpoint = endpoints.add(
            self.database, "sinergi", "https://sinergi.invalid/", Rules(), "it", NOW, from_start=True
        )
        deliveries.fill(self.database, endpoint, NOW)
        self.database.run("UPDATE delivery SET dead = 1, problem = 'answered 422' WHERE record = 1")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("tasks")).served() as made:
        yield made


@pytest.fixture(scope="class")
def page(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Page]:
    """Of the officer whose tasks these are; they log in once."""
    opened = entered(browser, site, request.cls.officer)
    yield opened
    opened.context.close()


def entered(browser: Browser, site: Site, name: str) -> Page:
    """Logged in, and from then on without the address bar. It must not complain."""
    context: BrowserContext = browser.new_context(viewport=SIZES["desktop"], locale="id-ID", reduced_motion="reduce")
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(site.url())
    log_in(page, name)
    expect(page.get_by_role("heading", name="Gateway")).to_be_visible()

    def goto(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a task is done without the address bar")

    page.goto = goto  # type: ignore[method-assign]
    return page


def log_in(page: Page, name: str) -> None:
    page.get_by_label("Nama pengguna").fill(name)
    page.get_by_label("Kata sandi").fill(PASSWORD)
    page.get_by_role("button", name="Masuk").click()


def start(page: Page, name: str) -> None:
    """From the first page by the bar on top."""
    page.get_by_role("link", name="Gardu", exact=True).click()
    page.get_by_role("navigation", name="Utama").get_by_role("link", name=name, exact=True).click()


def row(page: Page, text: str) -> Locator:
    return page.get_by_role("row").filter(has_text=text)


def is_good(page: Page) -> None:
    """For everybody: on a desk by day, on a phone by night."""
    for size, theme in (("desktop", "light"), ("phone", "dark")):
        page.set_viewport_size(SIZES[size])
        page.emulate_media(color_scheme=theme)
        page.wait_for_function("theme => document.documentElement.dataset.bsTheme === theme", arg=theme)
        is_good_here(page)
    page.set_viewport_size(SIZES["desktop"])
    page.emulate_media(color_scheme="light")


def is_printed_on_a4_landscape(page: Page) -> None:
    """For the secretary of the city: the table with the date on every sheet, and nothing to click."""
    page.emulate_media(media="print")
    sheets = re.findall(rb"/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]", page.pdf(prefer_css_page_size=True))
    assert {(round(float(wide)), round(float(high))) for wide, high in sheets} == {(842, 595)}
    assert page.locator("thead").evaluate("each => getComputedStyle(each).display") == "table-header-group"
    expect(page.locator("thead")).to_contain_text(f"{NOW:%d/%m/%Y %H:%M}")
    for gone in ("header.navbar", "form.filter >> nth=0", ".btn >> nth=0", "#deadline-title"):
        expect(page.locator(gone)).to_be_hidden()
    page.emulate_media(media="screen")


class TestIT:
    officer = "tina"

    def test_the_sickest_gateway_and_why(self, page: Page) -> None:
        page.get_by_role("link", name="Gardu", exact=True).click()
        first = page.locator("tbody tr").first
        expect(first).to_contain_text(SICK)
        expect(first).to_contain_text("sebab clock")
        expect(first).to_contain_text("Sambungkan gateway ke jaringan")

    def test_which_offices_are_ready_and_what_one_still_needs(self, page: Page) -> None:
        start(page, "Kesiapan")
        expect(page.locator(".lead")).to_contain_text("0 dari 2 OPD siap")
        page.get_by_label("Tanggal (kosong: tanpa tenggat)").fill(f"{TODAY + timedelta(days=12)}")
        page.get_by_role("button", name="Simpan tenggat").click()
        expect(page.locator(".lead")).to_contain_text("12 hari lagi")
        is_good(page)
        is_printed_on_a4_landscape(page)
        page.get_by_role("link", name=WELL).click()
        expect(row(page, "Pendaftaran")).to_contain_text("Buat token di halaman Pendaftaran")
        is_good(page)

    def test_a_gateway_is_made_with_its_token(self, page: Page) -> None:
        start(page, "Pendaftaran")
        is_good(page)
        page.get_by_label("Nama gateway").fill("baru-01")
        page.get_by_role("button", name="Buat gateway dan token").click()
        expect(page.locator("code.secret")).to_contain_text("gardu-gateway enrol https://gardu.example.go.id ")
        expect(page.get_by_alt_text("Gambar QR")).to_be_visible()
        page.get_by_role("link", name="Selesai").click()
        expect(page.get_by_text("ada, belum dipakai")).to_be_visible()

    def test_a_gateway_is_revoked(self, page: Page) -> None:
        start(page, "Pendaftaran")
        page.get_by_role("link", name="baru-01").click()
        is_good(page)
        page.get_by_role("link", name="Cabut gateway ini").click()
        is_good(page)
        page.get_by_label("Alasan").fill("hilang")
        page.get_by_label("Ketik baru-01").fill("baru-01")
        page.get_by_role("button", name="Cabut baru-01").click()
        expect(page.get_by_text("baru-01 dicabut")).to_be_visible()

    def test_what_was_put_aside_and_why(self, page: Page) -> None:
        start(page, "Pendaftaran")
        page.get_by_role("link", name="Karantina").click()
        expect(row(page, SICK)).to_contain_text("rantainya putus")
        is_good(page)

    def test_an_opds_admin_gets_an_account_with_a_code_from_their_phone(
        self, page: Page, browser: Browser, site: Site
    ) -> None:
        start(page, "Akun")
        page.get_by_label("Nama pengguna").fill("opik")
        page.get_by_label("Admin OPD").check()
        page.get_by_label(SICK).check()
        page.get_by_role("button", name="Buat akun").click()
        access.set_password(site.database, "opik", PASSWORD, NOW)  # the one on the page is for their eyes
        theirs = entered(browser, site, "opik")
        theirs.get_by_role("link", name="Akun opik").click()
        theirs.get_by_role("link", name="Aktifkan").click()
        secret = theirs.locator("code.secret").text_content() or ""
        theirs.get_by_label("Kode").fill(pyotp.TOTP(secret).at(NOW))
        theirs.get_by_role("button", name="Aktifkan").click()
        expect(theirs.locator(".codes li")).to_have_count(8)
        theirs.context.close()
        start(page, "Akun")
        expect(row(page, "opik")).to_contain_text("aktif")

    def test_somebodys_session_is_ended(self, page: Page, browser: Browser, site: Site) -> None:
        theirs = entered(browser, site, "lupa")
        start(page, "Akun")
        page.get_by_role("link", name="lupa").click()
        page.get_by_role("button", name="Akhiri sesi dari").click()
        expect(page.get_by_text("Sesi itu diakhiri.")).to_be_visible()
        is_good(page)
        expect(theirs.get_by_role("heading", name="Masuk ke Gardu")).to_be_visible(timeout=10_000)  # by itself
        theirs.context.close()

    def test_a_webhook_is_added_and_a_dead_letter_sent_again(self, page: Page) -> None:
        start(page, "Program")
        page.get_by_label("Nama").fill("sikap")
        page.get_by_label("Alamat").fill("https://sikap.example.go.id/gardu")
        page.get_by_role("button", name="Tambah").click()
        expect(page.locator("code.secret")).to_have_text(re.compile("^whsec_"))
        start(page, "Program")
        page.get_by_role("link", name="sinergi").click()
        page.get_by_role("button", name="Kirim lagi catatan 1").click()
        expect(page.get_by_text("1 catatan dikirim lagi.")).to_be_visible()

    def test_which_gateways_do_not_hold_what_they_should(self, page: Page) -> None:
        start(page, "Pendaftaran")
        expect(row(page, SICK)).to_contain_text("Tertinggal")
        expect(row(page, SICK)).to_contain_text("di gateway 3, di pusat 9")

    def test_the_audit_is_read_and_its_chain_proved(self, page: Page) -> None:
        start(page, "Audit")
        expect(row(page, "gateway-revoked")).to_contain_text("hilang")
        page.get_by_role("link", name="Periksa rantainya").click()
        expect(page.get_by_text("Utuh.")).to_be_visible()

    def test_a_program_gets_a_token(self, page: Page) -> None:
        start(page, "Program")
        page.get_by_role("link", name="Token API").click()
        is_good(page)
        page.get_by_label("Nama program").fill("dasbor")
        page.get_by_role("button", name="Buat token").click()
        expect(page.get_by_role("heading", name="Token untuk dasbor")).to_be_visible()
        expect(page.locator("code.secret")).to_have_text(re.compile(r"\S{40,}"))
        page.get_by_role("link", name="Selesai").click()
        expect(row(page, "dasbor")).to_contain_text("membaca presensi")


class TestPersonnel:
    officer = "peni"

    def test_who_is_missing_today(self, page: Page) -> None:
        start(page, "Kehadiran")
        page.get_by_role("link", name=SICK).click()
        page.locator(".tally").get_by_role("link", name="Belum ada").click()
        expect(row(page, "Dodi Wijaya")).to_be_visible()
        expect(page.get_by_role("rowheader", name="Ani Contoh")).to_have_count(0)

    def test_a_persons_month_and_the_reasons_of_a_day(self, page: Page) -> None:
        start(page, "Pegawai")
        page.get_by_role("link", name="Budi Santoso").click()
        page.get_by_role("link", name=f"Mengapa Selasa, {DAY.day} November").click()
        expect(page.locator(".reasons li").first).to_be_visible()

    def test_a_record_by_hand_counts_when_a_second_person_agrees(
        self, page: Page, browser: Browser, site: Site
    ) -> None:
        start(page, "Kehadiran")
        page.get_by_role("link", name=SICK).click()
        page.get_by_role("link", name="Mengapa Dodi Wijaya").click()
        page.get_by_text("Tambah catatan yang tidak ada").click()
        page.get_by_label("Jam", exact=True).fill("07:20")
        page.locator("#reason-punch").fill("ponsel rusak, dilihat atasan")
        page.get_by_role("button", name="Ajukan").first.click()
        expect(page.get_by_text("menunggu orang lain")).to_be_visible()
        second = entered(browser, site, "dua")
        start(second, "Kehadiran")
        second.get_by_role("link", name="Koreksi yang menunggu").click()
        second.get_by_role("button", name="Setujui koreksi").click()
        expect(second.get_by_text("Disetujui.")).to_be_visible()
        second.context.close()
        page.get_by_role("link", name=SICK).click()
        expect(row(page, "Dodi Wijaya")).to_contain_text("07:20")

    def test_a_dispute_is_decided(self, page: Page) -> None:
        start(page, "Kehadiran")
        page.get_by_role("link", name="Pernyataan dan sanggahan").click()
        is_good(page)
        disputed = row(page, "Sanggahan")
        expect(disputed).to_contain_text("Budi Santoso")
        disputed.get_by_label("Alasan keputusan").fill("jaringan terputus, lihat berita acara")
        disputed.get_by_role("button", name="Terima").click()
        expect(page.get_by_text("Sanggahan diterima.")).to_be_visible()
        expect(row(page, "Sanggahan")).to_have_count(0)

    def test_an_illness_is_approved(self, page: Page) -> None:
        start(page, "Kehadiran")
        page.get_by_role("link", name="Pernyataan dan sanggahan").click()
        row(page, "Cici Lestari").get_by_role("button", name="Setujui Sakit").click()
        expect(page.get_by_text("Disetujui.")).to_be_visible()
        expect(row(page, "Cici Lestari")).to_have_count(0)

    def test_a_number_is_bound(self, page: Page) -> None:
        start(page, "Nomor")
        page.get_by_role("button", name="Setujui nomor untuk Dodi Wijaya").click()
        expect(page.get_by_text("Dodi Wijaya kini memakai nomor baru")).to_be_visible()

    def test_a_list_with_a_fault_is_refused_and_a_good_one_looked_at_and_taken(self, page: Page, site: Site) -> None:
        good, bad = site.folder / "good.xlsx", site.folder / "bad.xlsx"
        good.write_bytes(workbook(HEAD, ("199001012015011002", "Gita Permata", "081298765432", SICK)))
        bad.write_bytes(workbook(HEAD, ("12", "Gita Permata", "081298765432", SICK)))
        start(page, "Pegawai")
        page.get_by_role("link", name="Impor daftar").click()
        for file, button, words in ((bad, "Periksa", "baris 2, NIP: harus 18 angka"), (good, "Periksa", "Baru: 1")):
            page.get_by_label("Berkas XLSX atau CSV").set_input_files(file)
            page.get_by_role("button", name=button).click()
            expect(page.get_by_text(words)).to_be_visible()
        page.get_by_role("button", name="Impor").click()
        expect(page.get_by_text("6 pegawai aktif sekarang.")).to_be_visible()

    def test_a_holiday_is_tried_on_a_month(self, page: Page) -> None:
        start(page, "Kehadiran")
        page.get_by_role("link", name="Uji rancangan aturan").click()
        page.get_by_label("Kantor").select_option(SICK)
        page.get_by_label("Bulan").fill(f"{DAY:%Y-%m}")
        page.get_by_label("Rancangan", exact=True).select_option("pekanbaru")
        page.get_by_label("Hari libur tambahan").fill(f"{date(2026, 11, 23)}")
        page.get_by_label("Nama hari libur").fill("Hari jadi kota")
        page.get_by_role("button", name="Bandingkan").click()
        expect(page.locator(".tally")).to_contain_text("hari berubah")
        expect(row(page, "Dodi Wijaya").first).to_contain_text("Libur")
        page.get_by_role("button", name="Ubah isi rancangan").click()
        expect(page.locator("#text")).to_have_value(re.compile("Perpres"))

    def test_a_month_is_taken_along(self, page: Page) -> None:
        start(page, "Unduh")
        with page.expect_download() as started:
            page.get_by_role("button", name="Unduh presensi").click()
        assert started.value.suggested_filename == f"presensi-{DAY:%Y-%m}-01-{TODAY}.xlsx"

    def test_the_report_of_an_outage_is_printed(self, page: Page) -> None:
        start(page, "Kehadiran")
        page.get_by_role("link", name="Sebelumnya").click()
        page.get_by_role("link", name=SICK).click()
        page.get_by_role("link", name="Berita acara gangguan").click()
        expect(page.get_by_text("Tercatat 1 gangguan")).to_be_visible()
        page.emulate_media(media="print")
        assert page.pdf().startswith(b"%PDF")
        expect(page.locator("header.navbar")).to_be_hidden()
        page.emulate_media(media="screen")
