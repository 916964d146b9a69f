"""What gateways say of themselves, and what is judged of them, in the reader's language. They say it in Indonesian,
with figures in it: the sentences are known here by their form, and one of a newer version is shown as it was said.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from mqtt_bridge.records import Language

from ..languages import N_, _, reader

SENTENCES = (
    # of gateways
    N_("Jurnal tidak bisa ditulis; SMS tetap aman di kartu SIM"),
    N_("Jam gateway belum benar; yang dipakai waktu dari SMS centre"),
    N_("Kode presensi ditebak: {codes} kode salah dari {numbers} nomor dalam 1 jam; lihat halaman Pesan"),
    N_("Sisa ruang kartu SD hanya {size} MB"),
    N_("Tegangan listrik Raspberry Pi terlalu rendah"),
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
    N_("Ganti adaptor atau kabel daya Raspberry Pi; yang resmi 5,1 V"),
    N_("Isi pulsa kartu SIM gateway"),
    N_("Isi pulsa kartu SIM gateway; itu memperpanjang masa aktifnya"),
    N_("Periksa pulsanya dengan ponsel, atau minta IT memeriksa kode cek pulsa operator itu"),
    N_("Isi pulsa kartu SIM gateway; bila cukup, ganti kartunya"),
    N_("Lihat di halaman Pesan gateway siapa yang banyak mengirim; batasnya ada di aturan pusat"),
    N_("Pakai modem lain, atau matikan presensi lewat panggilan di aturan pusat"),
    N_("Akhiri masa pemeliharaan sesudah pekerjaan selesai"),
    N_("Lihat halaman gateway itu"),
    N_("Lihat halaman gateway itu, modem {number}"),
    # of alerts
    N_("Tunggu beberapa menit; bila tetap begini, nyalakan ulang gateway"),
    N_("Dua perangkat memakai satu nama"),
    N_("Modem, kartu SIM atau jaringan seluler tidak bekerja"),
    N_("Lihat halaman gateway itu; periksa modem, kartu SIM, dan antena"),
    N_("Penyimpanan gateway tidak bisa ditulis"),
    N_("Jurnal bercabang atau diganti"),
    N_("Kartu SIM menerima tetapi tidak bisa mengirim"),
    N_("Periksa pulsa, masa aktif, dan batas SMS kartu SIM gateway"),
    N_("Pulsa atau masa aktif kartu SIM hampir habis"),
    N_("Isi pulsa kartu SIM gateway itu"),
    N_("Memori SMS penuh"),
    N_("Antrean catatan menumpuk"),
    N_("Lihat apakah pusat menolaknya: gardu-central quarantine; periksa juga mutu jaringan kantor"),
    N_("Gateway dan pusat tidak saling percaya"),
    N_("Periksa kunci keduanya: gardu-central quarantine"),
    N_("Daftar pegawai atau aturan baru belum diterapkan"),
    N_("Lihat catatan gateway; bila kuncinya berbeda, serahkan lagi kunci publik pusat"),
    N_("Ruang kartu SD hampir habis"),
    N_("Gateway terlalu panas"),
    N_("Pindahkan ke tempat teduh, bersihkan debu, atau pasang kipas"),
    N_("Jam gateway tidak dapat dipercaya"),
    N_("Sertifikat gateway hampir habis"),
    N_("Ada data yang disisihkan"),
    N_("Lihat apa dan mengapa: gardu-central quarantine"),
    N_("Kelengkapan data tertinggal"),
    N_("Lihat halaman gateway itu: modem, jam, dan antreannya"),
    N_("Kode presensi ditebak"),
    N_("Kiriman lewat SMS ke pusat gagal"),
    N_("Gateway melaporkan masalah lain"),
    N_("Kolektor pusat berhenti"),
    N_("Nyalakan lagi: systemctl restart gardu-central; lihat journalctl -u gardu-central"),
    N_("Pusat terputus dari broker"),
    N_("Periksa mosquitto di server pusat, sertifikatnya, dan jaringannya"),
    N_("Ruang disk server pusat hampir habis"),
    N_("Kosongkan atau perbesar disk yang memuat central.data_dir"),
    N_("Sertifikat broker hampir habis"),
    N_("gardu-central broker-config, lalu systemctl reload mosquitto"),
    N_("Program lain tidak menerima presensi"),
    N_("Lihat halaman Program; sesudah diperbaiki, kirim lagi"),
    N_("Ada yang mencoba masuk"),
    N_("Lihat gardu-central quarantine dan catatan pendaftaran; periksa siapa yang bisa mencapai broker"),
    N_("Pemberitahuan tidak sampai"),
    N_("Lihat saluran itu di halaman Peringatan; coba: gardu-central alerts test NAMA"),
    N_("pulsa tinggal {amount}"),
    N_("masa aktif sampai {date}"),
    N_("cukup untuk sekitar {days} hari"),
    N_("{count} catatan menunggu"),
    N_("sisa {size} MB"),
    N_("tertinggal {hours} jam"),
    N_("disisihkan: {why}"),
    N_("{refused} pendaftaran ditolak, {strangers} kiriman dari nama tak dikenal"),
    N_("{count} catatan tidak diterima"),
    N_("habis {days} hari lagi"),
    N_("sudah habis masa berlakunya"),
    # of readiness
    N_("Buat token pengganti di halaman Pendaftaran"),
    N_("Buat token di halaman Pendaftaran, lalu daftarkan gateway dengannya"),
    N_("Belum punya sertifikat"),
    N_("Buat token pengganti di halaman Pendaftaran; gateway lama tidak memperpanjang sendiri"),
    N_("Nyalakan gateway di kantor itu, dan sambungkan ke jaringan data"),
    N_("Terhubung"),
    N_("Belum ada kabar dari gateway"),
    N_("Hubungkan gateway dahulu"),
    N_("Jam dipercaya"),
    N_("Jam belum bisa dipercaya"),
    N_("Sisa ruang tidak diketahui"),
    N_("Lihat penyimpanan pada gateway itu"),
    N_("Pasang modem dan kartu SIM, lalu tunggu dua menit"),
    N_("Sinyal belum diketahui"),
    N_("Atur cek pulsa (USSD) pada gateway, lalu tunggu kabar operator"),
    N_("Pulsa belum diketahui"),
    N_("Isi pulsa atau perpanjang masa aktif kartu SIM"),
    N_("Impor daftar pegawai kantor ini di halaman Pegawai"),
    N_("Belum ada pegawai"),
    N_("Hubungkan gateway; daftar dikirim sendiri"),
    N_("Daftar baru belum diterapkan"),
    N_("Kode tidak diwajibkan"),
    N_("Belum ada presensi dengan kode"),
    N_("Lama tidak ada presensi dengan kode"),
    N_("Pasang layar kode di kantor, lalu seorang pegawai mengirim kodenya"),
    N_("SMS belum pernah diuji"),
    N_("Kirim HADIR dari ponsel seorang pegawai ke nomor gateway, dan tunggu balasannya"),
    N_("Latih pegawai yang belum pernah presensi; namanya di halaman kantor ini"),
    N_("Sertifikat berakhir {date}"),
    N_("Sertifikat sampai {date}"),
    N_("Tanpa kabar sejak {days} hari"),
    N_("Tanpa kabar sejak {minutes} menit"),
    N_("Sisa {size} GB"),
    N_("Lemah: {percent}%"),
    N_("Cukup {days} hari"),
    N_("{count} pegawai, belum diterapkan"),
    N_("{count} pegawai diterapkan"),
    N_("Kode terakhir {date}"),
    N_("Uji SMS terakhir {date}"),
    N_("SMS terakhir {date}"),
    N_("{trained} dari {people} pegawai pernah presensi"),
    N_("Tanpa modem, {operator}"),
    N_("Sedang dimulai, {operator}"),
    N_("Terdaftar, {operator}"),
    N_("Terdaftar (roaming), {operator}"),
    N_("Tanpa modem"),
    N_("Sedang dimulai"),
    N_("Terdaftar (roaming)"),
    # of commands
    N_("Sapa"),
    N_("Kirim diagnostik"),
    N_("Kirim ulang catatan"),
    N_("Nyalakan ulang modem"),
    N_("SMS uji"),
    N_("Tekan USSD"),
    N_("Gateway menjawab."),
    N_("Diagnostik diterima."),
    N_("Catatan {first}–{last} dikirim ulang."),
    N_("Tidak ada catatan sejak nomor {first}; yang terakhir nomor {last}."),
    N_("Modem dinyalakan ulang."),
    N_("SMS uji diserahkan ke jaringan."),
    N_("SMS uji kembali dalam {seconds} detik."),
    N_("SMS uji terkirim, tetapi belum kembali dalam {seconds} detik."),
    N_("Operator menjawab."),
    N_("Operator tidak memberi jawaban ({status})."),
    N_("Modem gagal."),
    N_("Modem tidak siap mengirim."),
    N_("Gateway ini tidak memakai modem."),
    N_("Gateway belum menerima aturannya dari pusat."),
    N_("Nomor kartu SIM gateway ini tidak disebut dalam pengaturannya (screen.number)."),
    N_("Pusat tidak mempunyai nomor SMS."),
    N_("SMS uji hanya boleh ke nomor petugas TI, nomor pusat, atau nomor gateway itu sendiri."),
    N_("Kode USSD hanya berisi angka, * dan #, dan diawali * atau #."),
    N_("Kode itu mengubah pengaturan kartu SIM, jadi tidak boleh ditekan dari jauh."),
    N_("Aturan pusat tidak mengizinkan USSD dari jauh."),
    N_("Nomor catatan harus bilangan mulai dari 1."),
    N_("Gateway ini tidak mengenal perintah itu; versinya lebih lama."),
    N_("Perintah sampai setelah batas waktunya, jadi tidak dijalankan."),
    N_("Tidak diketahui: dimulai {begun}, lalu gateway terhenti. Tidak diulang."),
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
_TITLED = re.compile(r"([^:]+): (.+)", re.DOTALL)
_DETAIL = re.compile(r"(.+?) \((.+?)(\)?)", re.DOTALL)  # what a part of the gateway said; cut off when it is long


def told(text: str) -> str:
    """The same sentence for the reader."""
    return text if reader() is Language.INDONESIAN or not text else _translated(text, reader())


@lru_cache(maxsize=4096)  # a board of a thousand offices says the same few things
def _translated(text: str, language: Language) -> str:
    if more := _MORE.fullmatch(text):
        return " ".join((told(more[1]), _("(+{count} lagi)").format(count=more[2])))
    if of_one := _OF_ONE.fullmatch(text):
        return f"Modem {of_one[1]}: {told(of_one[2])}"
    return _known(text) or _with_detail(text) or text


def _with_detail(text: str) -> str | None:
    detail, titled = _DETAIL.fullmatch(text), _TITLED.fullmatch(text)
    if detail and (short := _known(detail[1])):
        return f"{short} ({told(detail[2])}{detail[3]}"
    if titled and (title := _known(titled[1])):
        return f"{title}: {told(titled[2])}"
    return None


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
