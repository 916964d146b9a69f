"""The worked days, one by one; and that neither order, repeats nor a later watermark make a day worse than it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from central import calendar, policy
from central.policy import Plan, Planner
from central.reasons import sentences
from central.rules import Absence, DayResult, Outage, Proof, Punch, Status, judge
from mqtt_bridge.records import Action

HERE = Path(__file__).parent
PROFILES = HERE.parents[1] / "central" / "profiles"
WORDS = {"masuk": Action.IN, "pulang": Action.OUT, "sakit": Action.SICK, "izin": Action.LEAVE, "dinas": Action.DUTY}
WIB = ZoneInfo("Asia/Jakarta")


def planner(profile: str, zone: ZoneInfo = WIB) -> Planner:
    return Planner(policy.parse((PROFILES / f"{profile}.toml").read_text()), zone, calendar.holiday)


@dataclass
class Case:
    """One line of the file."""

    planner: Planner
    text: str

    @property
    def happened(self) -> list[str]:
        return [each.strip() for each in self.text.partition(":")[2].partition("=>")[0].split(",") if each.strip()]

    @property
    def plan(self) -> Plan:
        day, _, pattern = self.text.partition(":")[0].partition(" ")
        found = self.planner.plan(date.fromisoformat(day), pattern or policy.OFFICE)
        assert found
        return found

    def at(self, clock: str) -> datetime:
        found = re.fullmatch(r"([0-9:]+)([+-]1)?", clock)
        assert found, clock
        day = self.plan.date + timedelta(days=int(found[2] or 0))
        return datetime.combine(day, time.fromisoformat(found[1]), self.planner.zone).astimezone(UTC)

    def result(self) -> DayResult:
        now = complete = self.at("12:00") + timedelta(days=2)
        punches, outages, absence = [], [], None
        for number, (word, *rest) in enumerate(each.split() for each in self.happened):
            if word in WORDS:
                punches.append(Punch(WORDS[word], self.at(rest[0]), f"R{number}"))
            elif word == "batal":
                punches.append(Punch(WORDS[rest[0]], self.at(rest[1]), f"R{number}", "salah orang"))
            elif word == "disetujui":
                absence = Absence(Status(rest[0]), "surat 1")
            elif word == "gangguan":
                since, until = (self.at(clock) for clock in rest[1].split("-"))
                outages.append(Outage(since, until, rest[0]))
            elif word == "lengkap":
                complete = self.at(rest[0])
            else:
                assert word == "sekarang", word
                now = self.at(rest[0])
        return judge(self.plan, punches, Proof(now, complete, outages), absence)


def told(result: DayResult) -> str:
    """As the file says it."""
    marks = (("menunggu", result.pending), ("gangguan", result.suspended))
    status = [result.status.value, *(word for word, holds in marks if holds)]
    if not result.final and result.status in (Status.PRESENT, Status.LATE):
        status.append("sementara")
    parts = [" ".join(status), " ".join(result.grades)]
    parts += [f"{name} {value}" for name, value in (("late", result.late), ("early", result.early)) if value]
    parts += [f"{result.percent.normalize():f} %"] if result.percent else []
    return ", ".join(filter(None, parts))


def cases() -> Iterator[object]:
    rules = None
    for number, line in enumerate((HERE / "worked_days.txt").read_text().splitlines(), 1):
        if line.startswith("=="):
            _, profile, zone = line.split()
            rules = planner(profile, ZoneInfo(zone))
        elif line and not line.startswith("#"):
            assert rules
            yield pytest.param(Case(rules, line), id=f"line {number}")


@pytest.mark.parametrize("case", list(cases()))
def test_worked_days(case: Case) -> None:
    assert told(case.result()) == case.text.partition("=>")[2].strip(), case.text
    assert all(sentences(case.result().why, case.planner.zone))


# What holds for every day


PEKANBARU = planner("pekanbaru")
DAY = date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 5, tzinfo=UTC)
ACTIONS = some.sampled_from(list(Action))
TIMES = some.integers(-24 * 60, 36 * 60).map(lambda minutes: NOON + timedelta(minutes=minutes))
PUNCHES = some.lists(
    some.builds(Punch, ACTIONS, TIMES, some.sampled_from("ABC"), some.sampled_from(["", "", "salah"])), max_size=8
)
OUTAGES = some.lists(
    some.builds(
        lambda since, minutes, reason: Outage(since, since + timedelta(minutes=minutes), reason),
        TIMES, some.integers(0, 600), some.sampled_from(["modem", "network", "offline", "clock"]),
    ),
    max_size=3,
)  # fmt: skip
PROFILE = some.sampled_from([planner(each.stem) for each in sorted(PROFILES.glob("*.toml"))])
PATTERN = some.sampled_from([policy.OFFICE, "malam"])


@given(PROFILE, PATTERN, PUNCHES, OUTAGES, TIMES, some.randoms())
def test_the_order_of_arrival_changes_nothing(
    rules: Planner, pattern: str, punches: list[Punch], outages: list[Outage], known: datetime, fate: Random
) -> None:
    plan = rules.plan(DAY, pattern)
    assert plan
    result = judge(plan, punches, Proof(known, known, outages))
    fate.shuffle(punches)
    fate.shuffle(outages)
    assert judge(plan, punches, Proof(known, known, outages)) == result
    assert judge(plan, punches * 2, Proof(known, known, outages)).percent == result.percent


@given(PROFILE, PUNCHES, TIMES, TIMES)
def test_nobody_is_absent_before_the_watermark_has_passed(
    rules: Planner, punches: list[Punch], now: datetime, known: datetime
) -> None:
    plan = rules.plan(DAY)
    assert plan
    result = judge(plan, punches, Proof(now, known))
    if min(known, now) < plan.closes:
        assert result.status is not Status.ABSENT or (plan.policy.missing_in == "absent" and known >= plan.in_until)
        assert not result.early
    if result.status is Status.LATE and result.arrived:
        assert known >= result.arrived


@given(PROFILE, PUNCHES, TIMES, TIMES)
def test_a_judgement_that_is_good_holds_however_much_arrives_late(
    rules: Planner, punches: list[Punch], known: datetime, now: datetime
) -> None:
    """What arrives late are records after the watermark: none of them makes somebody late who was not."""
    plan = rules.plan(DAY)
    assert plan
    held = [each for each in punches if each.at < known and each.action in (Action.IN, Action.OUT)]
    before = judge(plan, held, Proof(now, known))
    after = judge(plan, [each for each in punches if each.action in (Action.IN, Action.OUT)], Proof(now, known))
    if before.status is Status.LATE and before.arrived:
        assert after.late <= before.late
    if before.status is Status.PRESENT:
        assert after.status is Status.PRESENT


@given(PUNCHES, OUTAGES)
def test_an_incident_makes_no_day_worse(punches: list[Punch], outages: list[Outage]) -> None:
    plan = PEKANBARU.plan(DAY)
    assert plan
    later = NOON + timedelta(days=2)
    without, with_them = Proof(later, later), Proof(later, later, outages)
    assert judge(plan, punches, with_them).percent <= judge(plan, punches, without).percent


@given(PROFILE, PATTERN, PUNCHES, OUTAGES, TIMES, TIMES)
def test_every_result_says_why(
    rules: Planner, pattern: str, punches: list[Punch], outages: list[Outage], now: datetime, known: datetime
) -> None:
    plan = rules.plan(DAY, pattern)
    assert plan
    said = " ".join(sentences(judge(plan, punches, Proof(now, known, outages)).why, WIB))
    assert plan.policy.title in said
    assert "{" not in said


# Policies as data


def test_the_policy_is_the_one_that_held_on_the_day() -> None:
    book = policy.parse((PROFILES / "pekanbaru.toml").read_text())
    stricter = replace_policy(book.policies[0], title="Baru", since=date(2026, 12, 1), tolerance=5)
    both = policy.Rulebook(name="dua", policies=(stricter, book.policies[0]))
    rules = Planner(both, WIB, calendar.holiday)
    titles = [rules.plan(day).policy.title for day in (date(2026, 11, 30), date(2026, 12, 1))]  # type: ignore[union-attr]
    assert titles == ["Kota Pekanbaru 2026", "Baru"]
    assert rules.plan(date(2025, 12, 31)) is None
    plan = rules.plan(date(2026, 12, 1))
    assert plan
    late = [Punch(Action.IN, plan.start + timedelta(minutes=minutes), "A") for minutes in (5, 6)]
    now = Proof(plan.end, plan.end)
    assert [judge(plan, [each], now).status for each in late] == [Status.PRESENT, Status.LATE]


def replace_policy(old: policy.Policy, **changes: object) -> policy.Policy:
    return policy.msgspec.structs.replace(old, **changes)


def test_a_rulebook_overrides_the_calendar() -> None:
    book = policy.parse((PROFILES / "pekanbaru.toml").read_text())
    days = (policy.Day(date=DAY, name="Pilkada"), policy.Day(date=date(2026, 12, 24), name="Masuk", free=False))
    rules = Planner(policy.msgspec.structs.replace(book, days=days), WIB, calendar.holiday)
    assert (rules.plan(DAY).free, rules.plan(date(2026, 12, 24)).free) == ("Pilkada", "")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("since = 2026-01-01", ""), "since"),
        (("start = 07:30:00", "start = 07:30:30"), "whole minutes"),
        (("start = 07:30:00", "start = 05:00:00"), "order"),
        (('missing_in = "TL4"', 'missing_in = "TL9"'), "missing_in"),
        (('["fri"]', '["fri", "mon"]'), "mon has hours already"),
        (('["fri"]', '["jumat"]'), "jumat"),
        (("minutes = 31", "minutes = 1"), "more minutes"),
        (("absent = 4.0", "absent = 400.0"), "percent"),
        (("absent = 4.0", "abwesend = 4.0"), "abwesend"),
        (("until = 2026-03-19", "until = 2026-01-19"), "until is before since"),
        (("name =", "name"), "Expected"),
    ],
)
def test_what_is_wrong_in_a_rulebook_is_named(change: tuple[str, str], words: str) -> None:
    text = (PROFILES / "pekanbaru.toml").read_text()
    assert change[0] in text
    with pytest.raises(policy.BadPolicy, match=words):
        policy.parse(text.replace(*change, 1))


def test_times_of_the_trace_are_local() -> None:
    plan = planner("pekanbaru", ZoneInfo("Asia/Jayapura")).plan(DAY)
    assert plan
    result = judge(plan, [Punch(Action.IN, plan.start + timedelta(minutes=10), "K7QF")], Proof(plan.end, plan.end))
    said = sentences(result.why, ZoneInfo("Asia/Jayapura"))
    assert "Masuk pertama 07.40.00 (K7QF)." in said
    assert "Terlambat 10 menit dari 07.30." in said
    assert result.percent == Decimal("0.5")


def test_a_lone_code_comes_first_and_goes_later() -> None:
    """Whatever the gateway took it for, by what it knew at the time."""
    day = date(2026, 11, 24)
    times = [datetime(2026, 11, 24, hour, 5, tzinfo=UTC) for hour in (0, 9)]
    codes = [Punch(Action.IN, at, f"R{at.hour}", inferred=True) for at in times]
    plan = planner("pekanbaru").plan(day)
    assert plan
    proof = Proof(times[1] + timedelta(days=2), times[1] + timedelta(days=2))
    for arrived in (codes, codes[::-1]):
        result = judge(plan, arrived, proof)
        assert (result.arrived, result.left) == (times[0], times[1])
