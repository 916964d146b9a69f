"""Who may open what, for every address of the application, by a table of this test's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from central import corrections, desired, endpoints, fleet, orders, sessions, users
from central.corrections import Kind, Wish
from central.database import Database
from central.ingest import Ingest
from central.outbound import Rules
from central.roles import Role, scope
from central.roster import Row, store
from central.web import rights
from central.web.app import create_app
from central.web.office import Office
from mqtt_bridge.commands import CommandName
from mqtt_bridge.records import Action, Policy
from mqtt_bridge.sealing import public_text, seal_for

from .factories import GATEWAY, NOW, OTHER, KnownKeys, batch, chain, envelope

WIB = ZoneInfo("Asia/Jakarta")
PEOPLE = {
    "tina": ({Role.IT}, set()),
    "peni": ({Role.PERSONNEL}, set()),
    "opik": ({Role.OPD_ADMIN}, {GATEWAY}),
    "vina": ({Role.VIEWER}, set()),
    "vivi": ({Role.VIEWER}, {GATEWAY}),
    "dian": ({Role.IT, Role.PERSONNEL}, set()),
}  # fmt: skip
MINE, THEIRS = "Ani Contoh", "Zaenal Rahasia"
ANYBODY = [
    "static", "healthz", "readyz", "metrics", "log_in", "log_in_code", "language", "enrol.post", "api_page",
    "api.openapi",
]  # fmt: skip
TOKEN = [
    "api.records", "api.provisional", "api.gateways", "api.gateway", "api.gateway_days",
    "api.employees", "api.employee", "api.employee_days",
]  # fmt: skip
LOGGED_IN = [
    "fleet", "gateway", "gateway_history", "records", "alerts", "alerts_history", "log_out",
    "account", "account_password", "account_session_end", "account_sessions_end",
    "account_second_factor", "account_second_factor_end",
]  # fmt: skip
OFFICES = ["attendance_city", "attendance_office", "attendance_office_month", "attendance_incidents"]
ACCOUNTS = ["accounts", "account_add", "account_of", "account_rights", "account_reset", "account_remove"]
# Endpoint → the first letters of those who may: IT, personnel, OPD's admin, viewer.
TABLE = {
    **dict.fromkeys(LOGGED_IN, "ipov"),
    **dict.fromkeys(["numbers", "approve_number", "reject_number"], "po"),
    **dict.fromkeys(["correction_ask", "corrections_waiting", "statement_decide"], "po"),
    **dict.fromkeys(["correction_decide", "attendance_replay"], "p"),
    **dict.fromkeys(["evidence", "evidence_reveal", "evidence_file"], "p"),
    **dict.fromkeys(["people", "person_reveal", "exports", "export_records", "export_people"], "po"),
    **dict.fromkeys(["roster_import", "roster_look", "roster_apply"], "p"),
    **dict.fromkeys([*OFFICES, "attendance_month", "attendance_day"], "pov"),
    **dict.fromkeys([*ACCOUNTS, "webhooks", "webhook_add", "webhook", "webhook_do", "gateway_labels"], "i"),
    **dict.fromkeys(["gateway_commands", "gateway_command_ask", "gateway_command"], "i"),
    **dict.fromkeys(["readiness", "readiness_of", "readiness_file"], "ipov"),
    "readiness_deadline": "i",
    **dict.fromkeys(["enrolments", "enrolment_add", "enrolment_of", "enrolment_revoke", "quarantine"], "i"),
    **dict.fromkeys(["tokens", "token_add", "token_remove", "account_of_session_end"], "i"),
    "statements_waiting": "po",
    "dispute_close": "p",
    "audit_verify": "ip",
    **dict.fromkeys(["alert_acknowledge", "alert_test", "maintenance_add", "maintenance_end"], "i"),
    "audit": "ip",
}


class Town:
    """Two offices with an employee each, who texted and for whom a correction waits; everybody of `PEOPLE`."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder}/central.db")
        self.database.run("PRAGMA synchronous = OFF")
        self.ids: dict[str, dict[str, Any]] = {}
        for place, (gateway, name) in enumerate(((GATEWAY, MINE), (OTHER, THEIRS)), 1):
            fleet.add(self.database, gateway, NOW)
            store(self.database, [Row(place, f"{place:018}", name, f"+62812345678{place:02}", gateway)], now=NOW)
            self._fill(gateway, name)
        desired.refresh(self.database, Policy(), NOW)
        for name, (roles, gateways) in PEOPLE.items():
            row = (name, "", 0, " ".join(roles), " ".join(gateways))
            self.database.insert_all("person", ("name", "password", "created", "roles", "gateways"), [row])
        endpoint = endpoints.add(self.database, "sinergi", "https://sinergi.example", Rules(), "it", NOW)
        self.ids[GATEWAY]["number"] = self.ids[OTHER]["number"] = endpoint.id
        self.office = Office(self.database, WIB, clock=lambda: NOW)
        self.app: Flask = create_app(self.office, "secret")
        self.app.testing = True

    def _fill(self, gateway: str, name: str) -> None:
        employee = self.database.value("SELECT id FROM employee WHERE name = ?", name)
        made = chain(2, gateway=gateway, employee=employee, action=Action.SICK, messages=gateway)
        Ingest(self.database, KnownKeys()).take([envelope(batch(made, 1, 2, gateway), gateway)], NOW)  # type: ignore[arg-type]
        wish = Wish(employee, Kind.ABSENCE, f"surat {name}", NOW, NOW, "sick")
        self.ids[gateway] = {
            "gateway": gateway,
            "employee": employee,
            "record": self.database.value("SELECT MIN(id) FROM record WHERE gateway = ?", gateway),
            "id_": corrections.ask(self.database, wish, "somebody", NOW),
            "day": f"{NOW:%Y-%m-%d}",
            "name": "vina",
            "session_id": "none",
            "what": "test",
            "filename": "icon.svg",
            "id": "none",
            "draft": "none",
            "command_id": orders.ask(self.database, gateway, CommandName.PING, "", "tina", NOW).id,
        }

    def client(self, name: str = "", *, csrf: bool = False) -> FlaskClient:
        self.app.config["WTF_CSRF_ENABLED"] = csrf
        client = self.app.test_client()
        if name:
            token = sessions.begin(self.database, name, "127.0.0.1", "", NOW)
            with client.session_transaction() as session:
                session.update({"_user_id": token, "_fresh": True})
        return client

    def path(self, rule: Rule, gateway: str = GATEWAY) -> str:
        adapter = self.app.url_map.bind("localhost")
        return adapter.build(rule.endpoint, {name: self.ids[gateway][name] for name in rule.arguments})


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.database.close()


def requests(town: Town) -> Iterator[tuple[Rule, str]]:
    for rule in town.app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield rule, method


def letters(name: str) -> set[str]:
    return {role[0] for role in PEOPLE[name][0]}


def test_there_is_a_decision_for_every_address(town: Town) -> None:
    served = {rule.endpoint for rule in town.app.url_map.iter_rules()}
    assert served == {*TABLE, *ANYBODY, *TOKEN}
    assert served == set(rights.RIGHTS)


def test_an_address_that_nobody_decided_on_is_closed(town: Town) -> None:
    town.app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    for name in PEOPLE:
        assert town.client(name).get("/forgotten").status_code == 403
    assert town.client().get("/forgotten").status_code == 302


def test_nobody_gets_in_without_logging_in(town: Town) -> None:
    client = town.client()
    for rule, method in requests(town):
        answer = client.open(town.path(rule), method=method)
        if rule.endpoint in TABLE:
            assert (answer.status_code, "/login" in answer.location) == (302, True), (rule, method)
        elif rule.endpoint in TOKEN:
            assert answer.status_code == 401, (rule, method)
        else:
            assert answer.status_code in (200, 400, 503) or "/login" in answer.location, (rule, method)


@pytest.mark.parametrize("name", PEOPLE)
def test_everybody_gets_where_their_role_leads_and_nowhere_else(town: Town, name: str) -> None:
    for rule, method in requests(town):
        if rule.endpoint not in TABLE:
            continue
        client = town.client(name)  # anew: some of these end the session
        answer = client.open(town.path(rule), method=method)
        allowed = bool(letters(name) & set(TABLE[rule.endpoint]))
        if allowed:
            assert answer.status_code in (200, 302, 400, 404, 503), (rule, method, answer.status_code)
            assert "/login" not in (answer.location or "") or rule.endpoint == "log_out", (rule, method)
        else:
            assert answer.status_code == 403, (rule, method, answer.status_code)


def test_nothing_is_called_by_what_a_database_refuses(town: Town) -> None:
    """The same employee must not be met under another name either."""
    for rule, method in requests(town):
        texts = {name for name, value in town.ids[GATEWAY].items() if name in rule.arguments and value != 1}
        for name in texts - {"filename", "number", "record", "id_"}:
            ids = {each: town.ids[GATEWAY][each] for each in rule.arguments}
            path = town.app.url_map.bind("localhost").build(rule.endpoint, {**ids, name: f"{ids[name]}\0"})
            assert town.client("dian").open(path, method=method).status_code == 404, (rule, method)


def test_no_form_is_taken_without_its_token(town: Town) -> None:
    for rule, method in requests(town):
        if method != "POST" or rule.endpoint == "enrol.post":
            continue
        answer = town.client("dian", csrf=True).post(town.path(rule))
        assert (answer.status_code, "kedaluwarsa" in answer.text) == (400, True), rule


@pytest.mark.parametrize("name", ["opik", "vivi"])
def test_another_office_is_not_there_for_who_is_limited_to_one(town: Town, name: str) -> None:
    offices = {"gateway", "employee", "record", "id_"}
    tried = 0
    for rule, method in requests(town):
        if (
            rule.endpoint not in TABLE
            or not offices & rule.arguments
            or not letters(name) & set(TABLE[rule.endpoint])
        ):
            continue
        tried += 1
        assert town.client(name).open(town.path(rule, OTHER), method=method).status_code == 404, (rule, method)
        if "number" not in rule.endpoint:  # of those see below
            assert town.client(name).open(town.path(rule, GATEWAY), method=method).status_code in (200, 302, 400)
    assert tried > 4


@pytest.mark.parametrize("name", PEOPLE)
def test_pages_show_the_employees_of_ones_own_office_and_lead_only_where_one_may_go(town: Town, name: str) -> None:
    """Every page that can be reached from the first one by its links."""
    client, seen, waiting, text = town.client(name), set[str](), ["/"], ""
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = client.get(path)
        assert answer.status_code == 200, path
        text += answer.text
        found = re.findall(r'href="(/[^"#]*)"', answer.text)
        waiting += {each.replace("&amp;", "&") for each in found if not _elsewhere(each)} - seen - set(waiting)
        assert len(seen) < 200
    assert MINE in text
    limited = scope(frozenset(PEOPLE[name][0]), frozenset(PEOPLE[name][1])) is not None
    assert (THEIRS in text) != limited
    assert (OTHER in text) != limited
    assert "+62" not in text.replace("+62812****", "").replace("+628123****", "")
    assert not re.search(r"\b[0-9]{18}\b", text)


def _elsewhere(path: str) -> bool:
    """Not a page, or one of a hundred months before and after, or the same gateways in another order."""
    known = r"month=(?!2026-11)|date=(?!2026-11-24)|[?&](sort|state)="
    return path.startswith(("/static", "/api/v1")) or bool(re.search(known, path))


def test_a_search_and_a_filter_find_nothing_of_another_office(town: Town) -> None:
    client = town.client("opik")
    for query in (f"search={THEIRS}", f"gateway={OTHER}", "page=2", ""):
        assert THEIRS not in client.get(f"/records?{query}").text.replace(f'value="{THEIRS}"', "")


def test_an_opds_admin_binds_numbers_of_their_own_employees(town: Town) -> None:
    """Whose NIP was sent counts, not which gateway it was sent to."""
    asked = {}
    for gateway, journal, name, nip in ((OTHER, "a", MINE, 1), (GATEWAY, "b", THEIRS, 2)):
        note = seal_for(public_text(town.office.sealing_key), f"{nip:018}")
        changes = {"employee": f"+62812999999{nip:02}", "action": Action.REGISTER, "note": note}
        made = chain(1, gateway=gateway, journal=journal, messages=journal, **changes)
        sealed = envelope(batch(made, 1, 1, gateway, journal), gateway)
        Ingest(town.database, KnownKeys()).take([sealed], NOW)  # type: ignore[arg-type]
        asked[name] = town.database.value("SELECT MAX(id) FROM record")
    client = town.client("opik")
    page = client.get("/numbers").text
    assert (MINE in page, THEIRS in page) == (True, False)
    assert client.post(f"/numbers/{asked[THEIRS]}/approve").status_code == 404
    assert client.post(f"/numbers/{asked[MINE]}/approve").status_code == 302
    phones = dict(town.database.rows("SELECT name, phone FROM employee"))
    assert phones == {MINE: "+6281299999901", THEIRS: "+6281234567802"}


def test_an_opds_admin_without_a_gateway_sees_nobody(town: Town) -> None:
    town.database.run("UPDATE person SET gateways = '' WHERE name = 'opik'")
    for path in ("/", "/records", "/attendance", "/corrections", "/numbers"):
        page = town.client("opik").get(path)
        assert page.status_code == 200
        assert MINE not in page.text


def test_a_role_that_was_taken_away_is_gone_at_once(town: Town) -> None:
    client = town.client("peni")
    assert client.get("/corrections").status_code == 200
    users.set_rights(town.database, "peni", [Role.VIEWER], [], "tina", NOW)
    assert client.get("/corrections").status_code == 302
    assert town.client("peni").get("/corrections").status_code == 403


def test_a_role_of_another_version_is_no_role(town: Town) -> None:
    town.database.run("UPDATE person SET roles = 'emperor viewer' WHERE name = 'vina'")
    assert town.client("vina").get("/records").status_code == 200
    assert town.client("vina").get("/accounts").status_code == 403


def test_the_last_who_may_give_roles_keeps_theirs(town: Town) -> None:
    users.remove(town.database, "dian", "tina", NOW)
    with pytest.raises(users.BadUser, match="only one"):
        users.remove(town.database, "tina", "tina", NOW)
    with pytest.raises(users.BadUser, match="only one"):
        users.set_rights(town.database, "tina", [Role.VIEWER], [], "tina", NOW)
