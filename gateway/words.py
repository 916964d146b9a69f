"""The words that the grammar knows, and how near another one is to them. Pure."""

from __future__ import annotations

from functools import lru_cache


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Keywords that may be mistyped, and what each means. Shorter ones are too near to ordinary words.
_KEYWORDS = {
    "hadir": "hadir", "masuk": "masuk", "pulang": "pulang", "sakit": "sakit", "izin": "izin", "ijin": "izin",
    "sanggah": "sanggah", "daftar": "daftar", "bantu": "bantu", "bantuan": "bantuan", "menu": "menu", "stop": "stop",
    "mulai": "mulai", "checkin": "checkin", "checkout": "checkout",
}  # fmt: skip
# Other spellings of a keyword, and keywords that only count as they stand.
_SAME = {
    "idzin": "izin", "ijzin": "izin", "izn": "izin", "ijn": "izin", "chek": "cek", "check": "cek", "cekk": "cek",
    "dl": "dl", "cek": "cek", "datang": "datang", "cekin": "checkin", "cekout": "checkout", "chekin": "checkin",
    "chekout": "checkout", "hdr": "hadir", "hdir": "hadir", "plg": "pulang", "plng": "pulang", "msk": "masuk",
    "skt": "sakit",
}  # fmt: skip
# Ordinary words and names that are one slip away from a keyword.
_ORDINARY = _words("""
    hadis kadir qadir nadir khadir hair mabuk masak rasuk maruk masum masuki mask masyuk musuk pasuk palang
    tulang ulang gulang dulang julang pelang kulang pulangi sakti rakit sabit bakit sikit sakat isin
    injin zin iin hantu batu bantul banyu bantah datar singgah sangga sanggar sop step stok stub top shop slop
    stomp mulia mulas mual mula menus mend temu masuak cakit sawit hadi masku sakip ijen hatiku
""")
# They change nothing about what is asked.
FILLERS = _words("""
    absen absensi presensi absn saya sy pak bapak bu ibu mas mbak mba kak bang ndan komandan min admin mohon mhn
    tolong maaf ya yaa kode code kodenya nya kod nomor no kerja dengan dg dgn di kantor sudah sdh udah sdah dulu
    hari ini assalamualaikum assalamu alaikum aslmkm ass wr wb wassalam salam terima kasih makasih mksh mksih
    terimakasih trims tks thx trmksh trmkasih lapor dicatat catat ketik good morning
""")
# Those that are worth a slip, too.
_MISTYPED_FILLERS = ("absen", "absensi", "kode", "mohon", "lapor")
# With one of these it is talk between people, whatever else stands there.
CHATTER = _words("""
    aku kamu kau lo lu loe gue gua dia mereka kita kalian banget bgt nih dong deh sih loh lho kok yuk kapan
    siapa apa mana dimana gimana bagaimana kenapa mengapa berapa jangan kalau kalo jika hadiah promo pinjaman
    klik www http https transfer rekening rp gratis bonus menang pemenang ambo adek mencintai cinta nyimak kemana
    wkwk haha hehe
""")
# It is not about today, or not known for when.
NOT_TODAY = _words("""
    besok bsk lusa kemarin kmrn kemaren tadi semalam nanti minggu depan tanggal tgl senin selasa rabu kamis
    jumat sabtu belum blm bukan sembuh
""")
LEAVE_WORDS = _words("""
    tidak tdk tak gak ga nggak gk keluarga anak istri suami orangtua ortu acara keperluan perlu urusan urus pribadi
    duka kedukaan meninggal melayat nikah menikah pernikahan nikahan wisuda dokter kontrol puskesmas rs mengantar
    antar jemput mengurus menjaga sakit melahirkan lahiran musibah banjir kebanjiran kebakaran mudik hajatan takziah
    ke ban bocor mogok motor mobil ambil raport rapor sidang pajak samsat bank capil ktp rumah
""")
OUTING_WORDS = _words("""
    ke di dalam rapat bimtek kunjungan monitoring monev sosialisasi diklat menghadiri mendampingi pendampingan
    dampingi survei survey rakor tugas kecamatan kelurahan kabupaten provinsi jakarta lapangan verifikasi pelatihan
    workshop antar mengantar spt konsultasi koordinasi audiensi studi undangan
""")
# What people add to SAKIT when they are ill themselves; with any other word it may be a song or the news.
ILL_WORDS = _words("""
    demam panas pilek flu batuk kepala pusing gigi perut mag maag diare mencret muntah muntaber mual mata telinga
    tenggorokan badan pinggang punggung lambung asam urat tifus tipes dbd covid vertigo migrain migren asma sesak
    napas jantung darah tinggi rendah kolesterol gula diabetes alergi gatal cacar campak masuk angin istirahat
    opname dirawat rs rumah sakit dokter ke berobat puskesmas klinik surat keterangan kaki tangan lutut jatuh
    keseleo terkilir patah kecelakaan operasi sejak tadi malam semalam pagi subuh tidak tdk gak ga bisa kerja izin
    ijin kurang enak ringan sedikit agak menular meriang lemas nyeri haid saraf kejepit infeksi radang karena krn
    dan bagian kiri kanan parah masih lagi juga saja aja sdg sedang ada kontrol rawat inap jalan bengkak kram otot
    leher dada bahu encok wasir ambeien typus gejala positif usus buntu batu ginjal dari kambuh naik ndak bicara
    mau habis motor rsud berat sekali
""")
# In IZIN: a polite beginning ("izin bertanya"), or a walk of a few minutes.
POLITE_WORDS = _words("""
    bertanya tanya bertanya2 menyampaikan share membagikan mengingatkan konfirmasi menginfokan informasi usul
    komentar bergabung join minta meminta koreksi mengirim kirim forward meneruskan melaporkan usaha mendirikan
    praktik edar tinggal operasional tambang impor ekspor memperkenalkan promosi izin ijin nonton toilet wc ruang
    lantai masjid pinjam sekolah guru email sebentar dinas siap keramaian
""")
# Whose illness it is, where it is not one's own.
RELATIVES = _words("ibu bapak ayah mama papa anak istri suami mertua adik kakak abang nenek kakek teman")
# With one of these a lone keyword is a request to somebody else.
TO_OTHERS = _words("dulu tolong sudah sdh udah di kantor")
# Fixed phrases that hold a keyword and are never meant as one: what one logs in with, and an appeal of a tender.
PHRASES = ("kode masuk", "sanggah banding")


@lru_cache(4096)
def nearest(word: str) -> str | None:
    """The keyword that the word means, or is one slip of the finger away from: one letter too many, too few, another,
    or two in the wrong order. None when it is an ordinary word, or near to two.
    """
    if word in _SAME or word in _KEYWORDS:
        return _SAME.get(word) or _KEYWORDS[word]
    if word in _ORDINARY or len(word) < 4:
        return None
    near = {meant for keyword, meant in _KEYWORDS.items() if one_slip(word, keyword)}
    return near.pop() if len(near) == 1 else None


@lru_cache(4096)
def is_filler(word: str) -> bool:
    return word in FILLERS or any(one_slip(word, each) for each in _MISTYPED_FILLERS)


def spelled(word: str) -> bool:
    """Whether the word is a keyword as it stands."""
    return word in _KEYWORDS or word in _SAME


def one_slip(word: str, keyword: str) -> bool:
    """Whether one slip of the finger turns the one into the other."""
    if abs(len(word) - len(keyword)) > 1:
        return False
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
