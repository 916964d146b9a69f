"""What a gateway decides by: who has which number, and the policy. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mqtt_bridge.records import Channel, Desired, Member, Policy, PresenceRule

from .message import IncomingMessage

# Nothing was ever recorded before this.
_RELEASED = datetime(2026, 1, 1, tzinfo=UTC)
# An SMS centre gives the year with two digits (3GPP TS 23.040, 9.2.3.11).
_END_OF_SCTS = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rules:
    """`people` are those who speak by a number (E.164), mostly one; `secrets` make the codes of each office."""

    people: Mapping[str, tuple[Member, ...]]
    policy: Policy
    gateway: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)
    sealing_key: str = ""

    @classmethod
    def of(cls, desired: Desired) -> Rules:
        """The rules that the collector wants."""
        return cls(by_number(desired.roster), desired.policy, desired.gateway, desired.secrets, desired.sealing_key)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.policy.timezone)

    @property
    def own_secret(self) -> str | None:
        """What makes the codes of this gateway's screen."""
        return self.secrets.get(self.gateway)

    def secret(self, member: Member) -> str | None:
        """What makes the codes that this person types."""
        return self.secrets.get(member.office or self.gateway)

    def presence(self, member: Member) -> PresenceRule:
        """Whether this person needs a code. Nobody does where there is none to be had."""
        rule = member.presence or self.policy.presence
        return rule if self.secret(member) else PresenceRule.OFF


def by_number(roster: Iterable[Member]) -> dict[str, tuple[Member, ...]]:
    people: dict[str, tuple[Member, ...]] = {}
    for member in roster:
        people[member.phone] = (*people.get(member.phone, ()), member)
    return people


@dataclass(frozen=True, slots=True)
class Counted:
    """The time that counts, and whether it is ours for want of a believable one of the network."""

    at: datetime
    own: bool


def counted(message: IncomingMessage, policy: Policy) -> Counted:
    """The SMS centre's time where it can be true, else the time of receipt; never a guess.

    Only a clock that was set by the network can contradict the SMS centre. A Raspberry Pi boots with the time at
    which it went off, and nothing shows that it is behind but a stamp from the future.
    """
    sent, received = message.sent, message.received
    if sent is None:
        return Counted(received, own=True)
    oldest, newest = _RELEASED, _END_OF_SCTS
    if message.clock_trusted:
        oldest = received - timedelta(hours=policy.sms_validity_hours)
        newest = received + timedelta(seconds=policy.clock_skew_seconds)
    if not oldest <= sent <= newest:
        return Counted(received, own=True)
    # A session's time is our own, too.
    return Counted(sent.astimezone(UTC), own=message.channel is Channel.USSD and not message.clock_trusted)


def day_of(at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The local day that holds `at`, as [start, end) in UTC."""
    today = at.astimezone(zone).date()
    start = datetime.combine(today, time(), zone)
    end = datetime.combine(today + timedelta(days=1), time(), zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def month_of(at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The local month that holds `at`, as [start, end) in UTC."""
    first = at.astimezone(zone).date().replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    start = datetime.combine(first, time(), zone)
    end = datetime.combine(following, time(), zone)
    return start.astimezone(UTC), end.astimezone(UTC)
