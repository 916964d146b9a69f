"""How the gateway is, and what is wrong with it in words: the status that its page shows and the collector gets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec
import psutil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modem.messages import Modem, ModemError, ModemStatus, Registration, Sim
from mqtt_bridge.client import Link, LinkDown, Problem, Trouble
from mqtt_bridge.envelope import seal
from mqtt_bridge.modem_states import MEANINGS, ModemState
from mqtt_bridge.records import Connection, ModemReport, Reason, Status, StoreReport
from mqtt_bridge.topics import Leaf, topic

from .clock import Now
from .guardian import NOTHING_KNOWN, SimView
from .journal import Fork, Guesses

# Of the Raspberry Pi's firmware, in hexadecimal; bit 0 is set while the voltage is too low (vcgencmd, get_throttled).
THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
UNDERVOLTAGE_NOW = 0x1
LITTLE_DISK = 100_000_000  # bytes
LITTLE_LIFE = timedelta(days=30)  # of the certificate: it should have been renewed three months before
STORES = {"SM": "kartu SIM", "ME": "modem"}
ASK_MODEM_EVERY = 15.0  # seconds
REPORT_EVERY = 30.0
LONG_UNANSWERED = 300.0
VALIDITY_DAYS, SOON_DAYS = 14, 7  # before the SIM ends: people are told, and told to hurry
BALANCE_DAYS = 5  # the same for the balance, by what is spent
UNSENT_IN_A_ROW = 3
TELL_FORK = timedelta(days=3)

WEAK_SIGNAL = 10  # percent; below it SMS are lost now and then

_SIMS = {Sim.PIN: ModemState.PIN, Sim.PUK: ModemState.PUK, Sim.ABSENT: ModemState.NO_SIM}
_REGISTRATIONS = {
    Registration.HOME: ModemState.REGISTERED,
    Registration.ROAMING: ModemState.ROAMING,
    Registration.SEARCHING: ModemState.SEARCHING,
    Registration.DENIED: ModemState.DENIED,
    Registration.NONE: ModemState.NONE,
    Registration.UNKNOWN: ModemState.UNKNOWN,
}
_LINK_TEXTS = {
    Trouble.STARTING: "Sedang menyambung ke pusat",
    Trouble.UNREACHABLE: "Broker pusat tidak bisa dijangkau; periksa jaringan data",
    Trouble.REJECTED: "Broker pusat menolak gateway ini; periksa pendaftarannya",
    Trouble.ENDED: "Sambungan ke pusat terputus; sedang disambung lagi",
    Trouble.DENIED: "Broker pusat menolak pesan gateway ini; periksa hak aksesnya",
    Trouble.UNHEARD: "Broker pusat tidak mengizinkan gateway ini mendengar pusat; periksa hak aksesnya",
    Trouble.TAKEN: "Perangkat lain memakai nama gateway ini; matikan salah satunya",
    Trouble.FILES: "Berkas sertifikat tidak bisa dipakai; daftarkan lagi gateway ini",
    Trouble.TLS: "Sambungan TLS ke broker pusat gagal; periksa alamat dan portnya",
    Trouble.OURS_EXPIRED: "Sertifikat gateway ini sudah habis masa berlakunya; daftarkan lagi",
    Trouble.OURS_EARLY: "Sertifikat gateway ini belum berlaku; periksa jam gateway dan jam pusat",
    Trouble.OURS_REVOKED: "Sertifikat gateway ini sudah dicabut pusat; daftarkan lagi bila memang masih dipakai",
    Trouble.OURS_FOREIGN: "Broker pusat tidak mengenal penerbit sertifikat gateway ini; daftarkan lagi",
    Trouble.OURS_REFUSED: "Broker pusat menolak sertifikat gateway ini; daftarkan lagi",
    Trouble.THEIRS_EXPIRED: "Sertifikat broker pusat sudah habis menurut jam gateway; hubungi pusat",
    Trouble.THEIRS_EARLY: "Sertifikat broker pusat belum berlaku menurut jam gateway; jam gateway mungkin tertinggal",
    Trouble.THEIRS_FOREIGN: "Broker itu bukan broker pusat: penerbit sertifikatnya asing; periksa alamatnya",
    Trouble.THEIRS_NAME: "Sertifikat broker itu untuk nama lain; periksa alamat broker",
    Trouble.THEIRS_REFUSED: "Sertifikat broker pusat tidak bisa dipercaya; hubungi pusat",
}
# What is wrong with the link is mended at different places.
_LINK_CODES = {
    Trouble.TAKEN: "rival",
    **dict.fromkeys(
        (Trouble.FILES, Trouble.OURS_EXPIRED, Trouble.OURS_EARLY, Trouble.OURS_REVOKED, Trouble.OURS_FOREIGN,
         Trouble.OURS_REFUSED), "certificate",
    ),
    **dict.fromkeys(
        (Trouble.THEIRS_EXPIRED, Trouble.THEIRS_EARLY, Trouble.THEIRS_FOREIGN, Trouble.THEIRS_NAME,
         Trouble.THEIRS_REFUSED), "broker",
    ),
}  # fmt: skip


class ModemWatch:
    """Asks the modem now and then how it is; `problem` is why it could not be asked or used.

    `unsent` is why it could not send the last few SMS, as the sender says.
    """

    def __init__(self, modem: Modem) -> None:
        self._modem = modem
        self._next = 0.0
        self._error: ModemError | None = None
        self.status: ModemStatus | None = None
        self.unsent: str | None = None

    def step(self, now: Now) -> None:
        """Raises `ModemError`."""
        if now.monotonic >= self._next:
            self.status = self._modem.status()
            self._next = now.monotonic + ASK_MODEM_EVERY

    @property
    def problem(self) -> str | None:
        return str(self._error) if self._error else None

    @property
    def may_send(self) -> bool:
        """Whether an attempt to send has a chance, as far as is known: each one counts, and may cost."""
        return self.status is None or MEANINGS[_answering(self.status)].sends

    @property
    def state(self) -> tuple[ModemState, str]:
        """How the modem stands, and what is to be said about it beyond that."""
        return modem_state(self.status, self._error, self.unsent)

    def note(self, error: ModemError | None) -> None:
        """How the last use of the modem ended; what it said before it was gone is no longer true."""
        self._error = error
        if error and error.gone:
            self.status = None
            self._next = 0.0

    def report(self) -> ModemReport:
        state, _ = self.state
        status = self.status
        if status is None:
            return ModemReport(state=state)
        return ModemReport(
            state=state,
            signal=status.signal,
            operator=plain(status.operator),
            used=status.used,
            capacity=status.capacity,
            model=plain(status.model),
            stores=tuple(StoreReport(name=it.name, used=it.used, capacity=it.capacity) for it in status.stores),
        )


def modem_state(
    status: ModemStatus | None, error: ModemError | None, unsent: str | None = None
) -> tuple[ModemState, str]:
    """How a modem stands that said `status` last and whose last use ended in `error`, with the detail for people."""
    if error and error.gone:
        return ModemState.ABSENT if error.absent else ModemState.HUNG, str(error)
    if status is None:
        return (ModemState.DEGRADED, str(error)) if error else (ModemState.STARTING, "")
    state = _answering(status)
    if state not in (ModemState.REGISTERED, ModemState.ROAMING):
        return state, ""
    detail = str(error) if error else f"SMS tidak bisa dikirim: {unsent}" if unsent else _weakness(status)
    return (ModemState.DEGRADED, detail) if detail else (state, "")


def _answering(status: ModemStatus) -> ModemState:
    if not status.fitted:
        return ModemState.UNFITTED
    return _SIMS.get(status.sim) or _REGISTRATIONS[status.registration]


def _weakness(status: ModemStatus) -> str:
    return f"sinyal {status.signal}%" if status.signal is not None and status.signal < WEAK_SIGNAL else ""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the Raspberry Pi says of itself: bytes free for the journal, degrees Celsius of its processor, power."""

    disk_free: int | None
    heat: float | None
    undervoltage: bool = False


def machine(folder: Path, throttled: Path = THROTTLED) -> Machine:
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        free = None
    sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    heats = [each.current for group in sensors.values() for each in group if each.current]
    return Machine(free, max(heats, default=None), _undervoltage(throttled))


def _undervoltage(throttled: Path) -> bool:
    try:
        return bool(int(throttled.read_text(), 16) & UNDERVOLTAGE_NOW)
    except (OSError, ValueError):
        return False  # another machine does not tell


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemFacts:
    """The facts that one modem's health is judged by."""

    modem_state: ModemState
    modem_detail: str
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
    guesses: Guesses
    guess_alarm: int  # wrong codes in an hour that people should hear of
    forked: Fork | None
    now: datetime
    refused: str | None
    unanswered: float  # seconds since the collector owes an ack
    disbelieved: str | None
    unsent_in_a_row: int = 0  # replies that were given up since the last one went out
    capped: str | None = None  # the limit that keeps replies from going out
    certificate_left: timedelta | None = None  # until it ends; None without one
    rival: bool = False  # another device speaks under our name
    uplink_problem: str | None = None  # why records do not go by SMS either
    undervoltage: bool = False


def reasons(facts: Condition) -> Iterator[Reason]:
    """Everything that is wrong, worst first; `code` is stable, `text` is for people."""
    if facts.journal_problem:
        yield _reason("journal", "Jurnal tidak bisa ditulis; SMS tetap aman di kartu SIM", facts.journal_problem)
    yield from modem_reasons(facts)
    yield from _reply_reasons(facts)
    if not facts.clock_trusted:
        yield _reason("clock", "Jam gateway belum benar; yang dipakai waktu dari SMS centre")
    if facts.guess_alarm and facts.guesses.codes >= facts.guess_alarm:
        codes, numbers = facts.guesses.codes, facts.guesses.numbers
        text = f"Kode presensi ditebak: {codes} kode salah dari {numbers} nomor dalam 1 jam; lihat halaman Pesan"
        yield _reason("guessing", text)
    yield from _collector_reasons(facts)
    if facts.disk_free is not None and facts.disk_free < LITTLE_DISK:
        yield _reason("disk", f"Sisa ruang kartu SD hanya {facts.disk_free // 1_000_000} MB")
    if facts.undervoltage:
        yield _reason("undervoltage", "Tegangan listrik Raspberry Pi terlalu rendah")


def modem_reasons(facts: ModemFacts) -> Iterator[Reason]:
    meaning, status = MEANINGS[facts.modem_state], facts.modem
    if meaning.code:
        yield _reason(meaning.code, meaning.reason, facts.modem_detail)
    if status and status.capacity and status.used >= status.capacity:
        yield _reason("sim-full", f"Memori SMS penuh: {status.used} dari {status.capacity}")
    elif status:
        for store in status.stores:
            if store.used >= store.capacity:  # the next SMS may be meant for that very one
                name = STORES[store.name]
                yield _reason("sim-full", f"Memori SMS di {name} penuh: {store.used} dari {store.capacity}")
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
        trouble = facts.link_problem.trouble
        yield _reason(_LINK_CODES.get(trouble, "link"), _LINK_TEXTS[trouble], facts.link_problem.detail)
    yield from _trust_reasons(facts)
    if not facts.has_rules:
        yield _reason("no-roster", "Daftar pegawai belum diterima dari pusat; pesan disimpan dan menunggu")
    if facts.forked and facts.now - facts.forked.at < TELL_FORK:
        text = "Kartu memori pernah mundur ke isi lama; jurnal dimulai lagi dan yang belum sampai dikirim ulang"
        yield _reason("forked", text, facts.forked.why)
    if facts.refused:
        yield _reason("refused", "Pusat menolak data gateway ini", facts.refused)
    elif facts.unanswered > LONG_UNANSWERED:
        yield _reason("no-ack", f"Pusat tidak menjawab {int(facts.unanswered) // 60} menit; data tetap disimpan")
    if facts.disbelieved:
        yield _reason("disbelieved", "Pesan dari pusat tidak bisa dipercaya; periksa kuncinya", facts.disbelieved)
    if facts.uplink_problem:
        yield _reason("uplink", "Data juga tidak terkirim lewat SMS", facts.uplink_problem)


def _trust_reasons(facts: Condition) -> Iterator[Reason]:
    trouble = facts.link_problem.trouble if facts.link_problem else None
    if facts.rival and trouble is not Trouble.TAKEN:
        yield _reason("rival", _LINK_TEXTS[Trouble.TAKEN])
    left = facts.certificate_left
    if left is not None and left < LITTLE_LIFE and trouble is not Trouble.OURS_EXPIRED:
        ends = f"habis {left.days} hari lagi" if left > timedelta() else "sudah habis masa berlakunya"
        yield _reason("certificate", f"Sertifikat gateway ini {ends}, dan belum diperbarui pusat")


def _reason(code: str, text: str, detail: object = "") -> Reason:
    """`detail` is what the part itself said, in its own language."""
    return Reason(code=code, text=plain(f"{text} ({detail})" if detail else text))


def plain(text: str) -> str:
    """One line of at most 200 signs that any reader takes: what modems and libraries say may hold anything."""
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(printable.split())[:200]


class Reporter:
    """Tells the collector how the gateway is: at every new connection, when it changes, and now and then."""

    def __init__(self, link: Link, key: Ed25519PrivateKey, gateway: str, since: datetime, starts: int) -> None:
        self._link = link
        self._key = key
        self._gateway = gateway
        self._since = since
        self._starts = starts
        self._session = 0
        self._count = 0
        self._next = 0.0
        self._told: tuple[object, ...] = ()

    def step(self, status: Status, now: Now) -> None:
        gist = (status.reasons, status.modem.state, status.last_seq, status.delivered, status.desired)
        new_session = self._link.session != self._session
        if not self._link.connected or not (new_session or gist != self._told or now.monotonic >= self._next):
            return
        try:
            if new_session:
                self._publish(Leaf.CONNECTION, self._connection(online=True))
            self._count += 1
            self._publish(Leaf.STATUS, msgspec.structs.replace(status, starts=self._starts, count=self._count))
        except LinkDown:
            return
        self._session, self._told = self._link.session, gist
        self._next = now.monotonic + REPORT_EVERY

    def goodbye(self) -> None:
        with suppress(LinkDown):
            self._publish(Leaf.CONNECTION, self._connection(online=False))

    def _connection(self, *, online: bool) -> Connection:
        return Connection(
            gateway=self._gateway,
            online=online,
            since=self._since,
            starts=self._starts,
            session=self._link.session,
        )

    def _publish(self, leaf: Leaf, payload: Connection | Status) -> None:
        self._link.publish(topic(self._gateway, leaf), seal(payload, self._key), retain=True)


def last_will(gateway: str, since: datetime, starts: int, key: Ed25519PrivateKey) -> bytes:
    """What the broker tells the collector when the gateway is gone without a word."""
    return seal(Connection(gateway=gateway, online=False, since=since, starts=starts), key)
