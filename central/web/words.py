"""Why something can not be done, in words for people. Pure."""

from __future__ import annotations

from ..refusal import Refusal

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


def said(refusal: Refusal) -> str:
    return REFUSALS[refusal.code].format(**refusal.details)
