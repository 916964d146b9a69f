from __future__ import annotations

from typing import Any

import pytest

from gateway.health import LITTLE_DISK, WEAK_SIGNAL, Condition, modem_state, reasons
from modem.messages import ModemError, ModemStatus, Registration, Sim
from mqtt_bridge.client import Problem, Trouble
from mqtt_bridge.modem_states import MEANINGS, ModemState, remedy

WELL: dict[str, Any] = {
    "journal_problem": None, "modem_state": ModemState.REGISTERED, "modem_detail": "",
    "modem": ModemStatus(Registration.HOME, used=3, capacity=50),
    "stuck": 0, "clock_trusted": True, "disk_free": 10 * LITTLE_DISK, "waiting_for": None, "link_problem": None,
    "has_rules": True, "diverged": None, "refused": None, "unanswered": 0.0, "disbelieved": None,
}  # fmt: skip


def codes(**facts: Any) -> list[str]:
    return [reason.code for reason in reasons(Condition(**{**WELL, **facts}))]


def test_nothing_is_wrong_with_a_gateway_that_is_well() -> None:
    assert codes() == []


@pytest.mark.parametrize(
    ("fact", "value", "code"),
    [
        ("journal_problem", "disk full", "journal"),
        ("modem_state", ModemState.HUNG, "modem"),
        ("modem_state", ModemState.DENIED, "network"),
        ("modem_state", ModemState.PUK, "sim"),
        ("modem", ModemStatus(Registration.HOME, used=50, capacity=50), "sim-full"),
        ("clock_trusted", False, "clock"),
        ("disk_free", LITTLE_DISK - 1, "disk"),
        ("waiting_for", "kunci", "link"),
        ("link_problem", Problem(Trouble.DENIED, "Not authorized"), "link"),
        ("has_rules", False, "no-roster"),
        ("diverged", "another record 5", "diverged"),
        ("refused", "chain", "refused"),
        ("stuck", 2, "sim-stuck"),
        ("unanswered", 301.0, "no-ack"),
        ("disbelieved", "bad signature", "disbelieved"),
    ],
)
def test_each_fact_has_its_reason(fact: str, value: Any, code: str) -> None:
    assert codes(**{fact: value}) == [code]


@pytest.mark.parametrize("trouble", list(Trouble))
def test_every_trouble_of_the_link_has_words(trouble: Trouble) -> None:
    (reason,) = reasons(Condition(**{**WELL, "link_problem": Problem(trouble, "x" * 500)}))
    assert len(reason.text) <= 200


@pytest.mark.parametrize("state", list(ModemState))
def test_a_modem_that_is_not_well_has_reason_and_remedy(state: ModemState) -> None:
    meaning = MEANINGS[state]
    well = state in {ModemState.STARTING, ModemState.REGISTERED, ModemState.ROAMING}
    assert bool(meaning.code) == bool(meaning.reason) == bool(meaning.remedy) == (not well)
    assert meaning.sends is (well or state in {ModemState.UNKNOWN, ModemState.DEGRADED})
    found = list(reasons(Condition(**{**WELL, "modem_state": state, "modem_detail": "x" * 500})))
    assert [reason.code for reason in found] == ([] if well else [meaning.code])
    assert remedy(state) == meaning.remedy


def test_a_state_that_is_not_known_has_no_remedy() -> None:
    assert remedy("on fire") == ""


HOME = ModemStatus(Registration.HOME, signal=61)
GONE = ModemError("status: no answer", gone=True)


@pytest.mark.parametrize(
    ("status", "error", "unsent", "state", "detail"),
    [
        (None, None, None, ModemState.STARTING, ""),
        (None, ModemError("/dev/x does not exist", absent=True), None, ModemState.ABSENT, "/dev/x does not exist"),
        (HOME, GONE, None, ModemState.HUNG, "status: no answer"),
        (None, ModemError("receive: odd"), None, ModemState.DEGRADED, "receive: odd"),
        (HOME, None, None, ModemState.REGISTERED, ""),
        (HOME, ModemError("receive: odd"), None, ModemState.DEGRADED, "receive: odd"),
        (HOME, None, "cause 38", ModemState.DEGRADED, "SMS tidak bisa dikirim: cause 38"),
        (ModemStatus(Registration.HOME), None, None, ModemState.REGISTERED, ""),
        (ModemStatus(Registration.ROAMING, signal=WEAK_SIGNAL), None, None, ModemState.ROAMING, ""),
        (ModemStatus(Registration.ROAMING, signal=9), None, None, ModemState.DEGRADED, "sinyal 9%"),
        (ModemStatus(Registration.SEARCHING, signal=0), None, "x", ModemState.SEARCHING, ""),
        (ModemStatus(Registration.DENIED), None, None, ModemState.DENIED, ""),
        (ModemStatus(Registration.NONE), None, None, ModemState.NONE, ""),
        (ModemStatus(Registration.UNKNOWN), None, None, ModemState.UNKNOWN, ""),
        (ModemStatus(Registration.NONE, sim=Sim.PIN), ModemError("receive: security"), None, ModemState.PIN, ""),
        (ModemStatus(Registration.NONE, sim=Sim.PUK), None, None, ModemState.PUK, ""),
        (ModemStatus(Registration.NONE, sim=Sim.ABSENT), None, None, ModemState.NO_SIM, ""),
    ],
)
def test_how_a_modem_stands(
    status: ModemStatus | None, error: ModemError | None, unsent: str | None, state: ModemState, detail: str
) -> None:
    assert modem_state(status, error, unsent) == (state, detail)


def test_the_worst_comes_first() -> None:
    assert codes(refused="x", journal_problem="x", clock_trusted=False) == ["journal", "clock", "refused"]
