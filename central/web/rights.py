"""Who may open what: a decision for every endpoint, in one table. What has none is closed to everybody.

It is kept before each request, not by the views: a view that nobody decided on can not be open by mistake.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from flask import Flask, abort, current_app, request
from flask_login import current_user
from werkzeug.wrappers import Response

from ..database import Database
from ..languages import N_
from ..roles import Role
from .office import Office


class Open(Enum):
    """To others than people who logged in."""

    ANYBODY = auto()
    TOKEN = auto()  # programs, by the token that `api` asks for


_ALL = frozenset(Role)
_IT = frozenset({Role.IT})
_PERSONNEL = frozenset({Role.PERSONNEL})
_OFFICE = frozenset({Role.PERSONNEL, Role.OPD_ADMIN})
_ATTENDANCE = _OFFICE | {Role.VIEWER}
RIGHTS: dict[str, Open | frozenset[Role]] = {
    "static": Open.ANYBODY,
    "healthz": Open.ANYBODY,
    "readyz": Open.ANYBODY,
    "metrics": Open.ANYBODY,
    "log_in": Open.ANYBODY,
    "log_in_code": Open.ANYBODY,
    "language": Open.ANYBODY,
    "enrol.post": Open.ANYBODY,
    "api_page": Open.ANYBODY,
    "api.openapi": Open.ANYBODY,
    "api.records": Open.TOKEN,
    "api.provisional": Open.TOKEN,
    "api.gateways": Open.TOKEN,
    "api.gateway": Open.TOKEN,
    "api.employees": Open.TOKEN,
    "api.employee": Open.TOKEN,
    "api.gateway_days": Open.TOKEN,
    "api.employee_days": Open.TOKEN,
    "log_out": _ALL,
    "account": _ALL,
    "account_password": _ALL,
    "account_session_end": _ALL,
    "account_sessions_end": _ALL,
    "account_second_factor": _ALL,
    "account_second_factor_end": _ALL,
    "fleet": _ALL,
    "readiness": _ALL,
    "readiness_of": _ALL,
    "readiness_file": _ALL,
    "readiness_deadline": _IT,
    "gateway": _ALL,
    "gateway_history": _ALL,
    "gateway_labels": _IT,
    "records": _ALL,
    "alerts": _ALL,
    "alerts_history": _ALL,
    "numbers": _OFFICE,
    "approve_number": _OFFICE,
    "reject_number": _OFFICE,
    "attendance_city": _ATTENDANCE,
    "attendance_office": _ATTENDANCE,
    "attendance_office_month": _ATTENDANCE,
    "attendance_incidents": _ATTENDANCE,
    "attendance_month": _ATTENDANCE,
    "attendance_day": _ATTENDANCE,
    "attendance_replay": _PERSONNEL,
    "evidence": _PERSONNEL,
    "evidence_reveal": _PERSONNEL,
    "evidence_file": _PERSONNEL,
    "corrections_waiting": _OFFICE,
    "correction_ask": _OFFICE,
    "correction_decide": _PERSONNEL,
    "statement_decide": _OFFICE,
    "people": _OFFICE,
    "person_reveal": _OFFICE,
    "roster_import": _PERSONNEL,
    "roster_look": _PERSONNEL,
    "roster_apply": _PERSONNEL,
    "exports": _OFFICE,
    "export_records": _OFFICE,
    "export_people": _OFFICE,
    "accounts": _IT,
    "account_add": _IT,
    "account_of": _IT,
    "account_rights": _IT,
    "account_reset": _IT,
    "account_remove": _IT,
    "enrolments": _IT,
    "enrolment_add": _IT,
    "enrolment_of": _IT,
    "enrolment_revoke": _IT,
    "quarantine": _IT,
    "tokens": _IT,
    "token_add": _IT,
    "token_remove": _IT,
    "account_of_session_end": _IT,
    "statements_waiting": _OFFICE,
    "dispute_close": _PERSONNEL,
    "webhooks": _IT,
    "webhook_add": _IT,
    "webhook": _IT,
    "webhook_do": _IT,
    "alert_acknowledge": _IT,
    "alert_test": _IT,
    "maintenance_add": _IT,
    "maintenance_end": _IT,
    "gateway_commands": _IT,
    "gateway_command_ask": _IT,
    "gateway_command": _IT,
    "audit": _IT | _PERSONNEL,
    "audit_verify": _IT | _PERSONNEL,
}
# What the bar on top leads to: the page, its name, and how the endpoints begin that belong to it.
NAVIGATION = (
    ("fleet", N_("Gateway"), ("fleet", "gateway")),
    ("alerts", N_("Peringatan"), ("alert", "maintenance")),
    ("readiness", N_("Kesiapan"), ("readiness",)),
    ("attendance_city", N_("Kehadiran"), ("attendance", "correction", "statement", "dispute")),
    ("records", N_("Presensi"), ("records", "evidence")),
    ("numbers", N_("Nomor"), ("numbers",)),
    ("people", N_("Pegawai"), ("people", "person", "roster")),
    ("exports", N_("Unduh"), ("export",)),
    ("enrolments", N_("Pendaftaran"), ("enrolment", "quarantine")),
    ("webhooks", N_("Program"), ("webhook", "token")),
    ("accounts", N_("Akun"), ("accounts", "account_of", "account_add", "account_reset")),
    ("audit", N_("Audit"), ("audit",)),
)
# What names an employee in an address, and where they work.
_OFFICE_OF = {
    "employee": "SELECT gateway FROM employee WHERE id = ?",
    "id_": "SELECT employee.gateway FROM correction JOIN employee ON employee.id = employee WHERE correction.id = ?",
    "record": "SELECT COALESCE(employee.gateway, record.gateway) FROM record"
    " LEFT JOIN employee ON employee.id = record.employee WHERE record.id = ?",
}

# They look themselves: whose number it becomes is sealed in the record.
_LOOK_THEMSELVES = {"approve_number", "reject_number"}


def register(app: Flask, office: Office) -> None:
    app.jinja_env.globals.update(may=may, navigation=NAVIGATION)

    @app.before_request
    def guard() -> Response | None:
        if request.endpoint is None:
            return None  # there is no such page
        place = request.view_args or {}
        if any("\0" in str(value) for value in place.values()):
            abort(404)  # nothing is called so, and PostgreSQL takes no NUL
        right = RIGHTS.get(request.endpoint)
        if isinstance(right, Open):
            return None
        if not current_user.is_authenticated:
            response: Response = current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
            return response
        if right is None or not right & current_user.roles:
            abort(403)
        if request.endpoint not in _LOOK_THEMSELVES and not _inside(office.database, place):
            abort(404)
        return None


def may(endpoint: str) -> bool:
    """Whether who is logged in may open that."""
    right = RIGHTS.get(endpoint)
    return not isinstance(right, Open) and right is not None and bool(right & current_user.roles)


def visible(gateway: str | None) -> bool:
    """Whether who is logged in sees the employees of that gateway."""
    scope = current_user.scope
    return scope is None or gateway in scope


def gateways(database: Database) -> list[str]:
    """Those of which whoever is logged in sees the employees."""
    return [id_ for (id_,) in database.rows("SELECT id FROM gateway ORDER BY id") if visible(id_)]


def _inside(database: Database, place: dict[str, Any]) -> bool:
    """Whether an address names nothing of an office that whoever is logged in does not see."""
    if current_user.scope is None:
        return True
    offices = [database.value(_OFFICE_OF[name], value) for name, value in place.items() if name in _OFFICE_OF]
    if "gateway" in place:
        offices.append(place["gateway"])
    return all(visible(gateway) for gateway in offices)
