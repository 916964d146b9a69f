"""Days and times as the reader writes them: `Sel 24 Nov 07:21 WIB`, in English `Tue 24 Nov 07:21 WIB`."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from ..languages import N_, _, ngettext
from ..policy import DAY_NAMES

MONTHS = (
    N_("Januari"), N_("Februari"), N_("Maret"), N_("April"), N_("Mei"), N_("Juni"), N_("Juli"), N_("Agustus"),
    N_("September"), N_("Oktober"), N_("November"), N_("Desember"),
)  # fmt: skip
SHORT_MONTHS = (
    N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("Mei"), N_("Jun"), N_("Jul"), N_("Agu"), N_("Sep"), N_("Okt"),
    N_("Nov"), N_("Des"),
)  # fmt: skip
SHORT_DAYS = (N_("Sen"), N_("Sel"), N_("Rab"), N_("Kam"), N_("Jum"), N_("Sab"), N_("Min"))


def whole(day: date) -> str:
    """`Selasa, 24 November 2026`."""
    return f"{_(DAY_NAMES[day.weekday()])}, {day.day} {month(day)}"


def month(day: date) -> str:
    return f"{_(MONTHS[day.month - 1])} {day.year}"


def short(at: datetime) -> str:
    """To the minute, in the zone that it has."""
    return f"{_(SHORT_DAYS[at.weekday()])} {at.day} {_(SHORT_MONTHS[at.month - 1])} {at:%H:%M %Z}"


def lasted(time: timedelta) -> str:
    """How long, in its largest unit."""
    minutes = max(0, int(time.total_seconds()) // 60)
    if minutes >= 1440:
        return ngettext("{count} hari", "{count} hari", minutes // 1440).format(count=minutes // 1440)
    if minutes >= 60:
        return ngettext("{count} jam", "{count} jam", minutes // 60).format(count=minutes // 60)
    return ngettext("{count} menit", "{count} menit", minutes).format(count=minutes)
