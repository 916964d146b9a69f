from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_bridge.bits import BadBits, BitReader, BitWriter, best_low, octets, signed, unsigned

NUMBERS = st.integers(0, 2**63 - 1)


@given(st.lists(st.tuples(NUMBERS, st.integers(0, 15))))
def test_what_was_written_is_read(values: list[tuple[int, int]]) -> None:
    bits = BitWriter()
    for value, low in values:
        bits.number(value)
        bits.rice(value, low)
        bits.put(value & 7, 3)
    data = bits.octets()
    assert len(data) == octets(bits.length)
    reader = BitReader(data)
    for value, low in values:
        assert (reader.number(), reader.rice(low), reader.take(3)) == (value, value, value & 7)
    reader.end()


@given(st.integers())
def test_signs_travel_as_small_numbers(value: int) -> None:
    assert signed(unsigned(value)) == value
    assert unsigned(value) <= 2 * abs(value)


@given(st.lists(st.integers(0, 2**20), min_size=1))
def test_no_other_number_of_low_bits_is_shorter(values: list[int]) -> None:
    def length(low: int) -> int:
        bits = BitWriter()
        for value in values:
            bits.rice(value, low)
        return bits.length

    assert length(best_low(values)) == min(map(length, range(16)))


def test_what_is_missing_or_left_over_is_an_error() -> None:
    with pytest.raises(BadBits, match="too early"):
        BitReader(b"\xff").take(9)
    with pytest.raises(BadBits, match="left over"):
        BitReader(b"\x00\x00").end()
    with pytest.raises(BadBits, match="left over"):
        BitReader(b"\x01").end()
