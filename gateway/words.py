"""The words that the grammar knows, and how near another one is to them. Pure."""

from __future__ import annotations

from functools import lru_cache


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Keywords that may be mistyped. Shorter ones are too near to ordinary words.
_KEYWORDS = (
    "hadir", "masuk", "pulang", "sakit", "izin", "sanggah", "daftar", "bantu", "bantuan", "menu", "stop", "mulai",
)  # fmt: skip
# Other spellings of a keyword, and keywords that only count as they stand.
_SAME = {
    "ijin": "izin", "idzin": "izin", "ijzin": "izin", "chek": "cek", "check": "cek", "dl": "dl", "cek": "cek",
    "datang": "datang", "checkin": "checkin", "checkout": "checkout", "hdr": "hadir", "hdir": "hadir",
    "plg": "pulang", "plng": "pulang", "msk": "masuk", "skt": "sakit",
}  # fmt: skip
# Ordinary words and names that are one slip away from a keyword.
_ORDINARY = _words("""
    hadis kadir qadir nadir khadir hair mabuk masak rasuk maruk masum masuki mask masyuk musuk pasuk palang
    tulang ulang gulang dulang julang pelang kulang puang pulangi pulan sakti rakit sabit bakit sikit sakat isin
    injin zin iin hantu batu bantul banyu bantah datar singgah sangga sanggar sop step stok stub top shop slop
    stomp mulia mulas mual mula menus mend temu
""")
# They change nothing about what is asked.
FILLERS = _words("""
    absen absensi presensi absn saya sy pak bapak bu ibu mas mbak mba kak min admin mohon tolong ya yaa kode
    code kodenya kod nomor no kerja selamat pagi siang sore malam assalamualaikum assalamu alaikum salam terima
    kasih makasih trims tks thx lapor
""")
# With one of these it is talk between people, whatever else stands there.
CHATTER = _words("""
    aku kamu kau lo lu loe gue gua dia mereka kita kalian banget bgt nih dong deh sih loh lho kok yuk kapan
    siapa apa mana dimana gimana bagaimana kenapa mengapa berapa jangan kalau kalo jika hadiah promo pinjaman
    klik www http https transfer rekening rp gratis bonus menang pemenang
""")
# It is not about today, or not known for when.
NOT_TODAY = _words("""
    besok bsk lusa kemarin kmrn kemaren tadi semalam nanti minggu depan tanggal tgl senin selasa rabu kamis
    jumat sabtu belum blm bukan sembuh
""")
LEAVE_WORDS = _words("""
    tidak tdk tak gak ga nggak masuk hadir keluarga anak istri suami orangtua ortu acara keperluan perlu urusan
    pribadi duka kedukaan meninggal melayat nikah menikah dokter kontrol puskesmas rs mengantar antar mengurus
    menjaga sakit melahirkan musibah banjir mudik hajatan takziah
""")
OUTING_WORDS = _words("""
    ke di dalam rapat bimtek kunjungan monitoring monev sosialisasi diklat menghadiri mendampingi survei survey
    rakor tugas kecamatan kelurahan kabupaten provinsi jakarta lapangan verifikasi pelatihan workshop
""")
ABSENCE_WORDS = {
    # after SAKIT: a feeling, a person, or a whole other thing
    "not ill": _words("""
    hati jiwa rasanya sekali amat anaknya bapaknya ibunya orang pasien katanya mental
"""),
    # after IZIN: how a polite message begins
    "polite": _words("""
    bertanya tanya bertanya2 menyampaikan share membagikan mengingatkan konfirmasi menginfokan informasi usul
    komentar bergabung join minta meminta koreksi mengirim kirim forward meneruskan melaporkan usaha mendirikan
    praktik edar tinggal operasional tambang impor ekspor memperkenalkan promosi
"""),
}


@lru_cache(4096)
def nearest(word: str) -> str | None:
    """The keyword that the word is, or is one slip of the finger away from: one letter too many, too few, another, or
    two in the wrong order. None when it is an ordinary word, or near to two.
    """
    if word in _KEYWORDS:
        return word
    if word in _SAME:
        return _SAME[word]
    if word in _ORDINARY or len(word) < 4:
        return None
    near = [keyword for keyword in _KEYWORDS if abs(len(word) - len(keyword)) <= 1 and _one_slip(word, keyword)]
    return near[0] if len(near) == 1 else None


def spelled(word: str) -> bool:
    """Whether the word is a keyword as it stands."""
    return word in _KEYWORDS or word in _SAME


def _one_slip(word: str, keyword: str) -> bool:
    start = 0
    while start < min(len(word), len(keyword)) and word[start] == keyword[start]:
        start += 1
    rest, wanted = word[start:], keyword[start:]
    return (
        rest[1:] == wanted[1:]
        or rest[1:] == wanted
        or rest == wanted[1:]
        or (rest[:2] == wanted[1::-1] and rest[2:] == wanted[2:])
    )
