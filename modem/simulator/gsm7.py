"""The GSM 7-bit default alphabet and its packing (3GPP TS 23.038, 6.1.2 and 6.2.1). Pure."""

from __future__ import annotations

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|"}
_EXTENDED[0x65] = "€"
_ESCAPE = 0x1B

_SEPTETS: dict[str, tuple[int, ...]] = {
    **{character: (code,) for code, character in enumerate(_BASIC) if code != _ESCAPE},
    **{character: (_ESCAPE, code) for code, character in _EXTENDED.items()},
}


def fits(text: str) -> bool:
    """Whether every character of `text` is in the alphabet or its extension table."""
    return all(character in _SEPTETS for character in text)


def septets(text: str) -> list[int]:
    """The codes of `text`, two for a character of the extension table. KeyError when it does not fit."""
    return [code for character in text for code in _SEPTETS[character]]


def characters(codes: list[int]) -> str:
    """The text behind `codes`; an unknown extension shows as its basic character, as the standard asks."""
    text = []
    escaped = False
    for code in codes:
        if code == _ESCAPE and not escaped:
            escaped = True
            continue
        text.append(_EXTENDED.get(code, _BASIC[code]) if escaped else _BASIC[code])
        escaped = False
    return "".join(text).replace("\x1b", " ")


def pack(codes: list[int], fill: int = 0) -> bytes:
    """Septets to octets, the first one after `fill` bits (a user data header ends on a septet's edge)."""
    bits = sum(code << (fill + 7 * place) for place, code in enumerate(codes))
    return bits.to_bytes((fill + 7 * len(codes) + 7) // 8, "little")


def unpack(octets: bytes, count: int, fill: int = 0) -> list[int]:
    """`count` septets out of `octets`, the first one after `fill` bits."""
    bits = int.from_bytes(octets, "little") >> fill
    return [(bits >> (7 * place)) & 0x7F for place in range(count)]
