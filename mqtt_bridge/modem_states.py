"""How a modem can stand: one table of names, reasons and remedies for every page and metric of both sides. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ModemState(StrEnum):
    UNFITTED = "unfitted"
    ABSENT = "absent"
    STARTING = "starting"
    HUNG = "hung"
    PIN = "pin"
    PUK = "puk"
    NO_SIM = "no-sim"
    SEARCHING = "searching"
    DENIED = "denied"
    NONE = "none"
    UNKNOWN = "unknown"
    DEGRADED = "degraded"
    REGISTERED = "registered"
    ROAMING = "roaming"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a state is called; while it is a problem also the problem's code, the reason and the remedy in words.

    `sends` tells that an attempt to send has a chance, as far as is known: each one counts, and may cost.
    """

    name: str
    code: str = ""
    reason: str = ""
    remedy: str = ""
    sends: bool = False


MEANINGS = {
    ModemState.UNFITTED: Meaning("tanpa modem", sends=True),
    ModemState.ABSENT: Meaning(
        "modem tidak ada",
        "modem",
        "Modem tidak terpasang; SMS ditahan operator dan masuk setelah modem kembali",
        "Pasang lagi modem; bila tetap, ganti kabel, hub USB atau catu dayanya",
    ),
    ModemState.STARTING: Meaning("sedang dimulai", sends=True),
    ModemState.HUNG: Meaning(
        "tidak menjawab",
        "modem",
        "Modem tidak menjawab; gateway sedang membukanya lagi",
        "Tunggu dua menit; bila tetap, cabut dan pasang lagi modem, lalu periksa catu dayanya",
    ),
    ModemState.PIN: Meaning(
        "kartu SIM minta PIN",
        "sim",
        "Kartu SIM terkunci dan minta PIN",
        "Matikan permintaan PIN kartu itu dengan ponsel, lalu pasang lagi",
    ),
    ModemState.PUK: Meaning(
        "kartu SIM minta PUK",
        "sim",
        "Kartu SIM terblokir dan minta PUK",
        "Buka dengan PUK dari operator memakai ponsel; bila tidak bisa, ganti kartu SIM",
    ),
    ModemState.NO_SIM: Meaning(
        "kartu SIM tidak terbaca",
        "sim",
        "Kartu SIM tidak ada atau tidak terbaca",
        "Matikan modem, pasang kartu SIM dengan benar; bila tetap, ganti kartunya",
    ),
    ModemState.SEARCHING: Meaning(
        "mencari jaringan",
        "network",
        "Modem masih mencari jaringan",
        "Pindahkan antena ke dekat jendela; periksa kabel antena",
    ),
    ModemState.DENIED: Meaning(
        "ditolak jaringan",
        "network",
        "Jaringan menolak kartu SIM",
        "Periksa masa aktif dan registrasi kartu SIM; hubungi operator",
    ),
    ModemState.NONE: Meaning(
        "tidak terdaftar",
        "network",
        "Modem tidak terdaftar di jaringan dan tidak mencarinya",
        "Periksa kartu SIM dan antena, lalu cabut dan pasang lagi modem",
    ),
    ModemState.UNKNOWN: Meaning(
        "tidak diketahui",
        "network",
        "Status jaringan modem tidak diketahui",
        "Pindahkan antena ke dekat jendela; bila tetap, cabut dan pasang lagi modem",
        sends=True,
    ),
    ModemState.DEGRADED: Meaning(
        "bekerja sebagian",
        "modem",
        "Modem bekerja hanya sebagian",
        "Periksa pulsa, masa aktif dan sinyal; bila tetap, cabut dan pasang lagi modem",
        sends=True,
    ),
    ModemState.REGISTERED: Meaning("terdaftar", sends=True),
    ModemState.ROAMING: Meaning("terdaftar (roaming)", sends=True),
}
CODES = frozenset(meaning.code for meaning in MEANINGS.values() if meaning.code)


def remedy(state: str) -> str:
    """What to do about a modem in that state; empty when that is not known, as of a state of a newer version."""
    return MEANINGS[ModemState(state)].remedy if state in set(ModemState) else ""
