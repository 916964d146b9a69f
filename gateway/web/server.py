"""Status page, message log, health checks and metrics of one gateway, served by waitress on the office LAN."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import waitress
from flask import Flask, Response, jsonify, render_template, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from mqtt_bridge.commands import name_of, said
from mqtt_bridge.modem_states import MEANINGS, ModemState
from mqtt_bridge.phones import masked
from mqtt_bridge.records import Status, encode

from ..config import Config
from ..core import Core
from ..decision import Outcome
from ..health import STORES, rupiah
from ..store import JournalError
from .screen import add_screen
from .ussd import add_ussd

PAGE = 50
ORDERS = 5  # commands of the collector on the status page
CSP = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

OUTCOMES = {
    Outcome.RECORDED: "Tercatat",
    Outcome.REPEAT: "Ulangan, sudah tercatat",
    Outcome.ANSWERED: "Dijawab",
    Outcome.WAITING: "Menunggu daftar pegawai",
    Outcome.UNKNOWN_SENDER: "Nomor tidak terdaftar",
    Outcome.NOT_A_PHONE: "Bukan nomor ponsel",
    Outcome.NOT_UNDERSTOOD: "Bukan perintah presensi",
    Outcome.WHO_SPEAKS: "Nomor bersama, tidak jelas siapa",
    Outcome.NO_CODE: "Tanpa kode",
    Outcome.OLD_CODE: "Kode sudah berganti",
    Outcome.WRONG_CODE: "Kode salah",
    Outcome.BLOCKED: "Diblokir: terlalu banyak kode salah",
    Outcome.EMPTY: "Pesan kosong",
    Outcome.TOO_LONG: "Terlalu panjang",
    Outcome.PART: "Bagian dari pesan panjang",
    Outcome.INCOMPLETE: "Tidak lengkap: bagian lain tidak sampai",
    Outcome.BINARY: "Bukan teks",
    Outcome.REPORT: "Laporan pengiriman",
    Outcome.CALL: "Panggilan, bukan presensi",
    Outcome.UPLINK: "Jawaban pusat",
    Outcome.IT: "Pertanyaan TI",
    Outcome.TEST: "SMS uji gateway ini",
    Outcome.POKE: "Pancingan untuk SMS centre",
}
DELIVERIES = {"queued": "menunggu", "sending": "sedang dikirim", "sent": "terkirim", "failed": "gagal"}

REPORTS = {True: "sampai", False: "tidak sampai", None: "belum sampai"}


def create_app(core: Core, settings: Config) -> Flask:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 16_000
    app.jinja_env.filters.update(
        masked=masked,
        rupiah=rupiah,
        said=said,
        named=name_of,
        local=lambda at: f"{_local(core, at):%d/%m %H:%M:%S %Z}",
        date=lambda at: f"{_local(core, at):%d/%m/%Y}",
    )
    _add_pages(app, core)
    _add_machines(app, core)
    add_screen(app, core, settings.screen.number)
    add_ussd(app, core, settings.ussd)
    app.register_error_handler(JournalError, _journal_error)
    app.after_request(_secure)
    return app


def _add_pages(app: Flask, core: Core) -> None:
    @app.get("/")
    def status() -> str:
        now = core.status()
        desired = core.journal.desired()
        modem = MEANINGS[ModemState(now.modem.state)]
        others = [(report, MEANINGS[ModemState(report.state)]) for report in core.other_modems()]
        return render_template(
            "status.html",
            status=now,
            others=others,
            uptime=_uptime(now),
            modem=modem,
            stores=STORES,
            desired=desired,
            orders=core.journal.orders(ORDERS),
        )

    @app.get("/messages")
    def messages() -> str:
        before = request.args.get("before", type=int)
        entries = core.journal.log(PAGE + 1, min(max(before, 0), 2**62) if before is not None else None)
        found = [list(lines) for _, lines in groupby(entries, key=lambda entry: entry.id)]
        return render_template(
            "messages.html",
            messages=found[:PAGE],
            more=len(found) > PAGE,
            outcomes=OUTCOMES,
            deliveries=DELIVERIES,
            reports=REPORTS,
        )


def _add_machines(app: Flask, core: Core) -> None:
    @app.get("/status.json")
    def status_json() -> Response:
        return Response(encode(core.status()), mimetype="application/json")

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="alive")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        found = [{"code": reason.code, "text": reason.text} for reason in core.status().reasons]
        return jsonify(ready=not found, reasons=found), 503 if found else 200

    @app.get("/metrics")
    def metrics() -> Response:
        registry = CollectorRegistry()
        registry.register(_Metrics(core.status()))
        return Response(generate_latest(registry), mimetype="text/plain; version=0.0.4")


def _journal_error(error: JournalError) -> tuple[str, int]:
    return render_template("error.html", error=error), 503


def _secure(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CSP
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@contextmanager
def serve(settings: Config, core: Core) -> Iterator[None]:
    """The pages at `web.listen`, in a thread of their own. Raises `OSError` when the port is taken."""
    app = create_app(core, settings)
    server: Any = waitress.create_server(app, listen=settings.web.listen, threads=4, ident="gardu")
    thread = threading.Thread(target=server.run, name="web", daemon=True)
    thread.start()
    try:
        yield
    finally:
        # Its workers first: they would write into the number of a pipe that by then may be the journal's file.
        server.task_dispatcher.shutdown()
        server.close()


class _Metrics:
    """A status as Prometheus gauges; nothing in it names a person."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[GaugeMetricFamily]:
        status, uplink, sim = self._status, self._status.uplink, self._status.sim
        values = {
            "records": (status.last_seq, "Records made"),
            "records_waiting": (status.last_seq - status.delivered, "Records that the collector does not hold yet"),
            "replies_waiting": (status.replies_waiting, "Replies to be sent"),
            "sms_slots_used": (status.modem.used, "SMS on the SIM"),
            "sms_slots": (status.modem.capacity, "Room for SMS on the SIM"),
            "signal_percent": (status.modem.signal, "Signal strength"),
            "disk_free_bytes": (status.disk_free, "Room left for the journal"),
            "heat_celsius": (status.heat, "Heat of the processor"),
            "sim_balance_rupiah": (sim.balance if sim else None, "Balance of the SIM"),
            "sim_days_left": (sim.days_left if sim else None, "Days that balance and validity of the SIM will last"),
            "certificate_seconds": (_left(status), "Until the certificate ends"),
            "clock_trusted": (int(status.clock_trusted), "Whether the clock is believed"),
            "uplink_sms_today": (uplink.today if uplink else None, "SMS to the collector today"),
            "uplink_sms_month": (uplink.month if uplink else None, "SMS to the collector this month"),
            "uplink_records_held": (uplink.held if uplink else None, "Records held there by SMS alone"),
        }
        for name, (value, text) in values.items():
            if value is not None:
                yield GaugeMetricFamily(f"gardu_gateway_{name}", text, value=value)
        problems = GaugeMetricFamily("gardu_gateway_problem", "What is wrong now", labels=["code"])
        for reason in status.reasons:
            problems.add_metric([reason.code], 1)
        yield problems
        states = GaugeMetricFamily("gardu_gateway_modem_state", "How the modem stands now", labels=["state"])
        for state in ModemState:
            states.add_metric([state], float(state == status.modem.state))
        yield states


def _left(status: Status) -> float | None:
    return (status.certificate_until - status.at).total_seconds() if status.certificate_until else None


def _uptime(status: Status) -> str:
    minutes = int((status.at - status.started).total_seconds()) // 60
    days, hours = divmod(minutes // 60, 24)
    return f"{days} hari {hours} jam" if days else f"{hours} jam {minutes % 60} menit"


def _local(core: Core, at: datetime) -> datetime:
    rules = core.rulebook.rules
    return at.astimezone(rules.zone if rules else UTC)
