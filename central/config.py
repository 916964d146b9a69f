"""The collector's configuration, checked whole before anything starts. Pure.

`deploy/central.toml` shows every setting with its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from mqtt_bridge.records import Policy
from mqtt_bridge.settings import ConfigError, load

Port = Annotated[int, Meta(ge=1, le=65535)]
Text = Annotated[str, Meta(min_length=1)]
Listen = Annotated[str, Meta(pattern=r"^[^:]+:[0-9]{1,5}$")]
LOOPBACK = ("127.0.0.1", "localhost")
Url = Annotated[str, Meta(pattern=r"^(|sqlite:///.+|postgres(ql)?://.+)$")]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; a setting that it does not know is an error, never ignored."""


class CentralSection(Section, frozen=True, kw_only=True):
    """`database_url` empty stands for an SQLite file in `data_dir`; `timezone` tells where a day begins."""

    data_dir: Text
    database_url: Url = ""
    timezone: Text = "Asia/Jakarta"


class BrokerSection(Section, frozen=True, kw_only=True):
    """`embedded` lets `gardu-central run` start the broker of that address itself.

    With `tls`, `ca`, `certificate` and `key` are files; empty stands for Gardu's own. `config_dir` is where
    `broker-config` writes, empty for `broker` in the data folder.
    """

    host: Text
    port: Port = 1883
    embedded: bool = False
    tls: bool = False
    ca: str = ""
    certificate: str = ""
    key: str = ""
    config_dir: str = ""


class EnrolmentSection(Section, frozen=True, kw_only=True):
    """How gateways reach central's pages and the broker; empty stands for `web.listen` and for `[broker]`."""

    url: Annotated[str, Meta(pattern=r"^(|https?://.+)$")] = ""
    broker: Annotated[str, Meta(pattern=r"^(|[^:]+:[0-9]{1,5})$")] = ""


class WebSection(Section, frozen=True, kw_only=True):
    """`secure_cookies` belongs on where the pages are served over HTTPS."""

    listen: Listen = "127.0.0.1:8080"
    secure_cookies: bool = False


class GatewaysSection(Section, frozen=True, kw_only=True):
    """`keys_dir` may hold public keys that were handed over, as `<id>.pub`, of gateways that are not enrolled."""

    keys_dir: str = ""


class Config(Section, frozen=True, kw_only=True):
    central: CentralSection
    broker: BrokerSection
    gateways: GatewaysSection = GatewaysSection()
    enrolment: EnrolmentSection = EnrolmentSection()
    web: WebSection = WebSection()

    @property
    def policy(self) -> Policy:
        """What every gateway is told."""
        return Policy(timezone=self.central.timezone)


def read(path: Path, environ: Mapping[str, str]) -> Config:
    """Raises `ConfigError`: one line that says what, where and how to mend it."""
    settings = load(path, Config, environ)
    broker = settings.broker
    if broker.embedded and broker.host not in LOOPBACK:
        raise ConfigError(
            f"{path}: broker.host: the embedded broker lets anybody in, so it is for this machine only:"
            " 127.0.0.1; for gateways elsewhere run mosquitto: gardu-central broker-config"
        )
    if broker.embedded and broker.tls:
        raise ConfigError(f"{path}: broker.tls: the embedded broker knows no TLS")
    return settings
