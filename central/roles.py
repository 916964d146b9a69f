"""What people may do: roles, of which somebody may have several. Pure."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    IT = "it"  # gateways, programs, accounts
    PERSONNEL = "personnel"  # everybody's attendance, corrections, the roster
    OPD_ADMIN = "opd-admin"  # the same for the employees of their own gateways, but no decisions on corrections
    VIEWER = "viewer"  # looks


# Who has one of these sees all gateways, whatever is written down for them.
EVERYWHERE = frozenset({Role.IT, Role.PERSONNEL})


def scope(roles: frozenset[Role], gateways: frozenset[str]) -> frozenset[str] | None:
    """The gateways of which they see employees; None stands for all. An OPD's admin without any sees nobody."""
    if roles & EVERYWHERE or (Role.OPD_ADMIN not in roles and not gateways):
        return None
    return gateways
