"""What an employee is told, in Indonesian. Pure. Every text is one SMS: at most 160 signs of GSM-7."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from mqtt_bridge.records import Action

LONGEST = 160  # signs of one SMS in the GSM 7 bit alphabet (3GPP TS 23.038)

_DAYS = ("Sen", "Sel", "Rab", "Kam", "Jum", "Sab", "Min")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des")
_WORDS = {
    Action.IN: "Hadir",
    Action.OUT: "Pulang",
    Action.SICK: "Sakit",
    Action.LEAVE: "Izin",
    Action.DUTY: "Dinas luar",
}

NOT_UNDERSTOOD = "Maaf, pesan tidak dikenali. Ketik HADIR saat datang atau PULANG saat pulang. Contoh: HADIR"
ONE_SHORT_TEXT = "Maaf, pesan terlalu panjang. Cukup satu kata: HADIR saat datang atau PULANG saat pulang."
ONLY_TEXT = "Maaf, hanya SMS teks yang diterima. Ketik HADIR saat datang atau PULANG saat pulang."
NOT_REGISTERED = "Nomor ini belum terdaftar untuk presensi. Hubungi pengelola kepegawaian di kantor Anda."


def recorded(action: Action, at: datetime, zone: ZoneInfo, receipt: str, *, own_time: bool) -> str:
    """The record was made. `own_time` tells that `at` is the gateway's time, as the network gave none."""
    hint = " (jam gateway)" if own_time else ""
    return f"{_WORDS[action]} tercatat {moment(at, zone)}{hint}, No. {receipt}."


def repeated(action: Action, at: datetime, zone: ZoneInfo, receipt: str) -> str:
    """There is such a record already, and it stands."""
    return f"{_WORDS[action]} sudah tercatat {moment(at, zone)}, No. {receipt}."


def moment(at: datetime, zone: ZoneInfo) -> str:
    """`Sel 24 Nov 07:42:10 WIB`: local time to the second, as the SMS centre gives it."""
    local = at.astimezone(zone)
    return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local:%H:%M:%S} {local.tzname()}"
