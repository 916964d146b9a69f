from __future__ import annotations

from datetime import timedelta

import pytest

from central.states import REMEDIES, SILENT_AFTER, State, judge, worst_first
from gateway.health import Condition, reasons
from gateway.journal import Fork, Guesses
from mqtt_bridge.client import Problem, Trouble
from mqtt_bridge.modem_states import MEANINGS
from mqtt_bridge.records import ModemReport, Status

from ..gateway.test_health import WELL
from .factories import NOW, reason, status


@pytest.mark.parametrize(
    ("online", "age", "said", "state"),
    [
        (False, None, None, State.NEW),
        (True, 1, None, State.NEW),
        (True, 1, status(), State.UP),
        (False, 1, status(), State.DOWN),
        (False, 9999, status(), State.DOWN),
        (True, SILENT_AFTER.total_seconds() + 1, status(), State.LATE),
        (True, SILENT_AFTER.total_seconds(), status(), State.UP),
        (True, 1, status(reasons=(reason("modem"),)), State.SICK),
    ],
)
def test_how_a_gateway_stands(online: bool, age: float | None, said: Status | None, state: State) -> None:
    seen = NOW - timedelta(seconds=age) if age is not None else None
    found = judge(online=online, seen=seen, status=said, now=NOW)
    assert found.state is state
    assert bool(found.reason) == bool(found.remedy) == (state is not State.UP)


@pytest.mark.parametrize(("age", "state"), [(119, State.UP), (121, State.SICK)])
def test_a_roster_that_is_not_applied_is_said_after_a_while(age: int, state: State) -> None:
    wanted = int(NOW.timestamp()) - age
    for applied, expected in ((wanted - 1, state), (wanted, State.UP)):
        found = judge(online=True, seen=NOW, status=status(desired=applied), now=NOW, wanted=wanted)
        assert found.state is expected


def test_the_first_reason_is_shown_and_the_others_counted() -> None:
    said = status(reasons=(reason("clock"), reason("disk"), reason("link")))
    found = judge(online=True, seen=NOW, status=said, now=NOW)
    assert found.reason == "sebab clock (+2 lagi)"
    assert found.remedy == REMEDIES["clock"]


def test_the_remedy_of_a_modem_is_that_of_its_state() -> None:
    for state, meaning in MEANINGS.items():
        said = status(reasons=(reason(meaning.code or "modem"),), modem=ModemReport(state=state))
        found = judge(online=True, seen=NOW, status=said, now=NOW)
        assert found.remedy == (meaning.remedy or "Lihat halaman gateway itu")


OTHER_FACTS = set(WELL) - {"modem", "modem_state", "modem_detail", "disk_free", "link_problem"}


@pytest.mark.parametrize("fact", sorted(OTHER_FACTS))
def test_every_reason_that_a_gateway_gives_has_a_remedy(fact: str) -> None:
    values = {bool: False, int: 1, float: 1e6, Guesses: Guesses(99, 7)}
    values[type(None)] = Fork(NOW, "x") if fact == "forked" else "x"
    wrong = {**WELL, fact: values.get(type(WELL[fact]), "x")}
    for found in reasons(Condition(**wrong)):
        assert found.code in REMEDIES


@pytest.mark.parametrize("trouble", list(Trouble))
def test_every_trouble_of_the_link_has_a_remedy(trouble: Trouble) -> None:
    for found in reasons(Condition(**{**WELL, "link_problem": Problem(trouble)})):
        assert found.code in REMEDIES


def test_a_revoked_gateway_is_down_whatever_it_says() -> None:
    found = judge(online=True, seen=NOW, status=status(), now=NOW, ended="dicuri")
    assert (found.state, found.reason) == (State.DOWN, "Dicabut: dicuri")


@pytest.mark.parametrize(("age", "state"), [(1, State.SICK), (599, State.SICK), (600, State.UP)])
def test_two_devices_of_one_name_are_shown_for_a_while(age: int, state: State) -> None:
    found = judge(online=True, seen=NOW, status=status(), now=NOW, rival=NOW - timedelta(seconds=age))
    assert found.state is state


def test_the_worst_comes_first() -> None:
    assert sorted(State, key=worst_first)[0] is State.DOWN
    assert sorted(State, key=worst_first)[-1] is State.UP
