"""Whether an office can begin: eleven checks, each with its reason, the next step and who has to do it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from mqtt_bridge import modem_states
from mqtt_bridge.modem_states import MEANINGS, ModemState
from mqtt_bridge.records import Status

from .states import REMEDIES, SILENT_AFTER

LOOP_GOOD_FOR = timedelta(days=30)  # an SMS in and out proves the SIM, its balance and the air, but not for ever
CODE_GOOD_FOR = timedelta(days=30)
LOST_SIGNAL, WEAK_SIGNAL = 10, 25  # percent: below the first SMS are lost, below the second the weather decides
LEAST_DISK, GOOD_DISK = 200_000_000, 1_000_000_000  # bytes
LEAST_DAYS, GOOD_DAYS = 3, 14  # of balance
TRAINED = 90  # percent of the roster: somebody is always on leave


class Mark(StrEnum):
    """Worst first."""

    BAD = "bad"
    NOT_YET = "not-yet"
    OK = "ok"


class Check(StrEnum):
    """In the order in which an office is set up."""

    ENROLLED = "enrolled"
    LINK = "link"
    CLOCK = "clock"
    STORAGE = "storage"
    SIM = "sim"
    SIGNAL = "signal"
    BALANCE = "balance"
    ROSTER = "roster"
    SCREEN = "screen"
    LOOP = "loop"
    TRAINED = "trained"


class Who(StrEnum):
    """Who has to do the next step."""

    IT = "it"
    ON_SITE = "on-site"
    PERSONNEL = "personnel"
    OPD_ADMIN = "opd-admin"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one office. `certificate_until` is the end of the latest certificate that counts, `ended` why
    its key counts no more; `looped` when an SMS went in and was answered, `coded` when a code of its screen came.
    """

    gateway: str
    deadline: date | None = None
    certificate_until: datetime | None = None
    ended: str | None = None
    online: bool = False
    seen: datetime | None = None
    status: Status | None = None
    wanted: int = 0
    people: int = 0
    trained: int = 0
    needs_codes: bool = False
    coded: datetime | None = None
    looped: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One check; `step` and `who` are empty where nothing is to be done."""

    check: Check
    mark: Mark
    reason: str
    step: str = ""
    who: Who | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One office; `open` is what is left to do, worst first."""

    gateway: str
    deadline: date | None
    cells: tuple[Cell, ...]
    open: tuple[Cell, ...]

    @property
    def ready(self) -> bool:
        return not self.open

    @property
    def bad(self) -> int:
        return sum(cell.mark is Mark.BAD for cell in self.open)

    def cell(self, check: Check) -> Cell:
        return next(cell for cell in self.cells if cell.check is check)


@dataclass(frozen=True, slots=True)
class Summary:
    """`obstacle` is the check that keeps most offices, `kept` how many; `days_left` is None without a deadline."""

    ready: int
    total: int
    days_left: int | None
    obstacle: Check | None = None
    kept: int = 0


def judge(facts: Facts, now: datetime) -> Row:
    checks: dict[Check, Callable[[], Cell]] = {
        Check.ENROLLED: lambda: _enrolled(facts, now),
        Check.LINK: lambda: _link(facts, now),
        Check.ROSTER: lambda: _roster(facts),
        Check.SCREEN: lambda: _screen(facts, now),
        Check.LOOP: lambda: _loop(facts, now),
        Check.TRAINED: lambda: _trained(facts),
    }
    of_status = {
        Check.CLOCK: _clock, Check.STORAGE: _storage, Check.SIM: _sim, Check.SIGNAL: _signal, Check.BALANCE: _balance,
    }  # fmt: skip
    cells = [checks[check]() if check in checks else _said(check, facts.status, of_status[check]) for check in Check]
    left = sorted((cell for cell in cells if cell.mark is not Mark.OK), key=lambda cell: cell.mark is not Mark.BAD)
    return Row(facts.gateway, facts.deadline, tuple(cells), tuple(left))


def worst_first(rows: Iterable[Row]) -> list[Row]:
    """Those with the most that is broken, then the most that is left to do."""
    return sorted(rows, key=lambda row: (-row.bad, -len(row.open), row.gateway))


def summary(rows: Sequence[Row], deadline: date | None, today: date) -> Summary:
    kept = Counter(cell.check for row in rows for cell in row.open)
    # Of equally frequent ones the earlier step: whoever mends it may mend the later one.
    obstacle = max(Check, key=lambda check: kept[check]) if kept else None
    days_left = (deadline - today).days if deadline else None
    return Summary(sum(row.ready for row in rows), len(rows), days_left, obstacle, kept[obstacle] if obstacle else 0)


def _ok(check: Check, reason: str) -> Cell:
    return Cell(check, Mark.OK, reason)


def _enrolled(facts: Facts, now: datetime) -> Cell:
    check, until = Check.ENROLLED, facts.certificate_until
    if facts.ended:
        return Cell(check, Mark.BAD, f"Dicabut: {facts.ended}", "Buat token pengganti di halaman Pendaftaran", Who.IT)
    if until is None:
        step = "Buat token di halaman Pendaftaran, lalu daftarkan gateway dengannya"
        return Cell(check, Mark.NOT_YET, "Belum punya sertifikat", step, Who.IT)
    if until <= now:
        step = "Buat token pengganti di halaman Pendaftaran; gateway lama tidak memperpanjang sendiri"
        return Cell(check, Mark.BAD, f"Sertifikat berakhir {until:%d/%m/%Y}", step, Who.IT)
    return _ok(check, f"Sertifikat sampai {until:%d/%m/%Y}")


def _link(facts: Facts, now: datetime) -> Cell:
    if facts.seen is None:
        step = "Nyalakan gateway di kantor itu, dan sambungkan ke jaringan data"
        return Cell(Check.LINK, Mark.NOT_YET, "Belum pernah terhubung", step, Who.ON_SITE)
    if not facts.online or now - facts.seen > SILENT_AFTER:
        days, minutes = divmod(int((now - facts.seen).total_seconds() // 60), 1440)
        age = f"{days} hari" if days else f"{minutes} menit"
        step = "Periksa listrik dan jaringan data kantor"
        return Cell(Check.LINK, Mark.BAD, f"Tanpa kabar sejak {age}", step, Who.ON_SITE)
    return _ok(Check.LINK, "Terhubung")


def _said(check: Check, status: Status | None, judged: Callable[[Status], Cell]) -> Cell:
    """What the gateway itself has to tell."""
    if status is None:
        return Cell(check, Mark.NOT_YET, "Belum ada kabar dari gateway", "Hubungkan gateway dahulu", Who.ON_SITE)
    return judged(status)


def _clock(status: Status) -> Cell:
    if status.clock_trusted:
        return _ok(Check.CLOCK, "Jam dipercaya")
    return Cell(Check.CLOCK, Mark.BAD, "Jam belum bisa dipercaya", REMEDIES["clock"], Who.IT)


def _storage(status: Status) -> Cell:
    free = status.disk_free
    if free is None:
        return Cell(
            Check.STORAGE, Mark.NOT_YET, "Sisa ruang tidak diketahui", "Lihat penyimpanan pada gateway itu", Who.IT
        )
    left = f"Sisa {free / 1e9:.1f} GB".replace(".", ",")
    if free < GOOD_DISK:
        return Cell(Check.STORAGE, Mark.BAD if free < LEAST_DISK else Mark.NOT_YET, left, REMEDIES["disk"], Who.IT)
    return _ok(Check.STORAGE, left)


def _sim(status: Status) -> Cell:
    state = status.modem.state
    known = MEANINGS[ModemState(state)] if state in set(ModemState) else None
    if known is None or not known.code:
        named = known.name if known else state
        good = state in (ModemState.REGISTERED, ModemState.ROAMING)
        where = f"{named.capitalize()}, {status.modem.operator}" if status.modem.operator else named.capitalize()
        if good:
            return _ok(Check.SIM, where)
        return Cell(Check.SIM, Mark.NOT_YET, where, "Pasang modem dan kartu SIM, lalu tunggu dua menit", Who.ON_SITE)
    return Cell(Check.SIM, Mark.BAD, known.reason, modem_states.remedy(state), Who.ON_SITE)


def _signal(status: Status) -> Cell:
    signal = status.modem.signal
    step = "Pindahkan antena ke dekat jendela; periksa kabel antena"
    if signal is None:
        return Cell(Check.SIGNAL, Mark.NOT_YET, "Sinyal belum diketahui", step, Who.ON_SITE)
    if signal < WEAK_SIGNAL:
        return Cell(
            Check.SIGNAL, Mark.BAD if signal < LOST_SIGNAL else Mark.NOT_YET, f"Lemah: {signal}%", step, Who.ON_SITE
        )
    return _ok(Check.SIGNAL, f"{signal}%")


def _balance(status: Status) -> Cell:
    left = status.sim.days_left if status.sim else None
    if left is None:
        step = "Atur cek pulsa (USSD) pada gateway, lalu tunggu kabar operator"
        return Cell(Check.BALANCE, Mark.NOT_YET, "Pulsa belum diketahui", step, Who.IT)
    if left < GOOD_DAYS:
        mark = Mark.BAD if left < LEAST_DAYS else Mark.NOT_YET
        return Cell(
            Check.BALANCE, mark, f"Cukup {left} hari", "Isi pulsa atau perpanjang masa aktif kartu SIM", Who.OPD_ADMIN
        )
    return _ok(Check.BALANCE, f"Cukup {left} hari")


def _roster(facts: Facts) -> Cell:
    if not facts.people:
        step = "Impor daftar pegawai kantor ini di halaman Pegawai"
        return Cell(Check.ROSTER, Mark.NOT_YET, "Belum ada pegawai", step, Who.PERSONNEL)
    held = facts.status.desired if facts.status else 0
    if not held:
        step = "Hubungkan gateway; daftar dikirim sendiri"
        return Cell(Check.ROSTER, Mark.NOT_YET, f"{facts.people} pegawai, belum diterapkan", step, Who.ON_SITE)
    if held < facts.wanted:
        return Cell(Check.ROSTER, Mark.BAD, "Daftar baru belum diterapkan", REMEDIES["disbelieved"], Who.IT)
    return _ok(Check.ROSTER, f"{facts.people} pegawai diterapkan")


def _screen(facts: Facts, now: datetime) -> Cell:
    if not facts.needs_codes:
        return _ok(Check.SCREEN, "Kode tidak diwajibkan")
    if facts.coded is None or now - facts.coded > CODE_GOOD_FOR:
        reason = "Belum ada presensi dengan kode" if facts.coded is None else "Lama tidak ada presensi dengan kode"
        step = "Pasang layar kode di kantor, lalu seorang pegawai mengirim kodenya"
        return Cell(Check.SCREEN, Mark.NOT_YET, reason, step, Who.OPD_ADMIN)
    return _ok(Check.SCREEN, f"Kode terakhir {facts.coded:%d/%m/%Y}")


def _loop(facts: Facts, now: datetime) -> Cell:
    if facts.looped is None or now - facts.looped > LOOP_GOOD_FOR:
        reason = "SMS belum pernah diuji" if facts.looped is None else f"Uji SMS terakhir {facts.looped:%d/%m/%Y}"
        step = "Kirim HADIR dari ponsel seorang pegawai ke nomor gateway, dan tunggu balasannya"
        return Cell(Check.LOOP, Mark.NOT_YET, reason, step, Who.OPD_ADMIN)
    return _ok(Check.LOOP, f"SMS terakhir {facts.looped:%d/%m/%Y}")


def _trained(facts: Facts) -> Cell:
    if not facts.people:
        step = "Impor daftar pegawai kantor ini di halaman Pegawai"
        return Cell(Check.TRAINED, Mark.NOT_YET, "Belum ada pegawai", step, Who.PERSONNEL)
    reason = f"{facts.trained} dari {facts.people} pegawai pernah presensi"
    if facts.trained * 100 < TRAINED * facts.people:
        step = "Latih pegawai yang belum pernah presensi; namanya di halaman kantor ini"
        return Cell(Check.TRAINED, Mark.NOT_YET, reason, step, Who.OPD_ADMIN)
    return _ok(Check.TRAINED, reason)
