"""Phone numbers in one form. Pure."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

REGION = "ID"
COUNTRY = 62
_MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


@lru_cache(4096)  # one message asks several times, and the same people text every day
def mobile(number: str) -> str | None:
    """The E.164 form of an Indonesian mobile number; None for short codes, names, fixed lines, numbers abroad.

    Only such a number is ever answered: an answer to anything else costs money or starts a loop.
    """
    if any(letter.isalpha() for letter in number):
        return None
    try:
        parsed = phonenumbers.parse(number, REGION)
    except NumberParseException:
        return None
    if parsed.country_code != COUNTRY or not phonenumbers.is_valid_number(parsed):
        return None
    if phonenumbers.number_type(parsed) not in _MOBILE:
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def sender(number: str) -> str | None:
    """The same for the sender of an SMS, which must be in international form.

    A *name* may consist of digits too, and anybody with an account for bulk SMS can choose one such as 08121000003;
    only a number of the international type comes with its `+` (3GPP TS 23.040, 9.1.2.5).
    """
    return mobile(number) if number.startswith("+") else None


def masked(number: str) -> str:
    """The number as it may be shown: `+62812****345`."""
    if len(number) < 8:
        return number
    return number[:-7] + "****" + number[-3:]


def spoken(number: str) -> str:
    """An E.164 number as people write it: `0812-3456-7890`; what is none stays as it is."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(number, REGION), PhoneNumberFormat.NATIONAL)
    except NumberParseException:
        return number
