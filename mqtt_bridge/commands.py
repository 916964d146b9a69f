"""What the collector may have a gateway do, what each takes, and how what came of it is said. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from enum import StrEnum

from .records import Command, Result


class CommandName(StrEnum):
    PING = "ping"
    DIAGNOSTICS = "diagnostics"
    RESEND = "resend"
    RESTART_MODEM = "restart-modem"
    SMS = "sms"
    USSD = "ussd"


# The one argument of those that have one.
ARGUMENTS = {CommandName.RESEND: "from_seq", CommandName.SMS: "to", CommandName.USSD: "code"}
COSTLY = frozenset({CommandName.SMS, CommandName.USSD})
# Where a test SMS may go beside the numbers of IT staff: to the SIM itself and back, or to the collector's number.
OWN, CENTRAL = "own", "central"

_CODE = re.compile(r"[*#][0-9*#]{1,99}")
# They do not ask but set: diversions, barring, PIN and PUK (3GPP TS 22.030, 6.5.2 and annex B).
_SETTING = re.compile(r"\*\*|##|\*#|#[0-9]|\*(?:002|004|21|30|31|33[0-3]?|35[0-3]?|43|6[127]|7[67])[*#]")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_TEST = re.compile(r"Gardu uji [0-9A-F]{16} dari [a-z0-9-]+")
_SEQ = re.compile(r"[1-9][0-9]{0,15}")


def flaw(name: CommandName, arguments: Mapping[str, str]) -> str | None:
    """The code of what is wrong with its argument, whoever asks; None when nothing is."""
    wanted = ARGUMENTS.get(name)
    value = arguments.get(wanted, "") if wanted else ""
    if name is CommandName.USSD:
        return _flaw_of_code(value)
    if name is CommandName.SMS and value not in (OWN, CENTRAL) and not _NUMBER.fullmatch(value):
        return "number-not-allowed"
    if name is CommandName.RESEND and not _SEQ.fullmatch(value):
        return "seq"
    return None


def _flaw_of_code(code: str) -> str | None:
    if not _CODE.fullmatch(code):
        return "ussd-code"
    return "ussd-setting" if _SETTING.match(code) else None


def sms_text(command: Command) -> str:
    """What a test SMS says. By its mark it is known again, and by no other SMS."""
    mark = hashlib.sha256(command.id.encode()).hexdigest()[:16].upper()
    return f"Gardu uji {mark} dari {command.gateway}"


def is_test(text: str) -> bool:
    return _TEST.fullmatch(text) is not None


NAMES = {
    CommandName.PING: "Sapa",
    CommandName.DIAGNOSTICS: "Kirim diagnostik",
    CommandName.RESEND: "Kirim ulang catatan",
    CommandName.RESTART_MODEM: "Nyalakan ulang modem",
    CommandName.SMS: "SMS uji",
    CommandName.USSD: "Tekan USSD",
}
# How it ended, by the code in the result; what stands in braces is among its facts.
MEANINGS = {
    "pong": "Gateway menjawab.",
    "diagnostics": "Diagnostik diterima.",
    "resent": "Catatan {first}–{last} dikirim ulang.",
    "nothing-to-resend": "Tidak ada catatan sejak nomor {first}; yang terakhir nomor {last}.",
    "modem-restarted": "Modem dinyalakan ulang.",
    "sms-sent": "SMS uji diserahkan ke jaringan.",
    "sms-back": "SMS uji kembali dalam {seconds} detik.",
    "sms-not-back": "SMS uji terkirim, tetapi belum kembali dalam {seconds} detik.",
    "ussd": "Operator menjawab.",
    "ussd-silent": "Operator tidak memberi jawaban ({status}).",
    "modem": "Modem gagal.",
    "no-network": "Modem tidak siap mengirim.",
    "no-modem": "Gateway ini tidak memakai modem.",
    "no-policy": "Gateway belum menerima aturannya dari pusat.",
    "no-own-number": "Nomor kartu SIM gateway ini tidak disebut dalam pengaturannya (screen.number).",
    "no-central-number": "Pusat tidak mempunyai nomor SMS.",
    "number-not-allowed": "SMS uji hanya boleh ke nomor petugas TI, nomor pusat, atau nomor gateway itu sendiri.",
    "ussd-code": "Kode USSD hanya berisi angka, * dan #, dan diawali * atau #.",
    "ussd-setting": "Kode itu mengubah pengaturan kartu SIM, jadi tidak boleh ditekan dari jauh.",
    "ussd-forbidden": "Aturan pusat tidak mengizinkan USSD dari jauh.",
    "seq": "Nomor catatan harus bilangan mulai dari 1.",
    "unknown-command": "Gateway ini tidak mengenal perintah itu; versinya lebih lama.",
    "expired": "Perintah sampai setelah batas waktunya, jadi tidak dijalankan.",
    "interrupted": "Tidak diketahui: dimulai {begun}, lalu gateway terhenti. Tidak diulang.",
}


def said(result: Result) -> str:
    """How it ended, in words; a code of a newer gateway as it is."""
    try:
        return MEANINGS.get(result.code, result.code).format(**result.facts)
    except (KeyError, IndexError, ValueError):
        return MEANINGS.get(result.code, result.code)


def name_of(command: Command | str) -> str:
    """What people call it; a command of a newer collector as it is."""
    name = command if isinstance(command, str) else command.name
    return NAMES[CommandName(name)] if name in set(CommandName) else name
