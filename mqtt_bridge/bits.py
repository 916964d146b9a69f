"""Whole numbers as bits one behind another, the highest bit first, where every bit counts. Pure."""

from __future__ import annotations

from collections.abc import Iterable

_LENGTH = 6  # bits that tell how long a number is
_UNARY = 15  # ones in a row that announce a number of any size
LOW_BITS = range(16)  # how many low bits a Rice code may have


class BadBits(ValueError):
    """There are not as many bits as something says, or more; the message says which."""


class BitWriter:
    def __init__(self) -> None:
        self._value = 0
        self.length = 0

    def put(self, value: int, width: int) -> None:
        self._value = self._value << width | value
        self.length += width

    def number(self, value: int) -> None:
        """Up to 63 bits: how many there are, then those."""
        width = value.bit_length()
        self.put(width, _LENGTH)
        self.put(value, width)

    def rice(self, value: int, low: int) -> None:
        """Rice coding: the high bits in unary, the `low` lowest as they are. Good where most values are small."""
        high = value >> low
        if high < _UNARY:
            self.put((1 << high) - 1 << 1, high + 1)
            self.put(value & (1 << low) - 1, low)
        else:
            self.put((1 << _UNARY) - 1, _UNARY)
            self.number(value)

    def append(self, other: BitWriter) -> None:
        self.put(other._value, other.length)

    def octets(self) -> bytes:
        """All of them, and zeros up to a whole octet."""
        return (self._value << -self.length % 8).to_bytes(octets(self.length))


class BitReader:
    """The inverse of `BitWriter`. Raises `BadBits`."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data)
        self._left = 8 * len(data)

    def take(self, width: int) -> int:
        if width > self._left:
            raise BadBits("it ends too early")
        self._left -= width
        return self._value >> self._left & (1 << width) - 1

    def number(self) -> int:
        return self.take(self.take(_LENGTH))

    def rice(self, low: int) -> int:
        high = 0
        while high < _UNARY and self.take(1):
            high += 1
        return self.number() if high == _UNARY else high << low | self.take(low)

    def end(self) -> None:
        if self._left >= 8 or self.take(self._left):
            raise BadBits("something is left over behind it")


def best_low(values: Iterable[int]) -> int:
    """The number of low bits with which those values are shortest."""
    found = list(values)
    return min(LOW_BITS, key=lambda low: sum(_rice_length(value, low) for value in found))


def octets(bits: int) -> int:
    """How many octets those bits need."""
    return (bits + 7) // 8


def unsigned(value: int) -> int:
    """Numbers near zero of either sign as small ones without: 0, -1, 1, -2 … as 0, 1, 2, 3 …"""
    return 2 * value if value >= 0 else -2 * value - 1


def signed(value: int) -> int:
    """The inverse of `unsigned`."""
    return value >> 1 if value % 2 == 0 else -(value + 1 >> 1)


def _rice_length(value: int, low: int) -> int:
    high = value >> low
    return high + 1 + low if high < _UNARY else _UNARY + _LENGTH + value.bit_length()
