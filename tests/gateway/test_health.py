from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.guardian import SimView
from gateway.health import LITTLE_DISK, WEAK_SIGNAL, Condition, machine, modem_state, reasons
from gateway.journal import Fork, Guesses
from modem.messages import ModemError, ModemStatus, Registration, Sim, Store
from modem.ussd import Forecast
from mqtt_bridge.client import Problem, Trouble
from mqtt_bridge.modem_states import MEANINGS, ModemState, remedy

from .factories import MORNING

WELL: dict[str, Any] = {
    "journal_problem": None, "modem_state": ModemState.REGISTERED, "modem_detail": "",
    "modem": ModemStatus(Registration.HOME, used=3, capacity=50),
    "stuck": 0, "clock_trusted": True, "disk_free": 10 * LITTLE_DISK, "waiting_for": None, "link_problem": None,
    "has_rules": True, "guesses": Guesses(0, 0), "guess_alarm": 20,
    "forked": None, "now": MORNING, "refused": None, "unanswered": 0.0, "disbelieved": None,
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
        ("modem", ModemStatus(Registration.HOME, 61, "", 20, 50, stores=(Store("SM", 20, 20),)), "sim-full"),
        ("clock_trusted", False, "clock"),
        ("disk_free", LITTLE_DISK - 1, "disk"),
        ("undervoltage", True, "undervoltage"),
        ("waiting_for", "kunci", "link"),
        ("link_problem", Problem(Trouble.DENIED, "Not authorized"), "link"),
        ("has_rules", False, "no-roster"),
        ("forked", Fork(MORNING, "x"), "forked"),
        ("refused", "chain", "refused"),
        ("stuck", 2, "sim-stuck"),
        ("unanswered", 301.0, "no-ack"),
        ("disbelieved", "bad signature", "disbelieved"),
        ("sim", SimView(balance=9_999, low_balance=10_000), "sim-balance"),
        ("sim", SimView(balance=90_000, forecast=Forecast(4, None)), "sim-balance"),
        ("sim", SimView(valid_until=date(2026, 12, 31), forecast=Forecast(None, 13)), "sim-validity"),
        ("sim", SimView(unread="x" * 500), "sim-unread"),
        ("unsent_in_a_row", 3, "sim-cannot-send"),
        ("capped", "sms.per_day", "sms-limit"),
        ("deaf", True, "calls"),
        ("uplink_problem", "the cap", "uplink"),
    ],
)
def test_each_fact_has_its_reason(fact: str, value: Any, code: str) -> None:
    assert codes(**{fact: value}) == [code]


@pytest.mark.parametrize("trouble", list(Trouble))
def test_every_trouble_of_the_link_has_words(trouble: Trouble) -> None:
    (reason,) = reasons(Condition(**{**WELL, "link_problem": Problem(trouble, "x" * 500)}))
    assert len(reason.text) <= 200


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (Trouble.UNREACHABLE, "link"), (Trouble.TAKEN, "rival"), (Trouble.OURS_EXPIRED, "certificate"),
        (Trouble.OURS_REVOKED, "certificate"), (Trouble.THEIRS_EARLY, "broker"), (Trouble.THEIRS_NAME, "broker"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_link_is_mended_at_different_places(trouble: Trouble, code: str) -> None:
    assert codes(link_problem=Problem(trouble)) == [code]


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(days=31), None),
        (timedelta(days=29, hours=23), "habis 29 hari lagi"),
        (timedelta(hours=1), "habis 0 hari lagi"),
        (timedelta(hours=-1), "sudah habis masa berlakunya"),
    ],
)
def test_a_certificate_that_was_not_renewed_is_said_in_time(left: timedelta, words: str | None) -> None:
    found = list(reasons(Condition(**WELL, certificate_left=left)))
    assert [each.code for each in found] == (["certificate"] if words else [])
    assert not words or words in found[0].text


def test_one_thing_is_said_once() -> None:
    expired = Problem(Trouble.OURS_EXPIRED)
    assert codes(link_problem=expired, certificate_left=timedelta(days=-1)) == ["certificate"]
    assert codes(link_problem=Problem(Trouble.TAKEN), rival=True) == ["rival"]
    assert codes(rival=True) == ["rival"]


@pytest.mark.parametrize("state", list(ModemState))
def test_a_modem_that_is_not_well_has_reason_and_remedy(state: ModemState) -> None:
    meaning = MEANINGS[state]
    well = state in {ModemState.UNFITTED, ModemState.STARTING, ModemState.REGISTERED, ModemState.ROAMING}
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
        (ModemStatus(Registration.UNKNOWN, fitted=False), None, None, ModemState.UNFITTED, ""),
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


@pytest.mark.parametrize(
    ("said", "low"), [("50005\n", True), ("50000\n", False), ("0\n", False), ("", False), (None, False)]
)
def test_the_voltage_is_low_while_the_firmware_says_so(tmp_path: Path, said: str | None, low: bool) -> None:
    if said is not None:
        (tmp_path / "throttled").write_text(said)
    assert machine(tmp_path, tmp_path / "throttled").undervoltage is low
