"""The pages of attendance without a browser: who sees them, what they say, and that odd addresses break nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from central import rulebooks, sessions
from central.database import Database
from central.web.app import create_app
from central.web.office import Office
from mqtt_bridge.records import Action

from .offices import DAY, NOW, WIB, City, later

GATEWAY = "dinkes-01"
NAMES = ("Ani <b>Contoh</b>", "Budi", "Cici", "Dodi")


class Site:
    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder}/central.db")
        self.city = City(self.database)
        self.people = self.city.office(GATEWAY, NAMES)
        self.now = NOW
        app = create_app(Office(self.database, WIB, clock=lambda: self.now), "secret")
        app.config["WTF_CSRF_ENABLED"] = False
        app.testing = True
        self.client: FlaskClient = app.test_client()
        self.log_in("admin")

    def log_in(self, name: str) -> None:
        self.database.run(
            "INSERT INTO person (name, password, created) VALUES (?, '', 0) ON CONFLICT DO NOTHING", name
        )
        token = sessions.begin(self.database, name, "127.0.0.1", "", self.now)
        with self.client.session_transaction() as session:
            session.clear()
            session.update({"_user_id": token, "_fresh": True})

    def page(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    @property
    def paths(self) -> list[str]:
        ani = self.people[NAMES[0]]
        office = f"/attendance/office/{GATEWAY}"
        return [
            "/attendance", "/attendance/replay", "/corrections", office,
            f"{office}/month", f"{office}/incidents", f"/attendance/person/{ani}",
            f"/attendance/person/{ani}/{DAY}",
        ]  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.database.close()


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_nobody_sees_a_page_without_logging_in(site: Site) -> None:
    with site.client.session_transaction() as session:
        session.clear()
    for path in site.paths:
        answer = site.client.get(path)
        assert (answer.status_code, answer.location.startswith("/login")) == (302, True), path


def test_no_page_has_scripts_or_styles_inside(site: Site) -> None:
    for path in site.paths:
        text = site.page(path)
        assert not re.search(r"<script>|<style|style=\"|\son\w+=|javascript:", text), path
        assert "<b>Contoh" not in text


def test_no_page_shows_a_nip_or_a_number(site: Site) -> None:
    site.city.record("Budi", Action.IN, "07:12")
    for path in site.paths:
        assert not re.search(r"\d{18}|\+62", site.page(path)), path


def test_an_office_counts_and_says_why(site: Site) -> None:
    site.city.record("Budi", Action.IN, "07:45")
    site.city.record("Budi", Action.OUT, "16:03")
    site.city.record("Cici", Action.SICK, "06:40")
    path = f"/attendance/office/{GATEWAY}?date={DAY}"
    said = words(site.page(path))
    assert "2 Belum lengkap" not in said
    assert "Gateway ini belum membuktikan bahwa datanya lengkap" in said
    site.city.complete(later(hours=-1))
    said = words(site.page(path))
    for wanted in ("1 Terlambat", "1 Sakit", "2 Tanpa keterangan", "TL1", "15 menit", "0,5%", "menunggu persetujuan"):
        assert wanted in said, wanted
    assert "sampai 25/11/2026 11:00:00 WIB sudah ada di pusat" in said
    only = words(site.page(f"{path}&status=sakit"))
    assert "Cici" in only
    assert "Mengapa Budi" not in site.page(f"{path}&status=sakit")
    why = words(site.page(f"/attendance/person/{site.people['Budi']}/{DAY}"))
    assert "Aturan: Kota Pekanbaru 2026, berlaku sejak 01/01/2026" in why
    assert "Masuk pertama 07.45.00 (R1)." in why
    assert "Terlambat 15 menit dari 07.30." in why
    assert "TL1: potongan 0,5%." in why


def test_a_month_adds_up_what_is_final(site: Site) -> None:
    site.city.complete(later(days=-1, hours=-1))
    said = words(site.page(f"/attendance/person/{site.people['Budi']}?month=2026-11"))
    assert "64% potongan" in said  # sixteen working days before the one that is not complete yet
    assert "16 Tanpa keterangan" in said
    assert "Selasa, 24 November 2026 Belum lengkap" in said
    assert "hari belum selesai dinilai" in said
    recap = words(site.page(f"/attendance/office/{GATEWAY}/month?month=2026-11"))
    assert "Budi – – – – – 16" in recap.replace("0 – –", "– – –")


def test_the_city_adds_up(site: Site) -> None:
    site.city.record("Budi", Action.IN, "07:12")
    site.city.record("Budi", Action.OUT, "16:12")
    site.city.complete(later(hours=-1))
    said = words(site.page(f"/attendance?date={DAY}"))
    assert "1 Hadir" in said
    assert "3 Tanpa keterangan" in said
    assert "dinkes-01 4 1 – – – – 3 – – Rab 25 Nov 11:00 WIB" in said


def test_the_report_lists_incidents_and_whom_they_touched(site: Site) -> None:
    site.city.complete(later(hours=-1))
    site.city.record("Budi", Action.IN, "07:50")
    site.city.record("Budi", Action.OUT, "16:12")
    site.city.incident("modem", "07:05", "07:45")
    site.city.incident("offline", "20:00", None)
    said = words(site.page(f"/attendance/office/{GATEWAY}/incidents?from={DAY}&until={DAY}"))
    assert "Modem tidak bekerja 24/11/2026 07:05:00 WIB 24/11/2026 07:45:00 WIB 40 menit" in said
    assert "Gateway terputus dari pusat 24/11/2026 20:00:00 WIB masih berlangsung" in said
    assert "Budi Selasa, 24 November 2026 07:50 16:12 20 menit Hadir gangguan" in said
    nothing = words(site.page(f"/attendance/office/{GATEWAY}/incidents?until=2026-11-01"))
    assert "Tidak ada gangguan yang tercatat" in nothing


@pytest.mark.parametrize(
    "query", ["date=x", "date=0001-01-01", "date=9999-12-31", "month=2026-13", "month=%00", "status=x"]
)
def test_odd_addresses_break_nothing(site: Site, query: str) -> None:
    for path in site.paths:
        site.page(f"{path}?{query}&from={query}&until=x")


@pytest.mark.parametrize(
    "path",
    ["office/nowhere", "office/nowhere/month", "office/%00/incidents", "person/x", "person/x/2026-11-24", "nothing"],
)
def test_what_is_not_there_is_not_found(site: Site, path: str) -> None:
    assert site.client.get(f"/attendance/{path}").status_code == 404
    assert site.client.get(f"/attendance/person/{site.people['Budi']}/yesterday").status_code == 404


def test_today_renews_itself_and_the_past_does_not(site: Site) -> None:
    today = site.page(f"/attendance/office/{GATEWAY}")
    assert "hx-trigger" in today
    assert "hx-trigger" not in site.page(f"/attendance/office/{GATEWAY}?date={DAY - timedelta(days=1)}")


# Putting right


def test_a_correction_needs_two_people(site: Site) -> None:
    site.city.complete(later(hours=-1))
    day = f"/attendance/person/{site.people['Budi']}/{DAY}"
    for what, time in (("in", "07:20"), ("out", "16:05")):
        form = {"kind": "punch", "what": what, "time": time, "reason": "mesin rusak, daftar manual"}
        assert site.client.post(f"{day}/corrections", data=form).status_code == 302
    page = words(site.page(day))
    assert "Diajukan; sekarang menunggu persetujuan orang lain." in page
    assert "menunggu orang lain" in page
    site.client.post("/corrections/1", data={"accepted": "1"})
    assert "Yang mengajukan tidak boleh memutuskan sendiri" in words(site.page("/corrections"))
    site.log_in("kepala")
    for number in (1, 2):
        answer = site.client.post(
            f"/corrections/{number}", data={"accepted": "1", "employee": site.people["Budi"], "day": DAY}
        )
        assert answer.location == day
    page = words(site.page(day))
    assert "Masuk pertama 07.20.00 (koreksi 1)." in page
    assert "Disetujui oleh kepala" in page
    assert "Tidak ada yang menunggu" in words(site.page("/corrections"))


def test_a_statement_is_decided_on_the_day_of_the_person(site: Site) -> None:
    record = site.city.record("Cici", Action.SICK, "06:40")
    day = f"/attendance/person/{site.people['Cici']}/{DAY}"
    assert "menunggu persetujuan" in words(site.page(day))
    site.client.post(f"/statements/{record}", data={"accepted": "1", "employee": site.people["Cici"], "day": DAY})
    page = words(site.page(day))
    assert "Pernyataan lewat SMS: sakit, 06.40.00 (R1); disetujui." in page
    assert "menunggu persetujuan" not in page


def test_an_absence_of_several_days(site: Site) -> None:
    form = {"kind": "absence", "what": "dinas-luar", "last": "2026-11-26", "reason": "surat tugas 12"}
    site.client.post(f"/attendance/person/{site.people['Budi']}/{DAY}/corrections", data=form)
    site.log_in("kepala")
    assert "Dinas luar 24/11/2026 sampai 26/11/2026" in words(site.page("/corrections"))
    site.client.post("/corrections/1", data={"accepted": "1"})
    assert "3 Dinas luar" in words(site.page(f"/attendance/person/{site.people['Budi']}?month=2026-11"))


@pytest.mark.parametrize(
    ("form", "words_"),
    [
        ({"kind": "punch", "what": "in", "time": "07:20"}, "Tulis alasannya"),
        ({"kind": "punch", "what": "in", "time": "", "reason": "lupa"}, "Isi jamnya"),
        ({"kind": "absence", "what": "sakit", "last": "2026-11-01", "reason": "surat"}, "Tanggal akhir harus"),
        ({"kind": "void", "record": "77", "reason": "salah"}, "Catatan itu tidak ada"),
    ],
)
def test_a_form_that_lacks_something_says_so(site: Site, form: dict[str, str], words_: str) -> None:
    day = f"/attendance/person/{site.people['Budi']}/{DAY}"
    assert site.client.post(f"{day}/corrections", data=form).status_code == 302
    assert words_ in words(site.page(day))
    assert site.database.value("SELECT COUNT(*) FROM correction") == 0


@pytest.mark.parametrize(
    "form",
    [
        {}, {"kind": "x"}, {"kind": "punch", "what": "sick", "time": "07:20"}, {"kind": "absence", "what": "alpa"},
        {"kind": "void", "record": "x"}, {"kind": "void", "record": "9" * 30}, {"kind": "absence", "what": "\0"},
    ],
)  # fmt: skip
def test_a_form_that_no_page_sent_is_refused(site: Site, form: dict[str, str]) -> None:
    path = f"/attendance/person/{site.people['Budi']}/{DAY}/corrections"
    assert site.client.post(path, data={**form, "reason": "alasan"}).status_code == 400
    assert site.client.post("/attendance/person/x/2026-11-24/corrections", data=form).status_code == 404
    assert site.client.post(f"/corrections/{'9' * 30}", data={}).status_code == 404
    answer = site.client.post("/statements/77", data={"accepted": "1", "employee": "//evil", "day": "x"})
    assert answer.location.startswith("/attendance/person/")


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "20261124"])
def test_a_form_of_a_day_that_no_page_has_is_refused(site: Site, day: str) -> None:
    path = f"/attendance/person/{site.people['Budi']}/{day}/corrections"
    form = {"kind": "absence", "what": "sakit", "reason": "surat dokter"}
    assert site.client.post(path, data=form).status_code == 404


def test_tomorrow_can_not_be_entered(site: Site) -> None:
    form = {"kind": "punch", "what": "in", "time": "07:20", "reason": "besok saya datang"}
    day = f"/attendance/person/{site.people['Budi']}/{DAY + timedelta(days=2)}"
    site.client.post(f"{day}/corrections", data=form)
    assert "Jam itu belum lewat" in words(site.page(day))


# Rules on trial


def test_a_draft_of_the_rules_is_compared(site: Site) -> None:
    site.city.complete(later(hours=-1))
    site.city.record("Budi", Action.IN, "07:45")
    site.city.record("Budi", Action.OUT, "16:40")
    form = {"gateway": GATEWAY, "month": "2026-11", "profile": "panrb"}
    said = words(site.client.post("/attendance/replay", data=form).text)
    assert "1 dari 120 hari berubah" in said
    assert "-0,5% potongan seluruhnya" in said
    assert "Budi Selasa, 24 November 2026 Terlambat TL1 Hadir -0,5%" in said
    assert "Tidak ada yang berubah" in words(
        site.client.post("/attendance/replay", data={**form, "profile": "pekanbaru"}).text
    )
    own = (rulebooks.FOLDER / "pekanbaru.toml").read_text().replace("absent = 4.0", "absent = 3.0")
    said = words(site.client.post("/attendance/replay", data={**form, "text": own}).text)
    assert "67 dari 120 hari berubah" in said
    wrong = words(site.client.post("/attendance/replay", data={**form, "text": "name = 1"}).text)
    assert "name" in wrong
    assert "Pilih sebuah profil" in words(site.client.post("/attendance/replay", data={"gateway": GATEWAY}).text)
    assert "hari berubah" not in site.page("/attendance/replay")
