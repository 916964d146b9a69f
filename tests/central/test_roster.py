from __future__ import annotations

from datetime import timedelta

import pytest

from central import desired, fleet
from central.database import Database
from central.roster import BadRoster, parse, store
from mqtt_bridge.records import Policy

from .factories import GATEWAY, NOW, OTHER

GATEWAYS = {GATEWAY, OTHER}
ANI = "199001012015011001,Ani Contoh,081234567890,dinkes-01"
BUDI = "199001012015011002,Budi Contoh,081298765432,dinkes-01"
HEAD = "nip,name,phone,gateway"


def csv(*lines: str, head: str = HEAD) -> str:
    return "\n".join([head, *lines]) + "\n"


@pytest.fixture
def filled(database: Database) -> Database:
    for gateway in sorted(GATEWAYS):
        fleet.add(database, gateway, NOW)
    store(database, parse(csv(ANI, BUDI), GATEWAYS))
    return database


def people(database: Database) -> dict[str, tuple[str, str, int]]:
    rows = database.rows("SELECT nip, id, phone, active FROM employee ORDER BY nip")
    return {nip[-1]: (id_, phone, active) for nip, id_, phone, active in rows}


def test_a_good_file_in_its_forms() -> None:
    expected = parse(csv(ANI, BUDI), GATEWAYS)
    assert [(row.nip, row.name, row.phone) for row in expected] == [
        ("199001012015011001", "Ani Contoh", "+6281234567890"),
        ("199001012015011002", "Budi Contoh", "+6281298765432"),
    ]
    semicolons = csv(ANI.replace(",", ";"), BUDI.replace(",", ";"), head="NIP;Nama;HP;Gardu")
    spaced = csv(ANI.replace("199001012015011001", "19900101 201501 1 001"), "", BUDI)
    assert parse("\ufeff" + semicolons, GATEWAYS) == expected
    assert [row.nip for row in parse(spaced, GATEWAYS)] == [row.nip for row in expected]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", ["the file is empty"]),
        (csv(ANI, head="nip,name,phone"), ["row 1: no column gateway"]),
        (csv(ANI, BUDI.replace("199001012015011002", "123")), ["row 3, nip: 18 digits are needed"]),
        (csv(ANI.replace("Ani Contoh", " ")), ["row 2, name: it is missing"]),
        (csv(ANI + ",a\0", head="nip,nama,hp,gateway,shift"), ["row 2, shift: it holds a character that"]),
        (
            csv(ANI.replace("Ani", "=1+1") + ",@x", head="nip,nama,hp,gateway,shift"),
            ["row 2, name: a spreadsheet would", "row 2, shift: a spreadsheet would"],
        ),
        (csv(ANI.replace("081234567890", "0761123456")), ["row 2, phone: not a mobile number"]),
        (csv(ANI.replace("dinkes-01", "dinas-99")), ["row 2, gateway: 'dinas-99' is not known"]),
        (csv(ANI, ANI), ["row 3, nip: the same as in row 2", "row 3, phone: the same as in row 2"]),
        (csv("1,,x,y"), ["row 2, nip", "row 2, name", "row 2, phone", "row 2, gateway"]),
        (csv("1"), ["row 2, nip", "row 2, name", "row 2, phone", "row 2, gateway"]),
    ],
)
def test_every_fault_is_named_by_row_and_column(text: str, faults: list[str]) -> None:
    with pytest.raises(BadRoster) as caught:
        parse(text, GATEWAYS)
    assert len(caught.value.faults) == len(faults)
    for found, expected in zip(caught.value.faults, faults, strict=True):
        assert found.startswith(expected)


def test_whoever_is_known_keeps_their_id(filled: Database) -> None:
    before = people(filled)
    store(filled, parse(csv(ANI.replace("081234567890", "081211112222")), GATEWAYS))
    after = people(filled)
    assert after["1"] == (before["1"][0], "+6281211112222", 1)
    assert after["2"] == before["2"]


def test_two_may_swap_their_numbers(filled: Database) -> None:
    before = people(filled)
    swapped = csv(ANI.replace("081234567890", "081298765432"), BUDI.replace("081298765432", "081234567890"))
    store(filled, parse(swapped, GATEWAYS))
    assert (people(filled)["1"][1], people(filled)["2"][1]) == (before["2"][1], before["1"][1])


def test_a_number_of_somebody_else_is_refused_and_nothing_stored(filled: Database) -> None:
    before = people(filled)
    new = "199001012015011003,Cici Contoh,081277778888,dinkes-01"
    with pytest.raises(BadRoster, match="row 3, phone: this number belongs to another"):
        store(filled, parse(csv(new, ANI.replace("081234567890", "081298765432")), GATEWAYS))
    assert people(filled) == before


def test_with_replace_nobody_else_stays(filled: Database) -> None:
    assert store(filled, parse(csv(BUDI), GATEWAYS), replace=True) == 1
    assert [active for _, _, active in people(filled).values()] == [0, 1]
    assert store(filled, parse(csv(ANI, BUDI), GATEWAYS)) == 2


def test_what_a_gateway_should_hold_follows_with_growing_versions(filled: Database) -> None:
    assert desired.refresh(filled, Policy(), NOW) == [GATEWAY, OTHER]
    assert desired.refresh(filled, Policy(), NOW) == []
    first = desired.newest(filled, GATEWAY)
    assert first
    assert {member.phone for member in first.roster} == {"+6281234567890", "+6281298765432"}
    store(filled, parse(csv(ANI.replace("dinkes-01", OTHER)), GATEWAYS))
    assert desired.refresh(filled, Policy(), NOW) == [GATEWAY, OTHER]
    assert desired.versions(filled) == {GATEWAY: first.version + 1, OTHER: first.version + 1}
    assert desired.refresh(filled, Policy(timezone="Asia/Jayapura"), NOW) == [GATEWAY, OTHER]


def test_a_database_that_lost_versions_gives_none_out_again(filled: Database) -> None:
    desired.refresh(filled, Policy(), NOW)
    given_out = desired.versions(filled)[GATEWAY]
    filled.run("DELETE FROM desired")
    desired.refresh(filled, Policy(timezone="Asia/Jayapura"), NOW + timedelta(minutes=1))
    assert desired.versions(filled)[GATEWAY] > given_out


def test_no_nip_and_no_name_goes_to_a_gateway(filled: Database) -> None:
    desired.refresh(filled, Policy(), NOW)
    body = bytes(filled.value("SELECT body FROM desired WHERE gateway = ?", GATEWAY))
    assert b"199001" not in body
    assert b"Contoh" not in body


def test_the_number_of_somebody_who_left_can_be_given_to_another(filled: Database) -> None:
    new = "199001012015011003,Cici Contoh,081234567890,dinkes-01"
    assert store(filled, parse(csv(new, BUDI), GATEWAYS), replace=True) == 2
    assert people(filled)["3"][1:] == ("+6281234567890", 1)
    with pytest.raises(BadRoster, match="row 2, phone: this number belongs to another"):
        store(filled, parse(csv(ANI), GATEWAYS))
    assert store(filled, parse(csv(ANI.replace("081234567890", "081266667777")), GATEWAYS)) == 3


def test_what_a_spreadsheet_puts_between_words_is_a_space() -> None:
    nip, name, phone = "19900101\u00a0201501 1 001", '"Ani\n  Contoh\u00a0"', "6281234567890"
    (row,) = parse(csv(f"{nip},{name},{phone},dinkes-01"), GATEWAYS)
    assert (row.nip, row.name, row.phone) == ("199001012015011001", "Ani Contoh", "+6281234567890")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (csv(ANI.replace("Ani", "An\0i")), "row 2, name: it holds a character that can not be shown"),
        (csv(ANI.replace("199001012015011001", "\u0661" * 18)), "row 2, nip: 18 digits are needed"),
        (csv(ANI.replace("Ani", "A" * 200_000)), "row 2: field larger than field limit"),
    ],
)
def test_what_no_database_should_see_is_a_fault(text: str, fault: str) -> None:
    with pytest.raises(BadRoster, match=fault):
        parse(text, GATEWAYS)
