"""Whether an office is ready, and why not: judged, read from the database, shown, filed, and within its time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from central import desired, orders, readiness, readiness_facts, sessions
from central.__main__ import main
from central.database import Database, micros
from central.readiness import Check, Facts, Mark, Who, judge, summary, worst_first
from central.web.app import create_app
from central.web.office import Office
from mqtt_bridge.commands import CommandName
from mqtt_bridge.records import Action, Ending, ModemReport, Policy, PresenceRule, Result, SimReport, encode

from .factories import GATEWAY, OTHER, status
from .offices import DAY, NOW, WIB, City

GOOD = status(
    at=NOW, disk_free=8_000_000_000, desired=7, sim=SimReport(at=NOW, days_left=40),
    modem=ModemReport(state="registered", signal=61, operator="TELKOMSEL"),
)  # fmt: skip
READY = {
    "gateway": GATEWAY, "certificate_until": NOW + timedelta(days=80), "online": True, "seen": NOW, "status": GOOD,
    "wanted": 7, "people": 10, "trained": 9, "needs_codes": True, "coded": NOW, "looped": NOW,
}  # fmt: skip


def said(**changes: Any) -> dict[str, Any]:
    """What the gateway reports, but for that."""
    return {"status": status(**{**{name: getattr(GOOD, name) for name in GOOD.__struct_fields__}, **changes})}


def modem(state: str = "registered", signal: int | None = 61) -> dict[str, Any]:
    return said(modem=ModemReport(state=state, signal=signal))


def test_an_office_where_all_is_done_is_ready() -> None:
    row = judge(Facts(**READY), NOW)
    assert row.ready
    assert [cell.check for cell in row.cells] == list(Check)
    assert not any(cell.step or cell.who for cell in row.cells)


@pytest.mark.parametrize(
    ("check", "mark", "who", "changes"),
    [
        (Check.ENROLLED, Mark.NOT_YET, Who.IT, {"certificate_until": None}),
        (Check.ENROLLED, Mark.BAD, Who.IT, {"certificate_until": NOW}),
        (Check.ENROLLED, Mark.BAD, Who.IT, {"ended": "hilang"}),
        (Check.LINK, Mark.BAD, Who.ON_SITE, {"online": False}),
        (Check.LINK, Mark.BAD, Who.ON_SITE, {"seen": NOW - timedelta(seconds=96)}),
        (Check.CLOCK, Mark.BAD, Who.IT, said(clock_trusted=False)),
        (Check.STORAGE, Mark.BAD, Who.IT, said(disk_free=199_000_000)),
        (Check.STORAGE, Mark.NOT_YET, Who.IT, said(disk_free=999_000_000)),
        (Check.STORAGE, Mark.NOT_YET, Who.IT, said(disk_free=None)),
        (Check.SIM, Mark.BAD, Who.ON_SITE, modem("no-sim")),
        (Check.SIM, Mark.BAD, Who.ON_SITE, modem("denied")),
        (Check.SIM, Mark.NOT_YET, Who.ON_SITE, modem("unfitted")),
        (Check.SIM, Mark.NOT_YET, Who.ON_SITE, modem("of-a-newer-version")),
        (Check.SIGNAL, Mark.BAD, Who.ON_SITE, modem(signal=9)),
        (Check.SIGNAL, Mark.NOT_YET, Who.ON_SITE, modem(signal=24)),
        (Check.SIGNAL, Mark.NOT_YET, Who.ON_SITE, modem(signal=None)),
        (Check.BALANCE, Mark.BAD, Who.OPD_ADMIN, said(sim=SimReport(at=NOW, days_left=2))),
        (Check.BALANCE, Mark.NOT_YET, Who.OPD_ADMIN, said(sim=SimReport(at=NOW, days_left=13))),
        (Check.BALANCE, Mark.NOT_YET, Who.IT, said(sim=None)),
        (Check.ROSTER, Mark.BAD, Who.IT, {"wanted": 8}),
        (Check.ROSTER, Mark.NOT_YET, Who.ON_SITE, said(desired=0)),
        (Check.SCREEN, Mark.NOT_YET, Who.OPD_ADMIN, {"coded": None}),
        (Check.SCREEN, Mark.NOT_YET, Who.OPD_ADMIN, {"coded": NOW - timedelta(days=31)}),
        (Check.LOOP, Mark.NOT_YET, Who.OPD_ADMIN, {"looped": None}),
        (Check.LOOP, Mark.NOT_YET, Who.OPD_ADMIN, {"looped": NOW - timedelta(days=31)}),
        (Check.TRAINED, Mark.NOT_YET, Who.OPD_ADMIN, {"trained": 8}),
    ],
)
def test_one_thing_keeps_it_and_it_says_which_and_who_mends_it(
    check: Check, mark: Mark, who: Who, changes: dict[str, Any]
) -> None:
    row = judge(Facts(**{**READY, **changes}), NOW)
    assert [(cell.check, cell.mark, cell.who) for cell in row.open] == [(check, mark, who)]
    assert row.open[0].reason
    assert row.open[0].step


def test_codes_that_nobody_asks_for_keep_nobody() -> None:
    assert judge(Facts(**{**READY, "needs_codes": False, "coded": None}), NOW).ready


def test_a_gateway_that_is_only_a_name_has_everything_before_it() -> None:
    row = judge(Facts("baru-01"), NOW)
    assert {cell.check for cell in row.open} == {*Check} - {Check.SCREEN}
    assert row.bad == 0


def test_the_worst_come_first_and_the_sum_names_the_obstacle_of_most() -> None:
    rows = [
        judge(Facts(**{**READY, "gateway": name, **changes}), NOW)
        for name, changes in (
            ("a", {}),
            ("b", {"looped": None}),
            ("c", {"looped": None, "coded": None}),
            ("d", {"online": False}),
        )
    ]
    assert [row.gateway for row in worst_first(rows)] == ["d", "c", "b", "a"]
    found = summary(rows, date(2026, 12, 7), date(2026, 11, 25))
    assert (found.ready, found.total, found.days_left, found.obstacle, found.kept) == (1, 4, 12, Check.LOOP, 2)
    assert summary(rows[:1], None, DAY) == readiness.Summary(1, 1, None)


class Town:
    """Two offices: in one everything is done, of the other only the list of its people is there."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.database = Database(url or f"sqlite:///{folder}/central.db")
        city = City(self.database)
        self.people = city.office(GATEWAY, ["Ani Contoh", "Budi Santoso"])
        city.office(OTHER, ["Cici Lestari"])
        for name in self.people:
            city.record(name, Action.IN, "07:10")
        self.database.run("UPDATE record SET presence = 'code'")
        desired.refresh(self.database, Policy(presence=PresenceRule.REQUIRED), NOW)
        version = desired.versions(self.database)[GATEWAY]
        self.said = said(desired=version)["status"]
        self.database.run(
            "UPDATE gateway SET online = 1, seen = ?, status = ? WHERE id = ?",
            micros(NOW),
            encode(self.said),
            GATEWAY,
        )
        columns = ("serial", "gateway", "key", "pem", "not_before", "not_after")
        until = micros(NOW + timedelta(days=80))
        self.database.insert_all("certificate", columns, [("1", GATEWAY, "k", "", 0, until)])

    def rows(self) -> dict[str, readiness.Row]:
        return {facts.gateway: judge(facts, NOW) for facts in readiness_facts.every(self.database)}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.database.close()


def test_it_is_read_from_what_is_known(tmp_path: Path, database_url: str) -> None:
    town = Town(tmp_path, database_url)
    rows = town.rows()
    assert rows[GATEWAY].ready, rows[GATEWAY].open
    assert {cell.check for cell in rows[OTHER].open} == {*Check}
    assert readiness_facts.untrained(town.database, GATEWAY) == []
    assert readiness_facts.untrained(town.database, OTHER) == ["Cici Lestari"]
    town.database.close()


@pytest.mark.parametrize(
    ("check", "statement"),
    [
        (Check.ENROLLED, "UPDATE certificate SET revoked_at = 1"),
        (Check.LINK, "UPDATE gateway SET online = 0"),
        (Check.ROSTER, "UPDATE desired SET version = version + 1"),
        (Check.SCREEN, "UPDATE record SET presence = 'none'"),
        (Check.LOOP, "UPDATE record SET channel = 'ussd'"),
        (Check.TRAINED, "UPDATE record SET action = 'sick' WHERE seq = 1"),
    ],
)
def test_each_fact_is_read_for_its_own_check(town: Town, check: Check, statement: str) -> None:
    town.database.run(statement)
    assert [cell.check for cell in town.rows()[GATEWAY].open] == [check]


def test_an_sms_answered_from_here_is_a_loop_as_well(town: Town) -> None:
    town.database.run("UPDATE record SET channel = 'ussd'")
    columns = ("gateway", "journal_tag", "counter", "tried")
    town.database.insert_all("uplink_answer", columns, [(GATEWAY, "1556", 1, micros(NOW))])
    assert town.rows()[GATEWAY].ready


@pytest.mark.parametrize(
    ("code", "arrived", "ready"), [("sms-back", None, True), ("sms-sent", NOW, True), ("sms-not-back", None, False)]
)
def test_a_test_sms_that_came_through_is_a_loop(town: Town, code: str, arrived: datetime | None, ready: bool) -> None:
    town.database.run("UPDATE record SET channel = 'ussd'")
    asked = orders.ask(town.database, GATEWAY, CommandName.SMS, "own", "it", NOW)
    said = encode(Result(gateway=GATEWAY, id=asked.id, ending=Ending.DONE, code=code, at=NOW))
    times = micros(NOW), arrived and micros(arrived)
    town.database.run("UPDATE command SET answered = ?, arrived = ?, result = ?", *times, said)
    assert town.rows()[GATEWAY].ready is ready


def test_a_gateway_without_an_office_is_not_on_the_board(town: Town) -> None:
    town.database.insert_all("gateway", ("id", "added", "serves_all"), [("pusat-01", 0, 1), ("baru-01", 0, 0)])
    town.database.insert_all("gateway", ("id", "added"), [("lama-01", 0)])
    town.database.insert_all(
        "gateway_key", ("gateway", "public", "since", "until", "reason"), [("lama-01", "", 0, 1, "hilang")]
    )
    assert set(town.rows()) == {GATEWAY, OTHER, "baru-01"}


def test_a_deadline_of_its_own_stands_above_that_of_all(town: Town) -> None:
    for gateway, day in (("", DAY), (OTHER, date(2026, 12, 1))):
        readiness_facts.set_deadline(town.database, gateway, day, "tina", NOW)
    assert {name: row.deadline for name, row in town.rows().items()} == {GATEWAY: DAY, OTHER: date(2026, 12, 1)}
    readiness_facts.set_deadline(town.database, OTHER, None, "tina", NOW)
    assert town.rows()[OTHER].deadline == DAY
    assert town.database.value("SELECT COUNT(*) FROM audit WHERE event = 'deadline-set' AND who = 'tina'") == 3


def test_the_board_for_a_thousand_offices_takes_no_more_queries_than_for_two_and_a_tenth_of_a_second(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    rows = Database.rows
    monkeypatch.setattr(Database, "rows", lambda self, *a: (asked.append(a[0]), rows(self, *a))[1])
    town.rows()
    few = len(asked)
    names = [f"opd-{number:04}" for number in range(1000)]
    town.database.insert_all(
        "gateway", ("id", "added", "online", "seen", "status"),
        [(name, 0, 1, micros(NOW), encode(town.said)) for name in names],
    )  # fmt: skip
    people = [(f"e-{n}", f"{10**17 + n}", f"Pegawai {n}", f"+6281{n:09}", names[n % 1000]) for n in range(10_000)]
    town.database.insert_all("employee", ("id", "nip", "name", "phone", "gateway"), people)
    columns = (
        "gateway", "journal", "seq", "employee", "action", "at", "received", "channel", "presence", "flags",
        "receipt", "fingerprint", "hash", "stored",
    )  # fmt: skip
    made = [(p[4], "j", n, p[0], "in", n, n, "sms", "code", "", "", "", "", 0) for n, p in enumerate(people)]
    town.database.insert_all("record", columns, made)
    asked.clear()
    town.rows()  # warm
    assert len(asked) == few
    took = min(_timed(town) for _ in range(3))
    assert took < 0.1


def _timed(town: Town) -> float:
    began = time.process_time()
    assert len(town.rows()) == 1002
    return time.process_time() - began


def client(town: Town, roles: str, gateways: str = "") -> Any:
    row = ("somebody", "", 0, roles, gateways)
    town.database.insert_all("person", ("name", "password", "created", "roles", "gateways"), [row])
    app = create_app(Office(town.database, WIB, clock=lambda: NOW), "secret")
    app.config["WTF_CSRF_ENABLED"] = False
    made = app.test_client()
    token = sessions.begin(town.database, "somebody", "127.0.0.1", "", NOW)
    with made.session_transaction() as session:
        session.update({"_user_id": token, "_fresh": True})
    return made


def test_the_page_the_filter_and_the_file(town: Town) -> None:
    browser = client(town, "it")
    assert browser.post("/readiness/deadline", data={"day": "2026-12-07"}).status_code == 302
    page = browser.get("/readiness").text
    assert "1 dari 2 OPD siap" in page
    assert "12 hari lagi" in page
    assert page.index(f"/of/{OTHER}") < page.index(f"/of/{GATEWAY}")
    assert f"/of/{GATEWAY}" not in browser.get("/readiness?show=open").text
    assert f"/of/{OTHER}" not in browser.get("/readiness?show=ready").text
    kept = browser.get("/readiness?show=signal").text
    assert (f"/of/{OTHER}" in kept, f"/of/{GATEWAY}" in kept) == (True, False)
    assert browser.get("/readiness?show=nonsense").status_code == 200
    lines = browser.get("/readiness/board.csv?show=open").text.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith(f"{OTHER};belum;07/12/2026;Belum: Belum punya sertifikat → Buat token")
    assert "Cici Lestari" not in browser.get(f"/readiness/of/{OTHER}").text  # not the business of IT
    assert browser.get("/readiness/of/none").status_code == 404


@pytest.mark.parametrize("form", [{"day": "besok"}, {"day": "2026-12-07", "gateway": "tidak-ada"}, {"day": "x\0"}])
def test_a_deadline_that_can_not_be_is_refused_in_words(town: Town, form: dict[str, str]) -> None:
    browser = client(town, "it")
    browser.post("/readiness/deadline", data=form)
    assert 'class="alert alert-danger"' in browser.get("/readiness").text
    assert readiness_facts.deadlines(town.database) == {}


def test_an_opds_admin_sees_their_own_office_with_the_names_of_whom_to_train(town: Town) -> None:
    browser = client(town, "opd-admin", OTHER)
    page = browser.get("/readiness").text
    assert "0 dari 1 OPD siap" in page
    assert GATEWAY not in page
    assert GATEWAY not in browser.get("/readiness/board.csv").text
    assert "Cici Lestari" in browser.get(f"/readiness/of/{OTHER}").text


def test_the_commands(tmp_path: Path) -> None:
    config = tmp_path / "central.toml"
    config.write_text(f'[central]\ndata_dir = "{tmp_path}"\n[broker]\nhost = "127.0.0.1"\n')
    town = Town(tmp_path)

    def run(*words: str) -> tuple[int, str]:
        answer = CliRunner().invoke(main, ["readiness", *words, "--config", str(config)])
        return answer.exit_code, answer.output

    assert run("deadline", "2026-12-01") == (0, "All offices: by 2026-12-01.\n")
    assert run("deadline", "2026-12-05", "--gateway", OTHER) == (0, f"{OTHER}: by 2026-12-05.\n")
    assert run("deadline", "--remove") == (0, "All offices: no deadline any more.\n")
    assert "there is no gateway x" in run("deadline", "2026-12-05", "--gateway", "x")[1]
    assert run("deadline")[0] == 2
    code, text = run("list")
    assert code == 0
    assert "of 2 offices are ready." in text
    assert f"{OTHER} " in text
    town.database.close()
