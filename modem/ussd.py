"""Balance and validity out of what an operator answers, and how long they will last. Pure.

An answer may hold any number of amounts and dates, of bonuses, quotas and offers as well: each belongs to what was
named before it. A number that can not be told for certain is left out: a wrong balance is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from .operators import Operator

WINDOW = timedelta(days=30)  # how far back spending tells of what is to come
_SHORTEST = timedelta(days=1)  # below it a day's spending can not be told

_NUMBER = r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2}(?![\d/-]))?|\d+(?:[.,]\d{1,2}(?![\d/-]))?"
_MONTHS = ("jan", "feb", "mar", "apr", "mei|may", "jun", "jul", "agu|agt|ags|aug", "sep", "okt|oct", "nov", "des|dec")
_NAMES = "|".join(_MONTHS)
_TOKEN = re.compile(
    rf"""
    (?:Rp|IDR)[.:\ ]*(?P<money>{_NUMBER})(?:\ ?(?P<times>rb|ribu|jt|juta)\b)?
  | (?<!\d)(?P<y1>20\d\d)(?P<s1>[-/.])(?P<m1>\d\d?)(?P=s1)(?P<d1>\d\d?)(?!\d)
  | (?<!\d)(?P<d2>\d\d?)(?P<s2>[-/.])(?P<m2>\d\d?)(?P=s2)(?P<y2>20\d\d|\d\d)(?!\d)
  | (?<!\d)(?P<d3>\d\d?)[-/.\ ]?(?P<m3>{_NAMES})[a-z]*[-/.,'\ ]{{0,2}}(?P<y3>20\d\d|\d\d)(?!\d)
  | (?<!\d)(?P<y4>20\d\d)(?P<m4>0\d|1[0-2])(?P<d4>[0-3]\d)(?!\d)
  | (?<!\d)(?P<d5>[0-3]\d)(?P<m5>0\d|1[0-2])(?P<y5>20\d\d)(?!\d)
  | (?<![\d.,])(?P<days>\d{{1,4}})\ ?(?:hari|days?)\b
  | (?<![\d.,])(?P<worded>{_NUMBER})\ ?(?:rupiah|IDR)\b
  | (?<![\d.,])(?P<bare>{_NUMBER})(?![.,]?\d|[a-z/%]|\ ?(?:[KMGT]B|menit|sms|poin)\b)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_CLAUSE = re.compile(r"[.,;:!\n]")


@dataclass(frozen=True, slots=True)
class Account:
    """What an answer says of the SIM: rupiah, and the last day on which it can send. None where it does not."""

    balance: int | None = None
    valid_until: date | None = None

    def __bool__(self) -> bool:
        return self.balance is not None or self.valid_until is not None


@dataclass(frozen=True, slots=True)
class Reading:
    """What was known of the account at one time."""

    at: datetime
    balance: int | None
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """How many days balance and validity will last; None for what can not be told. Below zero: it is over."""

    balance_days: int | None
    validity_days: int | None

    @property
    def days_left(self) -> int | None:
        return min((days for days in (self.balance_days, self.validity_days) if days is not None), default=None)


def read(text: str, operator: Operator, today: date) -> Account:
    """What the answer says; `today` is for answers that count the days."""
    for pattern in operator.patterns:
        if match := re.search(pattern, text, re.IGNORECASE):
            return _by_pattern(match.groupdict(), today)
    balance: int | None = None
    until: date | None = None
    of_account: bool | None = None  # whether the talk is of the account; None until anything was named
    end = 0
    for token in _TOKEN.finditer(text):
        label = text[end : token.start()]
        named = _named(label, operator)
        of_account = named if named is not None else of_account
        if (amount := _amount(token, label, operator)) is not None:
            end = token.end()
            if balance is None and (of_account or (of_account is None and not _has_letters(label))):
                balance, of_account = amount, True
        elif (day := _day(token, today)) is not None:
            end = token.end()
            if until is None and of_account is not False and _says_until(label, operator):
                until = day
    return Account(balance, until)


def forecast(readings: Sequence[Reading], today: date) -> Forecast:
    """How long what the last readings told will last, if as much is spent as in the days before. Oldest first."""
    balances = [(reading.at, reading.balance) for reading in readings if reading.balance is not None]
    until = next((reading.valid_until for reading in reversed(readings) if reading.valid_until), None)
    return Forecast(_balance_days(balances), (until - today).days if until else None)


def _balance_days(balances: list[tuple[datetime, int]]) -> int | None:
    if not balances:
        return None
    recent = [(at, balance) for at, balance in balances if at >= balances[-1][0] - WINDOW]
    span = recent[-1][0] - recent[0][0]
    spent = sum(max(0, before - after) for (_, before), (_, after) in pairwise(recent))  # a rise is a top-up
    if span < _SHORTEST or not spent:
        return None
    return int(recent[-1][1] * (span / timedelta(days=1)) / spent)


def _by_pattern(groups: dict[str, str | None], today: date) -> Account:
    balance, until = groups.get("balance"), groups.get("until")
    token = _TOKEN.search(until) if until else None
    return Account(_rupiah(balance) if balance else None, _day(token, today) if token else None)


def _named(label: str, operator: Operator) -> bool | None:
    """Whether the last clause of the label that names anything names the account; None when none does."""
    for clause in reversed(_CLAUSE.split(label)):
        if _has(clause, operator.other):
            return False
        if _has(clause, (*operator.balance, *operator.account)):
            return True
    return None


def _amount(token: re.Match[str], label: str, operator: Operator) -> int | None:
    if token["bare"]:  # an amount only right behind the word for it
        words = "|".join(map(re.escape, operator.balance))
        if not re.search(rf"(?:{words})(?:\ ?(?:anda|utama|sisa))*[\ :=.]*\Z", label, re.IGNORECASE):
            return None
    number = token["money"] or token["worded"] or token["bare"]
    return _rupiah(number, (token["times"] or "").lower()) if number else None


def _rupiah(number: str, times: str = "") -> int | None:
    """Whole rupiah. What ends in a separator and one or two digits has sen, or tenths before "ribu"."""
    match = re.fullmatch(r"(.*?)(?:[.,](\d{1,2}))?", number.strip(" -"))
    digits = re.sub(r"[.,]", "", match[1]) if match else ""
    if not digits.isdigit():
        return None
    factor = {"rb": 1000, "ribu": 1000, "jt": 1_000_000, "juta": 1_000_000}.get(times, 1)
    fraction = match[2] if match and match[2] else "0"
    return int(digits) * factor + (int(fraction) * factor // 10 ** len(fraction) if factor > 1 else 0)


def _day(token: re.Match[str], today: date) -> date | None:
    if token["days"]:
        return today + timedelta(days=int(token["days"]))
    for form in "12345":
        if year := token[f"y{form}"]:
            return _date(int(year), token[f"m{form}"].lower(), int(token[f"d{form}"]))
    return None


def _date(year: int, month: str, day: int) -> date | None:
    number = int(month) if month.isdigit() else 1 + next(i for i, names in enumerate(_MONTHS) if month in names)
    if number > 12 >= day:  # the American order, where only it makes sense
        number, day = day, number
    try:
        return date(year if year > 99 else 2000 + year, number, day)
    except ValueError:
        return None


def _says_until(label: str, operator: Operator) -> bool:
    return _has(label, operator.validity) or not _has_letters(label)


def _has(text: str, words: Sequence[str]) -> bool:
    pattern = "|".join(map(re.escape, words))
    return bool(words) and re.search(rf"(?<![a-z])(?:{pattern})", text, re.IGNORECASE) is not None


def _has_letters(text: str) -> bool:
    return any(sign.isalpha() for sign in text)
