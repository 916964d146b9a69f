"""Which condition of what central knows is an alert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from central.alerting import BY_STATUS, CENTRAL, OF_REASON, RULES, Self, Sight, Terms, findings, unknown
from central.states import REMEDIES, SILENT_AFTER
from mqtt_bridge.records import SimReport

from .factories import GATEWAY, NOW, reason, status

WELL = Sight(GATEWAY, online=True, seen=NOW, status=status(last_seq=5), wanted=1, held=5, complete=NOW)
DAY = timedelta(days=1)
LATE = NOW - SILENT_AFTER - timedelta(seconds=1)
LONG_OUT = int(NOW.timestamp()) - 600


def said(**changes: Any) -> dict[str, Any]:
    return {"status": status(last_seq=5, **changes)}


def sim(**changes: Any) -> dict[str, Any]:
    return said(sim=SimReport(at=NOW, **changes))


# Rule → what makes it hold, and what is just not enough.
OF_GATEWAY: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("down", {"online": False}, {}),
    ("late", {"seen": LATE}, {"seen": NOW - SILENT_AFTER}),
    ("rival", {"rival": NOW}, {"rival": NOW - timedelta(minutes=10)}),
    ("queue", {"held": 0, **said()} | {"status": status(last_seq=20)}, {"held": 1, "status": status(last_seq=20)}),
    ("disk", said(disk_free=499_999_999), said(disk_free=500_000_000)),
    ("heat", said(heat=80.0), said(heat=79.9)),
    ("clock", said(clock_trusted=False), said()),
    ("certificate", said(certificate_until=NOW + 6.9 * DAY), said(certificate_until=NOW + 7 * DAY)),
    ("certificate", said(certificate_until=NOW - DAY), said()),
    ("roster", {"wanted": LONG_OUT}, {"wanted": int(NOW.timestamp()) - 100}),
    ("watermark", {"complete": NOW - timedelta(hours=2, seconds=1)}, {"complete": NOW - timedelta(hours=2)}),
    ("quarantine", {"aside": ("not a batch",)}, {}),
    ("fork", {"aside": ("another record 7 of this journal is held",)}, {"aside": ("not a batch of records",)}),
    ("fork", {"aside": ("record 7 does not follow from the one before it",)}, {}),
    ("fork", {"replaced": True}, {}),
    ("sim-low", sim(balance=9_999), sim(balance=10_000)),
    ("sim-low", sim(valid_until=date(2026, 12, 1)), sim(valid_until=date(2026, 12, 2))),
    ("sim-low", sim(days_left=7), sim(days_left=8)),
    *[(rule, said(reasons=(reason(code),)), said()) for code, rule in OF_REASON.items()],
    ("modem", said(reasons=(reason("network-2"),)), said()),
    ("sick", said(reasons=(reason("calls"),)), said()),
    ("sick", said(reasons=(reason("something-new"),)), said()),
]
OF_CENTRAL: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("collector", CENTRAL, {"collector_gone": True}, {}),
    ("broker", CENTRAL, {"broker_problem": "unreachable"}, {}),
    ("central-disk", CENTRAL, {"disk_free": 1_999_999_999}, {"disk_free": 2_000_000_000}),
    ("broker-certificate", CENTRAL, {"broker_certificate": NOW + 20 * DAY}, {"broker_certificate": NOW + 21 * DAY}),
    ("webhook", f"{CENTRAL} program sinergi", {"dead": {"sinergi": 1}}, {}),
    ("attack", CENTRAL, {"refused": 2, "strangers": 3}, {"refused": 2, "strangers": 2}),
    ("channel", f"{CENTRAL} saluran telegram", {"failing": {"telegram": "answered 401"}}, {}),
]


def held(sight: Sight = WELL, central: Self | None = None, terms: Terms | None = None) -> dict[str, str]:
    """Rule → whom it is about."""
    found = findings({sight.id: sight}, central or Self(), terms or Terms(), NOW)
    assert all(each.text and each.remedy for each in found.values())
    return dict(found.keys())


@pytest.mark.parametrize(("rule", "bad", "good"), OF_GATEWAY)
def test_a_condition_of_a_gateway_and_what_is_just_not_one(
    rule: str, bad: Mapping[str, Any], good: Mapping[str, Any]
) -> None:
    assert held(replace(WELL, **bad)).get(rule) == GATEWAY
    assert rule not in held(replace(WELL, **good))


@pytest.mark.parametrize(("rule", "subject", "bad", "good"), OF_CENTRAL)
def test_a_condition_of_central_and_what_is_just_not_one(
    rule: str, subject: str, bad: Mapping[str, Any], good: Mapping[str, Any]
) -> None:
    assert held(central=Self(**bad)).get(rule) == subject
    assert rule not in held(central=Self(**good))


def test_a_gateway_that_is_well_is_no_alert_and_neither_is_a_new_one() -> None:
    assert held() == {}
    assert held(Sight(GATEWAY)) == {}


def test_every_rule_is_tried_here() -> None:
    assert {rule for rule, *_ in OF_GATEWAY} | {rule for rule, *_ in OF_CENTRAL} == set(RULES)


def test_every_rule_says_what_it_means_and_what_to_do() -> None:
    for rule in RULES.values():
        assert rule.title
        assert rule.meaning.endswith(".")
        assert not rule.remedy.endswith(".")
        assert rule.clear > timedelta()


def test_the_remedy_of_a_reason_is_its_own() -> None:
    found = findings({GATEWAY: replace(WELL, **said(reasons=(reason("sim-stuck"),)))}, Self(), Terms(), NOW)
    assert found["sim-full", GATEWAY].remedy == REMEDIES["sim-stuck"]
    assert found["sim-full", GATEWAY].text == "sebab sim-stuck"


def test_while_central_hears_nothing_no_gateway_is_blamed() -> None:
    deaf = Self(listening=False, broker_problem="unreachable")
    assert held(replace(WELL, seen=LATE), deaf) == {"broker": CENTRAL}
    assert held(replace(WELL, online=False, replaced=True), deaf) == {"broker": CENTRAL, "fork": GATEWAY}
    assert all(unknown(rule, GATEWAY, {GATEWAY: WELL}, deaf, NOW) for rule in ("down", "late", "modem", "queue"))
    assert not unknown("quarantine", GATEWAY, {GATEWAY: WELL}, deaf, NOW)


def test_of_a_gateway_that_is_gone_nothing_more_is_known() -> None:
    gone = {GATEWAY: replace(WELL, online=False)}
    assert all(unknown(rule, GATEWAY, gone, Self(), NOW) for rule in BY_STATUS)
    assert not unknown("down", GATEWAY, gone, Self(), NOW)
    assert not unknown("modem", GATEWAY, {GATEWAY: WELL}, Self(), NOW)
    assert not unknown("modem", GATEWAY, {}, Self(), NOW)  # revoked: it is over
    assert not unknown("broker", CENTRAL, gone, Self(listening=False), NOW)


def test_a_collector_that_is_gone_is_said_once() -> None:
    assert held(central=Self(collector_gone=True, broker_problem="ended", listening=False)) == {"collector": CENTRAL}


def test_limits_and_rules_come_from_the_settings() -> None:
    off = {**RULES, "heat": replace(RULES["heat"], off=True)}
    hot = replace(WELL, **said(heat=85.0))
    assert held(hot, terms=Terms(rules=off)) == {}
    assert held(hot, terms=Terms(heat=86)) == {}
    assert held(replace(WELL, held=4, status=status(last_seq=5)), terms=Terms(queue=1)) == {"queue": GATEWAY}
