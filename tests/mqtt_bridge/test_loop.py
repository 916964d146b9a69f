from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from mqtt_bridge import loop
from mqtt_bridge.loop import Loop


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "BACKOFF", (0.001,))


def counting(until: int, step: Callable[[int], bool]) -> tuple[Loop, threading.Event]:
    """A loop whose step is called with 1, 2, 3 …, and an event once it was called that often."""
    reached = threading.Event()
    calls = 0

    def counted() -> bool:
        nonlocal calls
        calls += 1
        if calls >= until:
            reached.set()
        return step(calls)

    return Loop("test", counted, pause=60, expected=(OSError,)), reached


def test_it_goes_on_at_once_while_there_is_work_and_then_waits() -> None:
    running, reached = counting(5, lambda call: call < 5)
    running.start()
    assert reached.wait(5)
    assert running.stop(5)


def test_it_can_be_woken() -> None:
    running, reached = counting(2, lambda _: False)
    running.start()
    while not reached.wait(0.01):
        running.wake()
    assert running.stop(5)


@pytest.mark.parametrize("error", [OSError("the world's"), ZeroDivisionError("ours")])
def test_no_error_ends_it_and_the_last_one_shows(error: Exception) -> None:
    failed = threading.Event()
    go_on = threading.Event()

    def step(call: int) -> bool:
        if call < 5:
            raise error
        failed.set()
        go_on.wait(5)
        return False

    running, reached = counting(6, step)
    running.start()
    assert failed.wait(5)
    assert running.problem is error
    go_on.set()
    running.wake()
    while not reached.wait(0.01):
        running.wake()
    assert running.problem is None
    assert running.stop(5)
