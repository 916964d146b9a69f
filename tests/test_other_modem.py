"""libgammu over a modem of another make, and the PDUs of that modem against known ones."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import gammu
import pytest

from modem.driver import GammuModem
from modem.messages import IncomingCall, UssdAnswer, UssdStatus
from tests.other_modem import OtherModem, decode_submit, encode_deliver
from tests.waiting import eventually

WIB = timezone(timedelta(hours=7))
AT = datetime(2024, 11, 25, 7, 58, 3, tzinfo=WIB)
TEXTS = ["MASUK 12345 {kantor} @ 7€", "MASUK 12345 ✓ 出"]


def test_gammu_reads_deletes_and_sends(tmp_path: Path) -> None:
    link = tmp_path / "modem"
    with OtherModem(link) as modem:
        phone = gammu.StateMachine()
        phone.SetConfig(0, {"Device": str(link), "Connection": "at"})
        phone.Init()
        knows_itself(phone)
        reads_and_deletes(phone, modem)
        sends(phone, modem)
        phone.Terminate()


def knows_itself(phone: gammu.StateMachine) -> None:
    assert phone.GetManufacturer() == "SIMCOM"
    assert "SIM800L" in phone.GetModel()[1]
    assert phone.GetIMEI() == "862273048119502"
    assert phone.GetSignalQuality()["SignalPercent"] == 51
    network = phone.GetNetworkInfo()
    assert (network["NetworkName"], network["NetworkCode"], network["State"]) == ("INDOSAT", "510 01", "HomeNetwork")
    assert abs(phone.GetDateTime() - datetime.now(WIB)) < timedelta(minutes=1)


def reads_and_deletes(phone: gammu.StateMachine, modem: OtherModem) -> None:
    for text in TEXTS:
        modem.deliver("+6281234567890", text, AT)
    assert sorted(modem.slots) == [1, 2]
    first = phone.GetNextSMS(0, True)[0]
    second = phone.GetNextSMS(0, False, first["Location"])[0]
    for sms, text in zip([first, second], TEXTS, strict=True):
        # A NUL follows for each character of the GSM-7 extension, and then what was there before.
        assert (sms["Number"], sms["Text"].partition("\0")[0], sms["DateTime"]) == ("+6281234567890", text, AT)
        assert sms["DateTime"].utcoffset() == timedelta(hours=7)
    phone.DeleteSMS(0, first["Location"])
    assert sorted(modem.slots) == [2]
    with pytest.raises(gammu.ERR_INVALIDLOCATION):
        phone.GetSMS(0, first["Location"])
    status = phone.GetSMSStatus()
    assert (status["SIMUsed"], status["SIMSize"], status["PhoneSize"]) == (1, 20, 0)


def sends(phone: gammu.StateMachine, modem: OtherModem) -> None:
    for text in TEXTS:
        coding = "Unicode_No_Compression" if text == TEXTS[1] else "Default_No_Compression"
        phone.SendSMS({"Text": text, "SMSC": {"Location": 1}, "Number": "+6281234567890", "Coding": coding})
    assert modem.sent == [("+6281234567890", text) for text in TEXTS]


def test_the_driver_dials_and_minds_calls(tmp_path: Path) -> None:
    with OtherModem(tmp_path / "modem") as modem:
        modem.services["*123#"] = "Pulsa Rp 5.000\r\n1. Paket \u20ac"
        driver = GammuModem(str(tmp_path / "modem"))
        assert driver.dial("*123#") == UssdAnswer(UssdStatus.DONE, "Pulsa Rp 5.000\n1. Paket \u20ac")
        assert driver.dial("*1#") == UssdAnswer(UssdStatus.NOT_SUPPORTED)
        assert driver.calls() == []
        modem.ring("+6281234567890")
        assert eventually(driver.calls) == [IncomingCall("+6281234567890")]
        assert modem.hung_up == 1
        driver.close()


def test_a_deliver_has_the_octets_that_the_standard_asks_for() -> None:
    assert encode_deliver("+6281234567890", "hellohello", AT) == (
        "059126181642" "04" "0D91261832547698F0" "0000" "42115270853082" "0A" "E8329BFD4697D9EC37"
    )  # fmt: skip


@pytest.mark.parametrize(("hours", "octet"), [(7, "82"), (0, "00"), (5.75, "32"), (-3.5, "49"), (-10, "0C")])
def test_the_zone_is_in_quarters_with_a_sign(hours: float, octet: str) -> None:
    at = AT.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert encode_deliver("INDOSAT", "", at)[-4:-2] == octet


@pytest.mark.parametrize(
    ("pdu", "number", "text"),
    [
        ("0001000B916407281553F8" "0000" "0A" "E8329BFD4697D9EC37", "+46708251358", "hellohello"),
        ("0011000A818021436587" "0008AA" "04" "00E92713", "0812345678", "é✓"),
    ],
)  # fmt: skip
def test_a_submit_is_understood(pdu: str, number: str, text: str) -> None:
    assert decode_submit(bytes.fromhex(pdu)) == (number, text)
