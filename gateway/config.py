"""The gateway's configuration, checked whole before anything starts. Pure.

`deploy/gateway.toml` shows every setting with its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from mqtt_bridge.records import GatewayId
from mqtt_bridge.settings import load

Port = Annotated[int, Meta(ge=1, le=65535)]
Text = Annotated[str, Meta(min_length=1)]
Listen = Annotated[str, Meta(pattern=r"^[^:]+:[0-9]{1,5}$")]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; a setting that it does not know is an error, never ignored."""


class GatewaySection(Section, frozen=True, kw_only=True):
    """`id` names the gateway everywhere; `data_dir` holds its journal and its key."""

    id: GatewayId
    data_dir: Text


class ModemSection(Section, frozen=True, kw_only=True):
    """`device` is best a name that stays, such as one of /dev/serial/by-id; `connection` is libgammu's.

    `more_devices` are further modems of this gateway, with SIMs of their own.
    """

    device: Text
    more_devices: tuple[Text, ...] = ()
    connection: Text = "at"
    poll_seconds: Annotated[float, Meta(ge=0.1, le=60)] = 1.0


class SimSection(Section, frozen=True, kw_only=True):
    """`check_hours` 0 stands for never. An empty `code` or `operators` stands for what comes with the package."""

    check_hours: Annotated[float, Meta(ge=0, le=24 * 30)] = 24.0
    code: Annotated[str, Meta(pattern=r"^[0-9*#+]{0,160}$")] = ""
    choices: tuple[Annotated[str, Meta(pattern=r"^[0-9*#+]{1,160}$")], ...] = ()
    low_balance: Annotated[int, Meta(ge=0)] = 10_000
    operators: str = ""


class SmsSection(Section, frozen=True, kw_only=True):
    """Limits on the SMS that go out, 0 for none; `own_numbers` (+62…) are never answered."""

    per_day: Annotated[int, Meta(ge=0)] = 2000
    per_month: Annotated[int, Meta(ge=0)] = 40_000
    own_numbers: tuple[Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}$")], ...] = ()


class BrokerSection(Section, frozen=True, kw_only=True):
    host: Text
    port: Port = 1883


class CentralSection(Section, frozen=True, kw_only=True):
    """`public_key` is the file with the collector's key; the gateway waits until it is there."""

    public_key: Text


class WebSection(Section, frozen=True, kw_only=True):
    listen: Listen = "127.0.0.1:8081"


class Config(Section, frozen=True, kw_only=True):
    gateway: GatewaySection
    modem: ModemSection
    broker: BrokerSection
    central: CentralSection
    web: WebSection = WebSection()
    sim: SimSection = SimSection()
    sms: SmsSection = SmsSection()


def read(path: Path, environ: Mapping[str, str]) -> Config:
    """Raises `ConfigError`: one line that says what, where and how to mend it."""
    return load(path, Config, environ)
