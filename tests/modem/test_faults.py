"""Faults as data, and the set of those that hold."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from modem.simulator.fault_pages import WORDS
from modem.simulator.faults import FORMS, BadFault, Faults, Kind, Lasting, Word, parse


@dataclass
class Clock:
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def faults(clock: Clock) -> Faults:
    return Faults(clock)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_can_be_had_without_parameters(kind: Kind) -> None:
    fault = parse(kind)
    assert set(fault.values) == set(FORMS[kind].parameters)
    for name, rule in FORMS[kind].parameters.items():
        assert rule.parse(str(rule.default)) == rule.default, name


@pytest.mark.parametrize("kind", list(Kind))
def test_the_page_has_words_for_every_parameter_and_choice(kind: Kind) -> None:
    for name, rule in FORMS[kind].parameters.items():
        assert name in WORDS
        assert not isinstance(rule, Word) or set(rule.choices) <= set(WORDS)


@pytest.mark.parametrize(
    ("kind", "given", "seconds", "times", "said"),
    [
        ("silence", {}, None, None, "there is no fault 'silence'; there are silent, slow"),
        ("slow", {"speed": 1}, None, None, "slow has no parameter 'speed'; it has ms"),
        ("wap-push", {"x": 1}, None, None, "wap-push has no parameter 'x'; it has from"),
        ("slow", {"ms": "soon"}, None, None, "slow: ms must be a whole number from 1 to 60000, not 'soon'"),
        ("slow", {"ms": 0}, None, None, "ms must be"),
        ("sim", {"state": "lost"}, None, None, "sim: state must be one of pin, puk, absent, not 'lost'"),
        ("error", {"answer": "cms"}, None, None, "answer must be cms:NUMBER, cme:NUMBER, error or ok"),
        ("unplug", {"back": "../etc"}, None, None, "back must be"),
        ("pdu", {"hex": "0"}, None, None, "hex must be"),
        ("pdu", {}, 5.0, None, "comes at once"),
        ("sim", {}, None, 2, "can not be counted"),
        ("slow", {}, 0.0, None, "seconds must be"),
        ("slow", {}, float("nan"), None, "seconds must be"),
        ("slow", {}, None, 0, "times must be"),
    ],
)
def test_what_can_not_be_meant_is_said(
    kind: str, given: dict[str, object], seconds: float | None, times: int | None, said: str
) -> None:
    with pytest.raises(BadFault) as caught:
        parse(kind, given, seconds, times)
    assert said in str(caught.value)


def test_it_holds_for_a_while(faults: Faults, clock: Clock) -> None:
    faults.set(parse("slow", seconds=5))
    clock.seconds = 4.9
    assert faults.holds(Kind.SLOW)
    ((active, left),) = faults.active()
    assert (active.fault.whole("ms"), left) == (1000, pytest.approx(0.1))
    clock.seconds = 5
    assert not faults.holds(Kind.SLOW)
    assert faults.active() == []


def test_it_strikes_so_many_times(faults: Faults) -> None:
    faults.set(parse("stamp", times=2))
    assert [bool(faults.strikes(Kind.STAMP, Kind.SENDER)) for _ in range(3)] == [True, True, False]
    assert faults.active() == []


def test_a_state_replaces_the_one_before_and_deeds_follow_each_other(faults: Faults) -> None:
    faults.set(parse("sim", {"state": "pin"}))
    faults.set(parse("sim", {"state": "puk"}))
    sim = faults.holds(Kind.SIM)
    assert sim
    assert sim.word("state") == "puk"
    faults.set(parse("stamp", {"value": "missing"}, times=1))
    faults.set(parse("stamp", {"value": "future"}, times=1))
    struck = [faults.strikes(Kind.STAMP) for _ in range(3)]
    assert [fault and fault.word("value") for fault in struck] == ["missing", "future", None]


def test_commands_are_struck_by_their_names(faults: Faults) -> None:
    faults.set(parse("error", {"command": "CMGL"}))
    faults.set(parse("no-send"))
    assert not faults.strikes_command({"CMGR", "CSQ"})
    struck = faults.strikes_command({"CMGL"})
    assert struck
    assert struck.kind is Kind.ERROR
    struck = faults.strikes_command({"CMGS"})
    assert struck
    assert struck.kind is Kind.NO_SEND
    faults.set(parse("silent"))
    assert faults.strikes_command(set())


def test_clearing(faults: Faults) -> None:
    told: list[bool] = []
    faults.changed = lambda: told.append(True)
    first, second = faults.set(parse("slow")), faults.set(parse("sim"))
    assert faults.clear(first) == 1
    assert faults.clear(first) == 0
    assert [each.id for each, _ in faults.active()] == [second]
    assert faults.clear() == 1
    assert faults.active() == []
    assert len(told) == 5


def test_a_message_does_not_hold(faults: Faults) -> None:
    assert FORMS[Kind.FLASH].lasting is Lasting.MESSAGE
    with pytest.raises(BadFault):
        faults.set(parse("flash"))
