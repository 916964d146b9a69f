"""The pages about employees: masked, shown on request, taken in from a list that was looked at first, taken along."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from central import audit, desired, roster_changes, sessions
from central.employee_ids import by_secret
from central.roster import Row, store

from .factories import GATEWAY, NOW, OTHER
from .test_spreadsheets import workbook
from .test_web import Site

HEAD = ("nip", "nama", "hp", "gateway")
BUDI = ("199001012015011002", "Budi Baru", "081298765432", GATEWAY)


class Desk(Site):
    """With somebody of the personnel office at it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.app.config["WTF_CSRF_ENABLED"] = False
        self.refreshed = 0
        object.__setattr__(self.office, "refresh", self._refresh)
        for name, roles in (("peni", "personnel"), ("opik", "opd-admin")):
            self.database.run(
                "INSERT INTO person (name, password, created, roles, gateways) VALUES (?, '', 0, ?, ?)",
                name, roles, OTHER,
            )  # fmt: skip
        self.client = self.browser("peni")

    def _refresh(self) -> None:
        self.refreshed += 1
        desired.refresh(self.database, desired.newest(self.database, GATEWAY).policy, NOW)  # type: ignore[union-attr]

    def browser(self, name: str) -> FlaskClient:
        client = self.app.test_client()
        token = sessions.begin(self.database, name, "", "", NOW)
        with client.session_transaction() as session:
            session.update({"_user_id": token, "_fresh": True})
        return client

    def upload(self, *lines: tuple[object, ...], replace: bool = False, client: FlaskClient | None = None) -> str:
        form = {"file": (io.BytesIO(workbook(HEAD, *lines)), "list.xlsx"), **({"replace": "1"} if replace else {})}
        answer = (client or self.client).post("/people/import", data=form)
        return answer.text

    def confirm(self, page: str, client: FlaskClient | None = None) -> tuple[int, str]:
        draft = re.search(r'action="(/people/import/[^"]+)"', page)
        digest = re.search(r'name="digest" value="([^"]+)"', page)
        assert draft
        assert digest
        answer = (client or self.client).post(draft[1], data={"digest": digest[1]})
        return answer.status_code, answer.text

    def names(self) -> set[str]:
        return {name for (name,) in self.database.rows("SELECT name FROM employee WHERE active = 1")}

    def events(self) -> list[tuple[str, str, str]]:
        lines = [line for line in audit.lines(self.database) if line.event != "token-added"]  # of the set-up
        return [(line.who, line.event, line.body) for line in lines]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.database.close()


def test_who_is_new_gets_the_id_that_follows_from_the_nip(desk: Desk) -> None:
    object.__setattr__(desk.office, "ids", by_secret(b"s"))
    assert desk.confirm(desk.upload(BUDI))[0] == 302
    assert desk.database.value("SELECT id FROM employee WHERE nip = ?", BUDI[0]) == next(by_secret(b"s")(BUDI[0]))


# Looking


def test_what_is_personal_is_masked_until_somebody_asks_and_that_is_noted(desk: Desk) -> None:
    page = desk.client.get("/people?search=budi").text
    assert ("***************001" in page, "+628123****001" in page) == (True, True)
    assert "8123456" not in page
    employee = desk.employees["Budi 100% Hadir"]
    shown = desk.client.post(f"/people/{employee}/reveal").text
    assert "00000000 000000 0 001" in shown
    assert "+6281234567001" in shown
    assert desk.events() == [("peni", "revealed", f'{{"employee":"{employee}"}}')]
    assert desk.client.post("/people/none/reveal").status_code == 404
    assert desk.client.get(f"/people/{employee}/reveal").status_code == 405


@pytest.mark.parametrize(
    ("search", "found"),
    [("ANI", 1), ("%", 1), ("_", 1), ("0" * 17 + "1", 1), ("00000000 000000 0 001", 1), ("0" * 17, 0), ("\0", 3)],
)
def test_people_are_found_by_name_or_whole_nip(desk: Desk, search: str, found: int) -> None:
    page = desk.client.get("/people", query_string={"search": search}).text
    assert page.count("/reveal") == found


def test_a_nip_that_is_searched_for_stands_in_no_address(desk: Desk) -> None:
    nip = desk.database.value("SELECT nip FROM employee WHERE name = 'Cici_Contoh'")
    assert re.search(r'<form class="filter" method="post" action="/people"', desk.client.get("/people").text)
    page = desk.client.post("/people", data={"search": nip}).text
    assert ("Cici_Contoh" in page, "Budi" in page) == (True, False)
    assert not re.search(rf'(href|action|src)="[^"]*{nip}', page)


def test_an_opds_admin_finds_and_takes_nobody_elses(desk: Desk) -> None:
    opik = desk.browser("opik")
    assert "/reveal" not in opik.get("/people").text
    assert opik.post(f"/people/{desk.employees['Cici_Contoh']}/reveal").status_code == 404
    assert "Contoh" not in opik.post("/exports/people", data={"format": "csv", "full": "1"}).text
    assert "Contoh" not in opik.post("/exports/records", data={"format": "csv"}).text


# Taking a list in


def test_a_list_is_looked_at_before_it_is_taken_in(desk: Desk) -> None:
    before = desk.names()
    page = desk.upload(BUDI)
    assert "Baru: 1" in page
    assert "Budi Baru" in page
    assert BUDI[0] not in page
    assert desk.names() == before
    assert desk.confirm(page)[0] == 302
    assert desk.names() == {*before, "Budi Baru"}
    assert desk.refreshed == 1
    wanted = desired.newest(desk.database, GATEWAY)
    assert wanted
    assert "+6281298765432" in {member.phone for member in wanted.roster}
    assert desk.events()[-1][:2] == ("peni", "roster-imported")
    assert "Budi Baru" not in str(desk.events())


def test_all_others_may_leave_and_that_is_shown(desk: Desk) -> None:
    page = desk.upload(BUDI, replace=True)
    assert "Tidak aktif lagi: 3" in page
    desk.confirm(page)
    assert desk.names() == {"Budi Baru"}


def test_what_changes_is_shown_masked(desk: Desk) -> None:
    changed = (f"{1:018}", "Budi Berubah", "081234567001", GATEWAY)
    page = desk.upload(changed, (f"{2:018}", "Cici_Contoh", "081299998888", GATEWAY))
    assert "Berubah: 2" in page
    assert "nama Budi 100% Hadir → Budi Berubah" in page
    assert "HP +628123****002 → +628129****888" in page


def test_a_faulty_list_changes_nothing_and_every_fault_is_said(desk: Desk) -> None:
    before = desk.names()
    page = desk.upload(BUDI, ("12", "", "08", "nowhere"))
    for said in (
        "baris 3, NIP: harus 18 angka",
        "baris 3, nama: kosong",
        "baris 3, HP: bukan nomor",
        "baris 3, gateway",
    ):
        assert said in page
    assert "Perbaiki 4 kesalahan" in page
    taken = desk.upload((BUDI[0], BUDI[1], "081234567001", GATEWAY))
    assert "baris 2, HP: nomor ini milik pegawai lain" in taken
    for data in ({}, {"file": (io.BytesIO(b""), "empty.csv")}):
        answer = desk.client.post("/people/import", data=data)
        assert (answer.status_code, "berkasnya kosong" in answer.text) == (400, True)
    assert desk.names() == before


def test_a_list_that_would_do_something_else_by_now_is_shown_again(desk: Desk) -> None:
    page = desk.upload(BUDI)
    store(desk.database, [Row(2, *(BUDI[0], "Budi Lain", "+6281298765432", GATEWAY))], now=NOW)
    status, again = desk.confirm(page)
    assert (status, "berubah sementara itu" in again, "Berubah: 1" in again) == (409, True, True)
    assert "Budi Lain" in desk.names()
    assert desk.confirm(again)[0] == 302
    assert "Budi Baru" in desk.names()


def test_a_list_can_not_be_taken_in_unseen_twice_late_or_by_another(desk: Desk) -> None:
    page = desk.upload(BUDI)
    draft = re.search(r'action="(/people/import/[^"]+)"', page)
    assert draft
    assert desk.client.post(draft[1]).status_code == 409  # without having seen what it would change
    desk.database.run("INSERT INTO person (name, password, created, roles) VALUES ('pipi', '', 0, 'personnel')")
    for client in (desk.browser("pipi"),):
        assert desk.confirm(page, client)[0] == 302
    assert "Budi Baru" not in desk.names()
    object.__setattr__(desk.office, "clock", lambda: NOW + roster_changes.KEPT + timedelta(seconds=1))
    desk.confirm(page)
    assert "Budi Baru" not in desk.names()
    object.__setattr__(desk.office, "clock", lambda: NOW)
    desk.confirm(page)
    assert desk.confirm(page)[0] == 302
    assert [event for _, event, _ in desk.events()].count("roster-imported") == 1
    assert desk.database.rows("SELECT * FROM roster_draft") == []


# Taking along


@pytest.mark.parametrize("format_", ["xlsx", "excel-csv", "csv"])
@pytest.mark.parametrize("what", ["records", "people"])
def test_files_and_who_took_them(desk: Desk, what: str, format_: str) -> None:
    form = {"format": format_, "first": "2026-11-24", "last": "2026-11-24", "gateway": "", "full": "1"}
    answer = desk.client.post(f"/exports/{what}", data=form)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.data.startswith({"xlsx": b"PK", "excel-csv": b"\xef\xbb\xbf"}.get(format_, b""))
    ((who, event, body),) = desk.events()
    assert (who, event) == ("peni", "exported")
    assert f'"format":"{format_}"' in body
    assert '"full":true' in body
    if what == "records":
        assert '"rows":"30"' in body


def test_odd_wishes_break_nothing(desk: Desk) -> None:
    assert desk.client.post("/exports/records", data={"format": "pdf"}).status_code == 400
    assert desk.client.post("/exports/people").status_code == 400
    backwards = {"format": "csv", "first": "2026-11-24", "last": "2020-01-01", "gateway": "\0"}
    assert desk.client.post("/exports/records", data=backwards).status_code == 200
    for query in ("page=0", "page=x", "page=99999999999", "gateway=%00"):
        assert desk.client.get(f"/people?{query}").status_code == 200


def test_changes_are_told_apart_without_comparing_each_with_each(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a list of 50,000 that took minutes, in which the collector could not write."""

    def compared(one: object, other: object) -> bool:
        raise AssertionError((one, other))

    monkeypatch.setattr(roster_changes.Change, "__eq__", compared)
    rows = [Row(n + 2, f"{n + 7:018}", f"Pegawai {n}", f"+62812345{n:05}", GATEWAY) for n in range(3)]
    plan = roster_changes.rehearse(desk.database, rows, replace=True, now=NOW)
    assert (len(plan.added), len(plan.changed), len(plan.gone)) == (3, 0, 3)
