"""Profiles of operators, from a TOML file that anybody can edit: what to dial, and how the answers read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

SHIPPED = Path(__file__).with_name("operators.toml")

Code = Annotated[str, Meta(pattern=r"^[0-9*#+]{1,160}$")]


class BadOperators(Exception):
    """A file of profiles that can not be used: one line that says what and where."""


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    """What tells the amounts and dates of an answer apart; see `operators.toml`."""

    balance: tuple[str, ...]
    validity: tuple[str, ...]
    account: tuple[str, ...]
    other: tuple[str, ...]


class Operator(Struct, frozen=True, forbid_unknown_fields=True):
    """One operator. `networks` are MCC and MNC of its SIMs, `prefixes` how the numbers of its customers begin."""

    name: str
    networks: tuple[Annotated[str, Meta(pattern=r"^[0-9]{5,6}$")], ...]
    code: Code
    choices: tuple[Code, ...] = ()
    prefixes: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    balance: tuple[str, ...] = ()
    validity: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    other: tuple[str, ...] = ()


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    words: Words
    operator: tuple[Operator, ...]


def load(path: Path = SHIPPED) -> tuple[Operator, ...]:
    """The operators of that file, each with its own words or the common ones. Raises `BadOperators`."""
    try:
        file = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
        for pattern in (pattern for operator in file.operator for pattern in operator.patterns):
            re.compile(pattern)
    except OSError as error:
        raise BadOperators(f"{path}: {error.strerror}") from None
    except re.error as error:
        raise BadOperators(f"{path}: {error.pattern!r} is no regular expression: {error}") from None
    except (ValueError, msgspec.ValidationError) as error:
        raise BadOperators(f"{path}: {error}") from None
    return tuple(_with_words(operator, file.words) for operator in file.operator)


def _with_words(operator: Operator, words: Words) -> Operator:
    own = {name: getattr(operator, name) or getattr(words, name) for name in words.__struct_fields__}
    return msgspec.structs.replace(operator, **own)


def of_sim(operators: Iterable[Operator], imsi: str) -> Operator | None:
    """Whose SIM it is, by the network that its IMSI begins with."""
    return next((each for each in operators if imsi and imsi.startswith(each.networks)), None)


def of_number(operators: Iterable[Operator], number: str) -> Operator | None:
    """Whose customer has that number (E.164): numbers stay with their operator in Indonesia."""
    return next((each for each in operators if number.startswith(each.prefixes)), None)
