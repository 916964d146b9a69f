"""The collector's configuration, checked whole before anything starts. Pure.

`deploy/central.toml` shows every setting with its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from mqtt_bridge.records import Policy
from mqtt_bridge.settings import load

Port = Annotated[int, Meta(ge=1, le=65535)]
Text = Annotated[str, Meta(min_length=1)]
Listen = Annotated[str, Meta(pattern=r"^[^:]+:[0-9]{1,5}$")]
Url = Annotated[str, Meta(pattern=r"^(|sqlite:///.+|postgres(ql)?://.+)$")]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; a setting that it does not know is an error, never ignored."""


class CentralSection(Section, frozen=True, kw_only=True):
    """`database_url` empty stands for an SQLite file in `data_dir`; `timezone` tells where a day begins.

    `missed_calls` lets gateways take a call from an employee's number for a check-in.
    """

    data_dir: Text
    database_url: Url = ""
    timezone: Text = "Asia/Jakarta"
    missed_calls: bool = False


class BrokerSection(Section, frozen=True, kw_only=True):
    """`embedded` lets `gardu-central run` start the broker of that address itself."""

    host: Text
    port: Port = 1883
    embedded: bool = False


class WebSection(Section, frozen=True, kw_only=True):
    """`secure_cookies` belongs on where the pages are served over HTTPS."""

    listen: Listen = "127.0.0.1:8080"
    secure_cookies: bool = False


class GatewaysSection(Section, frozen=True, kw_only=True):
    """`keys_dir` holds the public key of each gateway as `<id>.pub`."""

    keys_dir: Text


class Config(Section, frozen=True, kw_only=True):
    central: CentralSection
    broker: BrokerSection
    gateways: GatewaysSection
    web: WebSection = WebSection()

    @property
    def policy(self) -> Policy:
        """What every gateway is told."""
        return Policy(timezone=self.central.timezone, missed_calls=self.central.missed_calls)


def read(path: Path, environ: Mapping[str, str]) -> Config:
    """Raises `ConfigError`: one line that says what, where and how to mend it."""
    return load(path, Config, environ)
