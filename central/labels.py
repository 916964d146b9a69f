"""What people call a gateway, so that they find it: a name, the number of its SIM, tags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from mqtt_bridge.phones import mobile

from . import audit
from .database import Database
from .refusal import Refusal

LONGEST_NAME = 64
MOST_TAGS = 10
_TAG = re.compile(r"[a-z0-9][a-z0-9-]{0,23}")


class LabelRefusal(Refusal):
    texts: ClassVar[Mapping[str, str]] = {
        "label-name": "a name has at most {most} signs, all of which can be shown",
        "label-number": "{given!r} is no mobile number such as 081234567890",
        "label-tag": "{given!r} is no tag: small letters, digits and hyphens, at most 24, such as utara",
        "label-tags": "a gateway has at most {most} tags",
    }


@dataclass(frozen=True, slots=True)
class Labels:
    """`number` in E.164, empty where it is not known; tags in their order."""

    name: str = ""
    number: str = ""
    tags: tuple[str, ...] = ()


def labels(name: str, number: str, tags: Iterable[str]) -> Labels:
    """Out of what was typed. Raises `LabelRefusal` for what can not be one."""
    name, kept = " ".join(name.split()), sorted({tag.strip().lower() for tag in tags if tag.strip()})
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise LabelRefusal("label-name", most=LONGEST_NAME)
    full = mobile(number) if number.strip() else ""
    if full is None:
        raise LabelRefusal("label-number", given=number[:20])
    odd = next((tag for tag in kept if not _TAG.fullmatch(tag)), None)
    if odd is not None:
        raise LabelRefusal("label-tag", given=odd[:30])
    if len(kept) > MOST_TAGS:
        raise LabelRefusal("label-tags", most=MOST_TAGS)
    return Labels(name, full, tuple(kept))


def read(database: Database, gateway: str) -> Labels:
    name, number, tags = database.row("SELECT name, number, tags FROM gateway WHERE id = ?", gateway) or ("", "", "")
    return Labels(name, number, tuple(tags.split()))


def change(database: Database, gateway: str, wanted: Labels, who: str, now: datetime) -> None:
    """Kept, and in the audit; nothing when it is so already."""
    if wanted == read(database, gateway):
        return
    with database.transaction():
        database.run(
            "UPDATE gateway SET name = ?, number = ?, tags = ? WHERE id = ?",
            wanted.name, wanted.number, " ".join(wanted.tags), gateway,
        )  # fmt: skip
        body = {"gateway": gateway, "name": wanted.name, "number": wanted.number, "tags": list(wanted.tags)}
        audit.append(database, who, "gateway-labels", body, now)
