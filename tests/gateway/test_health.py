from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.health import LITTLE_DISK, Condition, reasons
from gateway.journal import Fork, Guesses
from modem.messages import ModemStatus, Registration, Store
from mqtt_bridge.client import Problem, Trouble

from .factories import MORNING

WELL: dict[str, Any] = {
    "journal_problem": None, "modem_problem": None, "modem": ModemStatus(Registration.HOME, used=3, capacity=50),
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
        ("modem_problem", "gone", "modem"),
        ("modem", ModemStatus(Registration.DENIED), "network"),
        ("modem", ModemStatus(Registration.HOME, used=50, capacity=50), "sim-full"),
        ("modem", ModemStatus(Registration.HOME, 61, "", 20, 50, stores=(Store("SM", 20, 20),)), "sim-full"),
        ("clock_trusted", False, "clock"),
        ("disk_free", LITTLE_DISK - 1, "disk"),
        ("waiting_for", "kunci", "link"),
        ("link_problem", Problem(Trouble.DENIED, "Not authorized"), "link"),
        ("has_rules", False, "no-roster"),
        ("forked", Fork(MORNING, "x"), "forked"),
        ("refused", "chain", "refused"),
        ("stuck", 2, "sim-stuck"),
        ("unanswered", 301.0, "no-ack"),
        ("disbelieved", "bad signature", "disbelieved"),
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


@pytest.mark.parametrize("registration", [each for each in Registration if each.value not in {"home", "roaming"}])
def test_every_registration_has_words(registration: Registration) -> None:
    assert codes(modem=ModemStatus(registration)) == ["network"]


def test_the_worst_comes_first() -> None:
    assert codes(refused="x", journal_problem="x", clock_trusted=False) == ["journal", "clock", "refused"]
