"""Phone numbers in one form. Pure."""

from __future__ import annotations

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

REGION = "ID"
_MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


def mobile(number: str) -> str | None:
    """The E.164 form of a mobile number; None for short codes, names, fixed lines and whatever else sends SMS.

    Only such a number is ever answered: an answer to anything else costs money or starts a loop.
    """
    if any(letter.isalpha() for letter in number):
        return None
    try:
        parsed = phonenumbers.parse(number, REGION)
    except NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed) or phonenumbers.number_type(parsed) not in _MOBILE:
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def masked(number: str) -> str:
    """The number as it may be shown: `+62812****345`."""
    if len(number) < 8:
        return number
    return number[:-7] + "****" + number[-3:]
