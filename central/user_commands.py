"""`gardu-central user …`: who may log in, and as what."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import click

from . import access, second_factor, sessions, users
from .commands import AS_JSON, now, who, with_database
from .config import Config
from .database import Database
from .roles import Role

_ROLE = click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice([role.value for role in Role]),
    help="What they may do; may be given several times.",
)
_GATEWAY = click.option(
    "--gateway", "gateways", multiple=True, help="Only its employees; may be given several times."
)
_PASSWORD = click.option(
    "--password-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Read it there."
)


@click.group("user")
def user() -> None:
    """Who may log in."""


@user.command("add")
@click.argument("name")
@_PASSWORD
@_ROLE
@_GATEWAY
@with_database
def add(
    settings: Config,
    database: Database,
    name: str,
    password_file: Path | None,
    roles: tuple[str, ...],
    gateways: tuple[str, ...],
) -> None:
    """Add the login NAME, a viewer unless roles are given; or give it another password.

    Without --password-file one is made and shown.
    """
    del settings
    password = password_file.read_text().strip() if password_file else secrets.token_urlsafe(12)
    if access.person_exists(database, name):
        users.reset_password(database, name, password, who(), now())
        if roles or gateways:
            _change(database, name, roles, gateways)
    else:
        users.add(database, name, password, _roles(roles) or {Role.VIEWER}, gateways, who(), now())
    click.echo(f"{name} can log in." if password_file else f"{name} can log in with the password {password}")


@user.command("list")
@AS_JSON
@with_database
def show(settings: Config, database: Database, as_json: bool) -> None:
    """Everybody's roles."""
    del settings
    found: list[dict[str, Any]] = [
        {
            "name": each.name,
            "roles": sorted(each.roles),
            "gateways": sorted(each.gateways),
            "second_factor": each.second_factor,
            "sessions": len(sessions.of(database, each.name, now())),
        }
        for each in users.everyone(database)
    ]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for one in found:
        limited = f"  only {' '.join(one['gateways'])}" if one["gateways"] else ""
        click.echo(f"{one['name']:20} {' '.join(one['roles'])}{limited}")


@user.command("set")
@click.argument("name")
@_ROLE
@_GATEWAY
@with_database
def change(
    settings: Config, database: Database, name: str, roles: tuple[str, ...], gateways: tuple[str, ...]
) -> None:
    """Give the login NAME these roles and gateways in place of those before; they have to log in anew."""
    del settings
    _change(database, name, roles, gateways)


def _change(database: Database, name: str, roles: tuple[str, ...], gateways: tuple[str, ...]) -> None:
    users.set_rights(database, name, _roles(roles), gateways, who(), now())
    click.echo(f"{name} is now {' '.join(sorted(roles))}.")


@user.command("remove")
@click.argument("name")
@with_database
def remove(settings: Config, database: Database, name: str) -> None:
    """The login NAME ends. What they did stays in the audit."""
    del settings
    users.remove(database, name, who(), now())
    click.echo(f"{name} can not log in any more.")


@user.command("log-out")
@click.argument("name")
@with_database
def log_out(settings: Config, database: Database, name: str) -> None:
    """End all sessions of the login NAME."""
    del settings
    click.echo(f"{users.log_out(database, name, '', who(), now())} sessions ended.")


@user.command("reset-code")
@click.argument("name")
@with_database
def reset_code(settings: Config, database: Database, name: str) -> None:
    """Ask the login NAME for no code from a phone any more, for whoever lost theirs."""
    del settings
    if not access.person_exists(database, name):
        raise users.BadUser("user-unknown", name=name)
    second_factor.disable(database, name, who(), now())
    click.echo(f"{name} logs in with the password alone.")


def _roles(names: tuple[str, ...]) -> set[Role]:
    return {Role(name) for name in names}
