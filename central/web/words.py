"""Why something can not be done, in words for people. Pure."""

from __future__ import annotations

from ..refusal import Refusal
from ..roster import Fault

REFUSALS = {
    "user-name": "Nama akun hanya boleh berisi huruf, angka, dan . _ @ -",
    "user-taken": "Akun {name} sudah ada.",
    "user-unknown": "Akun {name} tidak ada.",
    "user-no-role": "Pilih paling sedikit satu peran.",
    "user-gateway": "Gateway {names} tidak ada.",
    "user-no-gateway": "Admin OPD perlu paling sedikit satu gateway.",
    "user-last": "Hanya {name} yang berperan TI; berikan dulu peran itu kepada orang lain.",
    "endpoint-name": "Nama hanya boleh berisi huruf kecil, angka, dan tanda hubung, misalnya sinergi.",
    "endpoint-taken": "Tujuan {name} sudah ada.",
    "endpoint-unknown": "Tujuan {name} tidak ada.",
    "url-signs": "Alamat paling panjang {most} huruf, tanpa spasi.",
    "url-odd": "Alamat itu tidak bisa dibaca.",
    "url-https": "Alamat harus diawali https://",
    "url-scheme": "Alamat harus diawali https:// atau http://",
    "url-form": "Alamat harus seperti https://sinergi.example.go.id/gardu, tanpa nama pengguna.",
    "url-local": "{host} adalah mesin ini sendiri atau alamat tetangganya.",
}
# Of a list of employees: what is wrong, and how its columns are called.
FAULTS = {
    "empty": "berkasnya kosong; baris pertama harus menyebut kolom nip, nama, hp, gateway",
    "columns": "tidak ada kolom {missing}; baris ini harus menyebut nip, nama, hp, gateway",
    "unreadable": "tidak bisa dibaca; simpan sebagai XLSX atau CSV UTF-8 ({problem})",
    "nip": "harus 18 angka",
    "nip-number": "dianggap bilangan oleh lembar kerja, angka akhirnya hilang; jadikan kolomnya teks, lalu isi lagi",
    "name-missing": "kosong",
    "name-odd": "berisi huruf yang tidak bisa ditampilkan",
    "phone": "bukan nomor ponsel seperti 081234567890",
    "gateway": "gateway {given!r} tidak dikenal",
    "alias": "satu kata, paling banyak 12 huruf, misalnya ani",
    "option": "salah satu dari {known}, atau kosong",
    "phone-shared": "sama dengan baris {row}; satu nomor hanya untuk satu orang",
    "alias-needed": "yang memakai nomor bersama perlu panggilan (lihat baris {row})",
    "alias-double": "sama dengan panggilan lain pada nomor ini",
    "double": "sama dengan baris {row}",
    "phone-taken": "nomor ini milik pegawai lain, yang tidak ada dalam daftar ini",
}
COLUMNS = {
    "nip": "NIP", "name": "nama", "phone": "HP", "gateway": "gateway", "alias": "panggilan", "presence": "kode",
    "shift": "shift", "language": "bahasa", "active": "aktif",
}  # fmt: skip


def fault_said(fault: Fault) -> str:
    """Such as `baris 7, HP: bukan nomor ponsel …`."""
    place = [f"baris {fault.row}" if fault.row else "", COLUMNS.get(fault.column, fault.column)]
    text = FAULTS[fault.code].format(**fault.details)
    return ": ".join(part for part in (", ".join(filter(None, place)), text) if part)


def said(refusal: Refusal) -> str:
    return REFUSALS[refusal.code].format(**refusal.details)
