"""The presence screen in a real browser: on a television, on a telephone, and through a restart of the gateway."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ..system import System, fetch
from ..waiting import eventually
from .looks import fits, is_accessible

NUMBER = "+6281100000001"
SIZES = {"television": {"width": 1920, "height": 1080}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("screen")
    with System(folder, employees=3, presence="required", number=NUMBER) as system:
        system.start()
        eventually(lambda: fetch(system.url("gateway", "/readyz")), 60, "the gateway being ready")
        yield system


@pytest.fixture(params=list(SIZES))
def page(request: pytest.FixtureRequest, browser: Browser, office: System) -> Iterator[Page]:
    context = browser.new_context(viewport=SIZES[request.param])  # type: ignore[arg-type]
    opened = context.new_page()
    opened.goto(office.url("gateway", "/screen"))
    expect(opened.locator("#code")).to_have_text(re.compile(r"\d{6}"))
    yield opened
    context.close()


def test_the_code_is_read_from_afar(page: Page, office: System) -> None:
    code = page.locator("#code")
    size = float(code.evaluate("each => parseFloat(getComputedStyle(each).fontSize)"))
    height = page.viewport_size["height"] if page.viewport_size else 0
    assert size >= height / 5, f"{size:.0f} of {height} pixels"
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight + 1"), "it does not fit on the screen"
    fits(page)
    is_accessible(page)
    eventually(lambda: code.text_content() == office.presence_code(), 10, "the code that central gave out")


@pytest.mark.parametrize("page", ["television"], indirect=True)
def test_the_qr_code_opens_the_sms_with_everything_filled_in(page: Page, office: System, tmp_path: Path) -> None:
    image = tmp_path / "qr.png"
    page.locator("#qr").screenshot(path=image)
    read = subprocess.run(["zbarimg", "--quiet", "--raw", str(image)], capture_output=True, text=True, check=True)
    assert read.stdout.strip() == f"SMSTO:{NUMBER}:HADIR {office.presence_code()}"


@pytest.mark.parametrize("page", ["television"], indirect=True)
def test_it_goes_on_when_the_gateway_was_away(page: Page, office: System) -> None:
    office.kill("gateway")
    expect(page.locator("#problem")).to_contain_text("Menyambung", timeout=30_000)
    office.start("gateway")
    expect(page.locator("#problem")).to_be_empty(timeout=30_000)
    expect(page.locator("#code")).to_have_text(re.compile(r"\d{6}"))


@pytest.mark.parametrize("page", ["television"], indirect=True)
def test_who_texts_the_code_is_on_the_screen(page: Page, office: System) -> None:
    phone = office.phones[1]
    office.text(phone, f"HADIR {office.presence_code()}")
    expect(page.locator("#receipts")).to_contain_text(f"{phone[:6]}****{phone[-3:]}", timeout=30_000)
    expect(page.locator("#receipts")).to_contain_text("Hadir")
