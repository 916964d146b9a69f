from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from central import audit, retention
from central.authority import Authority
from central.config import RetentionSection
from central.database import Database, micros
from central.evidence import Check, Fault, Scope
from central.ingest import COLUMNS, Envelope, Ingest
from central.keys import GatewayKeys
from central.registrar import Address, Registrar
from mqtt_bridge.envelope import seal
from mqtt_bridge.records import Action

from .factories import CENTRAL_KEY, GATEWAY, JOURNAL, KEYS, NOW, OTHER, batch, chain

SECOND = "bb" * 8
LATER = NOW + timedelta(days=1)
HALF = timedelta(days=89, hours=12)  # before what came LATER is 90 days old


class Held:
    """Records of two devices of one gateway, of which the second replaced the first, and those of another gateway."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.keys = GatewayKeys(None, database)
        registrar = Registrar(
            database, self.keys, Authority(folder / "ca", NOW), CENTRAL_KEY, Address("127.0.0.1", 1883, False),
            folder / "crl.pem",
        )  # fmt: skip
        self.ingest, new = Ingest(database, self.keys), Ed25519PrivateKey.generate()
        for name in (GATEWAY, OTHER):
            registrar.admit(name, KEYS[name].public_key(), NOW)
        self.take(GATEWAY, JOURNAL, ((1, 3), (2, 5), (6, 6)))  # the second brings two of the first once more
        self.take(OTHER, "cc" * 8, ((1, 4),))
        registrar.admit(GATEWAY, new.public_key(), LATER, replace=True)
        second = batch(chain(2, journal=SECOND, messages=JOURNAL), 1, 2, journal=SECOND)
        assert self.ingest.take([Envelope(GATEWAY, seal(second, new))], LATER)
        registrar.revoke(GATEWAY, "dicuri", LATER + timedelta(days=1))
        with database.transaction():
            audit.append(database, "it", "something", {}, NOW)

    def take(self, gateway: str, journal: str, spans: tuple[tuple[int, int], ...]) -> None:
        made = chain(max(last for _, last in spans), gateway=gateway, journal=journal)
        sealed = [Envelope(gateway, seal(batch(made, *span, gateway, journal), KEYS[gateway])) for span in spans]
        assert not any(ack.refused for ack in self.ingest.take(sealed, NOW))

    def wrong(self, scope: Scope = Scope()) -> list[Fault]:  # noqa: B008
        return list(Check(self.database, self.keys, scope).faults())


@pytest.fixture
def held(database: Database, tmp_path: Path) -> Held:
    return Held(database, tmp_path)


def test_all_of_an_untouched_store_is_proven_after_replacement_and_revocation(held: Held) -> None:
    check = Check(held.database, held.keys)
    assert list(check.faults()) == []
    assert (check.records, check.batches, check.lines, check.total) == (12, 5, 1, 12)
    assert held.database.value("SELECT SUM(duplicate) FROM record") == 2


def test_it_can_be_narrowed_to_a_gateway_and_to_days(held: Held) -> None:
    counted = []
    for scope in (Scope(GATEWAY), Scope(OTHER), Scope(since=LATER), Scope(until=LATER), Scope("none")):
        check = Check(held.database, held.keys, scope)
        assert list(check.faults()) == []
        counted.append(check.records)
    assert counted == [8, 4, 2, 10, 0]


def test_what_comes_in_meanwhile_is_left_for_the_next_time(held: Held) -> None:
    check = Check(held.database, held.keys)
    held.take(OTHER, "cc" * 8, ((1, 5),))
    held.take(OTHER, "ff" * 8, ((1, 1),))
    assert (list(check.faults()), check.records) == ([], 12)
    check = Check(held.database, held.keys)
    assert (list(check.faults()), check.records) == ([], 14)


def test_what_began_before_the_days_looked_at_is_held_against_what_is_there(held: Held) -> None:
    held.database.run("UPDATE batch SET stored = stored + 1000 WHERE first_seq = 6")
    held.database.run("UPDATE record SET stored = stored + 1000 WHERE seq = 6 AND gateway = ?", GATEWAY)
    scope = Scope(since=NOW + timedelta(microseconds=1), until=LATER)
    assert held.wrong(scope) == []
    held.database.run("DELETE FROM record WHERE seq = 5 AND gateway = ?", GATEWAY)
    assert "missing" in held.wrong(scope)[0].text


def test_a_batch_that_was_made_up_is_named(held: Held) -> None:
    """By who has the database, and no gateway's key."""
    forged = seal(batch(chain(3), 1, 3), Ed25519PrivateKey.generate())
    held.database.run("UPDATE batch SET sealed = ? WHERE first_seq = 1 AND journal = ?", forged, JOURNAL)
    (fault,) = held.wrong()
    assert "signature" in fault.text
    assert str(fault).startswith(f"{GATEWAY}, journal {JOURNAL}, batch 1, record 1: ")


def test_another_gateways_good_batch_proves_nothing_here(held: Held) -> None:
    other = held.database.value("SELECT sealed FROM batch WHERE gateway = ?", OTHER)
    held.database.run("UPDATE batch SET sealed = ? WHERE id = 1", bytes(other))
    assert held.wrong()[0].batch == 1


def test_a_key_does_not_prove_what_came_when_it_did_not_count(held: Held) -> None:
    for table in ("batch", "record"):
        held.database.run(f"UPDATE {table} SET stored = stored - ? WHERE journal = ?", 10**12, SECOND)
    assert "no key of the gateway counted then" in held.wrong()[0].text


def test_a_batch_that_waited_for_the_database_while_the_key_changed_is_proven(held: Held) -> None:
    for table in ("batch", "record"):
        held.database.run(f"UPDATE {table} SET stored = stored - 1000000 WHERE journal = ?", SECOND)
    assert held.wrong() == []


def test_a_batch_that_is_gone_is_missed(held: Held) -> None:
    for id_, seq in ((1, 1), (2, 4)):
        with undone(held.database):
            held.database.run("DELETE FROM batch WHERE id = ?", id_)
            (fault,) = held.wrong()
            assert (fault.gateway, fault.journal, fault.seq) == (GATEWAY, JOURNAL, seq)
            assert "missing" in fault.text


def test_a_batch_that_is_gone_with_its_records_is_missed(held: Held) -> None:
    held.database.run("DELETE FROM batch WHERE id = 2")
    held.database.run("DELETE FROM record WHERE seq IN (4, 5) AND journal = ?", JOURNAL)
    assert "records 4 to 5 are missing" in str(held.wrong()[0])


def test_the_last_batch_of_a_journal_is_missed(held: Held) -> None:
    held.database.run("DELETE FROM batch WHERE id = 3")
    held.database.run("DELETE FROM record WHERE seq = 6 AND journal = ?", JOURNAL)
    assert any("acknowledged" in fault.text and fault.seq == 5 for fault in held.wrong())


def test_records_that_change_places_are_named(held: Held) -> None:
    ids = [id_ for (id_,) in held.database.rows("SELECT id FROM record WHERE seq IN (1, 4) ORDER BY id LIMIT 2")]
    for old, new in ((ids[0], -1), (ids[1], ids[0]), (-1, ids[1])):
        held.database.run("UPDATE record SET id = ? WHERE id = ?", new, old)
    assert {"id", "history"} & {name for fault in held.wrong() for name in fault.column.split()}


def test_a_line_of_the_audit_that_was_changed_is_named(held: Held) -> None:
    held.database.run("UPDATE audit SET who = 'nobody'")
    assert [str(fault) for fault in held.wrong()] == ["the audit: line 1 does not follow from the one before it"]


def test_a_number_that_no_erasure_took_away_is_named(held: Held) -> None:
    asked = chain(1, gateway=OTHER, journal="dd" * 8, employee="+6281234567890", action=Action.REGISTER, note="x")
    sealed = seal(batch(asked, 1, 1, OTHER, "dd" * 8), KEYS[OTHER])
    held.ingest.take([Envelope(OTHER, sealed)], LATER)
    held.database.run("UPDATE record SET employee = '(dihapus)', note = '' WHERE action = 'register'")
    assert [fault.column for fault in held.wrong()] == ["employee note"]
    with held.database.transaction():
        audit.append(held.database, "it", "person-erased", {}, LATER)
    check = Check(held.database, held.keys)
    assert (list(check.faults()), check.erased, check.records) == ([], 1, 13)
    held.database.run("UPDATE record SET employee = '(dihapus)' WHERE id = 1")
    assert [fault.column for fault in held.wrong()] == ["employee"]


def test_a_signature_has_one_form(held: Held) -> None:
    """The last letter of base64 has four bits that stand for nothing."""
    sealed = bytes(held.database.value("SELECT sealed FROM batch WHERE id = 1"))
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    same = sealed[:-3] + bytes([letters[letters.index(sealed[-3]) ^ 1]]) + b"=="
    held.database.run("UPDATE batch SET sealed = ? WHERE id = 1", same)
    assert "one form" in held.wrong()[0].text


def test_a_good_batch_of_another_journal_proves_nothing_here(held: Held) -> None:
    """Signed by the same key, with records of the same numbers."""
    copied = seal(batch(chain(3, journal="ee" * 8), 1, 3, journal="ee" * 8), KEYS[GATEWAY])
    held.database.run("UPDATE batch SET sealed = ? WHERE id = 1", copied)
    assert "it is of journal eeee" in held.wrong()[0].text


def test_a_signed_batch_of_nothing_is_named(held: Held) -> None:
    nothing = seal(msgspec.structs.replace(batch(chain(3), 1, 3), records=[]), KEYS[GATEWAY])
    held.database.run("UPDATE batch SET sealed = ? WHERE id = 1", nothing)
    assert "it holds no records" in held.wrong()[0].text


def test_a_signed_batch_whose_records_do_not_follow_is_named(held: Held) -> None:
    """By who has a gateway's key and the database, but not the time to make the chain anew."""
    good = batch(chain(3), 1, 3)
    changed = msgspec.structs.replace(good.records[1], employee="e-x")
    records = [good.records[0], changed, good.records[2]]
    forged = seal(msgspec.structs.replace(good, records=records), KEYS[GATEWAY])
    held.database.run("UPDATE batch SET sealed = ? WHERE id = 1", forged)
    held.database.run("UPDATE record SET employee = 'e-x' WHERE id = 2")
    assert "its record 2 does not follow" in held.wrong()[0].text


def test_records_whose_time_had_come_are_not_missed_and_later_ones_are(held: Held) -> None:
    retention.run(held.database, RetentionSection(records_days=90, quarantine_days=0), "it", LATER + HALF)
    check = Check(held.database, held.keys)
    assert (list(check.faults()), check.records, check.batches) == ([], 2, 5)
    held.database.run("UPDATE record SET at = at + 1 WHERE seq = 2")
    assert [(fault.seq, fault.column) for fault in held.wrong()] == [(2, "at")]
    held.database.run("DELETE FROM record WHERE seq = 2")
    assert [(fault.seq, fault.text) for fault in held.wrong()] == [(2, "it is missing")]


def test_records_that_stayed_between_those_whose_time_had_come_are_proven(held: Held) -> None:
    """As a program was not told of them yet."""
    held.database.insert_all("retention", ("what", "before"), [("record", micros(LATER))])
    held.database.run("DELETE FROM record WHERE seq IN (1, 3) AND journal <> ?", SECOND)
    check = Check(held.database, held.keys)
    assert (list(check.faults()), check.records) == ([], 8)
    held.database.run("UPDATE record SET note = 'x' WHERE seq = 4 AND gateway = ?", GATEWAY)
    assert [(fault.seq, fault.column) for fault in held.wrong()] == [(4, "note")]


def test_batches_whose_time_had_come_are_not_missed_and_later_ones_are(held: Held) -> None:
    retention.run(held.database, RetentionSection(batches_days=90, quarantine_days=0), "it", LATER + HALF)
    check = Check(held.database, held.keys)
    assert (list(check.faults()), check.records, check.batches, check.removed) == ([], 2, 1, 10)
    held.database.run("DELETE FROM batch")
    assert [fault.seq for fault in held.wrong()] == [1, 2]


@contextmanager
def undone(database: Database) -> Iterator[None]:
    """What is written inside never was."""

    class _Undo(Exception):
        pass

    try:
        with database.transaction():
            yield
            raise _Undo
    except _Undo:
        pass


# Any change at all


def other(value: Any, draw: st.DataObject) -> Any:
    """Something else of the same kind."""
    if isinstance(value, int):
        return value + draw.draw(st.integers(-(10**6), 10**6).filter(bool))
    place = draw.draw(st.integers(0, len(value)))
    sign = draw.draw(st.sampled_from("0aZ"))
    changed = value[:place] + sign + value[place + 1 :]
    return changed if changed != value else value + sign


def changed_record(held: Held, draw: st.DataObject) -> int:
    id_ = draw.draw(st.sampled_from([id_ for (id_,) in held.database.rows("SELECT id FROM record ORDER BY id")]))
    column = draw.draw(st.sampled_from(COLUMNS))
    (value,) = held.database.row(f"SELECT {column} FROM record WHERE id = ?", id_) or (None,)
    value = 1 - value if column == "duplicate" else other(value, draw)
    held.database.run(f"UPDATE record SET {column} = ? WHERE id = ?", value, id_)
    return int(id_)


def changed_batch(held: Held, draw: st.DataObject) -> int:
    id_ = draw.draw(st.sampled_from([id_ for (id_,) in held.database.rows("SELECT id FROM batch ORDER BY id")]))
    column = draw.draw(st.sampled_from(["gateway", "journal", "first_seq", "last_seq", "stored"]))
    (value,) = held.database.row(f"SELECT {column} FROM batch WHERE id = ?", id_) or (None,)
    held.database.run(f"UPDATE batch SET {column} = ? WHERE id = ?", other(value, draw), id_)
    return int(id_)


def flipped_byte(held: Held, draw: st.DataObject) -> int:
    id_, sealed = draw.draw(st.sampled_from(held.database.rows("SELECT id, sealed FROM batch ORDER BY id")))
    raw = bytearray(sealed)
    place = draw.draw(st.integers(0, len(raw) - 1) | st.integers(len(raw) - 90, len(raw) - 1))
    raw[place] ^= draw.draw(st.integers(1, 255))
    held.database.run("UPDATE batch SET sealed = ? WHERE id = ?", bytes(raw), id_)
    return int(id_)


def deleted_row(held: Held, draw: st.DataObject) -> int:
    table = draw.draw(st.sampled_from(["record", "batch"]))
    id_ = draw.draw(st.sampled_from([id_ for (id_,) in held.database.rows(f"SELECT id FROM {table} ORDER BY id")]))
    held.database.run(f"DELETE FROM {table} WHERE id = ?", id_)
    return int(id_)


def doubled_row(held: Held, draw: st.DataObject) -> int:
    """Of a record with a seq or a journal of its own, because the database refuses it otherwise."""
    columns = {
        "record": list(COLUMNS),
        "batch": ["gateway", "journal", "first_seq", "last_seq", "sealed", "stored"],
    }
    table = draw.draw(st.sampled_from(sorted(columns)))
    id_ = draw.draw(st.sampled_from([id_ for (id_,) in held.database.rows(f"SELECT id FROM {table} ORDER BY id")]))
    names = ", ".join(columns[table])
    values = names if table == "batch" else names.replace("seq", "seq + 100", 1)
    held.database.run(f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} WHERE id = ?", id_)
    return int(id_)


@pytest.mark.parametrize("change", [changed_record, changed_batch, flipped_byte, deleted_row, doubled_row])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draw=st.data())
def test_whatever_is_changed_is_found_and_its_place_is_named(held: Held, change: Any, draw: st.DataObject) -> None:
    before = {row[0]: row for row in held.database.rows("SELECT id, gateway, journal FROM batch")}
    with undone(held.database):
        id_ = change(held, draw)
        found = held.wrong()
    assert found, "nothing was found"
    assert all(fault.gateway and fault.journal for fault in found)
    if change is flipped_byte:
        assert [(fault.batch, fault.gateway, fault.journal) for fault in found] == [before[id_]]
    assert held.wrong() == []


def test_the_place_of_a_changed_record_is_its_own(held: Held) -> None:
    for id_, gateway, journal, seq in held.database.rows("SELECT id, gateway, journal, seq FROM record"):
        with undone(held.database):
            held.database.run("UPDATE record SET note = 'x', at = at + 1 WHERE id = ?", id_)
            fault = held.wrong()[0]  # the message may have a second record, which is then no second one any more
        assert (fault.gateway, fault.journal, fault.seq, fault.column) == (gateway, journal, seq, "at note")
        assert fault.batch == held.database.value(
            "SELECT id FROM batch WHERE gateway = ? AND journal = ? AND first_seq <= ? AND last_seq >= ?",
            gateway, journal, seq, seq,
        )  # fmt: skip
