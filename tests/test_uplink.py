"""An office without data: its records come to the city by SMS, and are final, once each, when the link heals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from central import desired
from central.database import micros
from central.provisional import complete_until
from central.roster import Row, store
from mqtt_bridge.sms_codec import whole_second

from .uplinked import CITY_NUMBER, GATEWAY, NIGHT, OFFICE_NUMBER, TERMS, Uplinked

CHANCE = Random(7)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Uplinked]:
    made = Uplinked(tmp_path)
    yield made
    made.close()


def test_a_day_without_data_is_at_the_city_by_ten_sms_and_final_when_the_link_heals(office: Uplinked) -> None:
    made = office.work()
    assert made == 400
    office.pass_time(20)
    assert office.provisional() == list(range(1, 401))
    assert len(office.mail.to(CITY_NUMBER)) <= 10
    assert 1 <= len(office.mail.to(OFFICE_NUMBER)) <= 2
    assert office.known_by_sms() == [
        (record.seq, record.employee, record.action, micros(whole_second(record.at)), record.presence, "")
        for record in office.journal.records(0, 400)
    ]
    assert office.journal.position().delivered == 0
    complete = complete_until(office.database, GATEWAY)  # as of the last SMS: it went when it was time to begin
    assert complete == NIGHT + timedelta(minutes=TERMS.after_minutes, seconds=30)
    office.heal()
    assert office.final() == list(range(1, 401))
    assert office.provisional() == []
    assert office.aside() == []
    before = len(office.mail.sent)
    office.pass_time(120)
    assert len(office.mail.sent) == before


def lose_a_third(office: Uplinked) -> None:
    office.mail.waiting = [each for each in office.mail.waiting if CHANCE.random() > 0.3]


def double_and_turn_around(office: Uplinked) -> None:
    office.mail.waiting = [*reversed(office.mail.waiting), *office.mail.waiting]


def replay_all(office: Uplinked) -> None:
    office.mail.waiting += office.mail.sent


@pytest.mark.parametrize("mishap", [lose_a_third, double_and_turn_around, replay_all])
def test_whatever_the_network_does_all_arrives_once(office: Uplinked, mishap: Callable[[Uplinked], None]) -> None:
    office.work()
    for _ in range(40):
        office.pass_time(15, deliver=False)
        mishap(office)
        office.mail.deliver()
        office.step_city()
    assert office.provisional() == list(range(1, 401))
    office.heal()
    assert office.final() == list(range(1, 401))
    assert office.provisional() == []
    assert office.aside() == []
    office.mail.waiting = list(office.mail.sent)  # every SMS of the day, once more
    office.mail.deliver()
    office.pass_time(10)
    assert office.provisional() == []
    assert office.final() == list(range(1, 401))


def test_the_city_reads_by_the_roster_that_the_office_has(office: Uplinked) -> None:
    """News of the roster do not reach an office without data."""
    store(office.database, [Row(0, "9" * 18, "Pegawai Baru", "+6281299999999", GATEWAY)], replace=True)
    desired.refresh(office.database, office.policy, office.clock.wall)
    office.check_in(60)
    office.pass_time(120)
    told = [employee for (employee,) in office.database.rows("SELECT employee FROM provisional ORDER BY seq")]
    assert told == [record.employee for record in office.journal.records(0, 60)]


def test_a_city_that_has_lost_the_roster_is_told_names(office: Uplinked) -> None:
    office.database.run("DELETE FROM numbering")
    office.check_in(60)
    office.pass_time(180)
    told = [employee for (employee,) in office.database.rows("SELECT employee FROM provisional ORDER BY seq")]
    assert told == [record.employee for record in office.journal.records(0, 60)]
    assert office.aside() == ["an SMS speaks of a roster that is not known here; the gateway is asked for names"]
