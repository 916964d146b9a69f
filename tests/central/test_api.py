"""`/api/v1` as programs meet it: what it promises in openapi.json, who may, how fast, and after a restore."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from central import access, audit, history, users
from central import database as module
from central.access import Scope
from central.database import Database, StorageError
from central.history import GENESIS
from central.ingest import Ingest
from central.roles import Role
from central.web.app import serve
from central.web.contract import OPERATIONS, Operation
from mqtt_bridge.records import Action, Record, encode

from ..waiting import free_ports
from .factories import GATEWAY, NOW, OTHER, KnownKeys, batch, chain, envelope, reason, status
from .test_web import Site

EVERYTHING = list(Scope)


def bearer(database: Database, *scopes: Scope) -> dict[str, str]:
    return {"Authorization": f"Bearer {access.add_token(database, '-'.join(scopes), 'it', NOW, scopes)}"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.database.close()


def get(site: Site, path: str, **headers: str) -> Any:
    return site.client.get(f"/api/v1{path}", headers={**site.token, **headers})


# What it promises


def test_every_answer_is_as_openapi_json_says(tmp_path: Path) -> None:
    """Whatever is asked, also what makes no sense: no defect, and every answer is one that is described."""
    import schemathesis  # it takes long to load, and every worker loads every file of tests
    from schemathesis.config import SchemathesisConfig
    from schemathesis.engine.events import NonFatalError, ScenarioFinished

    site = Site(tmp_path, api_per_minute=100_000)
    site.app.testing = False  # a defect is an answer with 500, as it would be
    token = access.add_token(site.database, "all", "it", NOW, EVERYTHING)
    site.database.run("UPDATE gateway SET status = ?", encode(status(reasons=(reason("modem"),))))
    config = SchemathesisConfig.from_dict(
        {
            "headers": {"Authorization": f"Bearer {token}"},
            "seed": 1,
            "generation": {"max-examples": 20, "database": "none"},
            "phases": {"stateful": {"enabled": False}},
            "checks": {"positive_data_acceptance": {"expected-statuses": [200, 304, 404, 410]}},
        }
    )
    (port,) = free_ports(1)
    seen: Counter[int] = Counter()
    wrong: list[str] = []
    with serve(f"127.0.0.1:{port}", site.app):
        described = schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/api/v1/openapi.json", config=config)
        for event in schemathesis.engine.from_schema(described).execute():
            if isinstance(event, ScenarioFinished):
                interactions = event.recorder.interactions.values()
                seen.update(each.response.status_code for each in interactions if each.response)
                for checks in event.recorder.checks.values():
                    wrong += [f"{each.name}: {each.failure_info.failure}" for each in checks if each.failure_info]
            elif isinstance(event, NonFatalError):
                wrong.append(str(event.value))
    site.database.close()
    assert wrong == []
    assert min(seen[200], seen[400]) > 50, seen
    assert {401, 404, 405, 410} <= set(seen)


def test_the_description_names_every_address_of_the_api(site: Site) -> None:
    described = get(site, "/openapi.json").get_json()
    served = {
        rule.rule.removeprefix("/api/v1").replace("<", "{").replace(">", "}")
        for rule in site.app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
    }
    assert served == {*described["paths"], "/openapi.json"}
    page = site.client.get("/api").text
    for path, operation in described["paths"].items():
        assert path in page
        assert all(f"<code>{each['name']}</code>" in page for each in operation["get"]["parameters"])


# Who may


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: str(operation.name))
@pytest.mark.parametrize("scope", Scope)
def test_a_token_opens_its_scope_only(site: Site, operation: Operation, scope: Scope) -> None:
    path = "/api/v1" + operation.path.replace("{id}", "unknown")
    answer = site.client.get(path, headers=bearer(site.database, scope))
    if scope is operation.scope:
        assert answer.status_code in (200, 404)
    else:
        assert answer.status_code == 403
        assert f'scope="{operation.scope}"' in answer.headers["WWW-Authenticate"]
        assert operation.scope in answer.get_json()["detail"]


def test_a_nip_is_given_to_its_scope_alone_and_noted(site: Site) -> None:
    plain = site.client.get("/api/v1/employees?limit=2", headers=bearer(site.database, Scope.EMPLOYEES)).get_json()
    assert [each["nip"] for each in plain["items"]] == [None, None]
    assert noted(site) == []
    both = bearer(site.database, Scope.EMPLOYEES, Scope.NIP)
    first = site.client.get("/api/v1/employees?limit=2", headers=both).get_json()
    rest = site.client.get(f"/api/v1/employees?limit=2&cursor={first['next']}", headers=both).get_json()
    assert (first["more"], rest["more"]) == (True, False)
    assert {each["nip"] for each in first["items"] + rest["items"]} == {f"{n:018}" for n in range(3)}
    assert noted(site) == [("nip-read", "api:employees:read-employees:nip")] * 2
    headers = bearer(site.database, *Scope)
    text = str([site.client.get(path, headers=headers).text for path in ("/api/v1/employees", "/api/v1/records")])
    assert "+62" not in text


def noted(site: Site) -> list[tuple[str, str]]:
    """In the audit, beside the tokens of the test itself."""
    return [(line.event, line.who) for line in audit.lines(site.database) if line.event != "token-added"]


def test_one_of_many(site: Site) -> None:
    headers = bearer(site.database, *Scope)
    id_ = next(iter(site.employees.values()))
    assert site.client.get(f"/api/v1/employees/{id_}", headers=headers).get_json()["id"] == id_
    assert site.client.get(f"/api/v1/gateways/{GATEWAY}", headers=headers).get_json()["state"] == "new"
    for path in ("/api/v1/employees/none", "/api/v1/gateways/%00", "/api/v1/employees/a%00b"):
        assert site.client.get(path, headers=headers).status_code == 404


def test_a_number_that_is_bound_to_nobody_is_masked_and_what_it_sealed_is_kept(site: Site) -> None:
    changes = {"employee": "+6281234567890", "action": Action.REGISTER, "note": "sealed"}
    made = chain(1, gateway=OTHER, **changes)
    Ingest(site.database, KnownKeys()).take([envelope(batch(made, 1, 1, OTHER), OTHER)], NOW)  # type: ignore[arg-type]
    (item,) = get(site, f"/records?gateway={OTHER}").get_json()["items"]
    assert (item["employee"], item["note"]) == ("+628123****890", "")


# How fast, how much


def test_a_program_that_asks_too_often_is_slowed_down_and_no_other(tmp_path: Path) -> None:
    site = Site(tmp_path, api_per_minute=3)
    other = bearer(site.database, Scope.RECORDS)
    codes = [get(site, path).status_code for path in ("/records", "/gateways", "/records", "/records")]
    assert codes == [200, 200, 200, 429]
    answer = get(site, "/gateways")
    assert answer.mimetype == "application/problem+json"
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert site.client.get("/api/v1/records", headers=other).status_code == 200
    site.database.close()


def test_who_has_the_same_already_gets_no_more_than_that(site: Site) -> None:
    first = get(site, "/records")
    again = get(site, "/records", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    made = chain(31, employee=next(iter(site.employees.values())))
    Ingest(site.database, KnownKeys()).take([envelope(batch(made, 31, 31))], NOW)  # type: ignore[arg-type]
    assert get(site, "/records", **{"If-None-Match": first.headers["ETag"]}).status_code == 200


# Reading on


def test_whoever_reads_on_gets_what_came_since(site: Site) -> None:
    page = get(site, "/records").get_json()
    assert (len(page["items"]), page["more"]) == (30, False)
    for _ in range(2):
        nothing = get(site, f"/records?cursor={page['next']}").get_json()
        assert nothing == {"items": [], "next": page["next"], "more": False}
    made = chain(31, employee=site.employees["Ani <b>Contoh</b>"])
    Ingest(site.database, KnownKeys()).take([envelope(batch(made, 31, 31))], NOW)  # type: ignore[arg-type]
    assert [each["seq"] for each in get(site, f"/records?cursor={page['next']}").get_json()["items"]] == [31]


def test_an_empty_collector_gives_a_cursor_too(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.database.run("DELETE FROM record")
    page = get(site, "/records").get_json()
    assert page == {"items": [], "next": f"0-{GENESIS}", "more": False}
    assert get(site, f"/records?cursor={page['next']}").status_code == 200
    site.database.close()


def test_after_a_restore_from_a_backup_no_record_is_skipped_in_silence(database: Database) -> None:
    """The gateways send again what is missing, in another order: an id then stands for another record."""
    mine, others = chain(4), chain(4, gateway=OTHER)
    ingest = Ingest(database, KnownKeys())  # type: ignore[arg-type]

    def take(records: list[Record], first: int, last: int, gateway: str) -> None:
        ingest.take([envelope(batch(records, first, last, gateway), gateway)], NOW)

    take(mine, 1, 2, GATEWAY)
    early = history.cursor(database, 2)
    take(mine, 3, 3, GATEWAY)
    take(others, 1, 1, OTHER)
    take(mine, 4, 4, GATEWAY)
    read = history.cursor(database, 5)
    assert history.holds(database, read)
    _set_back(database, mine[1].hash)
    assert not history.holds(database, read)
    # Now id 5 is the same record as before, but behind another that whoever read up to here has never seen.
    take(others, 1, 1, OTHER)
    take(mine, 3, 4, GATEWAY)
    assert database.value("SELECT hash FROM record WHERE id = 5") == mine[3].hash
    assert not history.holds(database, read)
    assert history.holds(database, early)


def _set_back(database: Database, hash_: str | None) -> None:
    """To when two records of the one gateway were there; the ids that are given next included."""
    database.run("DELETE FROM record WHERE id > 2")
    database.run("DELETE FROM chain WHERE gateway = ?", OTHER)
    database.run("UPDATE chain SET seq = 2, hash = ? WHERE gateway = ?", hash_, GATEWAY)
    try:
        database.run("UPDATE sqlite_sequence SET seq = 2 WHERE name = 'record'")
    except StorageError:
        database.value("SELECT setval('record_id_seq', 2)")


def test_a_cursor_with_a_line_break_does_not_begin_again_from_the_start(site: Site) -> None:
    cursor = get(site, "/records?limit=10").get_json()["next"]
    answer = get(site, f"/records?cursor={cursor}%0A")
    assert (answer.status_code, answer.get_json()["detail"][:7]) == (400, "cursor:")


def test_a_cursor_of_another_time_says_what_to_do(site: Site) -> None:
    for cursor in (f"31-{GENESIS}", f"30-{GENESIS}", "0-0000000000000000"):
        answer = get(site, f"/records?cursor={cursor}")
        assert (answer.status_code, answer.mimetype) == (410, "application/problem+json")
        assert "read again without a cursor" in answer.get_json()["detail"]
        assert answer.get_json()["type"] == "/api#cursor"
    assert 'id="cursor"' in site.client.get("/api").text


def test_records_from_before_the_upgrade_are_read_as_well(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a collector that knew no digests; its tokens and people keep what they could do."""
    with monkeypatch.context() as older:
        older.setattr(module, "STEPS", module.STEPS[:1])
        older.setattr(module, "VERSION", 1)
        first = Database(empty_url)
        columns = "gateway journal seq employee action at received channel presence flags receipt fingerprint hash"
        rows = [(GATEWAY, "j", seq, "e", "in", 1, 1, "sms", "none", "", "", f"{seq}", "", 1) for seq in (1, 2)]
        first.insert_all("record", [*columns.split(), "stored"], rows)
        first.run("INSERT INTO person (name, password, created) VALUES ('admin', '', 1)")
        first.run("INSERT INTO token (name, digest, created) VALUES ('sinergi', 'x', 1)")
        first.close()
    database = Database(empty_url)
    read = history.cursor(database, 2)
    assert history.parse(str(read)) == read
    assert history.holds(database, read)
    Ingest(database, KnownKeys()).take([envelope(batch(chain(1), 1, 1))], NOW)  # type: ignore[arg-type]
    newest = history.cursor(database, 3)
    assert history.holds(database, newest)
    assert newest.digest != read.digest
    assert [each.scopes for each, _ in access.programs(database)] == [frozenset(access.USUAL_SCOPES)]
    assert users.everyone(database)[0].roles == {Role.IT, Role.PERSONNEL}
    database.close()
