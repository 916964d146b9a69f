"""What people are told, in Indonesian or English. Pure.

Every text is one SMS: at most 160 signs of GSM-7. The texts stand here in Indonesian; `locale/` has the English ones
(gettext), made anew by `make texts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from mqtt_bridge.day import Day, Punch
from mqtt_bridge.records import Action, Language

from .languages import translator

LONGEST = 160  # signs of one SMS in the GSM 7 bit alphabet (3GPP TS 23.038)


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one language, with times of one zone."""

    language: Language
    zone: ZoneInfo

    def _(self, text: str) -> str:
        return translator(self.language)(text)

    # Statements

    def recorded(
        self, action: Action, at: datetime, receipt: str, *, own_time: bool, late: int = 0, early: int = 0
    ) -> str:
        """The record was made. `own_time` tells that `at` is the gateway's time, as the network gave none; `late` and
        `early` are minutes.
        """
        hint = self._(" (jam gateway)") if own_time else ""
        if late:
            hint += self._(", terlambat {} menit").format(late)
        if early:
            hint += self._(", {} menit sebelum jam pulang").format(early)
        return self._("{action} tercatat {moment}{hint}, No. {receipt}.").format(
            action=self.name(action), moment=self.moment(at), hint=hint, receipt=receipt
        )

    def come_by_code(self, at: datetime, receipt: str, *, own_time: bool, late: int) -> str:
        """Only a code was sent, long after the start: it was taken for coming, but who knows."""
        text = self.recorded(Action.IN, at, receipt, own_time=own_time, late=late)
        return text + self._(" Jika maksudnya pulang: PULANG spasi kode.")

    def repeated(self, action: Action, at: datetime, receipt: str) -> str:
        """There is such a record already, and it stands."""
        return self._("{action} sudah tercatat {moment}, No. {receipt}.").format(
            action=self.name(action), moment=self.moment(at), receipt=receipt
        )

    def too_soon(self, came: datetime, receipt: str) -> str:
        """Going so soon after coming does not count."""
        return self._("Baru hadir {moment}, No. {receipt}. Kirim PULANG lagi saat Anda pulang.").format(
            moment=self.moment(came), receipt=receipt
        )

    def disputed(self, receipt: str) -> str:
        return self._("Sanggahan diterima, No. {}. Bagian kepegawaian akan memeriksanya.").format(receipt)

    def enough_disputes(self) -> str:
        return self._("Sanggahan hari ini sudah cukup; yang sudah dikirim akan diperiksa bagian kepegawaian.")

    # Codes

    def need_code(self, action: Action | None) -> str:
        text = self._("Belum tercatat: kodenya belum ada. Ketik {} spasi 6 angka di layar kantor.")
        return text.format(keyword(action))

    def wrong_code(self, action: Action | None) -> str:
        text = self._("Belum tercatat: kode salah. Ketik {} spasi 6 angka yang tampil di layar kantor.")
        return text.format(keyword(action))

    def old_code(self, action: Action | None) -> str:
        text = self._("Belum tercatat: kode itu sudah berganti. Ketik {} spasi kode yang tampil sekarang.")
        return text.format(keyword(action))

    def blocked(self, until: datetime) -> str:
        text = self._("Belum tercatat: terlalu banyak kode salah. Coba lagi setelah pukul {}.")
        return text.format(self.clock(until + timedelta(seconds=59)))  # not a second too early

    def code_length(self, action: Action | None) -> str:
        return self._("Belum tercatat: kode harus 6 angka. Contoh: {} 482913").format(keyword(action))

    def two_codes(self, action: Action | None) -> str:
        text = self._("Belum tercatat: ada dua kode. Kirim satu saja. Contoh: {} 482913")
        return text.format(keyword(action))

    # What was not understood

    def not_understood(self, *, coded: bool) -> str:
        code = self._(" 482913") if coded else ""
        return self._(
            "Maaf, pesan tidak dikenali. Ketik HADIR{code} saat datang, PULANG{code} saat pulang, atau BANTU."
        ).format(code=code)

    def both_ways(self) -> str:
        return self._("Belum tercatat: pilih satu saja, HADIR saat datang atau PULANG saat pulang.")

    def unsure(self, action: Action | None) -> str:
        if action in (Action.SICK, Action.LEAVE, Action.DUTY):
            text = self._("Belum tercatat. Hanya bila hari ini Anda {what}: ketik {keyword} saja, tanpa kata lain.")
            return text.format(what=self.name(action).lower(), keyword=keyword(action))
        return self._("Belum tercatat: ketik {} saja, tanpa kata lain.").format(keyword(action))

    def no_nip(self) -> str:
        return self._("Ketik DAFTAR spasi NIP 18 angka. Contoh: DAFTAR 199001012020121001")

    def no_text(self) -> str:
        return self._("Ketik SANGGAH spasi apa yang keliru. Contoh: SANGGAH kemarin saya pulang 16.05")

    def one_short_text(self) -> str:
        return self._("Maaf, pesan terlalu panjang. Cukup satu kata: HADIR saat datang atau PULANG saat pulang.")

    def incomplete(self) -> str:
        """Parts of a long message never came."""
        return self._("Maaf, pesan Anda tidak sampai utuh. Kirim lagi, cukup satu kata: HADIR atau PULANG.")

    def only_text(self) -> str:
        return self._("Maaf, hanya SMS teks yang diterima. Ketik HADIR saat datang atau PULANG saat pulang.")

    def who_speaks(self, aliases: str) -> str:
        """Several people share the phone."""
        return self._("Nomor ini dipakai bersama. Tulis juga siapa: HADIR spasi {}.").format(aliases)

    # The number

    def not_registered(self) -> str:
        return self._("Nomor ini belum terdaftar. Ketik DAFTAR spasi NIP, atau hubungi kepegawaian kantor Anda.")

    def registering(self, receipt: str) -> str:
        text = self._("Permintaan daftar diterima, No. {}. Tunggu persetujuan kepegawaian kantor Anda.")
        return text.format(receipt)

    def registered(self, receipt: str) -> str:
        """Later: the request was granted."""
        return self._("Nomor ini kini terdaftar, permintaan No. {}. Ketik BANTU untuk petunjuk.").format(receipt)

    def registered_already(self) -> str:
        return self._("Nomor ini sudah terdaftar. Untuk menggantinya hubungi kepegawaian kantor Anda.")

    def silenced(self) -> str:
        return self._("Balasan dimatikan; presensi tetap dicatat. Ketik MULAI untuk menyalakannya lagi.")

    def speaking(self) -> str:
        return self._("Balasan dinyalakan. Ketik BANTU untuk petunjuk.")

    # Questions

    def help(self, *, coded: bool) -> str:
        text = self._(
            "HADIR{code} saat datang, PULANG{code} saat pulang. SAKIT, IZIN, DL. CEK, CEK BULAN. SANGGAH isi."
            " MENU. STOP."
        )
        return text.format(code=self._(" kode") if coded else "")

    def of_day(self, day: date, settled: Day, others: tuple[Action, ...]) -> str:
        """What is recorded of one day."""
        parts = [self.name(action).lower() for action in dict.fromkeys(others)]
        parts += [self._punched(Action.IN, settled.came)] if settled.came else []
        parts += [self._punched(Action.OUT, settled.left)] if settled.left else []
        said = ", ".join(parts) or self._("belum ada yang tercatat di gateway ini")
        return f"{self.day(day)}: {said}."

    def _punched(self, action: Action, punch: Punch) -> str:
        return f"{self.name(action).lower()} {self.clock(punch.at)} No. {punch.receipt}"

    def of_month(
        self, day: date, *, present: int, late: int, minutes: int, unfinished: int, absences: dict[Action, int]
    ) -> str:
        """A month so far: days present, days and minutes late, days without going, days of each absence."""
        parts = [self._("hadir {} hari").format(present)]
        if late:
            parts.append(self._("terlambat {days} hari ({minutes} menit)").format(days=late, minutes=minutes))
        if unfinished:
            parts.append(self._("tanpa pulang {} hari").format(unfinished))
        parts += [f"{self.name(action).lower()} {count}" for action, count in absences.items()]
        return f"{self._month(day)} {day.year}: {', '.join(parts)}."

    # The menu

    def menu(self) -> str:
        return self._(
            "1 Hadir\n2 Pulang\n3 Sakit\n4 Izin\n5 Dinas luar\n6 Cek hari ini\n7 Cek bulan ini\n8 Bantuan\n0 Keluar"
        )

    def menu_stranger(self) -> str:
        return self._("Nomor ini belum terdaftar.\n1 Daftarkan\n0 Keluar")

    def menu_nip(self) -> str:
        return self._("Ketik NIP Anda, 18 angka\n0 Kembali")

    def menu_code(self, *, optional: bool) -> str:
        ask = self._("Ketik kode 6 angka di layar kantor\n0 Kembali")
        return self._("1 Tanpa kode\n") + ask if optional else ask

    def menu_sure(self, keyword: str) -> str:
        return self._("{} hari ini, benar?\n1 Ya\n0 Kembali").format(keyword)

    def wrong_choice(self, prompt: str) -> str:
        wrong = self._("Pilihan tidak ada.\n")
        return prompt if prompt.startswith(wrong) else wrong + prompt

    def menu_left(self) -> str:
        return self._("Menu ditutup.")

    def not_ready(self) -> str:
        return self._("Layanan belum siap. Silakan coba lagi nanti, atau kirim SMS.")

    def shared(self) -> str:
        return self._("Nomor ini dipakai bersama. Kirim SMS: HADIR spasi nama Anda.")

    def session_over(self) -> str:
        return self._("Waktu habis. Silakan mulai lagi.")

    # Words

    def name(self, action: Action) -> str:
        return self._(_NAMES[action])

    def moment(self, at: datetime) -> str:
        """`Sel 24 Nov 07:42:10 WIB`: local time to the second, as the SMS centre gives it."""
        local = at.astimezone(self.zone)
        return f"{self.day(local.date())} {local:%H:%M:%S} {local.tzname()}"

    def clock(self, at: datetime) -> str:
        return f"{at.astimezone(self.zone):%H:%M}"

    def day(self, day: date) -> str:
        return f"{self._(_DAYS[day.weekday()])} {day.day} {self._month(day)}"

    def _month(self, day: date) -> str:
        return self._(_MONTHS[day.month - 1])


def N_(text: str) -> str:
    """Marks a text for translation where it is not yet known for whom."""
    return text


_DAYS = (N_("Sen"), N_("Sel"), N_("Rab"), N_("Kam"), N_("Jum"), N_("Sab"), N_("Min"))
_MONTHS = (
    N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("Mei"), N_("Jun"),
    N_("Jul"), N_("Agu"), N_("Sep"), N_("Okt"), N_("Nov"), N_("Des"),
)  # fmt: skip
_NAMES = {
    Action.IN: N_("Hadir"),
    Action.OUT: N_("Pulang"),
    Action.SICK: N_("Sakit"),
    Action.LEAVE: N_("Izin"),
    Action.DUTY: N_("Dinas luar"),
    Action.DISPUTE: N_("Sanggahan"),
    Action.REGISTER: N_("Pendaftaran"),
}

_KEYWORDS = {Action.IN: "HADIR", Action.OUT: "PULANG", Action.SICK: "SAKIT", Action.LEAVE: "IZIN", Action.DUTY: "DL"}


def keyword(action: Action | None) -> str:
    """What to type for it; for coming where nothing is said."""
    return _KEYWORDS[action or Action.IN]
