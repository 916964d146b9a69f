"""Which commands are carried out, and what a bundle of diagnostics may not hold."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import Now
from gateway.diagnostics import LONGEST, fitting, hidden
from gateway.orders import Place, answer, recipient, refusal
from mqtt_bridge.commands import MEANINGS, CommandName, is_test, name_of, said, sms_text
from mqtt_bridge.records import Command, Ending, Policy, UplinkTerms, decode, encode

from .factories import MORNING

IT = "+6281299990001"
CENTRAL = "+6281100009"
OWN = "+6281100001"
NOW = Now(MORNING, 100.0)
POLICY = Policy(it_numbers=(IT,), uplink=UplinkTerms(number=CENTRAL))
PLACE = Place(POLICY, fitted=True, own_number=OWN)


def command(name: str = "ping", **arguments: str) -> Command:
    return Command(
        gateway="dinkes-01", id="ab" * 16, number=7, name=name, arguments=arguments, issued=MORNING,
        expires=MORNING + timedelta(minutes=15), by="tina",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        ("ping", {}, None),
        ("diagnostics", {}, None),
        ("restart-modem", {}, None),
        ("format-disk", {}, "unknown-command"),
        ("resend", {"from_seq": "1"}, None),
        ("resend", {"from_seq": "0"}, "seq"),
        ("resend", {"from_seq": "-1"}, "seq"),
        ("resend", {"from_seq": "9" * 17}, "seq"),
        ("resend", {}, "seq"),
        ("sms", {"to": IT}, None),
        ("sms", {"to": "own"}, None),
        ("sms", {"to": "central"}, None),
        ("sms", {"to": "+6281234567890"}, "number-not-allowed"),
        ("sms", {"to": CENTRAL}, "number-not-allowed"),
        ("sms", {"to": "08123"}, "number-not-allowed"),
        ("sms", {}, "number-not-allowed"),
        ("ussd", {"code": "*888#"}, None),
        ("ussd", {"code": "*363*1#"}, None),
        ("ussd", {"code": "888"}, "ussd-code"),
        ("ussd", {"code": "*888#\n"}, "ussd-code"),
        ("ussd", {"code": "ATD*888#"}, "ussd-code"),
        ("ussd", {"code": "*" + "1" * 100}, "ussd-code"),
        ("ussd", {}, "ussd-code"),
        ("ussd", {"code": "**21*+628#"}, "ussd-code"),
        ("ussd", {"code": "**04*1234*4321*4321#"}, "ussd-setting"),
        ("ussd", {"code": "*21*08123456789#"}, "ussd-setting"),
        ("ussd", {"code": "##002#"}, "ussd-setting"),
        ("ussd", {"code": "*#06#"}, "ussd-setting"),
    ],
)
def test_what_is_carried_out(name: str, arguments: dict[str, str], wanted: str | None) -> None:
    assert refusal(command(name, **arguments), NOW, PLACE) == wanted


@pytest.mark.parametrize(
    ("place", "made", "wanted"),
    [
        (Place(None, fitted=True, own_number=OWN), command("sms", to="own"), "no-policy"),
        (Place(None, fitted=True, own_number=OWN), command("ussd", code="*888#"), "no-policy"),
        (Place(None, fitted=False, own_number=""), command("ping"), None),
        (Place(POLICY, fitted=False, own_number=OWN), command("sms", to="own"), "no-modem"),
        (Place(POLICY, fitted=False, own_number=OWN), command("restart-modem"), "no-modem"),
        (Place(POLICY, fitted=True, own_number=""), command("sms", to="own"), "no-own-number"),
        (Place(Policy(), fitted=True, own_number=OWN), command("sms", to="central"), "no-central-number"),
        (Place(Policy(remote_ussd=False), fitted=True, own_number=OWN), command("ussd", code="*888#"),
         "ussd-forbidden"),
    ],
)  # fmt: skip
def test_what_the_place_does_not_allow(place: Place, made: Command, wanted: str | None) -> None:
    assert refusal(made, NOW, place) == wanted


def test_it_expires_by_a_clock_that_is_not_trusted_as_well() -> None:
    """Such a clock runs behind: what it calls expired is."""
    for trusted in (True, False):
        at = Now(MORNING + timedelta(minutes=15), 0.0, trusted)
        assert refusal(command(), at, PLACE) == "expired"
        assert refusal(command(), a_second_before(at), PLACE) is None


def a_second_before(now: Now) -> Now:
    return Now(now.wall - timedelta(seconds=1), now.monotonic, now.trusted)


def test_a_test_sms_is_known_again() -> None:
    mine = command("sms", to="own")
    other = msgspec.structs.replace(mine, id="cd" * 16)
    assert is_test(sms_text(mine))
    assert sms_text(mine) != sms_text(other)
    assert len(sms_text(msgspec.structs.replace(mine, gateway="d" * 64))) <= 160
    assert not is_test("HADIR")
    assert not is_test("Gardu uji coba dari saya")
    places = {to: recipient(command("sms", to=to), PLACE) for to in ("own", "central", IT)}
    assert places == {"own": OWN, "central": CENTRAL, IT: IT}


@given(st.text(max_size=300), st.text(max_size=30_000))
def test_whatever_a_modem_says_can_travel(fact: str, text: str) -> None:
    made = answer(command(), Ending.FAILED, "modem", MORNING, text, status=fact)
    assert decode(encode(made)) == made


def test_every_code_is_said_in_words() -> None:
    facts = {"first": 3, "last": 9, "seconds": "4.2", "status": "timeout", "begun": "07:21"}
    for code in MEANINGS:
        text = said(answer(command(), Ending.DONE, code, MORNING, **facts))
        assert text.endswith(".")
        assert "{" not in text
    assert said(answer(command(), Ending.DONE, "resent", MORNING)) == MEANINGS["resent"], "without its facts"
    assert said(answer(command(), Ending.DONE, "of-tomorrow", MORNING)) == "of-tomorrow"
    assert all(name_of(command(name)) != name for name in CommandName)
    assert name_of("of-tomorrow") == "of-tomorrow"


SECRETS = [
    "+6281234567890", "081234567890", "0812 3456 7890", "0812-3456-7890", "198701012010011001", "510101234567890",
    "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "ab" * 32, "482913",
]  # fmt: skip


@pytest.mark.parametrize("secret", SECRETS)
def test_no_number_and_no_secret_gets_into_a_bundle(secret: str) -> None:
    told = {
        "reasons": [f"sim: {secret} x"],
        "warnings": [f"problem=to {secret}: no answer", secret],
        "n": {"a": secret},
    }
    text = fitting(told)
    assert secret not in text
    assert "no answer" in text


def test_times_and_counts_stay() -> None:
    for plain in ("2026-11-24T00:21:05.123456Z", "0.1.0", "07:21", "E173", "Rp 25.000", "12345", "28f0224455667d9a"):
        assert hidden(plain) == plain


def test_a_bundle_is_bounded() -> None:
    told = {"versions": {"gardu": "1"}, "warnings": [f"{number}: {'x y ' * 200}" for number in range(100)]}
    text = fitting(told)
    assert len(text) <= LONGEST
    kept = json.loads(text)["warnings"]
    assert kept[-1].startswith("99:")
    assert json.loads(text)["versions"] == {"gardu": "1"}
