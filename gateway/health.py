"""How the gateway is, and what is wrong with it in words: the status that its page shows and the collector gets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import psutil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modem.messages import Modem, ModemError, ModemStatus, Registration
from mqtt_bridge.client import Link, LinkDown, Problem, Trouble
from mqtt_bridge.envelope import seal
from mqtt_bridge.records import Connection, ModemReport, Reason, Status
from mqtt_bridge.topics import Leaf, topic

from .clock import Now
from .guardian import NOTHING_KNOWN, SimView

LITTLE_DISK = 100_000_000  # bytes
ASK_MODEM_EVERY = 15.0  # seconds
REPORT_EVERY = 30.0
LONG_UNANSWERED = 300.0
VALIDITY_DAYS, SOON_DAYS = 14, 7  # before the SIM ends: people are told, and told to hurry
BALANCE_DAYS = 5  # the same for the balance, by what is spent
UNSENT_IN_A_ROW = 3

_REGISTERED = {Registration.HOME, Registration.ROAMING}
_REGISTRATION_TEXTS = {
    Registration.SEARCHING: "Modem masih mencari jaringan; periksa antena dan letaknya",
    Registration.DENIED: "Jaringan menolak kartu SIM; hubungi operator",
    Registration.NONE: "Modem tidak terdaftar di jaringan; periksa kartu SIM dan antena",
    Registration.UNKNOWN: "Status jaringan modem tidak diketahui",
}
_LINK_TEXTS = {
    Trouble.STARTING: "Sedang menyambung ke pusat",
    Trouble.UNREACHABLE: "Broker pusat tidak bisa dijangkau; periksa jaringan data",
    Trouble.REJECTED: "Broker pusat menolak gateway ini; periksa pendaftarannya",
    Trouble.ENDED: "Sambungan ke pusat terputus; sedang disambung lagi",
    Trouble.DENIED: "Broker pusat menolak pesan gateway ini; periksa hak aksesnya",
}


class ModemWatch:
    """Asks the modem now and then how it is; `problem` is why it could not be asked or used."""

    def __init__(self, modem: Modem) -> None:
        self._modem = modem
        self._next = 0.0
        self.status: ModemStatus | None = None
        self.problem: str | None = None

    def step(self, now: Now) -> None:
        """Raises `ModemError`."""
        if now.monotonic >= self._next:
            self.status = self._modem.status()
            self._next = now.monotonic + ASK_MODEM_EVERY

    @property
    def may_send(self) -> bool:
        """Whether an attempt to send has a chance, as far as is known: each one counts, and may cost."""
        return self.status is None or self.status.registration in _REGISTERED | {Registration.UNKNOWN}

    def note(self, error: ModemError | None) -> None:
        """How the last use of the modem ended; what it said before it was gone is no longer true."""
        self.problem = str(error) if error else None
        if error and error.gone:
            self.status = None
            self._next = 0.0

    def report(self) -> ModemReport:
        status = self.status
        if status is None:
            return ModemReport(state="absent" if self.problem else "starting")
        return ModemReport(
            state=status.registration,
            signal=status.signal,
            operator=plain(status.operator),
            used=status.used,
            capacity=status.capacity,
            model=plain(status.model),
        )


@dataclass(frozen=True, slots=True)
class Machine:
    """What the Raspberry Pi says of itself: bytes free for the journal, degrees Celsius of its processor."""

    disk_free: int | None
    heat: float | None


def machine(folder: Path) -> Machine:
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        free = None
    sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    heats = [each.current for group in sensors.values() for each in group if each.current]
    return Machine(free, max(heats, default=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemFacts:
    """The facts that one modem's health is judged by."""

    modem_problem: str | None
    modem: ModemStatus | None
    stuck: int  # SMS that are kept but can not be deleted from the SIM
    deaf: bool = False  # the modem can not tell who calls, though the policy asks for it
    sim: SimView = NOTHING_KNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition(ModemFacts):
    """Those that a gateway's health is judged by. An empty text or None stands for: nothing is wrong there."""

    journal_problem: str | None
    clock_trusted: bool
    disk_free: int | None
    waiting_for: str | None  # what a connection to the collector still lacks
    link_problem: Problem | None
    has_rules: bool
    diverged: str | None
    refused: str | None
    unanswered: float  # seconds since the collector owes an ack
    disbelieved: str | None
    unsent_in_a_row: int = 0  # replies that were given up since the last one went out
    capped: str | None = None  # the limit that keeps replies from going out


def reasons(facts: Condition) -> Iterator[Reason]:
    """Everything that is wrong, worst first; `code` is stable, `text` is for people."""
    if facts.journal_problem:
        yield _reason("journal", "Jurnal tidak bisa ditulis; SMS tetap aman di kartu SIM", facts.journal_problem)
    yield from modem_reasons(facts)
    yield from _reply_reasons(facts)
    if not facts.clock_trusted:
        yield _reason("clock", "Jam gateway belum benar; yang dipakai waktu dari SMS centre")
    yield from _collector_reasons(facts)
    if facts.disk_free is not None and facts.disk_free < LITTLE_DISK:
        yield _reason("disk", f"Sisa ruang kartu SD hanya {facts.disk_free // 1_000_000} MB")


def modem_reasons(facts: ModemFacts) -> Iterator[Reason]:
    if facts.modem_problem:
        yield _reason("modem", "Modem tidak menjawab; periksa kabel dan catu dayanya", facts.modem_problem)
    status = facts.modem
    if status and status.registration not in _REGISTERED:
        yield _reason("network", _REGISTRATION_TEXTS[status.registration])
    if status and status.capacity and status.used >= status.capacity:
        yield _reason("sim-full", f"Memori SMS penuh: {status.used} dari {status.capacity}")
    if facts.stuck:
        yield _reason("sim-stuck", f"{facts.stuck} SMS rusak tidak bisa dihapus dari kartu SIM; sudah disimpan")
    if facts.deaf:
        yield _reason("calls", "Modem tidak bisa melihat nomor penelepon; presensi lewat panggilan tidak jalan")
    yield from _sim_reasons(facts.sim)


def _sim_reasons(sim: SimView) -> Iterator[Reason]:
    days, lasts = sim.forecast.validity_days, sim.forecast.balance_days
    if sim.valid_until and days is not None and days < VALIDITY_DAYS:
        yield _reason("sim-validity", _validity_text(sim.valid_until, days))
    if sim.balance is not None and (sim.balance < sim.low_balance or (lasts is not None and lasts < BALANCE_DAYS)):
        enough = f", cukup sekitar {lasts} hari" if lasts is not None else ""
        yield _reason("sim-balance", f"Pulsa kartu SIM tinggal {rupiah(sim.balance)}{enough}; isi pulsa")
    if sim.unread:
        yield _reason("sim-unread", "Pulsa dan masa aktif kartu SIM tidak terbaca", sim.unread)


def _reply_reasons(facts: Condition) -> Iterator[Reason]:
    """A SIM that ends stops sending first: then the replies are gone, and check-ins still come in."""
    if facts.unsent_in_a_row >= UNSENT_IN_A_ROW:
        text = f"SMS masuk diterima, tetapi {facts.unsent_in_a_row} balasan berturut-turut gagal dikirim"
        yield _reason("sim-cannot-send", f"{text}; periksa pulsa dan masa aktif kartu SIM")
    if facts.capped:
        yield _reason("sms-limit", "Batas SMS tercapai; balasan tidak dikirim, presensi tetap dicatat", facts.capped)


def numbered(number: int, found: Iterator[Reason]) -> Iterator[Reason]:
    """The same of one of several modems, by its number."""
    for reason in found:
        yield Reason(code=f"{reason.code}-{number}", text=plain(f"Modem {number}: {reason.text}"))


def _validity_text(until: date, days: int) -> str:
    if days < 0:
        return f"Masa aktif kartu SIM habis sejak {until:%d/%m/%Y}; isi pulsa sekarang, balasan tidak terkirim"
    when = f"habis {days} hari lagi" if days else "habis hari ini"
    return f"Masa aktif kartu SIM {when} ({until:%d/%m/%Y}); {'segera ' if days < SOON_DAYS else ''}isi pulsa"


def rupiah(amount: int) -> str:
    return f"Rp {amount:,}".replace(",", ".")


def _collector_reasons(facts: Condition) -> Iterator[Reason]:
    if facts.waiting_for:
        yield _reason("link", f"Belum tersambung ke pusat: {facts.waiting_for}")
    elif facts.link_problem:
        yield _reason("link", _LINK_TEXTS[facts.link_problem.trouble], facts.link_problem.detail)
    if not facts.has_rules:
        yield _reason("no-roster", "Daftar pegawai belum diterima dari pusat; pesan disimpan dan menunggu")
    if facts.diverged:
        yield _reason("diverged", "Jurnal ini berbeda dengan yang ada di pusat", facts.diverged)
    if facts.refused:
        yield _reason("refused", "Pusat menolak data gateway ini", facts.refused)
    elif facts.unanswered > LONG_UNANSWERED:
        yield _reason("no-ack", f"Pusat tidak menjawab {int(facts.unanswered) // 60} menit; data tetap disimpan")
    if facts.disbelieved:
        yield _reason("disbelieved", "Pesan dari pusat tidak bisa dipercaya; periksa kuncinya", facts.disbelieved)


def _reason(code: str, text: str, detail: object = "") -> Reason:
    """`detail` is what the part itself said, in its own language."""
    return Reason(code=code, text=plain(f"{text} ({detail})" if detail else text))


def plain(text: str) -> str:
    """One line of at most 200 signs that any reader takes: what modems and libraries say may hold anything."""
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(printable.split())[:200]


class Reporter:
    """Tells the collector how the gateway is: at every new connection, when it changes, and now and then."""

    def __init__(self, link: Link, key: Ed25519PrivateKey, gateway: str, since: datetime) -> None:
        self._link = link
        self._key = key
        self._gateway = gateway
        self._since = since
        self._session = 0
        self._next = 0.0
        self._told: tuple[object, ...] = ()

    def step(self, status: Status, now: Now) -> None:
        gist = (status.reasons, status.modem.state, status.last_seq, status.delivered, status.desired)
        new_session = self._link.session != self._session
        if not self._link.connected or not (new_session or gist != self._told or now.monotonic >= self._next):
            return
        try:
            if new_session:
                self._publish(Leaf.CONNECTION, Connection(gateway=self._gateway, online=True, since=self._since))
            self._publish(Leaf.STATUS, status)
        except LinkDown:
            return
        self._session, self._told = self._link.session, gist
        self._next = now.monotonic + REPORT_EVERY

    def goodbye(self) -> None:
        with suppress(LinkDown):
            self._publish(Leaf.CONNECTION, Connection(gateway=self._gateway, online=False, since=self._since))

    def _publish(self, leaf: Leaf, payload: Connection | Status) -> None:
        self._link.publish(topic(self._gateway, leaf), seal(payload, self._key), retain=True)


def last_will(gateway: str, since: datetime, key: Ed25519PrivateKey) -> bytes:
    """What the broker tells the collector when the gateway is gone without a word."""
    return seal(Connection(gateway=gateway, online=False, since=since), key)
