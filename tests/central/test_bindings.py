"""Numbers that ask to be bound: what the personnel office sees, and what its decision changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from central import bindings, desired, fleet
from central.bindings import CanNotBind
from central.database import Database
from central.ingest import Ingest
from central.roster import Row, store
from mqtt_bridge.records import Action, Policy
from mqtt_bridge.sealing import public_text, seal_for

from .factories import GATEWAY, NOW, KnownKeys, batch, chain, envelope
from .test_web import Site, digest

__all__ = ["digest"]

KEY = X25519PrivateKey.generate()
NIP = "199001012020121001"
OLD, NEW = "+6281234567890", "+6285211112222"


def asked(nip: str = NIP, number: str = NEW) -> object:
    """A batch with one request of that number."""
    note = seal_for(public_text(KEY), nip)
    return envelope(batch(chain(1, employee=number, action=Action.REGISTER, note=note), 1, 1))


@pytest.fixture
def office(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    fleet.add(database, GATEWAY, NOW)
    store(database, [Row(1, NIP, "Ani Contoh", OLD, GATEWAY), Row(2, "1" * 18, "Budi", "+6281298765432", GATEWAY)])
    desired.refresh(database, Policy(), NOW)
    yield database
    database.close()


def take(database: Database, **request: str) -> int:
    Ingest(database, KnownKeys()).take([asked(**request)], NOW)  # type: ignore[arg-type, list-item]
    (found,) = bindings.waiting(database, KEY)
    return found.record


def test_an_approved_number_takes_the_place_of_the_old_one(office: Database) -> None:
    record = take(office)
    (request,) = bindings.waiting(office, KEY)
    assert (request.name, request.number, request.former, request.office) == ("Ani Contoh", NEW, OLD, GATEWAY)
    bindings.approve(office, KEY, record, "admin", NOW)
    assert desired.refresh(office, Policy(), NOW) == [GATEWAY]
    held = desired.newest(office, GATEWAY)
    assert held
    assert sorted(member.phone for member in held.roster) == ["+6281298765432", NEW]
    assert bindings.waiting(office, KEY) == []
    with pytest.raises(CanNotBind, match="sudah diputuskan"):
        bindings.approve(office, KEY, record, "admin", NOW)


def test_a_rejected_one_changes_nothing(office: Database) -> None:
    bindings.reject(office, KEY, take(office), "admin", NOW)
    assert bindings.waiting(office, KEY) == []
    assert desired.refresh(office, Policy(), NOW) == []


def test_nobody_has_that_nip(office: Database) -> None:
    record = take(office, nip="2" * 18)
    with pytest.raises(CanNotBind, match="Tidak ada pegawai"):
        bindings.approve(office, KEY, record, "admin", NOW)
    assert len(bindings.waiting(office, KEY)) == 1


def test_a_number_of_somebody_else_is_not_taken_from_them(office: Database) -> None:
    record = take(office, number="+6281298765432")
    with pytest.raises(CanNotBind, match="terikat pada Budi"):
        bindings.approve(office, KEY, record, "admin", NOW)


def test_what_another_key_sealed_names_nobody(office: Database) -> None:
    take(office)
    (request,) = bindings.waiting(office, X25519PrivateKey.generate())
    assert request.employee is None


def test_the_page_decides_with_a_token_of_its_own(tmp_path: Path, digest: str) -> None:
    site = Site(tmp_path)
    site.database.run("INSERT INTO person (name, password, created) VALUES ('admin', ?, 0)", digest)
    site.database.run("UPDATE employee SET nip = ? WHERE name LIKE 'Budi%'", NIP)
    office = site.app.extensions["office"]
    note = seal_for(public_text(office.sealing_key), NIP)
    made = chain(1, journal="j2", employee=NEW, action=Action.REGISTER, note=note)
    Ingest(site.database, KnownKeys()).take([envelope(batch(made, 1, 1, journal="j2"))], NOW)  # type: ignore[arg-type]
    assert site.client.get("/numbers").status_code == 302
    site.log_in()
    page = site.client.get("/numbers").text
    assert "Budi 100% Hadir" in page
    assert "+628521****222" in page
    assert NIP not in page
    assert NEW not in page
    record = site.database.value("SELECT id FROM record WHERE action = 'register'")
    assert site.client.post(f"/numbers/{record}/approve").status_code == 400
    answer = site.client.post(
        f"/numbers/{record}/approve", data={"csrf_token": site.csrf("/numbers")}, follow_redirects=True
    )
    assert "kini memakai nomor baru" in answer.text
    assert "Tidak ada permintaan" in answer.text
    assert site.database.value("SELECT phone FROM employee WHERE nip = ?", NIP) == NEW
    site.database.close()
