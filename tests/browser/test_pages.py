"""The three pages in a real browser, over a whole running system: as people see them, live, and from one origin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from ..system import GATEWAY, System, fetch
from ..waiting import eventually
from . import looks
from .looks import SIZES, fits, is_accessible, log_in


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with System(tmp_path_factory.mktemp("office"), employees=8) as system:
        system.start()
        eventually(lambda: fetch(system.url("gateway", "/readyz")), 60, "the gateway being ready")
        yield system


def test_the_fleet_shows_the_gateway(page: Page, office: System) -> None:
    log_in(page, office.url("central", "/"), office.password)
    row = page.get_by_role("row").filter(has_text=GATEWAY)
    expect(row).to_contain_text("Baik")
    expect(row).to_contain_text("Gardu Seluler")
    is_accessible(page)
    fits(page)


@looks.ONE_SIZE
def test_a_text_from_the_phone_shows_everywhere_without_a_reload(page: Page, office: System) -> None:
    number = office.phones[0 if page.viewport_size == SIZES["desktop"] else 1]
    log_in(page, office.url("central", "/"), office.password)
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


@looks.ONE_SIZE
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


@looks.ONE_SIZE
def test_records_are_found_by_name(page: Page, office: System) -> None:
    office.text(office.phones[2], "HADIR")
    log_in(page, office.url("central", "/"), office.password)
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


@looks.ONE_SIZE
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
