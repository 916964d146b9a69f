"""What gateways say of themselves, and what is judged of them, in the reader's language. They say it in Indonesian,
with figures in it: the sentences are known here by their form, and one of a newer version is shown as it was said.
"""

from __future__ import annotations

import re
from functools import cache

from mqtt_bridge.records import Language

from ..languages import N_, _, reader

SENTENCES = (
    # of gateways
    N_("Jurnal tidak bisa ditulis; SMS tetap aman di kartu SIM"),
    N_("Jam gateway belum benar; yang dipakai waktu dari SMS centre"),
    N_("Kode presensi ditebak: {codes} kode salah dari {numbers} nomor dalam 1 jam; lihat halaman Pesan"),
    N_("Sisa ruang kartu SD hanya {size} MB"),
    N_("Memori SMS penuh: {used} dari {capacity}"),
    N_("{count} SMS rusak tidak bisa dihapus dari kartu SIM; sudah disimpan"),
    N_("Modem tidak bisa melihat nomor penelepon; presensi lewat panggilan tidak jalan"),
    N_("Pulsa kartu SIM tinggal {amount}, cukup sekitar {days} hari; isi pulsa"),
    N_("Pulsa kartu SIM tinggal {amount}; isi pulsa"),
    N_("Pulsa dan masa aktif kartu SIM tidak terbaca"),
    N_("Masa aktif kartu SIM habis sejak {date}; isi pulsa sekarang, balasan tidak terkirim"),
    N_("Masa aktif kartu SIM habis hari ini ({date}); segera isi pulsa"),
    N_("Masa aktif kartu SIM habis {days} hari lagi ({date}); segera isi pulsa"),
    N_("Masa aktif kartu SIM habis {days} hari lagi ({date}); isi pulsa"),
    N_(
        "SMS masuk diterima, tetapi {count} balasan berturut-turut gagal dikirim; periksa pulsa dan masa aktif"
        " kartu SIM"
    ),
    N_("Batas SMS tercapai; balasan tidak dikirim, presensi tetap dicatat"),
    N_("Belum tersambung ke pusat: {why}"),
    N_("kunci publik pusat belum dibaca"),
    N_("Daftar pegawai belum diterima dari pusat; pesan disimpan dan menunggu"),
    N_("Kartu memori pernah mundur ke isi lama; jurnal dimulai lagi dan yang belum sampai dikirim ulang"),
    N_("Pusat menolak data gateway ini"),
    N_("Pusat tidak menjawab {minutes} menit; data tetap disimpan"),
    N_("Pesan dari pusat tidak bisa dipercaya; periksa kuncinya"),
    N_("Data juga tidak terkirim lewat SMS"),
    N_("Sertifikat gateway ini habis {days} hari lagi, dan belum diperbarui pusat"),
    N_("Sertifikat gateway ini sudah habis masa berlakunya, dan belum diperbarui pusat"),
    N_("Sedang menyambung ke pusat"),
    N_("Broker pusat tidak bisa dijangkau; periksa jaringan data"),
    N_("Broker pusat menolak gateway ini; periksa pendaftarannya"),
    N_("Sambungan ke pusat terputus; sedang disambung lagi"),
    N_("Broker pusat menolak pesan gateway ini; periksa hak aksesnya"),
    N_("Broker pusat tidak mengizinkan gateway ini mendengar pusat; periksa hak aksesnya"),
    N_("Perangkat lain memakai nama gateway ini; matikan salah satunya"),
    N_("Berkas sertifikat tidak bisa dipakai; daftarkan lagi gateway ini"),
    N_("Sambungan TLS ke broker pusat gagal; periksa alamat dan portnya"),
    N_("Sertifikat gateway ini sudah habis masa berlakunya; daftarkan lagi"),
    N_("Sertifikat gateway ini belum berlaku; periksa jam gateway dan jam pusat"),
    N_("Sertifikat gateway ini sudah dicabut pusat; daftarkan lagi bila memang masih dipakai"),
    N_("Broker pusat tidak mengenal penerbit sertifikat gateway ini; daftarkan lagi"),
    N_("Broker pusat menolak sertifikat gateway ini; daftarkan lagi"),
    N_("Sertifikat broker pusat sudah habis menurut jam gateway; hubungi pusat"),
    N_("Sertifikat broker pusat belum berlaku menurut jam gateway; jam gateway mungkin tertinggal"),
    N_("Broker itu bukan broker pusat: penerbit sertifikatnya asing; periksa alamatnya"),
    N_("Sertifikat broker itu untuk nama lain; periksa alamat broker"),
    N_("Sertifikat broker pusat tidak bisa dipercaya; hubungi pusat"),
    # of their modems
    N_("SMS tidak bisa dikirim: {why}"),
    N_("sinyal {percent}%"),
    N_("tanpa modem"),
    N_("modem tidak ada"),
    N_("Modem tidak terpasang; SMS ditahan operator dan masuk setelah modem kembali"),
    N_("Pasang lagi modem; bila tetap, ganti kabel, hub USB atau catu dayanya"),
    N_("sedang dimulai"),
    N_("tidak menjawab"),
    N_("Modem tidak menjawab; gateway sedang membukanya lagi"),
    N_("Tunggu dua menit; bila tetap, cabut dan pasang lagi modem, lalu periksa catu dayanya"),
    N_("kartu SIM minta PIN"),
    N_("Kartu SIM terkunci dan minta PIN"),
    N_("Matikan permintaan PIN kartu itu dengan ponsel, lalu pasang lagi"),
    N_("kartu SIM minta PUK"),
    N_("Kartu SIM terblokir dan minta PUK"),
    N_("Buka dengan PUK dari operator memakai ponsel; bila tidak bisa, ganti kartu SIM"),
    N_("kartu SIM tidak terbaca"),
    N_("Kartu SIM tidak ada atau tidak terbaca"),
    N_("Matikan modem, pasang kartu SIM dengan benar; bila tetap, ganti kartunya"),
    N_("mencari jaringan"),
    N_("Modem masih mencari jaringan"),
    N_("Pindahkan antena ke dekat jendela; periksa kabel antena"),
    N_("ditolak jaringan"),
    N_("Jaringan menolak kartu SIM"),
    N_("Periksa masa aktif dan registrasi kartu SIM; hubungi operator"),
    N_("tidak terdaftar"),
    N_("Modem tidak terdaftar di jaringan dan tidak mencarinya"),
    N_("Periksa kartu SIM dan antena, lalu cabut dan pasang lagi modem"),
    N_("tidak diketahui"),
    N_("Status jaringan modem tidak diketahui"),
    N_("Pindahkan antena ke dekat jendela; bila tetap, cabut dan pasang lagi modem"),
    N_("bekerja sebagian"),
    N_("Modem bekerja hanya sebagian"),
    N_("Periksa pulsa, masa aktif dan sinyal; bila tetap, cabut dan pasang lagi modem"),
    N_("terdaftar"),
    N_("terdaftar (roaming)"),
    # of what to do
    N_("Periksa kartu SD dan sisa ruangnya, lalu nyalakan ulang gateway"),
    N_("Gateway akan mengosongkannya sendiri; bila tetap penuh, nyalakan ulang modem"),
    N_("Hapus SMS itu dengan ponsel, atau ganti kartu SIM saat sempat"),
    N_("Periksa kunci publik gateway ini di pusat: gardu-central quarantine"),
    N_("Serahkan lagi kunci publik pusat ke gateway"),
    N_("Sambungkan gateway ke jaringan agar jamnya menyetel diri"),
    N_("Periksa jaringan data kantor"),
    N_("Impor daftar pegawai kantor ini: gardu-central roster import"),
    N_("Periksa apakah kartu memorinya diganti atau rusak; bandingkan hari-hari terakhir dengan daftar manual"),
    N_("Lihat apa yang ditolak di server pusat: gardu-central quarantine"),
    N_("Lihat di halaman Pesan gateway siapa yang menebak, dan tanyakan"),
    N_("Daftarkan lagi gateway ini: gardu-central gateway add NAMA --replace"),
    N_("Periksa jam gateway, alamat broker, dan sertifikat broker: gardu-central broker-config"),
    N_("Matikan perangkat yang lama; bila kartunya disalin, cabut: gardu-central gateway revoke"),
    N_("Bila diganti perangkat lain, daftarkan: gardu-central gateway add"),
    N_("Periksa pulsa kartu SIM gateway, dan batas SMS per hari di pusat"),
    N_("Ganti kartu SD dengan yang lebih besar"),
    N_("Isi pulsa kartu SIM gateway"),
    N_("Isi pulsa kartu SIM gateway; itu memperpanjang masa aktifnya"),
    N_("Periksa pulsanya dengan ponsel, atau minta IT memeriksa kode cek pulsa operator itu"),
    N_("Isi pulsa kartu SIM gateway; bila cukup, ganti kartunya"),
    N_("Lihat di halaman Pesan gateway siapa yang banyak mengirim; batasnya ada di aturan pusat"),
    N_("Pakai modem lain, atau matikan presensi lewat panggilan di aturan pusat"),
    N_("Akhiri masa pemeliharaan sesudah pekerjaan selesai"),
    N_("Lihat halaman gateway itu"),
    N_("Lihat halaman gateway itu, modem {number}"),
    # of how they stand
    N_("Dicabut: {why}"),
    N_("Dua perangkat memakai nama gateway ini"),
    N_("Belum pernah terhubung"),
    N_("Nyalakan gateway dan daftarkan: gardu-gateway enrol"),
    N_("Terputus dari broker"),
    N_("Periksa listrik dan jaringan data kantor"),
    N_("Tidak ada kabar, padahal tersambung"),
    N_("Bila tetap begini, nyalakan ulang gateway"),
    N_("Daftar pegawai yang baru belum diterapkan"),
    N_("Sedang dipelihara"),
    N_("Sedang dipelihara. {why}"),
)
_MORE = re.compile(r"(.+) \(\+([0-9]+) lagi\)", re.DOTALL)
_OF_ONE = re.compile(r"Modem ([0-9]+): (.+)", re.DOTALL)
_DETAIL = re.compile(r"(.+?) \((.+?)(\)?)", re.DOTALL)  # what a part of the gateway said; cut off when it is long


def told(text: str) -> str:
    """The same sentence for the reader."""
    if reader() is Language.INDONESIAN or not text:
        return text
    if more := _MORE.fullmatch(text):
        return " ".join((told(more[1]), _("(+{count} lagi)").format(count=more[2])))
    if of_one := _OF_ONE.fullmatch(text):
        return f"Modem {of_one[1]}: {told(of_one[2])}"
    whole = _known(text)
    detail = None if whole else _DETAIL.fullmatch(text)
    if detail and (short := _known(detail[1])):
        return f"{short} ({told(detail[2])}{detail[3]}"
    return whole or text


def _known(text: str) -> str | None:
    if (whole := _(text)) != text:
        return whole
    for form, sentence in _forms():
        if found := form.fullmatch(text):
            return _(sentence).format(**{name: told(value) for name, value in found.groupdict().items()})
    return None


@cache
def _forms() -> list[tuple[re.Pattern[str], str]]:
    """The sentences with something in them, the longest first."""
    filled = sorted((each for each in SENTENCES if "{" in each), key=len, reverse=True)
    return [(re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(each))), each) for each in filled]
