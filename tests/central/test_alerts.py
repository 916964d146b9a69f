"""Alerts as they are kept, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from central import alerts, audit, fleet, maintenance, pulse, sightings
from central.alert_life import Event, State
from central.alerting import CENTRAL, Self, Sight, Terms
from central.alerts import BadAlert, Wanted
from central.database import Database, micros
from central.maintenance import Kind
from central.pulse import Pulse
from central.sightings import Place
from mqtt_bridge.records import encode

from .factories import GATEWAY, JOURNAL, NOW, OTHER, status

MINUTE = timedelta(minutes=1)
GATEWAYS = (GATEWAY, OTHER)
TERMS = Terms()


class Town:
    """Two gateways that are well, of which somebody looks every minute."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.minute = 0
        self.central = Self()
        for gateway in GATEWAYS:
            fleet.add(database, gateway, NOW)
        self.sights = {name: Sight(name, online=True, status=status(name), held=5) for name in GATEWAYS}

    def look(self, minutes: int = 1) -> list[tuple[str, str, Event]]:
        told = []
        for _ in range(minutes):
            now = NOW + self.minute * MINUTE
            seen = {name: replace(sight, seen=now, complete=now) for name, sight in self.sights.items()}
            heard = alerts.evaluate(self.database, seen, self.central, TERMS, now)
            told += [(alert.rule, alert.subject, event) for alert, event in heard]
            self.minute += 1
        return told

    def set(self, gateway: str, *, online: bool) -> None:
        self.sights[gateway] = replace(self.sights[gateway], online=online)

    @property
    def now(self) -> object:
        return NOW + self.minute * MINUTE


@pytest.fixture
def town(database: Database) -> Town:
    return Town(database)


def test_the_life_of_one_is_kept(town: Town) -> None:
    town.set(GATEWAY, online=False)
    assert town.look(5) == []
    assert alerts.firing(town.database) == []
    assert town.look() == [("down", GATEWAY, Event.FIRED)]
    (alert,) = alerts.firing(town.database)
    assert (alert.since, alert.state) == (NOW, State.FIRING)
    assert sum(alerts.counts(town.database).values()) == 1
    alerts.acknowledge(town.database, alert.id, "tina", "  ke  kantor ", NOW)
    assert town.look(500) == []
    (alert,) = alerts.firing(town.database)
    assert (alert.state, alert.acknowledged_by, alert.note) == (State.ACKNOWLEDGED, "tina", "ke kantor")
    town.set(GATEWAY, online=True)
    assert town.look(6) == [("down", GATEWAY, Event.RESOLVED)]
    assert alerts.firing(town.database) == []
    (over,) = alerts.former(town.database, Wanted(), 10)
    assert over.state is State.RESOLVED
    assert alerts.of(town.database, GATEWAY, NOW, NOW + timedelta(days=1)) == [over]
    assert [line.event for line in audit.lines(town.database)] == ["alert-acknowledged"]


def test_a_restart_forgets_nothing_and_tells_nothing_again(town: Town) -> None:
    for gateway in GATEWAYS:
        town.set(gateway, online=False)
    assert len(town.look(6)) == 2
    again = Town(town.database)
    again.sights, again.minute = town.sights, town.minute
    assert again.look(60) == []
    assert len(alerts.firing(town.database)) == 2


def test_one_that_comes_back_soon_is_slower_to_end_each_time(town: Town) -> None:
    """Ten minutes down, ten minutes up, for six hours: three or four messages each way, not eighteen."""
    told = []
    for _ in range(18):
        town.set(GATEWAY, online=False)
        told += town.look(10)
        town.set(GATEWAY, online=True)
        told += town.look(10)
    fired = [event for *_, event in told if event is Event.FIRED]
    assert 1 <= len(fired) <= 3


def test_while_central_is_deaf_gateways_keep_how_they_were(town: Town) -> None:
    town.set(GATEWAY, online=False)
    assert town.look(6) == [("down", GATEWAY, Event.FIRED)]
    town.central = Self(listening=False, broker_problem="unreachable")
    for gateway in GATEWAYS:
        town.set(gateway, online=False)
    assert town.look(60) == [("broker", CENTRAL, Event.FIRED)]
    town.central = Self()
    town.set(OTHER, online=True)
    assert town.look(6) == [("broker", CENTRAL, Event.RESOLVED)]
    assert [alert.subject for alert in alerts.firing(town.database)] == [GATEWAY]


def test_maintenance_silences_its_gateway_alone(town: Town) -> None:
    maintenance.add(town.database, Kind.GATEWAY, GATEWAY, NOW, NOW + 30 * MINUTE, "tina", "ganti modem", NOW)
    for gateway in GATEWAYS:
        town.set(gateway, online=False)
    assert town.look(30) == [("down", OTHER, Event.FIRED)]
    assert town.look(4) == []
    assert town.look(2) == [("down", GATEWAY, Event.FIRED)]


def test_maintenance_of_all_silences_central_too(town: Town) -> None:
    maintenance.add(town.database, Kind.ALL, "", NOW, NOW + 30 * MINUTE, "tina", "pindah server", NOW)
    town.central = Self(listening=False, collector_gone=True)
    assert town.look(30) == []
    assert town.look(2) == [("collector", CENTRAL, Event.FIRED)]


def test_only_what_is_open_can_be_acknowledged(town: Town) -> None:
    town.set(GATEWAY, online=False)
    town.look(2)
    (pending,) = alerts.opened(town.database)
    for number, note, said in ((pending.id, "", "no alert"), (99, "", "no alert 99"), (1, "x" * 201, "200 signs")):
        with pytest.raises(BadAlert, match=said):
            alerts.acknowledge(town.database, number, "tina", note, NOW)
    assert list(audit.lines(town.database)) == []


def test_history_is_narrowed(town: Town) -> None:
    for gateway in GATEWAYS:
        town.set(gateway, online=False)
    town.look(6)
    for gateway in GATEWAYS:
        town.set(gateway, online=True)
    town.look(6)
    for wanted, count in (
        (Wanted(), 2), (Wanted(severity="critical"), 2), (Wanted(severity="info"), 0), (Wanted(subject=GATEWAY), 1),
        (Wanted(rule="down"), 2), (Wanted(rule="\0late"), 0), (Wanted(gateways=frozenset({OTHER})), 1),
        (Wanted(gateways=frozenset()), 0),
    ):  # fmt: skip
        assert len(alerts.former(town.database, wanted, 10)) == count


# What the database tells


def test_the_collectors_pulse_tells_when_gateways_can_be_judged(database: Database) -> None:
    assert not sightings.central(database, Place(), NOW).listening
    beating = Pulse(database)
    beating.beat("", NOW)
    states = []
    for minute in range(1, 7):
        now = NOW + minute * MINUTE
        beating.beat("unreachable" if minute == 5 else "", now)
        seen = sightings.central(database, Place(), now)
        states.append((seen.listening, seen.broker_problem))
    assert states == [(False, ""), (False, ""), (True, ""), (True, ""), (False, "unreachable"), (False, "")]
    silent = sightings.central(database, Place(), NOW + 8 * MINUTE)
    assert (silent.collector_gone, silent.listening) == (True, False)
    Pulse(database).beat("", NOW + 9 * MINUTE)  # started anew
    begun = pulse.last(database)
    assert begun
    assert begun.since == NOW + 9 * MINUTE


def test_what_is_seen_of_a_gateway(database: Database) -> None:
    fleet.add(database, GATEWAY, NOW)
    said = status(last_seq=9)
    database.run("UPDATE gateway SET online = 1, seen = ?, status = ?", micros(NOW), encode(said))
    database.insert_all("chain", ("gateway", "journal", "seq", "hash", "first_seen"), [(GATEWAY, JOURNAL, 7, "", 0)])
    database.insert_all("watermark", ("gateway", "journal", "until"), [(GATEWAY, JOURNAL, micros(NOW))])
    row = (GATEWAY, "not a batch", b"", micros(NOW), micros(NOW))
    database.insert_all("quarantine", ("gateway", "reason", "sealed", "stored", "seen"), [row])
    assert sightings.gateways(database, NOW) == {
        GATEWAY: Sight(GATEWAY, True, NOW, said, 0, 7, None, ("not a batch",), NOW, False)
    }
    assert sightings.gateways(database, NOW + timedelta(days=2))[GATEWAY].aside == ()
    database.insert_all(
        "gateway_key", ("gateway", "public", "since", "until", "reason"), [(GATEWAY, "", 0, 1, "dicuri")]
    )
    assert sightings.gateways(database, NOW) == {}


def test_what_is_seen_of_central(database: Database) -> None:
    since = micros(NOW)
    columns = ("at", "gateway", "origin", "outcome", "detail")
    rows = [(since, GATEWAY, "10.0.0.1", outcome, "") for outcome in ("enrolled", "unknown token", "used token")]
    database.insert_all("enrolment", columns, rows)
    row = ("(unknown)", "no key", b"", since, since)
    database.insert_all("quarantine", ("gateway", "reason", "sealed", "stored", "seen"), [row])
    database.insert_all(
        "alert_channel", ("name", "position", "failures", "problem"), [("sms", 0, 2, "x"), ("gone", 0, 9, "y")]
    )
    seen = sightings.central(database, Place(channels=frozenset({"sms"})), NOW)
    assert (seen.refused, seen.strangers, seen.failing) == (2, 1, {"sms": "x"})
    later = sightings.central(database, Place(), NOW + timedelta(hours=2))
    assert (later.refused, later.strangers, later.failing) == (0, 0, {})
