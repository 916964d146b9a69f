from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.presence import EARLY, REMEMBERED, Verdict, judge, shown
from mqtt_bridge.records import Policy

from .factories import MORNING, SECRET

POLICY = Policy()
LIFE = timedelta(seconds=POLICY.code_seconds + POLICY.code_grace_seconds)
OTHER_SECRET = "A" * 32
moments = st.datetimes(datetime(2026, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def verdict(code: str, at: datetime, policy: Policy = POLICY) -> Verdict:
    return judge(SECRET, code, at, at, policy)


def test_the_code_is_that_of_rfc_6238() -> None:
    """Appendix B, SHA-256, time 59 and 1111111109, the last six of its eight digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA"
    policy = Policy(code_seconds=30)
    for seconds, code in ((59, "119246"), (1111111109, "084774")):
        assert shown(secret, datetime.fromtimestamp(seconds, UTC), policy).code == code


@given(moments, st.sampled_from(["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"]), st.integers(30, 300))
def test_a_code_counts_from_when_it_is_shown_until_its_grace_is_over(at: datetime, zone: str, seconds: int) -> None:
    """Midnight, zones and the length of a window change nothing."""
    policy = Policy(timezone=zone, code_seconds=seconds)
    now = shown(SECRET, at.astimezone(ZoneInfo(zone)), policy)
    grace = timedelta(seconds=policy.code_grace_seconds)
    assert now.since <= at < now.until
    assert now.until - now.since == timedelta(seconds=seconds)
    for moment in (now.since - EARLY, now.since, at, now.until, now.until + grace - timedelta(seconds=1)):
        assert verdict(now.code, moment, policy) is Verdict.GOOD
    for moment in (now.since - EARLY - timedelta(seconds=1), now.until + grace):
        assert verdict(now.code, moment, policy) is not Verdict.GOOD or _shown_again(now.code, moment, policy)


def _shown_again(code: str, at: datetime, policy: Policy) -> bool:
    """One code in a million is also that of a neighbouring window."""
    step = timedelta(seconds=policy.code_seconds)
    return any(shown(SECRET, at + n * step, policy).code == code for n in range(-12, 2) if n)


def test_a_code_that_went_is_told_from_one_that_never_was() -> None:
    code = shown(SECRET, MORNING, POLICY).code
    assert verdict(code, MORNING + LIFE + timedelta(seconds=1)) is Verdict.OLD
    assert verdict(code, MORNING + REMEMBERED + LIFE + timedelta(seconds=1)) is Verdict.WRONG
    assert judge(OTHER_SECRET, code, MORNING, MORNING, POLICY) is Verdict.WRONG


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "-12345", "１２３４５６"])
def test_what_is_no_code_is_wrong(code: str) -> None:
    assert verdict(code, MORNING) is Verdict.WRONG
