"""Faults over HTTP: a page with a button for each kind, and the JSON API that `gardu-modem fault` speaks with."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from flask import Flask, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from . import oddities
from .faults import FORMS, BadFault, Fault, Faults, Lasting, parse
from .network import Network

# What parameters and their values are called on the page.
WORDS = {
    "command": "Perintah AT",
    "done": "Tetap dikerjakan",
    "cure": "Sembuh oleh",
    "ms": "Milidetik tiap perintah",
    "octets": "Oktet derau",
    "answer": "Jawaban",
    "slots": "Jumlah tempat",
    "back": "Kembali sebagai",
    "state": "Keadaan",
    "value": "Nilai",
    "copies": "Berapa kali",
    "change": "Perubahan",
    "name": "Nama",
    "from": "Dari",
    "hex": "PDU (heksadesimal)",
    "text": "Teks",
    "no": "tidak",
    "yes": "ya",
    "none": "tidak ada",
    "reset": "mulai ulang modem",
    "pin": "minta PIN",
    "puk": "minta PUK",
    "absent": "tidak terpasang",
    "searching": "mencari jaringan",
    "denied": "ditolak jaringan",
    "unknown": "tidak diketahui",
    "roaming": "roaming",
    "month-15": "bulan ke-15",
    "missing": "tidak ada cap",
    "clock-2004": "tahun 2004",
    "future": "tahun 2039",
    "reversed": "terbalik",
    "lost": "satu hilang",
    "doubled": "satu ganda",
}


def add_fault_pages(
    app: Flask, network: Network, wake: Callable[[], None], side: Callable[[str], dict[str, Any]]
) -> None:
    """Page and API; `side` gives what every page shows beside its own."""
    app.jinja_env.globals.update(forms=FORMS, words=WORDS)
    _add_pages(app, network, wake, side)
    _add_api(app, network, wake)


def _add_pages(app: Flask, network: Network, wake: Callable[[], None], side: Callable[[str], dict[str, Any]]) -> None:
    def page(refused: str, status: int = 200) -> WerkzeugResponse:
        sight = _sight(network, refused)
        if "HX-Request" in request.headers:
            return Response(render_template("active.html", **sight))
        return Response(render_template("faults.html", **sight, **side("")), status)

    @app.get("/faults")
    def faults() -> WerkzeugResponse:
        return page("")

    @app.get("/faults/active")
    def active() -> WerkzeugResponse | str:
        sight = _sight(network, "")
        if request.args.get("seen") == sight["seen"]:
            return Response(status=204)  # htmx leaves the page alone
        return render_template("active.html", **sight)

    @app.post("/faults")
    def set_fault() -> WerkzeugResponse:
        try:
            inflict(network, _from_form(request.form))
        except BadFault as error:
            return page(str(error), 400)
        wake()
        return page("") if "HX-Request" in request.headers else redirect(url_for("faults"), 303)

    @app.post("/faults/clear")
    def clear_faults() -> WerkzeugResponse:
        network.faults.clear(request.form.get("id", type=int))
        return page("") if "HX-Request" in request.headers else redirect(url_for("faults"), 303)


def _add_api(app: Flask, network: Network, wake: Callable[[], None]) -> None:
    @app.get("/api/faults")
    def api_faults() -> dict[str, Any]:
        return {"active": _public(network.faults), "kinds": {kind: _described(kind) for kind in FORMS}}

    @app.post("/api/faults")
    def api_set_fault() -> tuple[dict[str, Any], int]:
        try:
            identity = inflict(network, _from_json(request.get_json()))
        except BadFault as error:
            abort(400, str(error))
        wake()
        return {"id": identity}, 201

    @app.delete("/api/faults")
    def api_clear_faults() -> dict[str, int]:
        return {"cleared": network.faults.clear()}

    @app.delete("/api/faults/<int:identity>")
    def api_clear_fault(identity: int) -> dict[str, int]:
        if not (cleared := network.faults.clear(identity)):
            abort(404, f"no fault {identity} holds")
        return {"cleared": cleared}


def inflict(network: Network, fault: Fault) -> int | None:
    """Let a fault hold from now on, and give its id; bring one that is a message to the SIM at once."""
    if FORMS[fault.kind].lasting is not Lasting.MESSAGE:
        return network.faults.set(fault)
    network.deliver_raw(fault.word("from"), oddities.message(fault, network.now(), network.smsc))
    return None


def _from_form(form: Mapping[str, str]) -> Fault:
    given = {name[2:]: value.strip() for name, value in form.items() if name.startswith("p-")}
    seconds, times = (form.get(name, "").strip() for name in ("seconds", "times"))
    return parse(form.get("kind", ""), given, _number(seconds, "seconds"), _whole(times))


def _from_json(order: Any) -> Fault:
    if not isinstance(order, dict) or not isinstance(order.get("parameters", {}), dict):
        raise BadFault("the body must be a JSON object; so must its parameters")
    unknown = sorted(set(order) - {"kind", "parameters", "seconds", "times"})
    if unknown:
        raise BadFault(f"there is no {unknown[0]!r}; there are kind, parameters, seconds, times")
    given = order.get("parameters", {})
    return parse(
        str(order.get("kind", "")), given, _number(order.get("seconds"), "seconds"), _whole(order.get("times"))
    )


def _number(given: Any, name: str) -> float | None:
    if given in (None, ""):
        return None
    try:
        return float(given)
    except (TypeError, ValueError):
        raise BadFault(f"{name} must be a number, not {given!r}") from None


def _whole(given: Any) -> int | None:
    number = _number(given, "times")
    if number is not None and not number.is_integer():
        raise BadFault(f"times must be a whole number, not {given!r}")
    return None if number is None else int(number)


def _public(faults: Faults) -> list[dict[str, Any]]:
    return [
        {
            "id": each.id,
            "kind": each.fault.kind,
            "parameters": dict(each.fault.values),
            "seconds_left": None if seconds is None else round(seconds, 1),
            "times_left": each.left,
        }
        for each, seconds in faults.active()
    ]


def _described(kind: str) -> dict[str, Any]:
    form = next(form for name, form in FORMS.items() if name == kind)
    defaults = {name: rule.default for name, rule in form.parameters.items()}
    return {"label": form.label, "lasting": form.lasting, "parameters": defaults}


def _sight(network: Network, refused: str) -> dict[str, Any]:
    """What the list of faults that hold shows; `seen` changes when it does."""
    rows = [
        {
            "id": each.id,
            "label": FORMS[each.fault.kind].label,
            "values": ", ".join(_shown(name, value) for name, value in each.fault.values.items() if value != ""),
            "until": None if seconds is None else network.now() + timedelta(seconds=seconds),
            "left": each.left,
        }
        for each, seconds in network.faults.active()
    ]
    seen = zlib.crc32(repr([(row["id"], row["left"]) for row in rows]).encode())
    return {"rows": rows, "seen": f"{seen:08x}", "refused_fault": refused}


def _shown(name: str, value: int | str) -> str:
    return f"{WORDS[name].lower()} {WORDS.get(str(value), value)}"
