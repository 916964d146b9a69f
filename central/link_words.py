"""What is wrong with the link to the broker, in words."""

from __future__ import annotations

from mqtt_bridge.client import Trouble

from .languages import N_

TROUBLES = {
    Trouble.STARTING: N_("sedang menyambung"),
    Trouble.UNREACHABLE: N_("broker tidak bisa dijangkau"),
    Trouble.REJECTED: N_("broker menolak sambungan"),
    Trouble.ENDED: N_("sambungan terputus"),
    Trouble.DENIED: N_("broker menolak pesan pusat; periksa aturan aksesnya"),
    Trouble.UNHEARD: N_("broker tidak mengizinkan pusat mendengar gateway; periksa aturan aksesnya"),
    Trouble.TAKEN: N_("kolektor lain memakai nama yang sama"),
    Trouble.FILES: N_("berkas sertifikat tidak bisa dipakai"),
    Trouble.TLS: N_("sambungan TLS gagal; periksa alamat dan portnya"),
    Trouble.OURS_EXPIRED: N_("sertifikat kolektor sudah habis masa berlakunya"),
    Trouble.OURS_EARLY: N_("sertifikat kolektor belum berlaku; periksa jam kedua mesin"),
    Trouble.OURS_REVOKED: N_("sertifikat kolektor sudah dicabut"),
    Trouble.OURS_FOREIGN: N_("broker tidak mengenal penerbit sertifikat kolektor"),
    Trouble.OURS_REFUSED: N_("broker menolak sertifikat kolektor"),
    Trouble.THEIRS_EXPIRED: N_("sertifikat broker sudah habis masa berlakunya: gardu-central broker-config"),
    Trouble.THEIRS_EARLY: N_("sertifikat broker belum berlaku; periksa jam mesin ini"),
    Trouble.THEIRS_FOREIGN: N_("penerbit sertifikat broker asing; periksa alamatnya"),
    Trouble.THEIRS_NAME: N_("sertifikat broker untuk nama lain: gardu-central broker-config --name"),
    Trouble.THEIRS_REFUSED: N_("sertifikat broker tidak bisa dipercaya"),
}
