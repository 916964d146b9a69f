"""The ways on which messages leave: by apprise to people, by a plain GET to whoever watches that this one lives.

The only file of central that imports apprise, and only once a channel is there: it takes as long as all the rest of a
command. An address holds secrets: neither it nor what apprise says of it is
ever shown or logged.
"""

from __future__ import annotations

import logging
import re
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

from mqtt_bridge.settings import ConfigError

from .alerting import Severity
from .config import AlertChannel

if TYPE_CHECKING:
    import apprise

SECONDS = 15.0
_COULD_NOT = "it did not take the message, or did not answer"


@dataclass(frozen=True, slots=True)
class Channel:
    """Told of what is at least of that severity: of all gateways and central, or of those gateways and tags."""

    name: str
    url: str = field(repr=False)
    severity: Severity = Severity.WARNING
    gateways: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    digest: bool = True

    @property
    def everywhere(self) -> bool:
        return not self.gateways and not self.tags

    @property
    def kind(self) -> str:
        """Of its address only how it begins."""
        return self.url.partition(":")[0]

    def hears(self, severity: Severity, subject: str, tags: frozenset[str]) -> bool:
        return severity.rank <= self.severity.rank and self.covers(subject, tags)

    def covers(self, subject: str, tags: frozenset[str]) -> bool:
        return self.everywhere or subject in self.gateways or bool(self.tags & tags)


def load(settings: Sequence[AlertChannel]) -> tuple[Channel, ...]:
    """Raises `ConfigError` where apprise could not use the address."""
    return tuple(_channel(each, f"alerts.channels[{place}]") for place, each in enumerate(settings))


def send(channel: Channel, title: str, body: str) -> str:
    """What kept the message from being taken; empty when it was taken."""
    import apprise

    target = _nobody()
    target.add(_limited(channel.url))
    with apprise.LogCapture(level=logging.WARNING) as said:  # type: ignore[no-untyped-call]
        # What its plug-ins throw it catches itself.
        taken = target.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
        return "" if taken else _problem(said.getvalue())


def call(url: str) -> str:
    """GET that address; what kept it from answering with success, empty when it did."""
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            answer.read(1024)
    except (OSError, ValueError, HTTPException) as error:
        return type(error).__name__
    return ""


def _channel(settings: AlertChannel, where: str) -> Channel:
    url = settings.url or _read(settings.url_file, f"{where}.url_file")
    if not _nobody().add(url):
        begin = re.match(r"[a-z0-9]{1,20}(?=://)", url, re.ASCII)
        raise ConfigError(
            f"{where}.url: apprise can not use an address"
            f" {f'that begins with {begin[0]}:// as this one is written' if begin else 'without its kind before ://'};"
            " see https://appriseit.com/services/"
        )
    return Channel(
        settings.name, url, settings.severity, frozenset(settings.gateways), frozenset(settings.tags), settings.digest
    )


def _read(path: str, where: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: {path} can not be read: {type(error).__name__}") from None


def _limited(url: str) -> str:
    """A server that does not answer holds nothing up for long."""
    timeouts = [f"{name}={SECONDS:.0f}" for name in ("cto", "rto") if f"{name}=" not in url]
    return f"{url}{'&' if '?' in url else '?'}{'&'.join(timeouts)}" if timeouts else url


def _nobody() -> apprise.Apprise:
    """To whom addresses are added; that tells whether apprise can use all of them."""
    import apprise

    logging.getLogger("apprise").propagate = False  # what it logs holds addresses
    asset = apprise.AppriseAsset(app_id="Gardu", app_desc="Gardu", app_url="", async_mode=False)
    return apprise.Apprise(asset=asset)


def _problem(said: str) -> str:
    """Of what apprise said only the status: the rest may hold secrets."""
    status = re.search(r"error[= ](\d{3})\b", said)
    return f"answered {status[1]}" if status else _COULD_NOT
