"""An office without data and the city, by the production code of both, for tests of what goes between them by SMS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from central import desired, fleet
from central.database import Database, sqlite_url
from central.ingest import Envelope, Ingest
from central.roster import Row, store
from central.uplink import ANSWER_AFTER, Uplink
from gateway.clock import Now
from gateway.core import Core
from gateway.journal import Journal
from gateway.message import Form, IncomingMessage
from gateway.rules import Rules
from modem.messages import (
    Erasure,
    IncomingSms,
    Kind,
    Modem,
    ModemError,
    ModemStatus,
    OutgoingSms,
    Registration,
    erase_singly,
)
from mqtt_bridge.client import Inbound, LinkDown, Problem, Trouble
from mqtt_bridge.envelope import seal
from mqtt_bridge.records import Action, Channel, Policy, UplinkTerms
from mqtt_bridge.topics import Leaf, parse, topic
from mqtt_bridge.uplink_keys import uplink_keys

from .gateway.fakes import FakeClock
from .mqtt_bridge.uplinked import MORNING, punches

GATEWAY = "dinkes-01"
OFFICE_NUMBER, CITY_NUMBER = "+6281100001", "+6281100009"
OFFICE_KEY = Ed25519PrivateKey.from_private_bytes(b"g" * 32)
CITY_KEY = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
WIB = ZoneInfo("Asia/Jakarta")
NIGHT = MORNING + timedelta(hours=14)  # 20:45 WIB: everybody has gone home
TERMS = UplinkTerms(number=CITY_NUMBER)


class OfficeKey:
    def get(self, gateway: str) -> Ed25519PublicKey | None:
        return OFFICE_KEY.public_key() if gateway == GATEWAY else None


@dataclass
class Mail:
    """The SMS centre: what was sent waits here until a test delivers it, once, twice, late or never."""

    now: Callable[[], datetime]
    waiting: list[tuple[str, OutgoingSms]] = field(default_factory=list)
    sent: list[tuple[str, OutgoingSms]] = field(default_factory=list)
    phones: dict[str, SimInMemory] = field(default_factory=dict)
    _stamps: int = 0

    def post(self, sender: str, sms: OutgoingSms) -> None:
        self.waiting.append((sender, sms))
        self.sent.append((sender, sms))

    def deliver(self) -> int:
        """All that waits, each with a time stamp of its own; returns how many."""
        for sender, sms in self.waiting:
            self.bring(sender, sms)
        count = len(self.waiting)
        self.waiting.clear()
        return count

    def bring(self, sender: str, sms: OutgoingSms) -> None:
        if sms.number in self.phones:
            self._stamps += 1
            moment = self.now() + timedelta(seconds=self._stamps)
            content, kind = (sms.text, Kind.TEXT) if sms.data is None else (sms.data.hex(), Kind.BINARY)
            self.phones[sms.number].put(IncomingSms(0, sender, content, moment, kind=kind))

    def to(self, number: str) -> list[OutgoingSms]:
        """What was ever sent to that number."""
        return [sms for _, sms in self.sent if sms.number == number]


@dataclass
class SimInMemory:
    """A modem. `refuses` tells why an SMS is not taken, if it is not."""

    mail: Mail
    number: str
    slots: dict[int, IncomingSms] = field(default_factory=dict)
    refuses: Callable[[OutgoingSms], str | None] = lambda _: None

    def put(self, sms: IncomingSms) -> None:
        location = max(self.slots, default=0) + 1
        self.slots[location] = replace(sms, location=location)

    def receive(self) -> list[IncomingSms]:
        return list(self.slots.values())

    def read(self, location: int) -> IncomingSms | None:
        return self.slots.get(location)

    def delete(self, location: int) -> None:
        self.slots.pop(location, None)

    def erase(self, messages: Sequence[IncomingSms]) -> Erasure:
        return erase_singly(self, messages)

    def send(self, sms: OutgoingSms) -> int:
        problem = self.refuses(sms)
        if problem:
            raise ModemError(problem)
        self.mail.post(self.number, sms)
        return len(self.mail.sent) % 256

    def status(self) -> ModemStatus:
        return ModemStatus(Registration.HOME, signal=61, operator="TELKOMSEL", used=len(self.slots), capacity=50)

    def network_time(self) -> datetime | None:
        return None

    def wait(self, seconds: float) -> bool:
        return False

    def close(self) -> None:
        pass


@dataclass
class DeadLink:
    """A link that works when a test says so; what was published goes straight into the city's ingest."""

    connected: bool = False
    session: int = 0
    published: list[tuple[str, bytes]] = field(default_factory=list)
    inbox: list[Inbound] = field(default_factory=list)

    @property
    def problem(self) -> Problem | None:
        return None if self.connected else Problem(Trouble.UNREACHABLE)

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        if not self.connected:
            raise LinkDown("cut")
        self.published.append((topic, payload))

    def take(self) -> list[Inbound]:
        taken, self.inbox = self.inbox, []
        return taken

    def close(self) -> None:
        self.connected = False


class Uplinked:
    """Both sides, stepped by hand over one clock; `office_modem` and `city_modem` may be real ones."""

    def __init__(
        self,
        folder: Path,
        *,
        people: int = 200,
        terms: UplinkTerms = TERMS,
        modems: tuple[Modem, Modem] | None = None,
    ) -> None:
        self.folder = folder
        self.clock = FakeClock(Now(NIGHT, 1000.0))
        self.mail = Mail(lambda: self.clock.wall)
        self.office_sim = SimInMemory(self.mail, OFFICE_NUMBER)
        self.city_sim = SimInMemory(self.mail, CITY_NUMBER)
        self.mail.phones = {OFFICE_NUMBER: self.office_sim, CITY_NUMBER: self.city_sim}
        self._modems = modems or (self.office_sim, self.city_sim)
        self.database = Database(sqlite_url(folder / "central.db"))
        self.policy = Policy(answers_per_day=0, uplink=terms)
        self.people = self._hire(people)
        self.boot_city()
        self.boot_office()
        self.obey()

    # Both sides

    def boot_office(self) -> None:
        """As after a power cut: what is in the file is all that is known."""
        self.journal = Journal(self.folder / "journal.db", GATEWAY)
        self.core = Core(self._modems[0], self.journal, self.clock, self.folder)
        self.link = DeadLink()
        keys = uplink_keys(OFFICE_KEY, CITY_KEY.public_key(), GATEWAY)
        self.core.connect(self.link, OFFICE_KEY, CITY_KEY.public_key(), uplink=keys)

    def boot_city(self) -> None:
        keys: object = OfficeKey()
        self.city = Uplink(self._modems[1], self.database, keys, CITY_KEY, WIB, answers_per_day=50)  # type: ignore[arg-type]
        self.ingest = Ingest(self.database, keys)  # type: ignore[arg-type]

    def obey(self) -> None:
        """Let the office hold what the city wants it to."""
        desired.refresh(self.database, self.policy, self.clock.wall)
        wanted = desired.newest(self.database, GATEWAY)
        assert wanted
        self.journal.apply(wanted)
        self.rules = Rules.of(wanted)

    def close(self) -> None:
        self.journal.close()
        self.database.close()

    def _hire(self, count: int) -> dict[str, str]:
        """Phone → employee."""
        fleet.add(self.database, GATEWAY, self.clock.wall)
        rows = [
            Row(0, f"{number:018}", f"Pegawai {number}", f"+62812345{number:05}", GATEWAY) for number in range(count)
        ]
        store(self.database, rows)
        return dict(self.database.rows("SELECT phone, id FROM employee"))

    # What happens

    def work(self, seed: int = 1) -> int:
        """Everybody's check-ins of the day; returns how many records there are then."""
        phones = {employee: phone for phone, employee in self.people.items()}
        texts = [
            self.text(phones[employee], action, at, received)
            for received, at, employee, action in punches(list(phones), seed)
        ]
        self.journal.admit(texts, self.rules)
        return self.journal.position().last

    def check_in(self, count: int, action: Action = Action.IN) -> None:
        """The next people check in now, a second apart, by ways other than the modem."""
        waiting = list(self.people)[:count] if action is Action.OUT else self._absent()[:count]
        at = self.clock.wall.replace(microsecond=0)
        texts = [
            self.text(phone, action, at + timedelta(seconds=place), at + timedelta(seconds=place))
            for place, phone in enumerate(waiting)
        ]
        self.journal.admit(texts, self.rules)

    def _absent(self) -> list[str]:
        here = {record.employee for record in self.journal.records(0, 10_000)}
        return [phone for phone, employee in self.people.items() if employee not in here]

    def text(self, phone: str, action: Action, at: datetime, received: datetime) -> IncomingMessage:
        word = {Action.IN: "HADIR", Action.OUT: "PULANG"}[action]
        return IncomingMessage(Channel.SMS, Form.TEXT, phone, word, at, received, clock_trusted=True)

    def step_office(self) -> None:
        """Until it has nothing more to do now."""
        while self.core.step_modem():
            pass

    def step_city(self) -> None:
        while self.city.step(self.clock.wall, self.clock.now().monotonic):
            pass

    def pass_time(self, minutes: float, *, deliver: bool = True) -> None:
        """Both sides at work, and SMS that arrive at once."""
        end = self.clock.now().monotonic + 60 * minutes
        while self.clock.now().monotonic < end:
            self.clock.turn(min(ANSWER_AFTER, end - self.clock.now().monotonic))
            self.step_office()
            if deliver:
                self.mail.deliver()
            self.step_city()
            if deliver:
                self.mail.deliver()

    def heal(self) -> None:
        """The link works: batches go over it, and their acks come back."""
        self.link.connected = True
        self.link.session += 1
        while self.journal.position().delivered < self.journal.position().last:
            self.core.step_collector()
            self._carry()
        self.core.step_collector()

    def _carry(self) -> None:
        batches = [payload for name, payload in self.link.published if (parse(name) or ("", ""))[1] is Leaf.RECORDS]
        self.link.published.clear()
        for ack in self.ingest.take([Envelope(GATEWAY, batch) for batch in batches], self.clock.wall):
            self.link.inbox.append(Inbound(topic(GATEWAY, Leaf.ACK), seal(ack, CITY_KEY)))

    # What is there then

    def provisional(self) -> list[int]:
        return [seq for (seq,) in self.database.rows("SELECT seq FROM provisional ORDER BY seq")]

    def final(self) -> list[int]:
        return [seq for (seq,) in self.database.rows("SELECT seq FROM record ORDER BY seq")]

    def aside(self) -> list[str]:
        return [reason for (reason,) in self.database.rows("SELECT reason FROM quarantine ORDER BY id")]

    def known_by_sms(self) -> list[tuple[object, ...]]:
        """The provisional records as they are kept."""
        return self.database.rows("SELECT seq, employee, action, at, presence, flags FROM provisional ORDER BY seq")
