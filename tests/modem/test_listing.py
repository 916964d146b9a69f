from __future__ import annotations

from modem.listing import Place, matched, places
from modem.messages import IncomingSms, Kind

A, B, C = "00040B9111A1", "00040B9111B2", "00040B9111C3"


def transcript(*answers: str) -> str:
    """As libgammu writes it: each answer's lines are numbered anew."""
    return "\n".join(f'{count} "{line}"' for answer in answers for count, line in enumerate(answer.split("\n"), 1))


BOTH = transcript(
    'AT+CPMS="SM","SM","SM"\n+CPMS: 2,10,2,10,2,10\nOK',
    f'AT+CPMS="SM"\nOK\nAT+CMGL=4\n+CMGL: 3,1,,24\n{A}\n+CMGL: 7,0,"Ani",25\n{B.lower()}\nOK',
    f'AT+CPMS="ME"\nOK\nAT+CMGL=4\n+CMGL: 3,1,,24\n{C}\nOK',
)


def sms(location: int, number: str = "+628111", text: str = "HADIR", kind: Kind = Kind.TEXT) -> IncomingSms:
    return IncomingSms(location, number, text, None, kind=kind)


def test_slots_of_both_stores_by_the_modems_own_count() -> None:
    assert list(places(BOTH)) == [Place("SM", 3, A), Place("SM", 7, B), Place("ME", 3, C)]


def test_messages_find_their_places() -> None:
    first, second, third = messages = [sms(3), sms(7), sms(100_003)]
    found = matched([3, 7, 100_003], messages, BOTH)
    assert [found[each].pdu for each in (first, second, third)] == [A, B, C]


def test_a_modem_that_counts_in_another_way_is_not_believed() -> None:
    assert matched([4, 8, 100_004], [sms(4), sms(8), sms(100_004)], BOTH) == {}
    assert matched([3, 7, 100_003, 100_004], [sms(3)], BOTH) == {}
    assert matched([3, 8], [sms(3), sms(8)], BOTH) == {}


def test_a_modem_without_slots_on_the_sim_counts_from_the_beginning() -> None:
    alone = transcript(f'AT+CPMS?\n+CPMS: "ME",1,9,"ME",1,9,"ME",1,9\nOK\nAT+CMGL=4\n+CMGL: 3,1,,24\n{A}\nOK')
    assert matched([3], [sms(3)], alone) == {sms(3): Place("ME", 3, A)}


def test_what_could_not_be_decoded_is_found_by_its_octets() -> None:
    broken = sms(8, "", B, Kind.BINARY)
    data = sms(3, "+628111", B, Kind.BINARY)  # 8-bit data that only looks like it
    found = matched([3], [data, broken, sms(100_003)], BOTH)
    assert found == {data: Place("SM", 3, A), broken: Place("SM", 7, B)}


def test_the_same_octets_twice_are_two_slots() -> None:
    twice = transcript(f'AT+CPMS="SM"\nOK\nAT+CMGL=4\n+CMGL: 1,1,,24\n{A}\n+CMGL: 2,1,,24\n{A}\nOK')
    messages = [sms(1, "", A, Kind.BINARY), sms(2, "", A, Kind.BINARY)]
    assert [place.index for place in matched([], messages, twice).values()] == [1, 2]


def test_a_listing_without_a_store_or_a_pdu_gives_nothing() -> None:
    assert list(places(transcript(f"AT+CMGL=4\n+CMGL: 3,1,,24\n{A}\nOK"))) == []
    assert list(places(transcript('AT+CPMS="SM"\nOK\nAT+CMGL=4\n+CMGL: 3,1,,24\n\n+CMGL: 4,1,,0\nOK'))) == []
    assert matched([], [sms(3)], "") == {}
