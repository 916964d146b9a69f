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
    """`device` is best a name that stays: one of /dev/serial/by-id, or `serial:` and the USB serial number.

    `connection` is libgammu's.
    """

    device: Text
    connection: Text = "at"
    poll_seconds: Annotated[float, Meta(ge=0.1, le=60)] = 1.0


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


def read(path: Path, environ: Mapping[str, str]) -> Config:
    """Raises `ConfigError`: one line that says what, where and how to mend it."""
    return load(path, Config, environ)
