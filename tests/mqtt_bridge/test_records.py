from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_bridge import records
from mqtt_bridge.records import (
    Ack,
    Action,
    BadPayload,
    Batch,
    Certificate,
    Channel,
    Command,
    Connection,
    Desired,
    Member,
    ModemReport,
    Policy,
    Presence,
    Reason,
    Record,
    Renewal,
    Result,
    SimReport,
    Status,
    UplinkReport,
    UplinkTerms,
    broken_link,
    chained,
    decode,
    decode_again,
    encode,
    genesis,
)  # fmt: skip

AT = datetime(2026, 11, 24, 0, 21, 5, tzinfo=UTC)
START = genesis("dinkes-01", "4d1c9f00a1b2c3d4")
GOLDEN = Path(__file__).parents[1] / "contract"


def record(seq: int, **changes: object) -> Record:
    values = {
        "seq": seq, "employee": "e-7f3k2", "action": Action.IN, "at": AT, "received": AT, "channel": Channel.SMS,
        "presence": Presence.NONE, "flags": (), "receipt": "K7QF", "fingerprint": "ab" * 32,
    }  # fmt: skip
    return Record(**{**values, **changes})  # type: ignore[arg-type]


def chain(length: int) -> list[Record]:
    made: list[Record] = []
    previous = START
    for seq in range(1, length + 1):
        made.append(chained(previous, record(seq)))
        previous = made[-1].hash or ""
    return made


PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
PAYLOADS = {
    "records": Batch(gateway="dinkes-01", journal="4d1c9f00a1b2c3d4", previous=START, sent=AT, records=chain(2)),
    "ack": Ack(gateway="dinkes-01", journal="4d1c9f00a1b2c3d4", seq=2, hash=str(chain(2)[1].hash), at=AT),
    "connection": Connection(gateway="dinkes-01", online=True, since=AT, starts=4, session=2),
    "status": Status(
        gateway="dinkes-01", journal="4d1c9f00a1b2c3d4", at=AT, started=AT, version="0.1.0",
        reasons=(Reason(code="sim-full", text="Memori SMS penuh (50 dari 50)"),),
        modem=ModemReport(state="home", signal=61, operator="TELKOMSEL", used=50, capacity=50, model="E173"),
        last_seq=2, delivered=2, replies_waiting=0, complete_until=AT, desired=3, clock_trusted=True,
        disk_free=20_000_000_000, heat=48.5, starts=4, count=7,
        certificate_until=datetime(2027, 11, 24, 0, 21, 5, tzinfo=UTC),
        uplink=UplinkReport(today=2, month=9, held=55),
        sim=SimReport(at=AT, balance=15_250, valid_until=date(2026, 12, 31), days_left=37),
    ),
    "desired": Desired(
        gateway="dinkes-01", version=3, issued=AT, roster=(Member(employee="e-7f3k2", phone="+6281234567890"),),
        policy=Policy(uplink=UplinkTerms(number="+6281100009"), it_numbers=("+6281234567890",)),
    ),
    "command": Command(gateway="dinkes-01", id="c-1", name="ping", arguments={}, issued=AT, expires=AT),
    "result": Result(gateway="dinkes-01", id="c-1", ok=True, text="pong", at=AT),
    "renewal": Renewal(gateway="dinkes-01", csr=PEM.replace("CERTIFICATE", "CERTIFICATE REQUEST"), at=AT),
    "certificate": Certificate(gateway="dinkes-01", certificate=PEM),
}  # fmt: skip


@pytest.mark.parametrize("kind", PAYLOADS)
def test_the_wire_is_what_it_was(kind: str) -> None:
    """A golden file a kind: whoever changes one of these breaks gateways that are in the field."""
    golden = (GOLDEN / f"{kind}.json").read_bytes().rstrip(b"\n")
    assert encode(PAYLOADS[kind]) == golden
    assert decode(golden) == PAYLOADS[kind]


def test_a_gateway_that_is_older_says_less() -> None:
    golden = (GOLDEN / "status.json").read_bytes()
    older = re.sub(rb'"sim":\{.*?\},', b"", golden)
    assert older != golden
    assert decode(older) == msgspec.structs.replace(PAYLOADS["status"], sim=None)  # type: ignore[type-var]


def test_what_went_through_once_is_decoded_to_the_same() -> None:
    golden = (GOLDEN / "records.json").read_bytes()
    again = decode_again(golden)
    assert encode(again) == golden.rstrip(b"\n")
    assert msgspec.structs.asdict(again.records[0]) == msgspec.structs.asdict(decode(golden).records[0])
    assert broken_link(again.previous, again.records) is None
    for data in (encode(PAYLOADS["ack"]), golden.replace(b"05Z", b"05"), golden[:-9], b"[" * 100_000):
        with pytest.raises(BadPayload):
            decode_again(data)


def test_an_unknown_field_of_a_newer_version_is_passed_over() -> None:
    assert decode(encode(PAYLOADS["ack"])[:-1] + b',"colour":"blue"}') == PAYLOADS["ack"]


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b'{"kind":"ack"}', b'{"kind":"nonsense"}', b"\xff\xfe", b"[" * 100_000,
     encode(PAYLOADS["ack"]).replace(b"dinkes-01", b"dinkes/+"), encode(PAYLOADS["ack"]).replace(b"Z", b""),
     encode(PAYLOADS["records"]).replace(b'"seq":1', b'"seq":0')],
)  # fmt: skip
def test_anything_else_is_one_clear_error(data: bytes) -> None:
    with pytest.raises(BadPayload):
        decode(data)


@given(st.binary(max_size=400))
def test_no_bytes_break_the_decoder(data: bytes) -> None:
    with pytest.raises(BadPayload):
        decode(data)


def test_a_chain_holds() -> None:
    assert broken_link(START, chain(5)) is None
    assert broken_link(START, []) is None


@given(st.data())
def test_any_change_breaks_the_chain_at_its_place(data: st.DataObject) -> None:
    made = chain(5)
    place = data.draw(st.integers(0, 4))
    change = data.draw(st.sampled_from(["employee", "at", "receipt", "fingerprint", "flags", "hash", "gone"]))
    if change == "gone":
        assert broken_link(START, made[:place] + made[place + 1 :]) in {made[place].seq + 1, None}
        return
    value = {
        "employee": "e-other", "at": AT.replace(second=6), "receipt": "K7QG", "fingerprint": "ac" * 32,
        "flags": (records.Flag.CLOCK_UNTRUSTED,), "hash": "00" * 32,
    }[change]  # fmt: skip
    made[place] = msgspec.structs.replace(made[place], **{change: value})
    assert broken_link(START, made) == made[place].seq


def test_a_chain_belongs_to_its_gateway_and_journal() -> None:
    assert len({genesis("a", "b"), genesis("a", "c"), genesis("b", "b")}) == 3
    assert broken_link(genesis("dinkes-02", "4d1c9f00a1b2c3d4"), chain(1)) == 1
