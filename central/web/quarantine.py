"""What came from gateways and was not stored, why, and what to do about it."""

from __future__ import annotations

from flask import Flask, render_template

from .. import quarantine as kept
from ..languages import N_
from ..quarantine import STRANGER
from .office import Office

# How a reason begins, and what that means to people. The reason itself stays beside it, as it is searched for.
MEANINGS = (
    ("revoked", N_("Gateway ini sudah dicabut"), N_("Matikan perangkatnya, atau daftarkan lagi dengan kunci baru")),
    ("there is no key", N_("Gateway ini tidak terdaftar"), N_("Daftarkan gateway itu di halaman Pendaftaran")),
    (
        "record",
        N_("Catatan yang rantainya putus atau waktunya tidak mungkin"),
        N_("Periksa kartu memori dan jam gateway itu"),
    ),
    (
        "another record",
        N_("Dua catatan berbeda dengan nomor yang sama"),
        N_("Periksa apakah kartu memorinya disalin"),
    ),
    ("not a batch", N_("Pesan yang bukan catatan"), N_("Periksa versi perangkat lunak gateway itu")),
    (
        "an SMS that is none of ours",
        N_("SMS yang bukan dari gateway"),
        N_("Tidak perlu apa-apa, kecuali jumlahnya besar"),
    ),
    (
        "an SMS",
        N_("SMS gateway yang tidak bisa dipakai"),
        N_("Hubungkan gateway ke jaringan; catatannya datang lewat itu"),
    ),
)
UNKNOWN = (
    N_("Pesan yang tidak bisa dipercaya"),
    N_("Bandingkan kuncinya dengan yang terdaftar, atau daftarkan lagi"),
)


def register(app: Flask, office: Office) -> None:
    app.jinja_env.globals.update(meaning_of=meaning_of, stranger=STRANGER)

    @app.get("/quarantine", endpoint="quarantine")
    def show() -> str:
        return render_template("quarantine.html", found=kept.every(office.database))


def meaning_of(reason: str) -> tuple[str, str]:
    """In words: what it means, and what to do."""
    return next(((meaning, step) for begins, meaning, step in MEANINGS if reason.startswith(begins)), UNKNOWN)
