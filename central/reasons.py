"""The trace of a result in words: which rule, of which policy, on which record. Pure but for the language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from mqtt_bridge.records import Action, Language

from .languages import N_, _, reader


class Why(StrEnum):
    """One step of a judgement, as a sentence."""

    RULE = N_("Aturan: {title}, berlaku sejak {since}.")
    HOURS = N_("Aturan: {title}, berlaku sejak {since}; jam kerja hari itu {start}–{end}.")
    FREE = N_("Bukan hari kerja: {free}.")
    VOID = N_("Catatan {action} {at} ({source}) dibatalkan: {reason}.")
    OUTSIDE = N_("Catatan {action} {at} ({source}) di luar jendela hari itu, tidak dihitung.")
    APPROVED = N_("Keterangan disetujui: {status} ({source}).")
    STATED = N_("Pernyataan lewat SMS: {status}, {at} ({source}); menunggu persetujuan.")
    AGREED = N_("Pernyataan lewat SMS: {status}, {at} ({source}); disetujui.")
    SHARE = N_("Potongan untuk keterangan itu {percent}.")
    ARRIVED = N_("Masuk pertama {at} ({source}).")
    IN_TIME = N_("Tidak terlambat: batas masuk {limit}.")
    TOLERATED = N_("Lewat {minutes} menit, dalam toleransi {tolerance} menit.")
    LATE = N_("Terlambat {minutes} menit dari {limit}.")
    LATE_UNPROVEN = N_("Lewat batas {minutes} menit; belum dinilai karena catatan yang lebih awal masih bisa tiba.")
    REPAID = N_("Terlambat {minutes} menit, sudah diganti dengan {stay} menit sesudah jam pulang.")
    OUTAGE = N_("Gangguan ({outage}); batas masuk menjadi {until}.")
    SUSPENDED = N_("Keterlambatan {minutes} menit ditangguhkan karena gangguan itu.")
    NO_ARRIVAL = N_("Tidak ada catatan masuk, dan data gateway lengkap sampai {known}.")
    NO_ARRIVAL_SUSPENDED = N_("Tidak ada catatan masuk; ditangguhkan karena gangguan itu.")
    LEFT = N_("Pulang terakhir {at} ({source}).")
    FULL_TIME = N_("Tidak pulang sebelum waktu: batas pulang {limit}.")
    EARLY = N_("Pulang {minutes} menit sebelum {limit}.")
    NO_DEPARTURE = N_("Tidak ada catatan pulang, dan data gateway lengkap sampai {known}.")
    NO_DEPARTURE_SUSPENDED = N_("Tidak ada catatan pulang; ditangguhkan karena gangguan ({outage}).")
    GRADE = N_("{grade}: potongan {percent}.")
    ABSENT = N_("Tanpa keterangan: potongan {percent}.")
    INCOMPLETE = N_("Belum bisa dinilai: data gateway baru lengkap sampai {known}; yang perlu sampai {closes}.")
    NOT_YET = N_("Hari masih berjalan; belum ada catatan masuk.")


Step = tuple[Why, Mapping[str, Any]]

ACTIONS = {
    Action.IN: N_("masuk"),
    Action.OUT: N_("pulang"),
    Action.SICK: N_("sakit"),
    Action.LEAVE: N_("izin"),
    Action.DUTY: N_("dinas luar"),
}
STATED = {
    "izin": N_("izin"), "sakit": N_("sakit"), "cuti": N_("cuti"), "dinas-luar": N_("dinas luar"),
    "tugas-belajar": N_("tugas belajar"), "wfh": N_("kerja dari rumah"),
}  # fmt: skip
INCIDENTS = {
    "offline": N_("gateway terputus dari pusat"),
    "modem": N_("modem tidak bekerja"),
    "network": N_("modem tidak terdaftar di jaringan"),
    "journal": N_("penyimpanan gateway rusak atau diganti"),
    "enrolled": N_("belum terdaftar di Gardu"),
}


def sentences(why: Sequence[Step], zone: ZoneInfo) -> list[str]:
    return [sentence(step, zone) for step in why]


def sentence(step: Step, zone: ZoneInfo) -> str:
    why, values = step
    return _(why.value).format(**{name: _word(name, value, zone) for name, value in values.items()})


def percent(share: Decimal) -> str:
    """`0,5%`, as it is written in Indonesian; `0.5%` in English."""
    written = f"{share.normalize():f}%"
    return written if reader() is Language.ENGLISH else written.replace(".", ",")


def _word(name: str, value: Any, zone: ZoneInfo) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return _clock(name, value.astimezone(zone))
    if isinstance(value, Decimal):
        return percent(value)
    if isinstance(value, Action):
        return _(ACTIONS[value])
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    if isinstance(value, tuple):  # an outage
        since, until, reason = value
        end = _written(until.astimezone(zone), "%H.%M") if until else _("sekarang")
        return f"{_(INCIDENTS.get(reason, str(reason)))}, {_written(since.astimezone(zone), '%d/%m %H.%M')}–{end}"
    if name == "status":
        return _(STATED.get(value, str(value)))
    return _(value) if name == "free" else str(value)


def _clock(name: str, at: datetime) -> str:
    """Records to the second, limits to the minute, and what may be on another day with its day."""
    if name in ("known", "closes"):
        return _written(at, "%d/%m %H.%M")
    return _written(at, "%H.%M.%S" if name == "at" else "%H.%M")


def _written(at: datetime, form: str) -> str:
    """`07.21`, in English `07:21`."""
    return at.strftime(form.replace(".", ":") if reader() is Language.ENGLISH else form)
