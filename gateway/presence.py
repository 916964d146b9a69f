"""Presence codes: six digits on the office's screen that change all the time. Pure.

The code of a window is that of RFC 4226 (HOTP, SHA-256) with the window's number as counter, which makes it the
time-based code of RFC 6238. It is judged at the time that counts for the message, not when the message came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import pyotp

from mqtt_bridge.records import Policy

DIGITS = 6
# What the SMS centre's clock may be behind that of the screen.
EARLY = timedelta(seconds=15)
# How long a code that went is still told from one that never was.
REMEMBERED = timedelta(minutes=30)
# How far back a code may be when neither clock is known to be right.
UNSURE = timedelta(minutes=10)


class Verdict(StrEnum):
    GOOD = "good"
    OLD = "old"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Shown:
    """What the screen shows at one moment: the code, and when the next one comes."""

    code: str
    since: datetime
    until: datetime


def shown(secret: str, at: datetime, policy: Policy) -> Shown:
    window = _window(at, policy)
    return Shown(_code(secret, window), _start(window, policy), _start(window + 1, policy))


def judge(secret: str, code: str, since: datetime, until: datetime, policy: Policy) -> Verdict:
    """Whether that code counted at some time from `since` to `until`; mostly the two are the same moment."""
    grace = timedelta(seconds=policy.code_grace_seconds)
    if _any(secret, code, _windows(since - grace, until + EARLY, policy)):
        return Verdict.GOOD
    old = _any(secret, code, _windows(since - REMEMBERED, since, policy))
    return Verdict.OLD if old else Verdict.WRONG


def _any(secret: str, code: str, windows: Iterator[int]) -> bool:
    # Nobody measures HMACs through an SMS centre, so the comparison need not take the same time for each code.
    return any(_code(secret, window) == code for window in windows)


def _windows(since: datetime, until: datetime, policy: Policy) -> Iterator[int]:
    """The windows of which any part lies between those times, the newest first."""
    newest, oldest = _window(until, policy), _window(since, policy)
    return iter(range(newest, oldest - 1, -1))


def _window(at: datetime, policy: Policy) -> int:
    return int(at.timestamp()) // policy.code_seconds


def _start(window: int, policy: Policy) -> datetime:
    return datetime.fromtimestamp(window * policy.code_seconds, UTC)


def _code(secret: str, window: int) -> str:
    return pyotp.HOTP(secret, digits=DIGITS, digest=hashlib.sha256).at(window)
