"""What employees said that waits for a decision: of all days, of one's own office, and decided once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from central import audit, corrections, statements
from central.corrections import NotAllowed
from central.database import Database
from mqtt_bridge.records import Action

from .offices import NOW, City


@pytest.fixture
def city(database_url: str) -> Iterator[City]:
    database = Database(database_url)
    made = City(database)
    made.office("dinkes-01", ["Ani Contoh", "Budi Santoso"])
    made.office("disdik-01", ["Cici Lestari"])
    yield made
    database.close()


def names(city: City, offices: set[str] | None = None) -> list[tuple[str, str]]:
    return [(each.name, each.action) for each in statements.waiting(city.database, offices)]


def test_what_waits_is_there_until_it_is_decided(city: City) -> None:
    city.record("Ani Contoh", Action.IN, "07:00")
    sick = city.record("Ani Contoh", Action.SICK, "06:00")
    dispute = city.record("Budi Santoso", Action.DISPUTE, "08:00")
    city.record("Cici Lestari", Action.LEAVE, "07:30", gateway="disdik-01")
    assert names(city) == [("Budi Santoso", "dispute"), ("Cici Lestari", "leave"), ("Ani Contoh", "sick")]
    assert names(city, {"disdik-01"}) == [("Cici Lestari", "leave")]
    assert names(city, set()) == []
    corrections.decide_statement(city.database, sick, "peni", NOW, accepted=False)
    statements.close(city.database, dispute, "peni", NOW, accepted=True, reason="mesin mati")
    assert names(city) == [("Cici Lestari", "leave")]
    lines = [(line.who, line.event) for line in audit.lines(city.database)]
    assert lines == [("peni", "statement-decided"), ("peni", "dispute-decided")]


def test_a_dispute_is_decided_once_and_with_a_reason(city: City) -> None:
    dispute, came = city.record("Ani Contoh", Action.DISPUTE, "08:00"), city.record("Ani Contoh", Action.IN, "07:00")
    for record, reason in ((dispute, " "), (dispute, "x" * 201), (came, "alasan"), (10**9, "alasan")):
        with pytest.raises(NotAllowed):
            statements.close(city.database, record, "peni", NOW, accepted=True, reason=reason)
    statements.close(city.database, dispute, "peni", NOW, accepted=False, reason="sudah\0 dinilai")
    with pytest.raises(NotAllowed, match="sudah diputuskan"):
        statements.close(city.database, dispute, "budi", NOW, accepted=True, reason="lain")
    rows = city.database.rows("SELECT record, accepted, reason, person FROM dispute_answer")
    assert rows == [(dispute, 0, "sudah dinilai", "peni")]
