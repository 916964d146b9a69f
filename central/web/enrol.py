"""`POST /enrol`: a gateway with a token gets its certificate. Open to anybody: the token proves both ends."""

from __future__ import annotations

import msgspec
import structlog
from flask import Blueprint, Flask, Response, request
from flask_limiter import Limiter
from flask_wtf import CSRFProtect

from mqtt_bridge.enrolment import Admission, Application

from ..registrar import Declined, Outcome
from . import api
from .office import Office

log = structlog.get_logger(__name__)

ATTEMPTS = "10 per minute"
STATUS = {
    Outcome.UNREADABLE: 400,
    Outcome.BAD_KEY: 403,
    Outcome.OTHER_GATEWAY: 403,
    Outcome.UNKNOWN_TOKEN: 401,
    Outcome.USED_TOKEN: 409,
    Outcome.TAKEN: 409,
    Outcome.EXPIRED_TOKEN: 410,
}


def register(app: Flask, office: Office, csrf: CSRFProtect, limiter: Limiter) -> None:
    enrol = Blueprint("enrol", __name__)
    csrf.exempt(enrol)  # no cookie lets anybody in here

    @enrol.post("/enrol")
    @limiter.limit(ATTEMPTS)
    def post() -> tuple[Response, int]:
        if office.registrar is None:
            return api.problem(503, "No enrolment here", "this process has no certificate authority")
        try:
            application = msgspec.json.decode(request.get_data(), type=Application)
        except (msgspec.MsgspecError, RecursionError) as error:
            return api.problem(400, "Not a request to enrol", str(error))
        origin = request.remote_addr or "?"
        try:
            answer = office.registrar.enrol(application, origin, office.clock())
        except Declined as error:
            log.warning("not enrolled", origin=origin, outcome=error.outcome, problem=str(error))
            return api.problem(STATUS[error.outcome], f"Not enrolled: {error.outcome}", str(error))
        log.info("enrolled", origin=origin)
        return Response(msgspec.json.encode(Admission(answer=answer.decode())), mimetype="application/json"), 201

    app.register_blueprint(enrol)
