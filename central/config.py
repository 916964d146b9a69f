"""The collector's configuration, checked whole before anything starts.

`deploy/central.toml` shows every setting with its default.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import asdict

from mqtt_bridge.records import Hours, Language, PhoneNumber, Policy, PresenceRule, Replies, UplinkTerms
from mqtt_bridge.settings import ConfigError, load

from .alerting import RULES, Rule, Severity, Terms, changed

Port = Annotated[int, Meta(ge=1, le=65535)]
Text = Annotated[str, Meta(min_length=1)]
Listen = Annotated[str, Meta(pattern=r"^[^:]+:[0-9]{1,5}$")]
Days = Annotated[int, Meta(ge=0, le=36_500)]
Minutes = Annotated[float, Meta(ge=0, le=10_080)]
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


class AlertRule(Section, frozen=True, kw_only=True):
    """What is otherwise than shipped, of one rule of `alerting.RULES`."""

    severity: Severity | None = None
    after_minutes: Minutes | None = None
    clear_minutes: Minutes | None = None
    off: bool = False


class AlertChannel(Section, frozen=True, kw_only=True):
    """Where messages go: an address of apprise, as it stands or in the file `url_file`; it holds secrets.

    It gets what is at least of that `severity`. With `gateways` or `tags` it is told of those alone, not of central.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    url: str = ""
    url_file: str = ""
    severity: Severity = Severity.WARNING
    gateways: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    digest: bool = True


class AlertsSection(Section, frozen=True, kw_only=True):
    """Limits of the rules, and how people are told; see docs/alerts.md. `digest` and `heartbeat` empty: none."""

    digest: Annotated[str, Meta(pattern=r"^(|([01][0-9]|2[0-3]):[0-5][0-9])$")] = "06:30"
    renotify_hours: Annotated[float, Meta(ge=0.1, le=168)] = 4
    group_seconds: Annotated[int, Meta(ge=0, le=600)] = 30
    heartbeat: Annotated[str, Meta(pattern=r"^(|https?://\S+)$")] = ""
    heartbeat_minutes: Annotated[float, Meta(ge=0.1, le=1440)] = 5
    queue: Annotated[int, Meta(ge=1)] = 20
    sim_days: Annotated[int, Meta(ge=0, le=365)] = 7
    sim_balance: Annotated[int, Meta(ge=0)] = 10_000
    disk_mb: Annotated[int, Meta(ge=1)] = 500
    heat: Annotated[int, Meta(ge=30, le=120)] = 80
    certificate_days: Annotated[int, Meta(ge=0, le=365)] = 7
    watermark_hours: Annotated[int, Meta(ge=1, le=720)] = 2
    attempts: Annotated[int, Meta(ge=1)] = 5
    central_disk_mb: Annotated[int, Meta(ge=1)] = 2000
    broker_certificate_days: Annotated[int, Meta(ge=0, le=365)] = 21
    rules: dict[str, AlertRule] = {}
    channels: tuple[AlertChannel, ...] = ()

    @property
    def terms(self) -> Terms:
        changes = {code: _changed(code, rule) for code, rule in self.rules.items()}
        limits = {
            name: getattr(self, name)
            for name in (
                "queue", "sim_days", "sim_balance", "disk_mb", "heat", "certificate_days", "watermark_hours",
                "attempts", "central_disk_mb", "broker_certificate_days",
            )
        }  # fmt: skip
        return Terms(renotify=timedelta(hours=self.renotify_hours), rules={**RULES, **changes}, **limits)


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
    alerts: AlertsSection = AlertsSection()

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


def _changed(code: str, rule: AlertRule) -> Rule:
    after, clear = (
        None if minutes is None else timedelta(minutes=minutes)
        for minutes in (rule.after_minutes, rule.clear_minutes)
    )
    return changed(code, rule.severity, after, clear, off=rule.off)


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
    _check_alerts(path, settings.alerts)
    return settings


def _check_alerts(path: Path, alerts: AlertsSection) -> None:
    for code in alerts.rules:
        if code not in RULES:
            close = difflib.get_close_matches(code, RULES, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else "; docs/alerts.md names them all"
            raise ConfigError(f"{path}: alerts.rules.{code}: there is no such rule{hint}")
    names = [channel.name for channel in alerts.channels]
    for place, channel in enumerate(alerts.channels):
        where = f"{path}: alerts.channels[{place}]"
        if bool(channel.url) == bool(channel.url_file):
            raise ConfigError(f"{where}: give {channel.name} an address: either url or url_file")
        if names.count(channel.name) > 1:
            raise ConfigError(f"{where}.name: there is another channel {channel.name}")
