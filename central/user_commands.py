"""`gardu-central user …`: who may log in, and as what."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from . import access, second_factor, sessions, users
from .commands import AS_JSON, Decorator, now, who
from .config import Config
from .database import Database
from .refusal import Refusal
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


def group(with_database: Decorator) -> click.Group:
    """The commands; `with_database` gives each the settings and the database."""

    def of_one(command: Callable[..., None]) -> Callable[..., None]:
        @click.argument("name")
        @with_database
        def wrapper(settings: Config, database: Database, name: str, **options: Any) -> None:
            del settings
            try:
                command(database, name, **options)
            except (Refusal, access.BadPassword) as error:
                raise click.ClickException(str(error)) from None

        wrapper.__doc__ = command.__doc__
        return wrapper

    made = click.Group("user", help="Who may log in.")
    made.command("add")(_PASSWORD(_ROLE(_GATEWAY(of_one(_add)))))
    made.command("list")(AS_JSON(with_database(_list)))
    made.command("set")(_ROLE(_GATEWAY(of_one(_set))))
    made.command("remove")(of_one(_remove))
    made.command("log-out")(of_one(_log_out))
    made.command("reset-code")(of_one(_reset_code))
    return made


def _add(
    database: Database, name: str, password_file: Path | None, roles: tuple[str, ...], gateways: tuple[str, ...]
) -> None:
    """Add the login NAME, a viewer unless roles are given; or give it another password.

    Without --password-file one is made and shown.
    """
    password = password_file.read_text().strip() if password_file else secrets.token_urlsafe(12)
    if access.person_exists(database, name):
        users.reset_password(database, name, password, who(), now())
        if roles or gateways:
            _set(database, name, roles, gateways)
    else:
        users.add(database, name, password, _roles(roles) or {Role.VIEWER}, gateways, who(), now())
    click.echo(f"{name} can log in." if password_file else f"{name} can log in with the password {password}")


def _list(settings: Config, database: Database, as_json: bool) -> None:
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


def _set(database: Database, name: str, roles: tuple[str, ...], gateways: tuple[str, ...]) -> None:
    """Give the login NAME these roles and gateways in place of those before; they have to log in anew."""
    users.set_rights(database, name, _roles(roles), gateways, who(), now())
    click.echo(f"{name} is now {' '.join(sorted(roles))}.")


def _remove(database: Database, name: str) -> None:
    """The login NAME ends. What they did stays in the audit."""
    users.remove(database, name, who(), now())
    click.echo(f"{name} can not log in any more.")


def _log_out(database: Database, name: str) -> None:
    """End all sessions of the login NAME."""
    click.echo(f"{sessions.end_all(database, name)} sessions ended.")


def _reset_code(database: Database, name: str) -> None:
    """Ask the login NAME for no code from a phone any more, for whoever lost theirs."""
    if not access.person_exists(database, name):
        raise users.BadUser("user-unknown", name=name)
    second_factor.disable(database, name, who(), now())
    click.echo(f"{name} logs in with the password alone.")


def _roles(names: tuple[str, ...]) -> set[Role]:
    return {Role(name) for name in names}
