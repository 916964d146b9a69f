"""`/api/v1`: what `contract.OPERATIONS` describes, as JSON for programs with a bearer token.

Errors are problems by RFC 9457.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, g, render_template, request
from flask_limiter import Limiter
from flask_wtf import CSRFProtect
from msgspec import Struct

from .. import access, audit, fleet, history, maintenance, people, queries
from ..access import Program, Scope
from ..attendance import PersonDay
from ..history import Cursor
from ..queries import Wanted
from . import contract
from .contract import (
    OPERATIONS,
    DayQuery,
    DaysQuery,
    EmployeesQuery,
    Every,
    Nothing,
    Operation,
    Page,
    Problem,
    ProvisionalQuery,
    RecordsQuery,
)
from .office import Office

TIMES = {"since": datetime, "until": datetime, "date": date, "first": date}
EXAMPLES = {datetime: "a time with its offset, such as 2026-11-24T07:21:05+07:00", date: "a day, such as 2026-11-24"}
FIRST, LAST = date(2000, 1, 1), date(2099, 12, 31)
SET_BACK = (
    "this collector was set back to a backup since, or never gave this cursor out: read again without a cursor, with"
    " `since` some days before the last record that you have, and know by (gateway, journal, seq) what you have"
)


class Wrong(Exception):
    """What can not be answered; the message tells whoever wrote the program why."""

    def __init__(self, status: int, detail: str, kind: str = "about:blank") -> None:
        super().__init__(detail)
        self.status = status
        self.title = contract.PROBLEMS[status]
        self.kind = kind


def register(app: Flask, office: Office, csrf: CSRFProtect, limiter: Limiter, per_minute: int) -> None:
    """`per_minute` is how many requests one program may make."""
    api = Blueprint("api", __name__, url_prefix="/api/v1")
    csrf.exempt(api)  # no cookie lets anybody in here
    description = msgspec.json.encode(contract.document())
    pace = limiter.shared_limit(f"{per_minute} per minute", scope="api", key_func=lambda: g.program.name)
    answer = pace(_answer)

    @api.get("/openapi.json")
    def openapi() -> Response:
        return _conditional(description)

    for operation in OPERATIONS:
        path = operation.path.replace("{", "<").replace("}", ">")
        api.add_url_rule(path, operation.name, _guarded(office, operation, answer))

    @api.errorhandler(Wrong)
    def wrong(error: Wrong) -> tuple[Response, int]:
        return problem(error.status, error.title, str(error), error.kind)

    @app.get("/api")
    def api_page() -> str:
        return render_template("api.html", document=contract.document(), operations=OPERATIONS)

    app.register_blueprint(api)


def asked() -> bool:
    """Whether the present request is one of a program."""
    return request.path.startswith("/api/") or request.path == "/enrol"


def problem(status: int, title: str, detail: str, kind: str = "about:blank") -> tuple[Response, int]:
    body = msgspec.json.encode(Problem(type=kind, status=status, title=title, detail=detail))
    return Response(body, mimetype="application/problem+json"), status


# The views: each gets the office and what was asked, and returns what `contract` says that it answers.


def _records(office: Office, query: RecordsQuery) -> Page[contract.Record]:
    after = Cursor() if query.cursor is None else history.parse(query.cursor)
    if after is None:  # with a line break behind it, which a pattern lets pass
        raise Wrong(400, "cursor: send what came as `next`, nothing more")
    if not history.holds(office.database, after):
        raise Wrong(410, SET_BACK, "/api#cursor")
    wanted = Wanted(gateway=query.gateway, start=query.since, end=query.until, after=after.id)
    found = queries.records(office.database, wanted, query.limit + 1)
    items = [contract.record(each) for each in found[: query.limit]]
    last = history.cursor(office.database, items[-1].id) if items else after
    return Page(items=items, next=str(last), more=len(found) > query.limit)


def _provisional(office: Office, query: ProvisionalQuery) -> Page[contract.Provisional]:
    after = int(query.cursor or 0)
    wanted = Wanted(gateway=query.gateway, start=query.since, end=query.until, after=after)
    found = queries.provisional(office.database, wanted, query.limit + 1)
    items = [contract.provisional(each) for each in found[: query.limit]]
    return Page(items=items, next=str(items[-1].id if items else after), more=len(found) > query.limit)


def _gateways(office: Office, _query: Nothing) -> Every[contract.Gateway]:
    now = office.clock()
    found = queries.gateways(office.database, now, office.zone, maintenance.active(office.database, now))
    return Every(items=[_gateway(each) for each in found])


def _one_gateway(office: Office, _query: Nothing, id: str) -> contract.Gateway:
    now = office.clock()
    found = queries.gateway(office.database, id, now, office.zone, maintenance.active(office.database, now))
    if not found:
        raise Wrong(404, "there is no gateway of that id")
    return _gateway(found)


def _employees(office: Office, query: EmployeesQuery) -> Page[contract.Worker]:
    after = query.cursor or ""
    active = None if query.active == "any" else query.active == "true"
    found = people.by_id(office.database, after, query.limit + 1, gateway=query.gateway, active=active)
    items = [_worker(each) for each in found[: query.limit]]
    _note(office, [each.id for each in items])
    return Page(items=items, next=items[-1].id if items else after, more=len(found) > query.limit)


def _one_employee(office: Office, _query: Nothing, id: str) -> contract.Worker:
    found = people.one(office.database, id)
    if found is None:
        raise Wrong(404, "there is no employee of that id")
    _note(office, [id])
    return _worker(found)


def _gateway_days(office: Office, query: DayQuery, id: str) -> Every[contract.Day]:
    if not fleet.exists(office.database, id):
        raise Wrong(404, "there is no gateway of that id")
    now = office.clock()
    day = query.date or office.attendance.today(now)
    found = office.attendance.offices([id], day, now)[id] if FIRST <= day <= LAST else []
    return _days(found)


def _employee_days(office: Office, query: DaysQuery, id: str) -> Every[contract.Day]:
    person = office.attendance.person(id)
    if person is None:
        raise Wrong(404, "there is no employee of that id")
    now = office.clock()
    asked_from = query.first or office.attendance.today(now)
    first = max(asked_from, FIRST)
    last = date.fromordinal(min(asked_from.toordinal() + query.days - 1, LAST.toordinal()))
    return _days(office.attendance.days(person, first, last, now) if first <= last else [])


def _days(found: list[PersonDay]) -> Every[contract.Day]:
    named = Scope.EMPLOYEES in g.program.scopes
    return Every(items=[contract.day(each, named=named) for each in found])


VIEWS: dict[str, Callable[..., Any]] = {
    "records": _records,
    "provisional": _provisional,
    "gateways": _gateways,
    "gateway": _one_gateway,
    "employees": _employees,
    "employee": _one_employee,
    "gateway_days": _gateway_days,
    "employee_days": _employee_days,
}


def _gateway(gateway: queries.Gateway) -> contract.Gateway:
    condition = gateway.condition
    return contract.Gateway(
        id=gateway.id,
        state=condition.state,
        reason=condition.reason,
        remedy=condition.remedy,
        online=gateway.online,
        seen=gateway.seen,
        held=gateway.held,
        waiting=gateway.waiting,
        today=gateway.today,
        provisional=gateway.provisional,
        by_sms=gateway.by_sms,
        complete_by_sms=gateway.complete_by_sms,
        status=gateway.status,
    )


def _worker(employee: people.Employee) -> contract.Worker:
    nip = employee.nip if Scope.NIP in g.program.scopes and employee.nip.isdigit() else None  # none who is erased has
    return contract.Worker(
        id=employee.id, name=employee.name, gateway=employee.gateway, active=employee.active, nip=nip
    )


def _note(office: Office, ids: list[str]) -> None:
    """Whose NIP a program read stands in the audit."""
    if Scope.NIP in g.program.scopes and ids:
        with office.database.transaction():
            body = {"program": g.program.name, "first": ids[0], "last": ids[-1], "count": len(ids)}
            audit.append(office.database, f"api:{g.program.name}", "nip-read", body, office.clock())


# What stands around them


def _guarded(office: Office, operation: Operation, answer: Callable[..., Response]) -> Callable[..., Any]:
    """The answer, for whoever has a token with the scope that it needs."""

    def guarded(**place: str) -> Response | tuple[Response, int]:
        found = _program(office)
        if found is None:
            return _refused(401, "send it as: Authorization: Bearer TOKEN", "Bearer")
        if operation.scope not in found.scopes:
            asked_for = f'Bearer error="insufficient_scope", scope="{operation.scope}"'
            return _refused(403, f"it needs {operation.scope}", asked_for)
        g.program = found
        return answer(office, operation, place)

    return guarded


def _refused(status: int, detail: str, how: str) -> tuple[Response, int]:
    response, status = problem(status, contract.PROBLEMS[status], detail)
    response.headers["WWW-Authenticate"] = how
    return response, status


def _program(office: Office) -> Program | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return access.program(office.database, token.strip()) if scheme.lower() == "bearer" else None


def _answer(office: Office, operation: Operation, place: dict[str, str]) -> Response:
    query = _asked_for(operation.query)
    return _conditional(msgspec.json.encode(VIEWS[operation.name](office, query, **place)))


def _asked_for(kind: type[Struct]) -> Struct:
    """The parameters of the request. Raises `Wrong`, which names the one that can not be used."""
    given = {name: _time(name, value) if name in TIMES else value for name, value in request.args.items()}
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$.")
        raise Wrong(400, f"{place.rstrip('`')}: {message[:1].lower()}{message[1:]}") from None


def _time(name: str, text: str) -> datetime | date:
    """No number of seconds since 1970, which msgspec would take as well."""
    kind = TIMES[name]
    try:
        return msgspec.convert(text.replace(" ", "+"), kind)  # a + that was not escaped in the URL
    except msgspec.ValidationError:
        raise Wrong(400, f"{name}: {EXAMPLES[kind]}") from None


def _conditional(body: bytes) -> Response:
    """With an ETag, so that whoever has the same already gets nothing more than that."""
    response = Response(body, mimetype="application/json")
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response
