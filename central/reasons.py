"""The trace of a result in words: which rule, of which policy, on which record. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from mqtt_bridge.records import Action


class Why(StrEnum):
    """One step of a judgement, as a sentence."""

    RULE = "Aturan: {title}, berlaku sejak {since}."
    HOURS = "Aturan: {title}, berlaku sejak {since}; jam kerja hari itu {start}–{end}."
    FREE = "Bukan hari kerja: {free}."
    VOID = "Catatan {action} {at} ({source}) dibatalkan: {reason}."
    OUTSIDE = "Catatan {action} {at} ({source}) di luar jendela hari itu, tidak dihitung."
    APPROVED = "Keterangan disetujui: {status} ({source})."
    STATED = "Pernyataan lewat SMS: {status}, {at} ({source}); menunggu persetujuan."
    AGREED = "Pernyataan lewat SMS: {status}, {at} ({source}); disetujui."
    SHARE = "Potongan untuk keterangan itu {percent}."
    ARRIVED = "Masuk pertama {at} ({source})."
    IN_TIME = "Tidak terlambat: batas masuk {limit}."
    TOLERATED = "Lewat {minutes} menit, dalam toleransi {tolerance} menit."
    LATE = "Terlambat {minutes} menit dari {limit}."
    LATE_UNPROVEN = "Lewat batas {minutes} menit; belum dinilai karena catatan yang lebih awal masih bisa tiba."
    REPAID = "Terlambat {minutes} menit, sudah diganti dengan {stay} menit sesudah jam pulang."
    OUTAGE = "Gangguan ({outage}); batas masuk menjadi {until}."
    SUSPENDED = "Keterlambatan {minutes} menit ditangguhkan karena gangguan itu."
    NO_ARRIVAL = "Tidak ada catatan masuk, dan data gateway lengkap sampai {known}."
    NO_ARRIVAL_SUSPENDED = "Tidak ada catatan masuk; ditangguhkan karena gangguan itu."
    LEFT = "Pulang terakhir {at} ({source})."
    FULL_TIME = "Tidak pulang sebelum waktu: batas pulang {limit}."
    EARLY = "Pulang {minutes} menit sebelum {limit}."
    NO_DEPARTURE = "Tidak ada catatan pulang, dan data gateway lengkap sampai {known}."
    NO_DEPARTURE_SUSPENDED = "Tidak ada catatan pulang; ditangguhkan karena gangguan ({outage})."
    GRADE = "{grade}: potongan {percent}."
    ABSENT = "Tanpa keterangan: potongan {percent}."
    INCOMPLETE = "Belum bisa dinilai: data gateway baru lengkap sampai {known}; yang perlu sampai {closes}."
    NOT_YET = "Hari masih berjalan; belum ada catatan masuk."


Step = tuple[Why, Mapping[str, Any]]

ACTIONS = {
    Action.IN: "masuk", Action.OUT: "pulang", Action.SICK: "sakit", Action.LEAVE: "izin", Action.DUTY: "dinas luar",
}  # fmt: skip
INCIDENTS = {
    "offline": "gateway terputus dari pusat",
    "modem": "modem tidak bekerja",
    "network": "modem tidak terdaftar di jaringan",
    "journal": "penyimpanan gateway rusak atau diganti",
    "enrolled": "belum terdaftar di Gardu",
}


def sentences(why: Sequence[Step], zone: ZoneInfo) -> list[str]:
    return [sentence(step, zone) for step in why]


def sentence(step: Step, zone: ZoneInfo) -> str:
    why, values = step
    return why.value.format(**{name: _word(name, value, zone) for name, value in values.items()})


def percent(share: Decimal) -> str:
    """`0,5%`, as it is written in Indonesian."""
    return f"{share.normalize():f}%".replace(".", ",")


def _word(name: str, value: Any, zone: ZoneInfo) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return _clock(name, value.astimezone(zone))
    if isinstance(value, Decimal):
        return percent(value)
    if isinstance(value, Action):
        return ACTIONS[value]
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    if isinstance(value, tuple):  # an outage
        since, until, reason = value
        end = f"{until.astimezone(zone):%H.%M}" if until else "sekarang"
        return f"{INCIDENTS.get(reason, reason)}, {since.astimezone(zone):%d/%m %H.%M}–{end}"
    return str(value).replace("-", " ") if name == "status" else str(value)


def _clock(name: str, at: datetime) -> str:
    """Records to the second, limits to the minute, and what may be on another day with its day."""
    if name in ("known", "closes"):
        return f"{at:%d/%m %H.%M}"
    return f"{at:%H.%M.%S}" if name == "at" else f"{at:%H.%M}"
