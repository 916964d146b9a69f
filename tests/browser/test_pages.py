"""The three pages in a real browser, over a whole running system: as people see them, live, and from one origin."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ..system import GATEWAY, System, fetch
from ..waiting import eventually

CHROMIUM = "/usr/bin/chromium"
SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with System(tmp_path_factory.mktemp("office"), employees=8) as system:
        system.start()
        eventually(lambda: fetch(system.url("gateway", "/readyz")), 60, "the gateway being ready")
        yield system


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    options = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield running
        running.close()


@pytest.fixture(params=["desktop", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, office: System) -> Iterator[Page]:
    """A page that must not complain, nor ask anybody but the system itself for anything."""
    theme = "light" if request.param == "desktop" else "dark"
    context = browser.new_context(viewport=SIZES[request.param], color_scheme=theme, locale="id-ID")  # type: ignore[arg-type]
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    hosts: set[str | None] = set()
    yield opened
    context.close()
    assert complaints == []
    assert hosts <= {"127.0.0.1"}


def log_in(page: Page, office: System) -> None:
    page.goto(office.url("central", "/"))
    page.get_by_label("Nama pengguna").fill("admin")
    page.get_by_label("Kata sandi").fill(office.password)
    page.get_by_role("button", name="Masuk").click()
    expect(page.get_by_role("heading", name="Gateway")).to_be_visible()


def is_accessible(page: Page) -> None:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    serious = [f"{each['id']}: {each['help']}" for each in found if each["impact"] in ("serious", "critical")]
    assert serious == []


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"


def test_the_fleet_shows_the_gateway(page: Page, office: System) -> None:
    log_in(page, office)
    row = page.get_by_role("row").filter(has_text=GATEWAY)
    expect(row).to_contain_text("Baik")
    expect(row).to_contain_text("Gardu Seluler")
    is_accessible(page)
    fits(page)


def test_a_text_from_the_phone_shows_everywhere_without_a_reload(page: Page, office: System) -> None:
    number = office.phones[0 if page.viewport_size == SIZES["desktop"] else 1]
    log_in(page, office)
    page.get_by_role("link", name="Presensi").click()
    others = page.context.new_page()
    others.goto(office.url("phone", f"/phones/{number}"))
    is_accessible(others)
    others.get_by_role("textbox", name="Pesan").fill("HADIR")
    others.get_by_role("button", name="Kirim").click()
    answer = others.locator(".text").filter(has_text="Hadir tercatat")
    expect(answer).to_be_visible(timeout=15_000)
    receipt = (answer.text_content() or "").partition("No. ")[2][:4]
    expect(page.get_by_role("row").filter(has_text=receipt)).to_contain_text("Hadir", timeout=10_000)
    is_accessible(page)
    fits(page)
    others.goto(office.url("gateway", "/messages"))
    expect(others.get_by_role("listitem").filter(has_text=f"No. {receipt}").first).to_contain_text("Tercatat")
    is_accessible(others)
    fits(others)
    assert number not in (others.text_content("body") or "")


def test_a_fault_is_set_and_ended_on_the_phone_page(page: Page, office: System) -> None:
    page.goto(office.url("phone", "/"))
    page.get_by_role("link", name="Gangguan modem").click()
    page.get_by_role("heading", name="Modem lambat").click()
    form = page.get_by_role("form", name="Modem lambat")
    form.get_by_label("Milidetik tiap perintah").fill("1")
    form.get_by_label("Lama (detik)").fill("60")
    form.get_by_role("button", name="Mulai").click()
    active = page.get_by_role("region", name="Sedang berlaku")
    expect(active).to_contain_text("Modem lambat")
    is_accessible(page)
    fits(page)
    active.get_by_role("button", name="Hentikan Modem lambat").click()
    expect(active).to_contain_text("Tidak ada gangguan")


def test_the_gateways_own_page(page: Page, office: System) -> None:
    page.goto(office.url("gateway", "/"))
    expect(page.get_by_role("heading", name=GATEWAY)).to_contain_text("Berjalan baik")
    is_accessible(page)
    fits(page)


def test_records_are_found_by_name(page: Page, office: System) -> None:
    office.text(office.phones[2], "HADIR")
    log_in(page, office)
    page.get_by_role("link", name="Presensi").click()
    page.get_by_label("Nama atau nomor tanda terima").fill("pegawai 2")
    page.get_by_role("button", name="Cari").click()
    expect(page.get_by_role("rowheader", name="Pegawai 2")).to_be_visible(timeout=10_000)
    page.get_by_label("Nama atau nomor tanda terima").fill("tidak ada")
    page.get_by_role("button", name="Cari").click()
    expect(page.get_by_text("Tidak ada yang cocok")).to_be_visible()
    page.get_by_role("button", name="Keluar").click()
    expect(page.get_by_role("heading", name="Masuk ke Gardu")).to_be_visible()
    is_accessible(page)


def test_the_sim_is_topped_up_on_the_phone_page(page: Page, office: System) -> None:
    page.goto(office.url("phone", "/sim"))
    page.get_by_label("Pulsa (Rp)").fill("15250")
    page.get_by_role("button", name="Simpan").click()
    expect(page.get_by_label("Pulsa (Rp)")).to_have_value("15250")
    is_accessible(page)
    fits(page)
    page.goto(office.url("phone", f"/phones/{office.phones[3]}"))
    page.get_by_role("button", name="Telepon").click()
    expect(page.get_by_label("Percakapan")).to_be_visible()
    is_accessible(page)
    fits(page)
