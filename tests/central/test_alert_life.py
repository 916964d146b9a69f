"""How an alert begins, lasts, and ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from central.alert_life import Alert, Event, State, advance, begun, clear_after
from central.alerting import RULES, Finding

from .factories import GATEWAY, NOW

RULE = RULES["down"]  # five minutes until it fires, five until it is over
MINUTE = timedelta(minutes=1)
HOLDS = Finding("down", GATEWAY, "Terputus", "Periksa listrik")
FOUR_HOURS = timedelta(hours=4)


class Life:
    """An alert of which somebody looks every minute; `told` is what people heard, by the minute."""

    def __init__(self) -> None:
        self.alert: Alert | None = None
        self.minute = 0
        self.told: list[tuple[int, Event]] = []

    def look(self, holds: bool, minutes: int = 1, *, silenced: bool = False) -> Life:
        for _ in range(minutes):
            now = NOW + self.minute * MINUTE
            finding = HOLDS if holds else None
            if self.alert is None and finding:
                self.alert = begun(finding, RULE, now)
            if self.alert:
                self.alert, event = advance(self.alert, finding, RULE, now, silenced=silenced, renotify=FOUR_HOURS)
                self.told += [(self.minute, event)] if event else []
            if self.alert and self.alert.resolved:
                self.alert = None
            self.minute += 1
        return self


def test_it_fires_after_its_time_and_is_over_after_its_time() -> None:
    life = Life().look(True, 5)
    assert life.told == []
    assert life.alert
    assert life.alert.state is State.PENDING
    assert life.look(True, 5).told == [(5, Event.FIRED)]
    assert life.look(False, 5).told == [(5, Event.FIRED)]
    assert life.look(False, 5).told == [(5, Event.FIRED), (15, Event.RESOLVED)]


def test_what_was_short_was_nothing() -> None:
    life = Life().look(True, 5).look(False).look(True, 5).look(False, 20)
    assert life.told == []
    assert life.alert is None


def test_people_are_told_again_until_somebody_sees_to_it() -> None:
    life = Life().look(True, 6 + 2 * 240)
    assert life.told == [(5, Event.FIRED), (245, Event.AGAIN), (485, Event.AGAIN)]
    assert life.alert
    life.alert = replace(life.alert, acknowledged=NOW, acknowledged_by="tina")
    assert life.alert.state is State.ACKNOWLEDGED
    assert len(life.look(True, 600).told) == 3
    assert life.look(False, 6).told[-1][1] is Event.RESOLVED


def test_flapping_is_told_once() -> None:
    life = Life().look(True, 6)
    for _ in range(30):
        life.look(False, 4).look(True, 3)
    assert [event for _, event in life.told] == [Event.FIRED]


def test_the_more_it_flaps_the_longer_it_must_be_well() -> None:
    assert [clear_after(RULE, flaps) // MINUTE for flaps in range(6)] == [5, 10, 20, 40, 60, 60]
    assert clear_after(RULES["disk"], 9) == RULES["disk"].clear  # that is an hour by itself
    life = Life().look(True, 6).look(False, 3).look(True, 1).look(False, 10)
    assert [event for _, event in life.told] == [Event.FIRED]
    assert [event for _, event in life.look(False, 2).told] == [Event.FIRED, Event.RESOLVED]


def test_maintenance_silences_what_begins_in_it_and_counts_anew_after() -> None:
    life = Life().look(True, 60, silenced=True)
    assert life.told == []
    assert life.look(True, 4).told == []
    assert [event for _, event in life.look(True, 3).told] == [Event.FIRED]


def test_maintenance_keeps_from_telling_again_but_tells_of_the_end() -> None:
    life = Life().look(True, 6).look(True, 500, silenced=True)
    assert life.told == [(5, Event.FIRED)]
    life.look(False, 6, silenced=True)
    assert [event for _, event in life.told] == [Event.FIRED, Event.RESOLVED]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=400))
def test_however_it_goes_people_hear_in_order(looks: list[tuple[bool, bool]]) -> None:
    """Fired, maybe again, resolved, and so on; never twice the same in between."""
    life = Life()
    for holds, silenced in looks:
        life.look(holds, silenced=silenced)
    kinds = [event for _, event in life.told if event is not Event.AGAIN]
    assert kinds == [Event.FIRED if place % 2 == 0 else Event.RESOLVED for place in range(len(kinds))]
    minutes = [minute for minute, _ in life.told]
    assert all(later - earlier >= 5 for earlier, later in pairwise(minutes))
