from __future__ import annotations

from datetime import UTC, datetime

import time_machine

from gateway.clock import RELEASED, SystemClock

FLOOR = datetime(2026, 11, 24, 7, tzinfo=UTC)


def test_a_set_clock_is_believed() -> None:
    with time_machine.travel(FLOOR.replace(hour=8), tick=False):
        now = SystemClock(FLOOR, lambda: False).now()
    assert (now.wall, now.trusted) == (FLOOR.replace(hour=8), True)


def test_a_boot_in_the_past_goes_on_from_what_the_journal_knows() -> None:
    clock = SystemClock(FLOOR, lambda: False)
    with time_machine.travel(datetime(1970, 1, 1, tzinfo=UTC)):
        first, second = clock.now(), clock.now()
    assert not first.trusted
    assert first.wall >= FLOOR
    assert second.wall >= first.wall


def test_a_new_journal_knows_at_least_that_gardu_exists() -> None:
    with time_machine.travel(datetime(1970, 1, 1, tzinfo=UTC)):
        now = SystemClock(None, lambda: False).now()
    assert now.wall >= RELEASED
    assert not now.trusted


def test_a_clock_that_is_set_back_is_not_believed_and_time_goes_on() -> None:
    clock = SystemClock(FLOOR, lambda: False)
    with time_machine.travel(FLOOR.replace(hour=12)):
        assert clock.now().trusted
    with time_machine.travel(FLOOR.replace(hour=7)):
        now = clock.now()
    assert not now.trusted
    assert now.wall >= FLOOR.replace(hour=12)


def test_a_small_correction_is_no_matter() -> None:
    clock = SystemClock(FLOOR, lambda: False)
    with time_machine.travel(FLOOR.replace(hour=12)):
        clock.now()
    with time_machine.travel(FLOOR.replace(hour=11, minute=59, second=30)):
        assert clock.now().trusted


def test_the_clock_is_believed_again_once_it_is_set() -> None:
    clock = SystemClock(FLOOR, lambda: False)
    with time_machine.travel(datetime(1970, 1, 1, tzinfo=UTC)):
        assert not clock.now().trusted
    with time_machine.travel(FLOOR.replace(hour=9)):
        assert clock.now().trusted


def test_what_the_network_set_is_believed_whatever_was_known_before() -> None:
    clock = SystemClock(FLOOR, lambda: True)
    with time_machine.travel(FLOOR.replace(hour=12)):
        clock.now()
    with time_machine.travel(FLOOR.replace(hour=7)):
        now = clock.now()
    assert (now.trusted, now.synchronised) == (True, True)
    assert now.wall < FLOOR.replace(hour=8)


def test_the_kernel_can_be_asked() -> None:
    assert isinstance(SystemClock().now().synchronised, bool)
