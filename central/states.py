"""How a gateway stands, why, and what to do about it: judged from what is kept of it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from mqtt_bridge import modem_states
from mqtt_bridge.records import Reason, Status

# A gateway reports every 30 seconds; three in a row may be lost before anybody is told.
SILENT_AFTER = timedelta(seconds=95)


# How long a gateway that is connected may take to apply what it should hold.
APPLIED_AFTER = timedelta(minutes=2)

# How long two devices of one name are shown after the last sign of both.
RIVAL_SHOWN = timedelta(minutes=10)


_NUMBERED = re.compile(r"(.+)-([2-9])")


class State(StrEnum):
    """Worst first: the order in which people want to see them."""

    DOWN = "down"
    LATE = "late"
    SICK = "sick"
    NEW = "new"
    PAUSED = "paused"  # in maintenance: nobody needs to look
    UP = "up"


@dataclass(frozen=True, slots=True)
class Condition:
    """The state with its reason and its remedy in words; both empty when all is well."""

    state: State
    reason: str = ""
    remedy: str = ""


# What to do about each reason that a gateway gives, by its code; about its modem `modem_states` tells.
REMEDIES = {
    "journal": "Periksa kartu SD dan sisa ruangnya, lalu nyalakan ulang gateway",
    "sim-full": "Gateway akan mengosongkannya sendiri; bila tetap penuh, nyalakan ulang modem",
    "sim-stuck": "Hapus SMS itu dengan ponsel, atau ganti kartu SIM saat sempat",
    "no-ack": "Periksa kunci publik gateway ini di pusat: gardu-central quarantine",
    "disbelieved": "Serahkan lagi kunci publik pusat ke gateway",
    "clock": "Sambungkan gateway ke jaringan agar jamnya menyetel diri",
    "link": "Periksa jaringan data kantor",
    "no-roster": "Impor daftar pegawai kantor ini: gardu-central roster import",
    "forked": "Periksa apakah kartu memorinya diganti atau rusak; bandingkan hari-hari terakhir dengan daftar manual",
    "refused": "Lihat apa yang ditolak di server pusat: gardu-central quarantine",
    "guessing": "Lihat di halaman Pesan gateway siapa yang menebak, dan tanyakan",
    "certificate": "Daftarkan lagi gateway ini: gardu-central gateway add NAMA --replace",
    "broker": "Periksa jam gateway, alamat broker, dan sertifikat broker: gardu-central broker-config",
    "rival": "Matikan perangkat yang lama; bila kartunya disalin, cabut: gardu-central gateway revoke",
    "revoked": "Bila diganti perangkat lain, daftarkan: gardu-central gateway add",
    "uplink": "Periksa pulsa kartu SIM gateway, dan batas SMS per hari di pusat",
    "sim-balance": "Isi pulsa kartu SIM gateway",
    "sim-validity": "Isi pulsa kartu SIM gateway; itu memperpanjang masa aktifnya",
    "sim-unread": "Periksa pulsanya dengan ponsel, atau minta IT memeriksa kode cek pulsa operator itu",
    "sim-cannot-send": "Isi pulsa kartu SIM gateway; bila cukup, ganti kartunya",
    "sms-limit": "Lihat di halaman Pesan gateway siapa yang banyak mengirim; batasnya ada di aturan pusat",
    "calls": "Pakai modem lain, atau matikan presensi lewat panggilan di aturan pusat",
    "disk": "Ganti kartu SD dengan yang lebih besar",
    "undervoltage": "Ganti adaptor atau kabel daya Raspberry Pi; yang resmi 5,1 V",
}


def judge(
    *,
    online: bool,
    seen: datetime | None,
    status: Status | None,
    now: datetime,
    wanted: int = 0,
    ended: str | None = None,
    rival: datetime | None = None,
    paused: bool = False,
) -> Condition:
    """How it stands; while people work on it, what else would be said of it is told but alarms nobody.

    `seen` is when anything came from it last, by the collector's clock; `wanted` the newest version of desired;
    `ended` why its key counts no more; `rival` when another device was last seen under its name.

    A version is at least the time (in seconds since 1970) at which it was made, so it tells how long it has been out.
    """
    if ended:
        return Condition(State.DOWN, f"Dicabut: {ended}", REMEDIES["revoked"])
    found = _judge(online=online, seen=seen, status=status, now=now, wanted=wanted, rival=rival)
    if not paused:
        return found
    return Condition(
        State.PAUSED,
        f"Sedang dipelihara. {found.reason}".rstrip(" ."),
        "Akhiri masa pemeliharaan sesudah pekerjaan selesai",
    )


def _judge(
    *,
    online: bool,
    seen: datetime | None,
    status: Status | None,
    now: datetime,
    wanted: int,
    rival: datetime | None,
) -> Condition:
    if rival and now - rival < RIVAL_SHOWN:
        return Condition(State.SICK, "Dua perangkat memakai nama gateway ini", REMEDIES["rival"])
    if seen is None or status is None:
        return Condition(State.NEW, "Belum pernah terhubung", "Nyalakan gateway dan daftarkan: gardu-gateway enrol")
    if not online:
        return Condition(State.DOWN, "Terputus dari broker", "Periksa listrik dan jaringan data kantor")
    if now - seen > SILENT_AFTER:
        return Condition(
            State.LATE, "Tidak ada kabar, padahal tersambung", "Bila tetap begini, nyalakan ulang gateway"
        )
    if status.reasons:
        first = status.reasons[0]
        more = f" (+{len(status.reasons) - 1} lagi)" if len(status.reasons) > 1 else ""
        return Condition(State.SICK, first.text + more, remedy(first, status))
    if status.desired < wanted < now.timestamp() - APPLIED_AFTER.total_seconds():
        return Condition(State.SICK, "Daftar pegawai yang baru belum diterapkan", REMEDIES["disbelieved"])
    return Condition(State.UP)


def remedy(reason: Reason, status: Status) -> str:
    """What to do about one reason of a gateway that says `status` of itself."""
    numbered = _NUMBERED.fullmatch(reason.code)
    if numbered:  # of a modem behind the first: what the status says of a modem is not about it
        return REMEDIES.get(numbered[1], f"Lihat halaman gateway itu, modem {numbered[2]}")
    of_modem = modem_states.remedy(status.modem.state) if reason.code in modem_states.CODES else ""
    return of_modem or REMEDIES.get(reason.code, "Lihat halaman gateway itu")


def not_applied(status: Status | None, wanted: int) -> datetime | None:
    """Since when a gateway should hold what it has not applied; None when it has."""
    late = status is not None and status.desired < wanted
    return datetime.fromtimestamp(wanted, UTC) if late else None


def worst_first(state: State) -> int:
    return list(State).index(state)
