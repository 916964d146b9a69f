"""Fleet and records, as people see them; both pages fetch themselves anew while they are open."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from flask import Flask, render_template, request
from flask_login import current_user

from mqtt_bridge.client import Problem, Trouble
from mqtt_bridge.phones import masked

from .. import queries
from ..queries import Wanted
from ..states import State
from .office import Office
from .rights import visible

PAGE = 50
MOST_PAGES = 10_000
MOST_PROVISIONAL = 500
STATES = {
    State.DOWN: "Terputus", State.LATE: "Tanpa kabar", State.SICK: "Bermasalah", State.NEW: "Baru", State.UP: "Baik",
}  # fmt: skip
COLOURS = {State.DOWN: "red", State.LATE: "orange", State.SICK: "yellow", State.NEW: "azure", State.UP: "green"}
ACTIONS = {
    "in": "Hadir", "out": "Pulang", "sick": "Sakit", "leave": "Izin", "duty": "Dinas luar",
    "dispute": "Sanggahan", "register": "Minta didaftarkan",
}  # fmt: skip
FLAGS = {
    "clock-untrusted": "jam gateway", "inferred": "hanya kode", "code-by-own-clock": "kode menurut jam gateway",
    "low-assurance": "panggilan",
}  # fmt: skip


TROUBLES = {
    Trouble.STARTING: "sedang menyambung",
    Trouble.UNREACHABLE: "broker tidak bisa dijangkau",
    Trouble.REJECTED: "broker menolak sambungan",
    Trouble.ENDED: "sambungan terputus",
    Trouble.DENIED: "broker menolak pesan pusat; periksa aturan aksesnya",
    Trouble.UNHEARD: "broker tidak mengizinkan pusat mendengar gateway; periksa aturan aksesnya",
    Trouble.TAKEN: "kolektor lain memakai nama yang sama",
    Trouble.FILES: "berkas sertifikat tidak bisa dipakai",
    Trouble.TLS: "sambungan TLS gagal; periksa alamat dan portnya",
    Trouble.OURS_EXPIRED: "sertifikat kolektor sudah habis masa berlakunya",
    Trouble.OURS_EARLY: "sertifikat kolektor belum berlaku; periksa jam kedua mesin",
    Trouble.OURS_REVOKED: "sertifikat kolektor sudah dicabut",
    Trouble.OURS_FOREIGN: "broker tidak mengenal penerbit sertifikat kolektor",
    Trouble.OURS_REFUSED: "broker menolak sertifikat kolektor",
    Trouble.THEIRS_EXPIRED: "sertifikat broker sudah habis masa berlakunya: gardu-central broker-config",
    Trouble.THEIRS_EARLY: "sertifikat broker belum berlaku; periksa jam mesin ini",
    Trouble.THEIRS_FOREIGN: "penerbit sertifikat broker asing; periksa alamatnya",
    Trouble.THEIRS_NAME: "sertifikat broker untuk nama lain: gardu-central broker-config --name",
    Trouble.THEIRS_REFUSED: "sertifikat broker tidak bisa dipercaya",
}


def register(app: Flask, office: Office) -> None:
    app.jinja_env.globals.update(
        states=STATES,
        colours=COLOURS,
        actions=ACTIONS,
        flags=FLAGS,
        link_problem=lambda: in_words(office.link_problem()),
    )
    app.jinja_env.filters.update(
        clock=lambda at: f"{at.astimezone(office.zone):%H:%M:%S}",
        exact=lambda at: f"{at.astimezone(office.zone):%d/%m/%Y %H:%M:%S %Z}",
        masked=masked,
        ago=lambda at: ago(at, office.clock()),
    )

    @app.get("/")
    def fleet() -> str:
        found = queries.gateways(office.database, office.clock(), office.zone)
        gateways = [gateway for gateway in found if visible(gateway.id)]
        counts = Counter(gateway.condition.state for gateway in gateways)
        return render_template("fleet.html", gateways=gateways, counts=counts)

    @app.get("/records")
    def records() -> str:
        start, end = queries.today(office.clock(), office.zone)
        wanted = Wanted(
            gateway=request.args.get("gateway", ""),
            search=request.args.get("search", "").strip(),
            start=start,
            end=end,
            offices=current_user.scope,
        )
        page = min(max(1, request.args.get("page", 1, type=int)), MOST_PAGES)
        found = queries.latest(office.database, wanted, PAGE + 1, (page - 1) * PAGE)
        known = office.database.rows("SELECT id FROM gateway ORDER BY id")
        gateways = [id_ for (id_,) in known if visible(id_)]
        return render_template(
            "records.html",
            entries=found[:PAGE],
            provisional=queries.provisional(office.database, wanted, MOST_PROVISIONAL, newest_first=True)
            if page == 1
            else [],
            more=len(found) > PAGE,
            page=page,
            wanted=wanted,
            gateways=gateways,
            day=start,
        )


def in_words(problem: Problem | None) -> str | None:
    return TROUBLES[problem.trouble] if problem else None


def ago(at: datetime, now: datetime) -> str:
    """How long ago, in words."""
    seconds = max(0, int((now - at).total_seconds()))
    for size, word in ((86_400, "hari"), (3600, "jam"), (60, "menit")):
        if seconds >= size:
            return f"{seconds // size} {word} lalu"
    return f"{seconds} detik lalu" if seconds >= 5 else "baru saja"
