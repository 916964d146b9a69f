"""Why something can not be done, in words for people. Pure but for the reader's language."""

from __future__ import annotations

from mqtt_bridge.commands import MEANINGS

from ..languages import N_, _
from ..refusal import Refusal
from ..roster import Fault

REFUSALS = {
    "user-name": N_("Nama akun hanya boleh berisi huruf, angka, dan . _ @ -"),
    "user-taken": N_("Akun {name} sudah ada."),
    "user-unknown": N_("Akun {name} tidak ada."),
    "user-no-role": N_("Pilih paling sedikit satu peran."),
    "user-gateway": N_("Gateway {names} tidak ada."),
    "user-no-gateway": N_("Admin OPD perlu paling sedikit satu gateway."),
    "user-last": N_("Hanya {name} yang berperan TI; berikan dulu peran itu kepada orang lain."),
    "gateway-name": N_("Nama gateway hanya boleh berisi huruf kecil, angka, dan tanda hubung, misalnya dinkes-01."),
    "gateway-unknown": N_("Gateway {name} tidak ada."),
    "revoke-reason": N_("Tulis alasannya, 3 sampai 100 huruf, misalnya hilang."),
    "revoke-name": N_("Ketik nama gateway persis seperti tertulis: {name}."),
    "token-name": N_("Nama program hanya boleh berisi huruf kecil, angka, dan tanda hubung, misalnya sinergi."),
    "token-scope": N_("Pilih paling sedikit satu hak."),
    "token-taken": N_("Program {name} sudah punya token; centang penggantian bila memang hendak menggantinya."),
    "endpoint-name": N_("Nama hanya boleh berisi huruf kecil, angka, dan tanda hubung, misalnya sinergi."),
    "endpoint-taken": N_("Tujuan {name} sudah ada."),
    "endpoint-unknown": N_("Tujuan {name} tidak ada."),
    "command-gateway": N_("Gateway {gateway} tidak ada."),
    "command-revoked": N_("Gateway {gateway} sudah dicabut."),
    "command-argument": N_("Isi dulu kolomnya."),
    "command-no-argument": N_("Perintah itu tidak memakai isian."),
    "command-cap": N_("Dalam satu jam hanya {most} SMS uji dan USSD untuk satu gateway, karena memakai pulsa."),
    "command-queue": N_("Sudah {most} perintah menunggu gateway ini."),
    "command-ussd-code": MEANINGS["ussd-code"],
    "command-ussd-setting": MEANINGS["ussd-setting"],
    "command-ussd-forbidden": MEANINGS["ussd-forbidden"],
    "command-number-not-allowed": MEANINGS["number-not-allowed"],
    "command-no-central-number": MEANINGS["no-central-number"],
    "command-seq": MEANINGS["seq"],
    "url-signs": N_("Alamat paling panjang {most} huruf, tanpa spasi."),
    "url-odd": N_("Alamat itu tidak bisa dibaca."),
    "url-https": N_("Alamat harus diawali https://"),
    "url-scheme": N_("Alamat harus diawali https:// atau http://"),
    "url-form": N_("Alamat harus seperti https://sinergi.example.go.id/gardu, tanpa nama pengguna."),
    "window-order": N_("Akhir pemeliharaan harus sesudah mulainya, dan belum lewat."),
    "window-long": N_("Pemeliharaan paling lama {days} hari."),
    "window-why": N_("Tulis mengapa, paling panjang {most} huruf."),
    "window-gateway": N_("Gateway {name} tidak ada."),
    "window-tag": N_("Tidak ada gateway dengan tanda {name}."),
    "window-unknown": N_("Pemeliharaan itu sudah selesai."),
    "alert-over": N_("Peringatan itu sudah selesai."),
    "alert-note": N_("Catatan paling panjang {most} huruf."),
    "label-name": N_("Nama paling panjang {most} huruf."),
    "label-number": N_("{given} bukan nomor ponsel seperti 081234567890."),
    "label-tag": N_("{given} bukan tanda: huruf kecil, angka, dan tanda hubung, misalnya utara."),
    "label-tags": N_("Paling banyak {most} tanda untuk satu gateway."),
    "url-local": N_("{host} adalah mesin ini sendiri atau alamat tetangganya."),
}
# Of a list of employees: what is wrong, and how its columns are called.
FAULTS = {
    "empty": N_("berkasnya kosong; baris pertama harus menyebut kolom nip, nama, hp, gateway"),
    "columns": N_("tidak ada kolom {missing}; baris ini harus menyebut nip, nama, hp, gateway"),
    "unreadable": N_("tidak bisa dibaca; simpan sebagai XLSX atau CSV UTF-8 ({problem})"),
    "nip": N_("harus 18 angka"),
    "nip-number": N_(
        "dianggap bilangan oleh lembar kerja, angka akhirnya hilang; jadikan kolomnya teks, lalu isi lagi"
    ),
    "name-missing": N_("kosong"),
    "text-odd": N_("berisi huruf yang tidak bisa ditampilkan"),
    "text-formula": N_("diawali = + - atau @, yang akan dihitung oleh lembar kerja"),
    "phone": N_("bukan nomor ponsel seperti 081234567890"),
    "gateway": N_("gateway {given!r} tidak dikenal"),
    "alias": N_("satu kata, paling banyak 12 huruf, misalnya ani"),
    "option": N_("salah satu dari {known}, atau kosong"),
    "phone-shared": N_("sama dengan baris {row}; satu nomor hanya untuk satu orang"),
    "alias-needed": N_("yang memakai nomor bersama perlu panggilan (lihat baris {row})"),
    "alias-double": N_("sama dengan panggilan lain pada nomor ini"),
    "double": N_("sama dengan baris {row}"),
    "phone-taken": N_("nomor ini milik pegawai lain, yang tidak ada dalam daftar ini"),
}
COLUMNS = {
    "nip": "NIP",
    "name": N_("nama"),
    "phone": N_("HP"),
    "gateway": N_("gateway"),
    "alias": N_("panggilan"),
    "presence": N_("kode"),
    "shift": N_("shift"),
    "language": N_("bahasa"),
    "active": N_("aktif"),
}


def fault_said(fault: Fault) -> str:
    """Such as `baris 7, HP: bukan nomor ponsel …`."""
    place = [
        _("baris {row}").format(row=fault.row) if fault.row else "",
        _(COLUMNS.get(fault.column, fault.column)),
    ]
    text = _(FAULTS[fault.code]).format(**fault.details)
    return ": ".join(part for part in (", ".join(filter(None, place)), text) if part)


def said(refusal: Refusal) -> str:
    return _(REFUSALS[refusal.code]).format(**refusal.details)
