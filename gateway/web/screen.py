"""The presence screen: the code to type, on a television or a telephone in the office.

The page itself never changes; a script asks for what to show. It is written for browsers of ten years ago, runs for
weeks, and goes on by itself when the gateway was away.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import segno
from flask import Flask, Response, jsonify, render_template

from mqtt_bridge.phones import masked, spoken
from mqtt_bridge.records import Action, PresenceRule

from ..core import Core
from ..decision import Outcome
from ..journal import Entry
from ..presence import Shown, shown
from ..replies import Texts
from ..rules import Rules

RECEIPTS = 6
_LOOKED_AT = 40  # messages among which the newest receipts are looked for


def add_screen(app: Flask, core: Core, number: str) -> None:
    """The pages under /screen; `number` (E.164) is the SIM's, empty where it is not known."""

    @app.get("/screen")
    def screen() -> str:
        return render_template("screen.html", gateway=core.journal.gateway, number=spoken(number))

    @app.get("/screen.json")
    def screen_json() -> Response:
        response = jsonify(_shown(core, number))
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.get("/screen/qr.svg")
    def screen_qr() -> Response:
        rules, now = core.rulebook.rules, core.clock.now().wall
        code = _code(rules, now)
        text = f"SMSTO:{number}:HADIR {code.code}" if code else f"SMSTO:{number}:HADIR"
        image = segno.make(text, error="m", micro=False).svg_inline(scale=8, border=2, dark="#000", light="#fff")
        svg = image.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        response = Response(svg, mimetype="image/svg+xml")
        response.headers["Cache-Control"] = "no-store"
        return response


def _shown(core: Core, number: str) -> dict[str, Any]:
    """What the screen shows now; times in milliseconds, so that its own clock does not matter."""
    rules, now = core.rulebook.rules, core.clock.now()
    texts = Texts(rules.policy.language, rules.zone) if rules else None
    code = _code(rules, now.wall)
    return {
        "code": code.code if code else None,
        "left": _milliseconds(now.wall, code.until) if code else None,
        "life": _milliseconds(code.since, code.until) if code else None,
        "clock": f"{now.wall.astimezone(texts.zone):%H:%M:%S}" if texts else None,
        "day": texts.day(now.wall.astimezone(texts.zone)) if texts else None,
        "ready": rules is not None,
        "qr": bool(number),
        "receipts": [_receipt(entry, texts) for entry in core.journal.log(_LOOKED_AT) if _tells(entry)][:RECEIPTS]
        if texts
        else [],
    }


def _code(rules: Rules | None, now: datetime) -> Shown | None:
    """The code of this office, unless nobody is asked for one."""
    if rules is None or rules.own_secret is None:
        return None
    asked = {rules.policy.presence} | {each.presence for people in rules.people.values() for each in people}
    return shown(rules.own_secret, now, rules.policy) if asked & _CODED else None


_CODED = {PresenceRule.OPTIONAL, PresenceRule.REQUIRED}


def _tells(entry: Entry) -> bool:
    return entry.outcome is Outcome.RECORDED and entry.action in _SHOWN


def _receipt(entry: Entry, texts: Texts) -> dict[str, str]:
    at = entry.at or entry.received
    return {
        "who": masked(entry.sender),
        "what": texts.name(entry.action or Action.IN),
        "when": texts.clock(at),
        "receipt": entry.receipt or "",
    }


# Who is ill is nobody's business on a wall.
_SHOWN = {Action.IN, Action.OUT}


def _milliseconds(since: datetime, until: datetime) -> int:
    return int((until - since).total_seconds() * 1000)
