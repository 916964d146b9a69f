"""The proof of a check-in in a real browser: reached from the lists, readable for everybody, and one sheet of A4."""

from __future__ import annotations

import re
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from central import access, proof
from central.web.app import create_app, serve
from central.web.evidence import standing_alone
from central.web.office import Office

from ..central.factories import NOW
from ..central.test_proof import WIB, Desk
from ..waiting import free_ports
from .looks import log_in

PASSWORD = "kata-sandi-uji"
A4 = (210, 297)


def sheets(pdf: bytes) -> list[tuple[int, int]]:
    """The size of each, in millimetres."""
    found = re.findall(rb"MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]", pdf)
    return [(round(float(wide) * 25.4 / 72), round(float(high) * 25.4 / 72)) for wide, high in found]


def test_the_proof_is_reached_read_and_printed(browser: Browser, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    access.set_password(desk.database, "admin", PASSWORD, NOW)
    office = Office(desk.database, WIB, clock=lambda: NOW, keys=desk.keys)
    (port,) = free_ports(1)
    with serve(f"127.0.0.1:{port}", create_app(office, "secret")):
        page = browser.new_context(
            viewport={"width": 390, "height": 844}, color_scheme="dark", locale="id-ID"
        ).new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        log_in(page, f"http://127.0.0.1:{port}/", PASSWORD)
        page.goto(f"http://127.0.0.1:{port}/attendance/person/{desk.employee}/2026-11-24")
        page.get_by_role("link", name="R002").click()
        expect(page.get_by_role("status")).to_contain_text("Utuh.")
        assert Axe().run(page).violations_count == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert sheets(page.pdf(prefer_css_page_size=True)) == [A4]
        assert complaints == []
    found = proof.of(desk.database, desk.keys, desk.record("R002"))
    assert found
    (tmp_path / "bukti.html").write_text(standing_alone(office, found, reveal=False))
    page.goto(f"file://{tmp_path}/bukti.html")
    assert sheets(page.pdf(prefer_css_page_size=True)) == [A4]
    assert Axe().run(page).violations_count == 0
    desk.database.close()
