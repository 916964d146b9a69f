"""Which days are holidays in Indonesia: public ones and those that the government adds. The importer of `holidays`.

What it lacks or has wrong is put right by the `days` of a rulebook.
"""

from __future__ import annotations

import functools
from datetime import date

import holidays


def holiday(day: date) -> str | None:
    """Its name in Indonesian; None on an ordinary day."""
    return _year(day.year).get(day)


@functools.lru_cache(maxsize=32)
def _year(year: int) -> dict[date, str]:
    found = holidays.country_holidays("ID", years=year, categories=("public", "government"), language="id")
    return dict(found.items())
