"""The SIM over HTTP: a page for its balance and the network's manners in USSD, calls, and the JSON API of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from flask import Flask, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from .network import Network
from .ussd import Account, Encoding, Order

_MOST_RINGS = 60
_ENCODINGS = {
    Encoding.PLAIN: "teks biasa",
    Encoding.PACKED: "7-bit dipadatkan (heksadesimal)",
    Encoding.HEX: "huruf per huruf (heksadesimal)",
    Encoding.UCS2: "UCS-2 (heksadesimal)",
}
_ORDERS = {
    Order.AFTER: "setelah OK",
    Order.BEFORE: "sebelum OK",
    Order.ENDED_FIRST: "status 2 dulu, baru teks",
    Order.NEVER: "tidak pernah",
}


class BadAccount(ValueError):
    """Values that no account has; the message says which and why."""


def add_sim_pages(
    app: Flask,
    network: Network,
    wake: Callable[[], None],
    side: Callable[[str], dict[str, Any]],
    valid: Callable[[str], str],
) -> None:
    """`side` gives what every page shows beside its own, `valid` aborts for what is no phone number."""
    _add_page(app, network, side)
    _add_api(app, network, wake, valid)

    @app.post("/phones/<number>/call")
    def call(number: str) -> Response:
        network.calls.ring(valid(number))
        wake()
        return redirect(url_for("chat", number=number), 303)


def _add_page(app: Flask, network: Network, side: Callable[[str], dict[str, Any]]) -> None:
    @app.get("/sim")
    def sim() -> str:
        return render_template("sim.html", account=network.ussd.account, **_choices(), **side(""))

    @app.post("/sim")
    def change_sim() -> Response | tuple[str, int]:
        given: dict[str, Any] = {name: value for name, value in request.form.items() if value != ""}
        given["status"] = given.get("status")
        try:
            network.ussd.change(**account_values({**given, "scheme": "scheme" in request.form}))
        except BadAccount as error:
            sight = {"account": network.ussd.account, "problem": error, **_choices(), **side("")}
            return render_template("sim.html", **sight), 400
        return redirect(url_for("sim"), 303)


def _choices() -> dict[str, Any]:
    return {"encodings": _ENCODINGS, "orders": _ORDERS}


def _add_api(app: Flask, network: Network, wake: Callable[[], None], valid: Callable[[str], str]) -> None:
    @app.get("/api/sim")
    def api_sim() -> dict[str, Any]:
        return _public(network.ussd.account)

    @app.post("/api/sim")
    def api_change_sim() -> dict[str, Any]:
        try:
            return _public(network.ussd.change(**account_values(_object())))
        except BadAccount as error:
            abort(400, str(error))

    @app.post("/api/ussd")
    def api_push() -> tuple[dict[str, Any], int]:
        network.ussd.push(str(_object().get("text", "")))
        wake()
        return {}, 201

    @app.get("/api/calls")
    def api_calls() -> dict[str, Any]:
        return {"calls": [{"from": number, "fate": fate} for number, fate in network.calls.fates()]}

    @app.post("/api/calls")
    def api_call() -> tuple[dict[str, Any], int]:
        """`from` may be empty: the caller withholds the number."""
        order = _object()
        number, rings, pause = str(order.get("from", "")), order.get("rings", 5), order.get("pause_seconds", 2)
        if not isinstance(rings, int) or not 1 <= rings <= _MOST_RINGS or not isinstance(pause, int | float):
            abort(400, f"rings must be between 1 and {_MOST_RINGS}, pause_seconds a number")
        network.calls.ring(valid(number) if number else "", rings, pause)
        wake()
        return {}, 201


def _object() -> dict[str, Any]:
    order = request.get_json()
    if not isinstance(order, dict):
        abort(400, "the body must be a JSON object")
    return order


def account_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """The values as `Account` takes them. Raises `BadAccount`."""
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in _READERS:
            raise BadAccount(f"there is no {name!r}; there are {', '.join(_READERS)}")
        try:
            values[name] = _READERS[name](value)
        except (TypeError, ValueError) as error:
            raise BadAccount(f"{name}: {error}") from None
    return values


def _status(value: Any) -> int | None:
    if value in (None, ""):
        return None
    if not 0 <= int(value) <= 5:
        raise ValueError("a status of +CUSD is between 0 and 5")
    return int(value)


def _amount(value: Any) -> int:
    if int(value) < 0:
        raise ValueError("must not be negative")
    return int(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "balance": _amount,
    "valid_until": lambda value: date.fromisoformat(value) if value else None,
    "price": _amount,
    "answers": lambda value: {str(code): str(text) for code, text in dict(value).items()},
    "status": _status,
    "encoding": Encoding,
    "order": Order,
    "delay": lambda value: max(0.0, float(value)),
    "scheme": bool,
    "takes_packed": bool,
}


def _public(account: Account) -> dict[str, Any]:
    until = account.valid_until
    return {**asdict(account), "valid_until": until.isoformat() if until else None}
