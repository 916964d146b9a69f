"""What programs may ask `/api/v1` and what they get: the one description behind the answers and `openapi.json`. Pure.

Fields are added here, never changed or removed: programs of others depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from mqtt_bridge.phones import masked
from mqtt_bridge.records import Action, Status

from .. import queries
from ..access import Scope
from ..attendance import PersonDay
from ..history import CURSOR
from ..states import State

T = TypeVar("T")
VERSION = "1.2"
TITLE = "Gardu"

Moment = Annotated[datetime, Meta(tz=True, description="A time by RFC 3339 with its offset; answers are in UTC.")]
Limit = Annotated[int, Meta(ge=1, le=1000, description="How many at most.")]
GatewayName = Annotated[str, Meta(max_length=64, description="Of this gateway only.")]
Employee = Annotated[
    str, Meta(description="The opaque id; of a number that is bound to nobody, a part of the number.")
]
Next = Annotated[str, Meta(description="Ask with it as cursor for what follows, now or whenever more has come.")]
More = Annotated[bool, Meta(description="Whether more is there already.")]


# What is asked


class Nothing(Struct, frozen=True):
    """No parameters."""


class RecordsQuery(Struct, frozen=True, kw_only=True):
    limit: Limit = 100
    cursor: Annotated[str, Meta(pattern=CURSOR, description="Behind which record; it comes as next.")] | None = None
    gateway: GatewayName = ""
    since: Annotated[Moment, Meta(description="From this time of check-in on (RFC 3339).")] | None = None
    until: Annotated[Moment, Meta(description="Before this time of check-in (RFC 3339).")] | None = None


class ProvisionalQuery(Struct, frozen=True, kw_only=True):
    limit: Limit = 100
    cursor: Annotated[str, Meta(pattern=r"^[0-9]{1,18}$", description="It comes as next.")] | None = None
    gateway: GatewayName = ""
    since: Annotated[Moment, Meta(description="From this time of check-in on (RFC 3339).")] | None = None
    until: Annotated[Moment, Meta(description="Before this time of check-in (RFC 3339).")] | None = None


class EmployeesQuery(Struct, frozen=True, kw_only=True):
    limit: Limit = 100
    cursor: Annotated[str, Meta(max_length=64, description="It comes as next.")] | None = None
    gateway: GatewayName = ""
    active: Annotated[
        Literal["true", "false", "any"], Meta(description="Only those who may check in, or only those who may not.")
    ] = "any"


class DayQuery(Struct, frozen=True, kw_only=True):
    date: Annotated[date, Meta(description="Of which day; today if it is left out.")] | None = None


class DaysQuery(Struct, frozen=True, kw_only=True):
    first: Annotated[date, Meta(description="From which day on; today if it is left out.")] | None = None
    days: Annotated[int, Meta(ge=1, le=31, description="How many days.")] = 1


# What is answered


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    items: list[T]
    next: Next
    more: More


class Every(Struct, Generic[T], frozen=True, kw_only=True):
    items: list[T]


class Record(Struct, frozen=True, kw_only=True):
    """One statement of an employee, final. (gateway, journal, seq) names it for good."""

    id: Annotated[int, Meta(description="Its place in this database; another after a restore from a backup.")]
    gateway: str
    journal: str
    seq: int
    employee: Employee
    name: str | None
    action: Annotated[str, Meta(description="in, out, sick, leave, duty, dispute, register; more may come.")]
    at: Annotated[Moment, Meta(description="When the SMS centre received it: the time that counts.")]
    received: Moment
    channel: Annotated[str, Meta(description="sms, menu, ussd, call, lan; more may come.")]
    presence: Annotated[str, Meta(description="What proves the place: code or none.")]
    flags: list[str]
    receipt: Annotated[str, Meta(description="What the employee was told.")]
    note: str
    hash: Annotated[str, Meta(description="Chains it to the record before of its journal.")]
    stored: Moment


class Provisional(Struct, frozen=True, kw_only=True):
    """A statement that is known by SMS alone. It goes from here when its final record comes."""

    id: int
    gateway: str
    journal_tag: Annotated[str, Meta(description="The first 4 bytes of the SHA-256 of the journal's id, in hex.")]
    seq: int
    employee: Employee
    name: str | None
    action: str
    at: Moment
    presence: str
    flags: list[str]
    number: Annotated[str, Meta(description="A part of the number of the gateway's SIM.")]
    stored: Moment
    final: bool


class Gateway(Struct, frozen=True, kw_only=True):
    """A gateway as the collector sees it, and what it last said of itself."""

    id: str
    state: State
    reason: str
    remedy: str
    online: bool
    seen: Moment | None
    held: Annotated[int, Meta(description="Up to which seq the collector holds its journal.")]
    waiting: Annotated[int, Meta(description="Records that it made and the collector does not hold yet.")]
    today: int
    provisional: int
    by_sms: Moment | None
    complete_by_sms: Moment | None
    status: Status | None


class Worker(Struct, frozen=True, kw_only=True):
    """An employee. `nip` is given to tokens with the scope employees:nip only; phone numbers never are."""

    id: str
    name: str
    gateway: str
    active: bool
    nip: str | None


class Day(Struct, frozen=True, kw_only=True):
    """How one day of an employee was judged, with corrections and incidents; it may change until it is final."""

    date: date
    employee: str
    name: Annotated[str | None, Meta(description="Given to tokens with the scope employees:read as well.")]
    status: Annotated[
        str | None,
        Meta(
            description="hadir, terlambat, pulang-sebelum-waktu, izin, sakit, cuti, dinas-luar, tugas-belajar, wfh,"
            " alpa, ditangguhkan, libur, belum-lengkap, belum; more may come. null: they were at no office, or the"
            " records have had their time; do not ask again."
        ),
    ]
    grades: Annotated[list[str], Meta(description="By the policy: TL1, PSW2, …")]
    arrived: Moment | None
    left: Moment | None
    late: Annotated[int, Meta(description="Minutes.")]
    early: Annotated[int, Meta(description="Minutes.")]
    percent: Annotated[str, Meta(description="What the policy takes off, a decimal number.")]
    final: Annotated[
        bool, Meta(description="No record changes it any more; a correction, an incident, a shift or the policy may.")
    ]
    pending: Annotated[bool, Meta(description="A statement of theirs is still to be approved.")]
    suspended: Annotated[bool, Meta(description="An incident of the gateway stands in for a missing or late record.")]


class Problem(Struct, frozen=True, kw_only=True):
    """By RFC 9457. `type` is about:blank, or a part of the page /api that tells what to do."""

    type: str
    status: int
    title: str
    detail: str


# What can be done


@dataclass(frozen=True, slots=True)
class Operation:
    """One address. `problems` are the statuses that it has beyond those that all have."""

    name: str
    path: str
    scope: Scope
    summary: str
    query: type[Struct]
    answer: Any
    text: str = ""
    problems: tuple[int, ...] = ()


OPERATIONS = (
    Operation(
        "records", "/records", Scope.RECORDS, "Final records, in the order in which they came in",
        RecordsQuery, Page[Record], problems=(410,),
        text="Whoever always reads on with next gets every record once. 410: this collector was set back to a"
        " backup; read again from a time before that, and know by (gateway, journal, seq) what you have.",
    ),
    Operation(
        "provisional", "/provisional", Scope.RECORDS, "What is known by SMS alone", ProvisionalQuery,
        Page[Provisional],
        text="Read it whole each time: what became final is gone from here, and among the records.",
    ),
    Operation("gateways", "/gateways", Scope.GATEWAYS, "All gateways, worst first", Nothing, Every[Gateway]),
    Operation("gateway", "/gateways/{id}", Scope.GATEWAYS, "One gateway", Nothing, Gateway, problems=(404,)),
    Operation(
        "gateway_days", "/gateways/{id}/days", Scope.DAYS, "One day of everybody of an office", DayQuery, Every[Day],
        problems=(404,),
        text="Whoever is there at the end of that day, by name. Before 2000 and after 2099 there is nothing.",
    ),
    Operation(
        "employees", "/employees", Scope.EMPLOYEES, "Employees by id", EmployeesQuery, Page[Worker],
        text="With the scope employees:nip each reading is noted in the audit.",
    ),
    Operation("employee", "/employees/{id}", Scope.EMPLOYEES, "One employee", Nothing, Worker, problems=(404,)),
    Operation(
        "employee_days", "/employees/{id}/days", Scope.DAYS, "Some days of an employee", DaysQuery, Every[Day],
        problems=(404,), text="Before 2000 and after 2099 there is nothing.",
    ),
)  # fmt: skip
# What can go wrong everywhere: a parameter, the token, its scope, the pace, a defect, the database.
PROBLEMS = {
    304: "Nothing changed since the ETag in If-None-Match",
    400: "A parameter can not be used",
    401: "A token is needed",
    403: "The token has another scope",
    404: "There is none of that id",
    410: "The cursor is not of this database",
    429: "Too many requests; Retry-After tells the seconds",
    500: "A defect, which is logged",
    503: "The database can not be reached",
}
EVERYWHERE = (304, 400, 401, 403, 429, 500, 503)
_REF = "#/components/schemas/{name}"


@cache
def document() -> dict[str, Any]:
    """The OpenAPI 3.1 description: one for everybody, not to be changed."""
    types = [each.answer for each in OPERATIONS] + [each.query for each in OPERATIONS] + [Problem]
    _, components = msgspec.json.schema_components(types, ref_template=_REF)
    asked = {each.query.__name__ for each in OPERATIONS}
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": VERSION, "description": "Attendance records of the collector."},
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": {each.path: {"get": _operation(each, components)} for each in OPERATIONS},
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in asked},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation, components: dict[str, Any]) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([operation.answer], ref_template=_REF)
    answer = {
        "description": operation.summary,
        "headers": {"ETag": {"schema": {"type": "string"}}},
        "content": {"application/json": {"schema": schema}},
    }
    problems = sorted({*EVERYWHERE, *operation.problems})
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"{operation.text} Scope: {operation.scope}.".strip(),
        "parameters": [*_in_path(operation), *_parameters(components[operation.query.__name__])],
        "responses": {"200": answer} | {str(status): _problem(status) for status in problems},
    }


def _in_path(operation: Operation) -> list[dict[str, Any]]:
    if "{id}" not in operation.path:
        return []
    return [{"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}]


def _parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, **_described(each)}
        for name, each in schema["properties"].items()
    ]


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be left out is not one that may be null."""
    kinds = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    kind = {name: value for name, value in kinds[0].items() if name != "description"}
    if schema.get("default") is not None:
        kind["default"] = schema["default"]
    return {"description": kinds[0].get("description", ""), "schema": kind}


def _problem(status: int) -> dict[str, Any]:
    if status == 304:
        return {"description": PROBLEMS[status]}
    schema = {"$ref": _REF.format(name="Problem")}
    return {"description": PROBLEMS[status], "content": {"application/problem+json": {"schema": schema}}}


S = TypeVar("S", Record, Provisional)


def provisional(entry: queries.Provisional) -> Provisional:
    return _of_nobody(msgspec.convert(entry, Provisional, from_attributes=True))


def record(entry: queries.Entry) -> Record:
    """What a number that is bound to nobody asks for is sealed."""
    made = _of_nobody(msgspec.convert(entry, Record, from_attributes=True))
    return msgspec.structs.replace(made, note="") if entry.action == Action.REGISTER else made


def day(judged: PersonDay, *, named: bool) -> Day:
    result = judged.result
    return Day(
        date=judged.date,
        employee=judged.person.id,
        name=judged.person.name if named else None,
        status=result.status if result else None,
        grades=list(result.grades) if result else [],
        arrived=result.arrived if result else None,
        left=result.left if result else None,
        late=result.late if result else 0,
        early=result.early if result else 0,
        percent=f"{result.percent:f}" if result else "0",
        final=bool(result and result.final),
        pending=bool(result and result.pending),
        suspended=bool(result and result.suspended),
    )


def _of_nobody(made: S) -> S:
    """A number that is bound to nobody is a person's all the same."""
    return msgspec.structs.replace(made, employee=masked(made.employee)) if made.employee.startswith("+") else made
