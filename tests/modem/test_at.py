"""The command engine as a terminal sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modem.messages import Part
from modem.simulator.at import Engine
from modem.simulator.faults import parse
from modem.simulator.network import Network
from modem.simulator.pdu import Body

SUBMIT = "0011000B916407281553F80000AA0AE8329BFD4697D9EC37"


@pytest.fixture
def network(tmp_path: Path) -> Network:
    return Network(tmp_path / "state.db", capacity=3)


@pytest.fixture
def engine(network: Network) -> Engine:
    engine = Engine(network)
    engine.feed(b"ATE0\rAT+CMEE=1\r")
    return engine


def ask(engine: Engine, line: str) -> list[str]:
    return [part for part in engine.feed(line.encode() + b"\r").decode().split("\r\n") if part]


def test_it_echoes_until_told_not_to(network: Network) -> None:
    engine = Engine(network)
    assert engine.feed(b"AT\r") == b"AT\r\r\nOK\r\n"
    assert engine.feed(b"ATE0\r") == b"ATE0\r\r\nOK\r\n"
    assert engine.feed(b"AT\r") == b"\r\nOK\r\n"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("AT+CPIN?", "+CPIN: READY"),
        ("AT+CSQ", "+CSQ: 21,99"),
        ("AT+CREG?", "+CREG: 0,1"),
        ("AT+CGREG?", "+CGREG: 0,1"),
        ("AT+COPS?", '+COPS: 0,0,"Gardu Seluler"'),
        ("AT+CSCA?", '+CSCA: "+6281100000",145'),
        ("AT+CMGF=?", "+CMGF: (0)"),
        ("AT+CPMS?", '+CPMS: "SM",0,3,"SM",0,3,"SM",0,3'),
        ("AT+CGSN", "350000000000006"),
        ("at+cimi", "510100000000001"),
        ("AT+CSCS?", '+CSCS: "GSM"'),
    ],
)
def test_it_tells(engine: Engine, command: str, answer: str) -> None:
    assert ask(engine, command) == [answer, "OK"]


def test_several_commands_on_one_line(engine: Engine) -> None:
    assert ask(engine, "ATE0+CSQ;+COPS=3,2;+COPS?") == ["+CSQ: 21,99", '+COPS: 0,2,"51001"', "OK"]


def test_cell_of_the_registration_only_when_asked_for(engine: Engine) -> None:
    assert ask(engine, "AT+CREG=2") == ["OK"]
    assert ask(engine, "AT+CREG?") == ['+CREG: 2,1,"00C3","0A1B"', "OK"]


def test_the_clock_has_the_zone_in_quarters(engine: Engine) -> None:
    answer, result = ask(engine, "AT+CCLK?")
    assert answer.endswith('+28"')
    assert result == "OK"


def test_the_balance_comes_after_the_ok(engine: Engine) -> None:
    ok, answer = ask(engine, 'AT+CUSD=1,"*888#",15')
    assert ok == "OK"
    assert answer.startswith('+CUSD: 0,"Sisa pulsa Rp 25.000.')


@pytest.mark.parametrize("command", ["AT+NONSENSE", "AT*", "AT+", "AT+CPIN=1234"])
def test_what_it_does_not_know_is_an_error(engine: Engine, command: str) -> None:
    assert ask(engine, command)[-1].startswith("+CME ERROR: ")
    assert ask(engine, "AT+CMEE=0") == ["OK"]
    assert ask(engine, command) == ["ERROR"]


def test_a_text_is_listed_read_and_deleted(engine: Engine, network: Network) -> None:
    network.text("+628111", "HADIR 482113")
    assert network.deliver("SM") == [1]
    head, pdu, ok = ask(engine, "AT+CMGL=4")
    assert (head.split(",")[:2], ok) == (["+CMGL: 1", "0"], "OK")
    assert ask(engine, "AT+CMGR=1")[:2] == [head.replace("+CMGL: 1,0", "+CMGR: 1"), pdu]
    assert ask(engine, "AT+CMGL=0") == ["OK"]
    assert ask(engine, "AT+CMGD=1") == ["OK"]
    assert ask(engine, "AT+CMGD=1") == ["OK"]
    assert ask(engine, "AT+CMGR=1") == ["+CMS ERROR: 321"]
    assert ask(engine, "AT+CMGR=99") == ["+CMS ERROR: 321"]


def test_the_stores_are_apart(engine: Engine, network: Network) -> None:
    network.text("+628111", "a")
    network.deliver("ME")
    assert ask(engine, 'AT+CPMS="SM"') == ["+CPMS: 0,3,0,3,0,3", "OK"]
    assert ask(engine, 'AT+CPMS="ME","ME","ME"') == ["+CPMS: 1,3,1,3,1,3", "OK"]
    assert engine.memories[2] == "ME"
    assert ask(engine, 'AT+CPMS="XX"') == ["+CMS ERROR: 302"]


def test_deleting_all(engine: Engine, network: Network) -> None:
    for text in "abc":
        network.text("+628111", text)
    network.deliver("SM")
    ask(engine, "AT+CMGR=2")
    assert ask(engine, "AT+CMGD=1,1") == ["OK"]
    assert [slot.location for slot in network.slots("SM")] == [1, 3]
    assert ask(engine, "AT+CMGD=1,4") == ["OK"]
    assert network.slots("SM") == []


def test_news_only_for_who_asked(engine: Engine) -> None:
    assert engine.arrived("SM", 2) == b""
    ask(engine, "AT+CNMI=2,1,0,0,0")
    assert engine.arrived("SM", 2) == b'\r\n+CMTI: "SM",2\r\n'


def test_sending(engine: Engine, network: Network) -> None:
    assert engine.feed(b"AT+CMGS=23\r") == b"\r\n> "
    assert engine.feed(SUBMIT.encode() + b"\x1a") == b"\r\n+CMGS: 1\r\n\r\nOK\r\n"
    assert [message.text for message in network.chat("+46708251358")] == ["hellohello"]


def test_sending_can_be_given_up(engine: Engine, network: Network) -> None:
    engine.feed(b"AT+CMGS=23\r")
    assert engine.feed(b"0011\x1b") == b"\r\nOK\r\n"
    assert ask(engine, "AT") == ["OK"]
    assert network.latest() == []


@pytest.mark.parametrize("pdu", ["", "00", "zz", SUBMIT[:-2], "0004" + SUBMIT[4:]])
def test_a_broken_pdu_is_not_sent(engine: Engine, network: Network, pdu: str) -> None:
    engine.feed(b"AT+CMGS=23\r")
    assert engine.feed(pdu.encode() + b"\x1a") == b"\r\n+CMS ERROR: 304\r\n"
    assert network.latest() == []


def test_parts_reach_the_phone_as_one_text(network: Network) -> None:
    assert network._join("+628111", Body("b", Part(1, 2, 2))) is None
    assert network._join("+628111", Body("a", Part(1, 1, 2))) == "ab"


def harm(engine: Engine, kind: str, *, times: int | None = None, **values: object) -> None:
    engine.faults.set(parse(kind, values, None, times))


def test_a_silent_modem_says_nothing_at_all(engine: Engine) -> None:
    ask(engine, "AT+CNMI=2,1,0,0,0")
    ask(engine, "ATE1")
    harm(engine, "silent")
    assert engine.feed(b"AT+CSQ\r") == b""
    assert engine.arrived("SM", 1) == b""
    engine.faults.clear()
    assert engine.feed(b"AT+CSQ\r").startswith(b"AT+CSQ\r")


def test_a_silent_modem_may_be_cured_by_a_reset(engine: Engine) -> None:
    harm(engine, "silent", cure="reset")
    harm(engine, "slow")
    assert engine.feed(b"AT\r") == b""
    assert engine.feed(b"AT+CFUN=1,1\r").endswith(b"\r\nOK\r\n")
    assert engine.feed(b"AT\r") == b"AT\r\r\nOK\r\n"  # and it echoes again, as one that was switched on
    assert [each.fault.kind for each, _ in engine.faults.active()] == ["slow"]


@pytest.mark.parametrize(
    ("answer", "result"),
    [("cms:500", ["+CMS ERROR: 500"]), ("cme:13", ["+CME ERROR: 13"]), ("error", ["ERROR"]), ("ok", ["OK"])],
)
def test_a_command_may_be_answered_by_an_error(
    engine: Engine, network: Network, answer: str, result: list[str]
) -> None:
    network.text("+628111", "HADIR")
    network.deliver("SM")
    harm(engine, "error", command="CMGL", answer=answer, times=1)
    assert ask(engine, "AT+CMGL=?") == result
    assert len(ask(engine, "AT+CMGL=4")) == 3


def test_an_error_need_not_mean_that_it_was_not_done(engine: Engine, network: Network) -> None:
    network.text("+628111", "HADIR")
    network.deliver("SM")
    harm(engine, "silent", command="CMGD", done="yes")
    assert ask(engine, "AT+CMGD=1") == []
    assert network.slots("SM") == []


def test_what_can_not_be_sent_is_said_after_the_pdu(engine: Engine, network: Network) -> None:
    harm(engine, "no-send")
    assert engine.feed(b"AT+CMGS=23\r") == b"\r\n> "
    assert engine.feed(SUBMIT.encode() + b"\x1a") == b"\r\n+CMS ERROR: 38\r\n"
    engine.faults.clear()
    harm(engine, "registration", state="denied")
    engine.feed(b"AT+CMGS=23\r")
    assert engine.feed(SUBMIT.encode() + b"\x1a") == b"\r\n+CMS ERROR: 331\r\n"
    assert network.latest() == []


@pytest.mark.parametrize(
    ("state", "pin", "list_", "imsi"),
    [
        ("pin", "+CPIN: SIM PIN", "+CMS ERROR: 311", "+CME ERROR: 11"),
        ("puk", "+CPIN: SIM PUK", "+CMS ERROR: 316", "+CME ERROR: 12"),
        ("absent", "+CME ERROR: 10", "+CMS ERROR: 310", "+CME ERROR: 10"),
    ],
)
def test_a_sim_that_can_not_be_used(engine: Engine, state: str, pin: str, list_: str, imsi: str) -> None:
    harm(engine, "sim", state=state)
    assert ask(engine, "AT+CPIN?")[0] == pin
    assert ask(engine, "AT+CMGL=4") == [list_]
    assert ask(engine, "AT+CIMI") == [imsi]
    assert ask(engine, "AT+CREG?") == ["+CREG: 0,0", "OK"]
    assert not engine.reachable


@pytest.mark.parametrize(("state", "number"), [("searching", 2), ("denied", 3), ("none", 0), ("roaming", 5)])
def test_where_it_stands_with_the_network(engine: Engine, state: str, number: int) -> None:
    harm(engine, "registration", state=state)
    assert ask(engine, "AT+CREG?") == [f"+CREG: 0,{number}", "OK"]
    assert engine.reachable is (state == "roaming")


def test_signal_clock_and_room_may_be_wrong(engine: Engine, network: Network) -> None:
    harm(engine, "signal", value=3)
    harm(engine, "clock")
    assert ask(engine, "AT+CSQ") == ["+CSQ: 3,99", "OK"]
    assert ask(engine, "AT+CCLK?") == ['+CCLK: "04/01/01,00:00:41+00"', "OK"]
    network.faults.set(parse("sim-full", {"slots": 2}))
    for text in "abc":
        network.text("+628111", text)
    assert network.deliver("SM") == [1, 2]
    assert ask(engine, 'AT+CPMS="SM"') == ["+CPMS: 2,2,2,2,2,2", "OK"]
    network.faults.clear()
    assert network.deliver("SM") == [3]


@given(st.lists(st.one_of(st.binary(), st.sampled_from([b"AT", b"\r", b"\x1a", b"\x1b", b"+CMGS=3\r", b"+CPMS="]))))
def test_nothing_that_a_terminal_writes_breaks_it(chunks: list[bytes]) -> None:
    engine = Engine(Network(Path(":memory:")))
    for chunk in chunks:
        engine.feed(chunk)
    engine.feed(b"\x1b\rATE0\r")
    assert ask(engine, "AT") == ["OK"]


def test_late_answers_and_texts_that_nobody_asked_for(engine: Engine, network: Network) -> None:
    network.ussd.push("Promo")
    assert engine.unsolicited() == b""  # not to be shown
    ask(engine, 'AT+CUSD=1,"*123#",15')
    network.ussd.push("Promo")
    assert engine.unsolicited() == b'\r\n+CUSD: 0,"Promo",15\r\n'
    assert ask(engine, 'AT+CUSD=1,"1",15')[1] == '+CUSD: 0,"Isi pulsa di gerai terdekat.",15'
    network.ussd.change(delay=3600)
    assert ask(engine, 'AT+CUSD=1,"*888#",15') == ["OK"]
    assert ask(engine, "AT+CUSD?") == ["+CUSD: 1", "OK"]


def test_a_modem_that_takes_packed_codes_alone(engine: Engine, network: Network) -> None:
    network.ussd.change(takes_packed=True, answers={"*100#": "Rp 1"})
    assert ask(engine, 'AT+CUSD=1,"*100#",15') == ["+CME ERROR: 100"]
    assert ask(engine, 'AT+CUSD=1,"AA180C3602",15') == ["OK", '+CUSD: 0,"Rp 1",15']


def test_an_sms_costs_what_it_costs(engine: Engine, network: Network) -> None:
    network.ussd.change(balance=500, price=350)
    for result in (b"+CMGS: 1", b"+CMS ERROR: 8"):
        engine.feed(b"AT+CMGS=23\r")
        assert result in engine.feed(SUBMIT.encode() + b"\x1a")
    assert network.ussd.account.balance == 150


def test_a_call_rings_until_it_is_hung_up_or_given_up(network: Network) -> None:
    engine = Engine(network)
    network.calls.ring("+628111", rings=2, pause=0)
    assert engine.unsolicited() == b"\r\nRING\r\n"
    engine.feed(b"ATE0\r")  # rings go on between answers
    assert engine.unsolicited() == b"\r\nNO CARRIER\r\n"
    assert engine.feed(b"AT+CLIP=1\r") == b"\r\nOK\r\n"
    network.calls.ring("0811", pause=0)
    assert engine.unsolicited() == b'\r\nRING\r\n\r\n+CLIP: "0811",129,,,,0\r\n'
    assert engine.feed(b"AT+CHUP\r") == b"\r\nOK\r\n"
    assert [fate.value for _, fate in network.calls.fates()] == ["given-up", "hung-up"]
