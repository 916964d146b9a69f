"""The gateway's configuration, checked whole before anything starts. Pure.

`deploy/gateway.toml` shows every setting with its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from mqtt_bridge.records import GatewayId
from mqtt_bridge.settings import ConfigError, load

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
    """`device` is best a name that stays: one of /dev/serial/by-id, or `serial:` and the USB serial number.

    `more_devices` are further modems of this gateway, with SIMs of their own; `connection` is libgammu's.
    """

    device: str
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
    """An empty `host` stands for the broker that central named at the enrolment, with TLS as it said.

    With `tls`, `ca`, `certificate` and `key` are files; empty stands for those of the enrolment.
    """

    host: str = ""
    port: Port = 1883
    tls: bool = False
    ca: str = ""
    certificate: str = ""
    key: str = ""


class CentralSection(Section, frozen=True, kw_only=True):
    """`public_key` is a file with the collector's key, for whom it is to wait; empty stands for the enrolment's."""

    public_key: str = ""


class ScreenSection(Section, frozen=True, kw_only=True):
    """`number` is the SIM's own, which the presence screen shows and puts into its QR code."""

    number: Annotated[str, Meta(pattern=r"^(\+[1-9][0-9]{6,14})?$")] = ""


class UssdSection(Section, frozen=True, kw_only=True):
    """`secret` opens `POST /ussd` to the aggregator of a short code, from the networks of `allow`."""

    secret: Annotated[str, Meta(pattern=r"^(.{16,})?$")] = ""
    allow: tuple[Text, ...] = ("127.0.0.1/32", "::1/128")

    @property
    def networks(self) -> list[IPv4Network | IPv6Network]:
        try:
            return [ip_network(each) for each in self.allow]
        except ValueError as error:
            raise ConfigError(f"ussd.allow: {error}") from None


class WebSection(Section, frozen=True, kw_only=True):
    listen: Listen = "127.0.0.1:8081"


class Config(Section, frozen=True, kw_only=True):
    gateway: GatewaySection
    modem: ModemSection
    broker: BrokerSection = BrokerSection()
    central: CentralSection = CentralSection()
    screen: ScreenSection = ScreenSection()
    ussd: UssdSection = UssdSection()
    web: WebSection = WebSection()
    sim: SimSection = SimSection()
    sms: SmsSection = SmsSection()


def read(path: Path, environ: Mapping[str, str]) -> Config:
    """Raises `ConfigError`: one line that says what, where and how to mend it."""
    settings = load(path, Config, environ)
    assert settings.ussd.networks is not None  # looked at now, not at the first callback
    return settings
