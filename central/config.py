"""The collector's configuration, checked whole before anything starts. Pure.

`deploy/central.toml` shows every setting with its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import asdict

from mqtt_bridge.records import Hours, Language, PhoneNumber, Policy, PresenceRule, Replies, UplinkTerms
from mqtt_bridge.settings import ConfigError, load

Port = Annotated[int, Meta(ge=1, le=65535)]
Text = Annotated[str, Meta(min_length=1)]
Listen = Annotated[str, Meta(pattern=r"^[^:]+:[0-9]{1,5}$")]
Days = Annotated[int, Meta(ge=0, le=36_500)]
LOOPBACK = ("127.0.0.1", "localhost")
Url = Annotated[str, Meta(pattern=r"^(|sqlite:///.+|postgres(ql)?://.+)$")]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; a setting that it does not know is an error, never ignored."""


class CentralSection(Section, frozen=True, kw_only=True):
    """`database_url` empty stands for an SQLite file in `data_dir`; `timezone` tells where a day begins.

    `it_numbers` may ask any gateway by SMS how it is.
    """

    data_dir: Text
    database_url: Url = ""
    timezone: Text = "Asia/Jakarta"
    it_numbers: tuple[PhoneNumber, ...] = ()


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
    """`secure_cookies` belongs on where the pages are served over HTTPS; `proxies` is how many stand before them."""

    listen: Listen = "127.0.0.1:8080"
    secure_cookies: bool = False
    proxies: Annotated[int, Meta(ge=0, le=5)] = 0
    api_per_minute: Annotated[int, Meta(ge=1, le=100_000)] = 600


class AttendanceSection(Section, frozen=True, kw_only=True):
    """`rules` is a shipped profile, or the path of the city's own rulebook."""

    rules: Text = "pekanbaru"


class GatewaysSection(Section, frozen=True, kw_only=True):
    """`keys_dir` may hold public keys that were handed over, as `<id>.pub`, of gateways that are not enrolled."""

    keys_dir: str = ""


class PolicySection(Section, frozen=True, kw_only=True):
    """What the gateways decide by; see `mqtt_bridge.records.Policy`. `shared_phones` lets several have one number."""

    presence: PresenceRule = PresenceRule.OFF
    code_seconds: Annotated[int, Meta(ge=30, le=300)] = 60
    code_grace_seconds: Annotated[int, Meta(ge=0, le=240)] = 90
    code_misses_per_hour: Annotated[int, Meta(ge=1, le=100)] = 5
    code_alarm_per_hour: Annotated[int, Meta(ge=1, le=10000)] = 20
    replies: Replies = Replies.ALL
    language: Language = Language.INDONESIAN
    answers_per_day: Annotated[int, Meta(ge=0, le=1000)] = 20
    corrections_per_day: Annotated[int, Meta(ge=0, le=1000)] = 3
    parts_minutes: Annotated[int, Meta(ge=1, le=1440)] = 10
    delivery_reports: bool = False
    poke_number: Annotated[str, Meta(pattern=r"^(|own|\+[1-9][0-9]{6,14})$")] = ""
    shared_phones: bool = False
    missed_calls: bool = False
    hours: tuple[Hours, ...] = ()
    holidays: tuple[date, ...] = ()


class UplinkSection(Section, frozen=True, kw_only=True):
    """Records by SMS, while a gateway has no data: none with `number` empty, which is that of the SIM in `device`."""

    device: str = ""
    connection: Text = "at"
    number: Annotated[str, Meta(pattern=r"^(|\+[1-9][0-9]{6,14})$")] = ""
    after_minutes: Annotated[int, Meta(ge=1, le=1440)] = 15
    hold_minutes: Annotated[int, Meta(ge=0, le=1440)] = 60
    per_day: Annotated[int, Meta(ge=0, le=1000)] = 30
    answers_per_day: Annotated[int, Meta(ge=0, le=1000)] = 50


class WebhooksSection(Section, frozen=True, kw_only=True):
    """Where webhooks may go beyond HTTPS to other machines, and how long an answer may take."""

    allow_http: bool = False
    allow_local: bool = False
    timeout_seconds: Annotated[float, Meta(ge=1, le=60)] = 15.0


class RetentionSection(Section, frozen=True, kw_only=True):
    """Days after which `gardu-central retention run` removes things; 0 keeps them for good."""

    records_days: Days = 0
    batches_days: Days = 0
    quarantine_days: Days = 365
    former_days: Days = 0


class Config(Section, frozen=True, kw_only=True):
    central: CentralSection
    broker: BrokerSection
    gateways: GatewaysSection = GatewaysSection()
    enrolment: EnrolmentSection = EnrolmentSection()
    policy: PolicySection = PolicySection()
    web: WebSection = WebSection()
    attendance: AttendanceSection = AttendanceSection()
    uplink: UplinkSection = UplinkSection()
    webhooks: WebhooksSection = WebhooksSection()
    retention: RetentionSection = RetentionSection()

    @property
    def rules(self) -> Policy:
        """What every gateway is told."""
        told = {name: value for name, value in asdict(self.policy).items() if name != "shared_phones"}
        return Policy(
            timezone=self.central.timezone,
            uplink=self._uplink_terms(),
            it_numbers=self.central.it_numbers,
            **told,
        )

    def _uplink_terms(self) -> UplinkTerms | None:
        sms = self.uplink
        if not sms.number:
            return None
        return UplinkTerms(
            number=sms.number,
            after_minutes=sms.after_minutes,
            hold_minutes=sms.hold_minutes,
            per_day=sms.per_day,
        )


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
