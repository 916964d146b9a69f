"""What IT staff may have a gateway do from here, and what came of it."""

from __future__ import annotations

from flask import Flask, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from mqtt_bridge.commands import NAMES, CommandName, name_of
from mqtt_bridge.commands import said as ended
from mqtt_bridge.phones import masked

from .. import orders
from ..languages import N_, _
from ..orders import COSTLY_PER_HOUR, Order, State
from ..refusal import Refusal
from .conditions import told
from .office import Office
from .words import said

SHOWN = 30
STATES = {
    State.WAITING: N_("Menunggu dikirim"), State.SENT: N_("Dikirim, belum dijawab"), State.ANSWERED: N_("Dijawab"),
    State.REFUSED: N_("Ditolak gateway"), State.EXPIRED: N_("Kedaluwarsa"),
}  # fmt: skip
# Each with what it does, and what it costs.
EXPLAINED = {
    CommandName.PING: N_("Gateway menjawab tanpa memakai modem. Gratis."),
    CommandName.DIAGNOSTICS: N_(
        "Gateway mengirim versi, jam, keadaan modem, riwayat sinyal, jumlah pesan, dan peringatan terakhirnya, tanpa"
        " nomor, nama, NIP, atau rahasia. Gratis."
    ),
    CommandName.RESTART_MODEM: N_(
        "Modem dinyalakan ulang; sekitar satu menit tidak ada SMS yang masuk atau keluar, lalu semuanya menyusul."
        " Gratis."
    ),
    CommandName.RESEND: N_(
        "Catatan presensi sejak nomor itu dikirim lagi; yang sudah ada di pusat tidak menjadi dua. Hanya memakai"
        " data."
    ),
    CommandName.SMS: N_("Satu SMS dikirim dengan pulsa kartu gateway; ke nomornya sendiri, waktu kembalinya diukur."),
    CommandName.USSD: N_(
        "Kode ditekan pada modem, dan jawaban operator ditampilkan. Kode tertentu membeli sesuatu dengan pulsa"
        " kartu itu. Modem tidak menerima SMS selama sekitar setengah menit."
    ),
}


def register(app: Flask, office: Office) -> None:
    app.jinja_env.globals.update(command_states=STATES)
    app.jinja_env.filters.update(
        ended=lambda result: told(ended(result)), command_name=lambda command: told(name_of(command))
    )

    @app.get("/gateways/<gateway>/commands")
    def gateway_commands(gateway: str) -> str:
        known = _known(office, gateway)
        return render_template("gateway_commands.html", **_context(office, known))

    @app.post("/gateways/<gateway>/commands")
    def gateway_command_ask(gateway: str) -> Response:
        known = _known(office, gateway)
        name = request.form.get("name", "")
        if name not in set(CommandName):
            abort(400)
        try:
            orders.ask(
                office.database, known, CommandName(name), _argument(office, known), current_user.id, office.clock()
            )
        except Refusal as error:
            flash(said(error), "error")
        else:
            flash(_("{name}: diminta. Hasilnya muncul di bawah.").format(name=told(NAMES[CommandName(name)])))
        return redirect(url_for("gateway_commands", gateway=known))

    @app.get("/gateways/<gateway>/commands/<command_id>")
    def gateway_command(gateway: str, command_id: str) -> str:
        found = orders.one(office.database, _known(office, gateway), command_id) or abort(404)
        return render_template(
            "gateway_command.html", gateway=gateway, order=found, state=found.state(office.clock())
        )


def _context(office: Office, gateway: str) -> dict[str, object]:
    """What `gateway_commands.html` needs."""
    rules = orders.policy(office.database, gateway)
    now = office.clock()
    rows: list[tuple[Order, State]] = [
        (order, order.state(now)) for order in orders.latest(office.database, SHOWN, gateway)
    ]
    return {
        "gateway": gateway,
        "rows": rows,
        "kinds": {name: told(text) for name, text in NAMES.items()},
        "explained": EXPLAINED,
        "staff": [masked(number) for number in rules.it_numbers],
        "has_central": rules.uplink is not None,
        "may_dial": rules.remote_ussd,
        "most": COSTLY_PER_HOUR,
    }


def _argument(office: Office, gateway: str) -> str:
    """The form names staff by their place: no number of theirs is in the page."""
    given = request.form.get("argument", "").strip()
    if request.form.get("name") != CommandName.SMS:
        return given
    staff = {str(place): number for place, number in enumerate(orders.policy(office.database, gateway).it_numbers)}
    return staff.get(given, given)


def _known(office: Office, gateway: str) -> str:
    found = office.database.value("SELECT id FROM gateway WHERE id = ?", gateway.replace("\0", ""))
    return str(found) if found else abort(404)
