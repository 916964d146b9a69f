"""What staff are told of: a table of rules, each a condition over what central knows, and what holds now. Pure.

Of a gateway that says nothing, what it said last is no news: those rules are then unknown, and alerts stay as they
are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mqtt_bridge.records import Reason, Status

from . import states

CENTRAL = "(pusat)"  # no gateway can have this name
_ODD = re.compile(r"does not follow|another record \d+ of this journal")  # what ingest says of two histories


class Severity(StrEnum):
    """Worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Rule:
    """`after` is how long the condition must hold before anybody is told, `clear` how long not before it is over."""

    code: str
    title: str
    meaning: str
    remedy: str
    severity: Severity
    after: timedelta
    clear: timedelta
    off: bool = False


def _rule(
    code: str, severity: Severity, after: float, clear: float, title: str, meaning: str, remedy: str
) -> tuple[str, Rule]:
    return code, Rule(code, title, meaning, remedy, severity, timedelta(minutes=after), timedelta(minutes=clear))


_GRAVE, _WARN, _INFO = Severity
RULES: dict[str, Rule] = dict(
    (
        _rule("down", _GRAVE, 5, 5, "Terputus dari broker",
              "Gateway tidak tersambung; SMS tetap diterimanya bila listriknya ada, tetapi pusat tidak melihatnya.",
              "Periksa listrik dan jaringan data kantor"),
        _rule("late", _GRAVE, 5, 5, "Tidak ada kabar, padahal tersambung",
              "Broker menganggap gateway tersambung, tetapi kabarnya tidak datang.",
              "Tunggu beberapa menit; bila tetap begini, nyalakan ulang gateway"),
        _rule("rival", _GRAVE, 0, 10, "Dua perangkat memakai satu nama",
              "Dua perangkat bergantian masuk dengan nama gateway ini: kartu disalin, atau yang lama masih menyala.",
              states.REMEDIES["rival"]),
        _rule("modem", _GRAVE, 5, 5, "Modem, kartu SIM atau jaringan seluler tidak bekerja",
              "Presensi lewat SMS kantor ini tertahan di operator sampai modem bekerja lagi.",
              "Lihat halaman gateway itu; periksa modem, kartu SIM, dan antena"),
        _rule("journal", _GRAVE, 1, 5, "Penyimpanan gateway tidak bisa ditulis",
              "SMS tetap di kartu SIM dan dicatat setelah penyimpanan pulih; bila SIM penuh, operator menahannya.",
              states.REMEDIES["journal"]),
        _rule("fork", _GRAVE, 0, 60, "Jurnal bercabang atau diganti",
              "Isi jurnal gateway tidak menyambung dengan yang di pusat: kartu memori mundur, diganti, atau rusak.",
              states.REMEDIES["forked"]),
        _rule("sim-send", _WARN, 15, 30, "Kartu SIM menerima tetapi tidak bisa mengirim",
              "Presensi tercatat, tetapi pegawai tidak mendapat balasan.",
              "Periksa pulsa, masa aktif, dan batas SMS kartu SIM gateway"),
        _rule("sim-low", _WARN, 10, 30, "Pulsa atau masa aktif kartu SIM hampir habis",
              "Begitu habis, balasan berhenti; setelah masa tenggang SMS juga tidak diterima.",
              "Isi pulsa kartu SIM gateway itu"),
        _rule("sim-full", _WARN, 15, 15, "Memori SMS penuh",
              "SMS baru menunggu di operator sampai ada tempat.",
              states.REMEDIES["sim-full"]),
        _rule("queue", _WARN, 15, 10, "Antrean catatan menumpuk",
              "Gateway tersambung dan membuat catatan, tetapi pusat tidak memegangnya.",
              "Lihat apakah pusat menolaknya: gardu-central quarantine; periksa juga mutu jaringan kantor"),
        _rule("trust", _WARN, 10, 10, "Gateway dan pusat tidak saling percaya",
              "Salah satu menolak data yang lain, atau pusat tidak menjawab; data tetap disimpan.",
              "Periksa kunci keduanya: gardu-central quarantine"),
        _rule("roster", _WARN, 10, 5, "Daftar pegawai atau aturan baru belum diterapkan",
              "Gateway masih memakai daftar yang lama; pegawai baru belum dikenal.",
              "Lihat catatan gateway; bila kuncinya berbeda, serahkan lagi kunci publik pusat"),
        _rule("disk", _WARN, 10, 60, "Ruang kartu SD hampir habis",
              "Bila habis, jurnal tidak bisa ditulis.",
              states.REMEDIES["disk"]),
        _rule("heat", _WARN, 10, 30, "Gateway terlalu panas",
              "Di atas 80 °C Raspberry Pi melambat, dan kartu memorinya cepat rusak.",
              "Pindahkan ke tempat teduh, bersihkan debu, atau pasang kipas"),
        _rule("clock", _WARN, 30, 10, "Jam gateway tidak dapat dipercaya",
              "Waktu presensi diambil dari SMS centre; kode presensi dapat salah dinilai.",
              states.REMEDIES["clock"]),
        _rule("certificate", _WARN, 60, 10, "Sertifikat gateway hampir habis",
              "Biasanya diperbarui sendiri; bila habis, gateway tidak bisa masuk ke broker.",
              states.REMEDIES["certificate"]),
        _rule("quarantine", _WARN, 0, 60, "Ada data yang disisihkan",
              "Dalam 24 jam terakhir pusat menerima sesuatu atas nama gateway ini yang tidak bisa disimpan.",
              "Lihat apa dan mengapa: gardu-central quarantine"),
        _rule("watermark", _WARN, 30, 15, "Kelengkapan data tertinggal",
              "Gateway tersambung, tetapi belum membuktikan bahwa semua SMS sebelum batas itu sudah dikirim.",
              "Lihat halaman gateway itu: modem, jam, dan antreannya"),
        _rule("guessing", _WARN, 0, 30, "Kode presensi ditebak",
              "Terlalu banyak kode salah dalam satu jam.",
              states.REMEDIES["guessing"]),
        _rule("uplink", _WARN, 30, 30, "Kiriman lewat SMS ke pusat gagal",
              "Kantor itu tanpa data, dan jalan cadangannya juga tidak bekerja.",
              states.REMEDIES["uplink"]),
        _rule("sick", _WARN, 15, 15, "Gateway melaporkan masalah lain",
              "Alasannya ada dalam pemberitahuan itu.",
              "Lihat halaman gateway itu"),
        _rule("collector", _GRAVE, 1, 2, "Kolektor pusat berhenti",
              "Tidak ada yang menerima data gateway; gateway menyimpannya sampai kolektor hidup lagi.",
              "Nyalakan lagi: systemctl restart gardu-central; lihat journalctl -u gardu-central"),
        _rule("broker", _GRAVE, 2, 3, "Pusat terputus dari broker",
              "Semua gateway tidak terlihat; keadaan masing-masing baru dinilai lagi setelah broker tersambung.",
              "Periksa mosquitto di server pusat, sertifikatnya, dan jaringannya"),
        _rule("central-disk", _GRAVE, 5, 30, "Ruang disk server pusat hampir habis",
              "Bila habis, pusat tidak menyimpan lagi; gateway menahan datanya.",
              "Kosongkan atau perbesar disk yang memuat central.data_dir"),
        _rule("broker-certificate", _WARN, 0, 10, "Sertifikat broker hampir habis",
              "Bila habis, tidak satu gateway pun bisa tersambung.",
              "gardu-central broker-config, lalu systemctl reload mosquitto"),
        _rule("webhook", _WARN, 10, 10, "Program lain tidak menerima presensi",
              "Ada catatan yang tidak diterima program itu setelah semua percobaan.",
              "Lihat halaman Program; sesudah diperbaiki, kirim lagi"),
        _rule("attack", _WARN, 0, 60, "Ada yang mencoba masuk",
              "Dalam satu jam terakhir pendaftaran ditolak berkali-kali, atau datang data dengan nama tak dikenal.",
              "Lihat gardu-central quarantine dan catatan pendaftaran; periksa siapa yang bisa mencapai broker"),
        _rule("channel", _WARN, 30, 10, "Pemberitahuan tidak sampai",
              "Satu saluran pemberitahuan terus gagal; saluran lain tetap jalan.",
              "Lihat saluran itu di halaman Peringatan; coba: gardu-central alerts test NAMA"),
    )
)  # fmt: skip

# Which rule a reason of a status falls under; of several modems a number is behind it.
OF_REASON = {
    "modem": "modem", "sim": "modem", "network": "modem", "journal": "journal", "sim-full": "sim-full",
    "sim-stuck": "sim-full", "sim-cannot-send": "sim-send", "sms-limit": "sim-send", "sim-balance": "sim-low",
    "sim-validity": "sim-low", "refused": "trust", "no-ack": "trust", "disbelieved": "trust", "no-roster": "roster",
    "forked": "fork", "disk": "disk", "clock": "clock", "certificate": "certificate", "guessing": "guessing",
    "uplink": "uplink", "rival": "rival",
}  # fmt: skip
# What only a gateway that reports can tell of.
BY_STATUS = frozenset({*OF_REASON.values(), "queue", "heat", "watermark", "sick"})
BY_LINK = frozenset({"down", "late"})


@dataclass(frozen=True, slots=True)
class Terms:
    """The limits, and the rules as the settings have them."""

    queue: int = 20
    sim_days: int = 7
    sim_balance: int = 10_000
    disk_mb: int = 500
    heat: int = 80
    certificate_days: int = 7
    watermark_hours: int = 2
    attempts: int = 5
    central_disk_mb: int = 2000
    broker_certificate_days: int = 21
    renotify: timedelta = timedelta(hours=4)
    rules: Mapping[str, Rule] = field(default_factory=lambda: RULES)


@dataclass(frozen=True, slots=True)
class Sight:
    """What central knows of a gateway. `aside` is why something of it was put aside in the last day, `complete` its
    watermark, `replaced` whether its journal was another one within the last day.
    """

    id: str
    online: bool = False
    seen: datetime | None = None
    status: Status | None = None
    wanted: int = 0
    held: int = 0
    rival: datetime | None = None
    aside: tuple[str, ...] = ()
    complete: datetime | None = None
    replaced: bool = False

    def reports(self, now: datetime) -> bool:
        return self.online and self.seen is not None and now - self.seen <= states.SILENT_AFTER


@dataclass(frozen=True, slots=True)
class Self:
    """What central knows of itself. `listening` tells whether what it sees of gateways can be believed by now."""

    listening: bool = True
    collector_gone: bool = False
    broker_problem: str = ""
    disk_free: int | None = None
    broker_certificate: datetime | None = None
    dead: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0
    strangers: int = 0
    failing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """That a condition holds now, of a gateway or a part of central."""

    rule: str
    subject: str
    text: str
    remedy: str


def findings(
    sights: Mapping[str, Sight], central: Self, terms: Terms, now: datetime
) -> dict[tuple[str, str], Finding]:
    """(rule, subject) → what holds; rules that are off hold never."""
    found = list(_of_central(central, terms, now))
    for sight in sights.values():
        found.extend(_kept(sight))
        if central.listening:
            found.extend(_of_gateway(sight, terms, now))
    kept: dict[tuple[str, str], Finding] = {}
    for each in found:
        if not terms.rules[each.rule].off:
            kept.setdefault((each.rule, each.subject), each)
    return kept


def unknown(rule: str, subject: str, sights: Mapping[str, Sight], central: Self, now: datetime) -> bool:
    """Whether that nothing was found says nothing: an alert then does not end."""
    sight = sights.get(subject)
    if sight is None:
        return False
    if not central.listening:
        return rule in BY_STATUS | BY_LINK
    return rule in BY_STATUS and not sight.reports(now)


def _of_gateway(sight: Sight, terms: Terms, now: datetime) -> Iterator[Finding]:
    if sight.seen is None or sight.status is None:
        return  # it never came: the morning's digest tells
    if sight.rival and now - sight.rival < states.RIVAL_SHOWN:
        yield _found("rival", sight.id)
    if not sight.online:
        yield _found("down", sight.id)
    elif not sight.reports(now):
        yield _found("late", sight.id)
    else:
        for reason in sight.status.reasons:
            yield _by_reason(sight, reason, sight.status)
        yield from _sim(sight, sight.status, terms, now)
        yield from _limits(sight, sight.status, terms, now)


def _kept(sight: Sight) -> Iterator[Finding]:
    """What the database shows, whether the gateway is there or not."""
    if sight.replaced or any(_ODD.search(reason) for reason in sight.aside):
        yield _found("fork", sight.id)
    if sight.aside:
        yield _found("quarantine", sight.id, f"disisihkan: {sight.aside[0]}")


def _by_reason(sight: Sight, reason: Reason, status: Status) -> Finding:
    bare = re.sub(r"-\d+$", "", reason.code)
    rule = OF_REASON.get(bare, "sick")
    remedy = states.remedy(Reason(code=bare, text=reason.text), status)
    known = remedy != "Lihat halaman gateway itu"
    return Finding(rule, sight.id, reason.text, remedy if known else RULES[rule].remedy)


def _sim(sight: Sight, status: Status, terms: Terms, now: datetime) -> Iterator[Finding]:
    sim = status.sim
    if sim is None:
        return
    if sim.balance is not None and sim.balance < terms.sim_balance:
        yield _found("sim-low", sight.id, f"pulsa tinggal Rp {sim.balance:,}".replace(",", "."))
    if sim.valid_until is not None and (sim.valid_until - now.date()).days <= terms.sim_days:
        yield _found("sim-low", sight.id, f"masa aktif sampai {sim.valid_until:%d/%m/%Y}")
    if sim.days_left is not None and sim.days_left <= terms.sim_days:
        yield _found("sim-low", sight.id, f"cukup untuk sekitar {sim.days_left} hari")


def _limits(sight: Sight, status: Status, terms: Terms, now: datetime) -> Iterator[Finding]:
    waiting = status.last_seq - sight.held
    if waiting >= terms.queue:
        yield _found("queue", sight.id, f"{waiting} catatan menunggu")
    if status.disk_free is not None and status.disk_free < terms.disk_mb * 1_000_000:
        yield _found("disk", sight.id, f"sisa {status.disk_free // 1_000_000} MB")
    if status.heat is not None and status.heat >= terms.heat:
        yield _found("heat", sight.id, f"{status.heat:.0f} °C")
    if not status.clock_trusted:
        yield _found("clock", sight.id)
    left = status.certificate_until - now if status.certificate_until else None
    if left is not None and left < timedelta(days=terms.certificate_days):
        yield _found("certificate", sight.id, _ends(left))
    if status.desired < sight.wanted < now.timestamp() - states.APPLIED_AFTER.total_seconds():
        yield _found("roster", sight.id)
    if sight.complete and now - sight.complete > timedelta(hours=terms.watermark_hours):
        behind = int((now - sight.complete).total_seconds() // 3600)
        yield _found("watermark", sight.id, f"tertinggal {behind} jam")


def _of_central(central: Self, terms: Terms, now: datetime) -> Iterator[Finding]:
    if central.collector_gone:
        yield _found("collector", CENTRAL)
    elif central.broker_problem:
        yield _found("broker", CENTRAL, central.broker_problem)
    if central.disk_free is not None and central.disk_free < terms.central_disk_mb * 1_000_000:
        yield _found("central-disk", CENTRAL, f"sisa {central.disk_free // 1_000_000} MB")
    left = central.broker_certificate - now if central.broker_certificate else None
    if left is not None and left < timedelta(days=terms.broker_certificate_days):
        yield _found("broker-certificate", CENTRAL, _ends(left))
    if central.refused + central.strangers >= terms.attempts:
        text = f"{central.refused} pendaftaran ditolak, {central.strangers} kiriman dari nama tak dikenal"
        yield _found("attack", CENTRAL, text)
    for name, count in central.dead.items():
        yield _found("webhook", f"{CENTRAL} program {name}", f"{count} catatan tidak diterima")
    for name, problem in central.failing.items():
        yield _found("channel", f"{CENTRAL} saluran {name}", problem)


def _found(rule: str, subject: str, detail: str = "") -> Finding:
    known = RULES[rule]
    return Finding(rule, subject, f"{known.title}: {detail}" if detail else known.title, known.remedy)


def _ends(left: timedelta) -> str:
    return f"habis {left.days} hari lagi" if left > timedelta() else "sudah habis masa berlakunya"


def changed(
    code: str, severity: Severity | None, after: timedelta | None, clear: timedelta | None, *, off: bool
) -> Rule:
    """A shipped rule with what the settings have otherwise."""
    rule = RULES[code]
    return replace(
        rule,
        severity=severity or rule.severity,
        after=rule.after if after is None else after,
        clear=rule.clear if clear is None else clear,
        off=off,
    )


def named(subject: str) -> str:
    """Whom an alert is about, as people call it."""
    if not subject.startswith(CENTRAL):
        return subject
    return f"Pusat{subject.removeprefix(CENTRAL).replace(' ', ': ', 1)}"
