from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mqtt_bridge.day import SECOND_THOUGHT, STAY, Punch, settle
from mqtt_bridge.records import Action

MORNING = datetime(2026, 11, 24, 0, 21, tzinfo=UTC)


def punch(action: Action, minute: int, *, inferred: bool = False) -> Punch:
    return Punch(action, MORNING + timedelta(minutes=minute), f"{action}{minute}", inferred)


def came_and_left(*punches: Punch) -> tuple[int | None, int | None]:
    day = settle(punches)
    minutes = [int((each.at - MORNING) / timedelta(minutes=1)) if each else None for each in (day.came, day.left)]
    return minutes[0], minutes[1]


def test_the_first_coming_and_the_last_going_count() -> None:
    assert came_and_left() == (None, None)
    assert came_and_left(
        punch(Action.IN, 5), punch(Action.IN, 0), punch(Action.OUT, 500), punch(Action.OUT, 480)
    ) == (0, 500)
    assert came_and_left(punch(Action.OUT, 480)) == (None, 480)


def test_absences_and_disputes_move_nothing() -> None:
    assert came_and_left(punch(Action.SICK, 0), punch(Action.DISPUTE, 5), punch(Action.DUTY, 9)) == (None, None)


def test_a_lone_code_comes_first_and_goes_later() -> None:
    code = [punch(Action.IN, minute, inferred=True) for minute in (0, 30, 480)]
    assert came_and_left(*code) == (0, 480)
    assert came_and_left(*code[:2]) == (0, None), "a second thought is no going"
    assert timedelta(minutes=60) == SECOND_THOUGHT


def test_nobody_goes_with_the_code_they_came_with() -> None:
    assert came_and_left(punch(Action.IN, 0), punch(Action.OUT, 9)) == (0, None)
    assert came_and_left(punch(Action.IN, 0), punch(Action.OUT, 10)) == (0, 10)
    assert timedelta(minutes=10) == STAY


punches = st.lists(
    st.builds(
        punch, st.sampled_from([Action.IN, Action.OUT, Action.SICK]), st.integers(0, 700), inferred=st.booleans()
    ),
    max_size=8,
    unique_by=lambda each: each.at,
)


@given(st.data(), punches)
def test_no_order_of_arrival_changes_a_day(data: st.DataObject, day: list[Punch]) -> None:
    assert settle(day) == settle(data.draw(st.permutations(day)))
