"""Runs what watches: a loop that looks, one for each channel that tells, one that says to others that this lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from mqtt_bridge.loop import Loop

from . import alerts, channels, notices, outbox, sightings
from .alerting import Terms
from .channels import Channel
from .database import Database, StorageError
from .sightings import Place

log = structlog.get_logger(__name__)

LOOK_EVERY = 10.0
TELL_EVERY = 2.0
# Findings with which nobody may believe that all is well here.
_ILL = frozenset({"collector", "broker", "central-disk"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What the settings say: messages end with the address `page`; `digest` is the local time of the morning's."""

    terms: Terms
    zone: ZoneInfo
    channels: tuple[Channel, ...] = ()
    settle: timedelta = timedelta(seconds=30)
    digest: str = ""
    page: str = ""
    data_dir: Path | None = None
    broker_certificate: Path | None = None
    heartbeat: str = ""
    heartbeat_every: timedelta = timedelta(minutes=5)


class Watch:
    """Looks at everything once a step."""

    def __init__(self, database: Database, plan: Plan, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._plan = plan
        self._place = Place(
            plan.data_dir, plan.broker_certificate, frozenset(channel.name for channel in plan.channels)
        )
        self._clock = clock
        self.looked: datetime | None = None
        self.well = False

    def step(self) -> bool:
        now, plan = self._clock(), self._plan
        sights = sightings.gateways(self._database, now)
        central = sightings.central(self._database, self._place, now)
        for alert, event in alerts.evaluate(self._database, sights, central, plan.terms, now):
            log.info("alert", what=str(event), rule=alert.rule, subject=alert.subject)
        self.well = not any(alert.rule in _ILL for alert in alerts.opened(self._database))
        self.looked = now
        return False


class Teller:
    """Brings one channel what it is to be told."""

    def __init__(
        self,
        database: Database,
        channel: Channel,
        plan: Plan,
        clock: Callable[[], datetime],
        send: Callable[[Channel, str, str], str] = channels.send,
    ) -> None:
        self._database = database
        self._channel = channel
        self._plan = plan
        self._clock = clock
        self._send = send

    def step(self) -> bool:
        """Tells whether anything was sent. Raises `StorageError`."""
        now, name = self._clock(), self._channel.name
        outbox.join(self._database, name)
        health = outbox.health(self._database)[name]
        if health.resume and now < health.resume:
            return False
        self._write_digest(health.digest, now)
        waiting = outbox.next_message(self._database, name)
        if waiting is None and outbox.gather(self._database, self._channel, self._plan.settle, self._news, now):
            waiting = outbox.next_message(self._database, name)
        return self._tell(waiting) if waiting else False

    def _tell(self, waiting: outbox.Waiting) -> bool:
        problem = self._send(self._channel, waiting.title, f"{waiting.body}\n{waiting.reference}")
        if problem:
            log.warning("alert not sent", channel=self._channel.name, problem=problem)
            outbox.failed(self._database, self._channel.name, problem, self._clock())
            return False
        outbox.delivered(self._database, self._channel.name, waiting, self._clock())
        return True

    def _news(self, happened: outbox.Happened, now: datetime) -> notices.Message | None:
        return notices.compose(happened, self._plan.zone, now, self._plan.page)

    def _write_digest(self, last: str, now: datetime) -> None:
        local, plan = now.astimezone(self._plan.zone), self._plan
        day = f"{local:%Y-%m-%d}"
        if not plan.digest or not self._channel.digest or f"{local:%H:%M}" < plan.digest or last >= day:
            return
        sights = outbox.covered(self._database, self._channel, sightings.gateways(self._database, now))
        open_ = outbox.concerning(self._database, self._channel)
        message = notices.digest(open_, sights, plan.zone, now, plan.page, plan.terms.sim_days)
        outbox.put_digest(self._database, self._channel.name, message, day, now)


class Heart:
    """Calls an address of somebody else as long as all is well here: when it stops, they tell."""

    def __init__(
        self, watch: Watch, plan: Plan, clock: Callable[[], datetime], call: Callable[[str], str] = channels.call
    ) -> None:
        self._watch = watch
        self._plan = plan
        self._clock = clock
        self._call = call
        self._called: datetime | None = None

    def step(self) -> bool:
        now, looked = self._clock(), self._watch.looked
        fresh = looked is not None and now - looked < timedelta(seconds=6 * LOOK_EVERY)
        due = self._called is None or now - self._called >= self._plan.heartbeat_every
        if not (fresh and due and self._watch.well):
            return False
        problem = self._call(self._plan.heartbeat)
        if problem:
            log.warning("heartbeat not taken", problem=problem)
            return False
        self._called = now
        return True


class Alerts:
    """All of it, each in a thread of its own: what is slow holds up nothing else."""

    def __init__(self, database: Database, plan: Plan, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._channels = plan.channels
        watch = Watch(database, plan, clock)
        expected = (StorageError, OSError)
        self._loops = [Loop("alerts", watch.step, LOOK_EVERY, expected)]
        for channel in plan.channels:
            step = Teller(database, channel, plan, clock).step
            self._loops.append(Loop(f"channel {channel.name}", step, TELL_EVERY, expected))
        if plan.heartbeat:
            self._loops.append(Loop("heartbeat", Heart(watch, plan, clock).step, TELL_EVERY, expected))

    def start(self) -> None:
        """Raises `StorageError`."""
        for channel in self._channels:
            outbox.join(self._database, channel.name)  # before anything happens that it would not be told of
        for loop in self._loops:
            loop.start()

    def stop(self, timeout: float) -> None:
        for loop in self._loops:
            loop.stop(0)  # all at once
        for loop in self._loops:
            loop.stop(timeout)
