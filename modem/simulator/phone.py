"""The virtual phone: a web page with the chat of one number, and a JSON API beside it."""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, abort, json, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from ..messages import Part
from .fault_pages import add_fault_pages
from .network import Message, Network
from .pdu import Body, PduError
from .sim_pages import add_sim_pages

_DELAYS = {0: "Sekarang", 600: "10 menit lalu", 21_600: "6 jam lalu"}
_REPEATS = {1: "1×", 2: "2×", 3: "3×"}
_MOST_REPEATS = 1000
_LINES = 200  # of a chat on its page
_NUMBER = re.compile(r"\+?[0-9]{3,15}|[A-Za-z][A-Za-z0-9 ._-]{1,10}")
_POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"


def create_app(network: Network, wake: Callable[[], None], contacts: Path | None, own_number: str) -> Flask:
    """The page and API over `network`; `wake` is called when there is something to deliver.

    `contacts` is a CSV file with the columns name and phone. It may appear and change while this runs.
    """
    app = Flask(__name__)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(delays=_DELAYS, repeats=_REPEATS, own_number=own_number, late=_late, ticks=_ticks)
    app.json.ensure_ascii = app.json.sort_keys = False  # type: ignore[attr-defined]
    app.before_request(_same_origin_only)
    app.after_request(_security_headers)
    app.register_error_handler(HTTPException, _problem)

    def side(number: str) -> dict[str, Any]:
        people, state = _people(network, contacts), network.state()
        return {"people": people, "state": state, "number": number, "people_seen": _digest(people, state)}

    _add_pages(app, network, wake, side)
    _add_api(app, network, wake)
    add_sim_pages(app, network, wake, side, _valid)
    add_fault_pages(app, network, wake, side)
    return app


def _add_pages(app: Flask, network: Network, wake: Callable[[], None], side: Callable[[str], dict[str, Any]]) -> None:
    @app.get("/")
    def home() -> WerkzeugResponse | str:
        typed = request.args.get("number", "").strip()
        number = _normal(typed)
        if _NUMBER.fullmatch(number):
            return redirect(url_for("chat", number=number))
        return render_template("home.html", refused=typed, **side(""))

    @app.get("/people")
    def people() -> WerkzeugResponse | str:
        sight = side(request.args.get("number", ""))
        if request.args.get("seen") == sight["people_seen"]:
            return _nothing_new()
        return render_template("people.html", **sight)

    @app.get("/phones/<number>")
    def chat(number: str) -> str:
        lines, sight = network.chat(_valid(number))[-_LINES:], side(number)
        name = next((str(person["name"]) for person in sight["people"] if person["number"] == number), "")
        face = _face(number, name)
        return render_template("chat.html", messages=lines, cursor=_cursor(lines), name=name, **face, **sight)

    @app.get("/phones/<number>/messages")
    def messages(number: str) -> WerkzeugResponse | str:
        return _news(network, _valid(number))

    @app.post("/phones/<number>")
    def send(number: str) -> WerkzeugResponse:
        _send(network, _valid(number))
        wake()
        if "HX-Request" in request.headers:
            fresh = render_template("input.html", fresh=True)
            return Response(fresh, headers={"HX-Trigger": "sent"})  # what was sent comes with the next look
        return redirect(url_for("chat", number=number), 303)


def _send(network: Network, number: str) -> None:
    moment = network.now() - timedelta(seconds=_whole(request.form, "delay", 0, 0, 31 * 86_400))
    repeat = _whole(request.form, "repeat", 1, 1, _MOST_REPEATS)
    text = request.form.get("text", "").strip()
    if text:
        network.text(number, text, sent=moment, repeat=repeat)


def _news(network: Network, number: str) -> WerkzeugResponse | str:
    """What changed in a chat since the page looked: new lines, and how far the SMS on the page have come."""
    lines = network.chat(number)[-_LINES:]
    cursor = _cursor(lines)
    if request.args.get("seen") == cursor["seen"]:
        return _nothing_new()
    after = _whole(request.args, "after", 0, 0, 2**53)
    return render_template("messages.html", messages=lines, number=number, after=after, cursor=cursor, fresh=False)


def _cursor(lines: list[Message]) -> dict[str, Any]:
    return {"last": lines[-1].id if lines else 0, "seen": _digest(lines)}


def _digest(*values: object) -> str:
    return f"{zlib.crc32(repr(values).encode()):08x}"


def _nothing_new() -> WerkzeugResponse:
    return Response(status=204)  # htmx leaves the page alone


def _add_api(app: Flask, network: Network, wake: Callable[[], None]) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/api/state")
    def state() -> dict[str, int]:
        return asdict(network.state())

    @app.get("/api/phones/<number>")
    def phone(number: str) -> dict[str, Any]:
        return {"number": number, "messages": [_public(message) for message in network.chat(_valid(number))]}

    @app.post("/api/sms")
    def sms() -> tuple[dict[str, Any], int]:
        order = request.get_json()
        if not isinstance(order, dict):
            abort(400, "the body must be a JSON object")
        message = _order(network, order)
        wake()
        return {"id": message.id, "scts": message.moment.isoformat()}, 201


def _order(network: Network, order: dict[str, Any]) -> Message:
    """Carry out a `POST /api/sms`: from, and one of text, binary (hex), parts or pdu (hex, delivered as it is)."""
    number = _valid(str(order.get("from", "")))
    try:
        if "pdu" in order:
            return network.deliver_raw(number, bytes.fromhex(order["pdu"]))
        content: str | bytes = bytes.fromhex(order["binary"]) if "binary" in order else str(order.get("text", ""))
        moment = network.now() - timedelta(seconds=_whole(order, "delay_seconds", 0, 0, 366 * 86_400))
        return network.text(
            number,
            content,
            sent=datetime.fromisoformat(order["scts"]).astimezone(_zone(order["scts"]))
            if "scts" in order
            else moment,
            repeat=_whole(order, "repeat", 1, 1, _MOST_REPEATS),
            hold=timedelta(seconds=_whole(order, "hold_seconds", 0, 0, 366 * 86_400)),
            bodies=[_part(part) for part in order["parts"]] if "parts" in order else None,
        )
    except (PduError, ValueError, KeyError, TypeError) as error:
        abort(400, f"{type(error).__name__}: {error}")


def _zone(moment: str) -> Any:
    zone = datetime.fromisoformat(moment).tzinfo
    if zone is None:
        raise ValueError("scts needs an offset")
    return zone


def _part(part: dict[str, Any]) -> Body:
    return Body(str(part["text"]), Part(int(part["reference"]), int(part["number"]), int(part["total"])))


def _whole(source: Any, name: str, default: int, least: int, most: int) -> int:
    try:
        value = int(source.get(name, default))
    except (TypeError, ValueError):
        abort(400, f"{name} must be a whole number")
    if not least <= value <= most:
        abort(400, f"{name} must be between {least} and {most}")
    return value


def _valid(number: str) -> str:
    if not _NUMBER.fullmatch(number):
        abort(400, "a number has 3 to 15 digits with or without a leading +, or is a name of up to 11 letters")
    return number


def _normal(number: str) -> str:
    """What an Indonesian types, as the network shows it: 0812… becomes +62812…; letters stay."""
    bare = re.sub(r"[ ().-]", "", number)
    if not bare.lstrip("+").isdigit():
        return number
    return re.sub(r"^(0|\+?62)(?=8)", "+62", bare)


def _public(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "direction": "from-gateway" if message.answer else "to-gateway",
        "text": message.text,
        "time": message.moment.isoformat(),
        "handed": message.handed.isoformat(),
        "pdus": message.pdus,
        "delivered": message.delivered,
        "taken": message.taken,
    }


def _people(network: Network, contacts: Path | None) -> list[dict[str, Any]]:
    """Everybody with a chat, the latest first, then the other contacts in the order of their file."""
    names = dict(_contacts(contacts))
    latest = {message.phone: message for message in network.latest()}
    numbers = [*latest, *(number for number in names if number not in latest)]
    return [
        {"number": number, "name": name, "last": latest.get(number), **_face(number, name)}
        for number in numbers
        for name in [names.get(number, "")]
    ]


def _contacts(path: Path | None) -> list[tuple[str, str]]:
    """(number, name) of each row; nothing while the file does not exist."""
    if path is None or not path.is_file():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [(_normal(row.get("phone") or ""), row.get("name") or "") for row in csv.DictReader(file)]
    return [(number, name) for number, name in rows if _NUMBER.fullmatch(number)]


def _face(number: str, name: str) -> dict[str, Any]:
    """Initials and colour of an avatar."""
    words = name.split()
    initials = "".join(word[0] for word in words[:2]).upper() or number[-2:]
    return {"initials": initials, "tint": zlib.crc32(number.encode()) % 6}


def _late(message: Message) -> str:
    """How long before its delivery the text was handed over, in words; nothing when that is no matter."""
    minutes = int((message.handed - message.moment).total_seconds()) // 60
    if minutes < 1:
        return ""
    return f"tertahan {minutes // 60} jam" if minutes >= 60 else f"tertahan {minutes} menit"


def _ticks(message: Message) -> str:
    """waiting at the SMS centre, delivered to the SIM, or taken from it by the gateway."""
    if message.delivered < message.pdus:
        return "waiting"
    return "taken" if message.taken >= message.pdus else "delivered"


def _same_origin_only() -> None:
    """Another site's page must not send SMS through the browser of who looks at it."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403, "cross-site request")
    if origin and urlsplit(origin).netloc != request.host:
        abort(403, "cross-site request")


def _security_headers(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response


def _problem(error: HTTPException) -> Response | HTTPException:
    """Errors of the API as RFC 9457 problems, those of the page as pages."""
    if not request.path.startswith("/api/"):
        return error
    response = Response(status=error.code, content_type="application/problem+json")
    body = {"title": error.name, "status": error.code, "detail": error.description}
    response.set_data(json.dumps(body))
    return response
