"""One office and the city in one thread: the production code of both sides over made-up ports, under one `Fate`.

Nothing here sleeps: the clock is turned by hand. A power cut throws away every object of the gateway (or of the
collector) and leaves what real hardware would keep: the files, the SIM, the network.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.clock import Now
from gateway.core import Core
from gateway.decision import Outcome
from gateway.guardian import Guardian, SimSettings
from gateway.journal import Journal
from gateway.orders import ON_MODEM
from gateway.parts import digest
from modem import operators
from modem.messages import IncomingSms, ModemError, OutgoingSms, Part
from mqtt_bridge.commands import CommandName, sms_text
from mqtt_bridge.envelope import body_of
from mqtt_bridge.records import Ack, Action, Ending, Record, broken_link, decode, genesis
from mqtt_bridge.topics import Leaf, parse

from ..gateway.fakes import FakeClock
from .city import KEY as CENTRAL_KEY
from .city import City, put_back
from .fate import Fate, Fragile, PowerCut
from .network import Broker, Wire
from .telephony import ORDERED, OWN_NUMBER, Telephony

GATEWAY = "dinkes-01"
GATEWAY_KEY = Ed25519PrivateKey.from_private_bytes(b"g" * 32)
START = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)  # 08:30 WIB, when the SIM may be asked as well
PHONES = [f"+62812345678{number:02}" for number in range(12)]
STRANGER = "+6285211112222"


@dataclass
class Texted:
    """What the phones handed to the SMS centre: (number, text, SCTS)."""

    number: str
    text: str
    at: datetime


@dataclass
class World:
    folder: Path
    fate: Fate
    texts: list[Texted] = field(default_factory=list)
    cuts: int = 0
    restored: int = 0
    ordered: int = 0

    def __post_init__(self) -> None:
        self.clock = FakeClock(Now(START, 1000.0))
        self.telephony = Telephony(self.fate, lambda: self.clock.wall)
        self.telephony.on_delete = self._check_delete
        self.telephony.on_send = self._check_send
        self.broker = Broker(self.fate)
        self.broker.on_publish = self._check_publish
        self.city = City(self.folder, self.fate, self.broker, GATEWAY, GATEWAY_KEY.public_key(), PHONES)
        self.employees = self.city.employees
        self.core: Core | None = None
        self.journal: Journal | None = None
        self.wire: Wire | None = None
        self._last_stamp = START
        self._references = 0

    # One life

    def live(self, steps: int) -> None:
        """A morning in which anything may go wrong at any time."""
        actions = [
            self.text,
            self.gateway_modem,
            self.gateway_modem,
            self.gateway_collector,
            self.central,
            self.network,
            self.old_card,
            self.old_backup,
            self.order,
        ]
        for _ in range(steps):
            self.clock.turn(self.fate.random.choice((0.0, 1.0, 4.0, 15.0)))
            self.fate.random.choice(actions)()

    def heal(self) -> None:
        """Nothing goes wrong any more: everything must drain (I6)."""
        self.fate.calm = True
        self.broker.crash()
        # What is left after some turns waits for hours; a reply must not grow too old to be sent meanwhile.
        for turn in range(100):
            self.clock.turn(150.0 if turn < 30 else 900.0)
            for action in (self.network, self.gateway_modem, self.gateway_collector, self.central):
                action()
            if self.drained():
                return
        raise AssertionError("I6: it does not drain")

    def drained(self) -> bool:
        assert self.journal
        position = self.journal.position()
        waiting = any(entry.outcome is Outcome.WAITING for entry in self.journal.log(10_000))
        forwarded = position.delivered == position.last == self.city.committed_seq(self.journal.id)
        return self.telephony.empty and forwarded and not waiting and not self.journal.unsent(1)

    def text(self) -> None:
        number = self.fate.random.choice([*PHONES, STRANGER])
        text = self.fate.random.choice(["HADIR", "HADIR", "hadir 482913", "PULANG", "besok saya hadir rapat", ""])
        pieces = self._cut(text)
        stamps = [self._stamp() for _ in pieces]
        self.texts.append(Texted(number, text, stamps[0]))
        self._references += 1
        for place, (piece, at) in enumerate(zip(pieces, stamps, strict=True), 1):
            part = Part(self._references % 256, place, len(pieces)) if len(pieces) > 1 else None
            self.telephony.text(number, piece, at, part)

    def _stamp(self) -> datetime:
        """An SMS centre never gives two messages to one recipient the same."""
        self._last_stamp = max(self.clock.wall, self._last_stamp + timedelta(seconds=1))
        return self._last_stamp

    def _cut(self, text: str) -> list[str]:
        """As a phone does with a long text; here every fourth one counts as long."""
        length = 4 if len(text) > 4 and len(self.texts) % 4 == 0 else 100
        return [text[start : start + length] for start in range(0, len(text), length)] or [""]

    def order(self) -> None:
        """Somebody at the city has the gateway do something. Each code is dialled for one command alone."""
        self.ordered += 1
        name, argument = self.fate.random.choice(
            [
                (CommandName.PING, ""),
                (CommandName.SMS, "own"),
                (CommandName.USSD, f"{ORDERED}{self.ordered}#"),
                (CommandName.RESEND, "1"),
            ]
        )
        self.city.ask(name, argument, self.clock.wall)

    def old_card(self) -> None:
        """Somebody makes a copy of the card, or puts one back that was made some time ago.

        Only when all was delivered: what is on one card alone is really lost with it.
        """
        copy, journal = self.folder / "card.db", self.folder / "journal.db"
        if copy.exists() and self.fate.mishap(0.5):
            self.heal()
            self._lose_power()
            put_back(copy, journal)
            self.city.back_up()  # what the card lost is with the city alone now
            self.restored += 1
            self.fate.calm = False
        elif journal.exists() and self.fate.random.random() < 0.2:
            self._lose_power()
            put_back(journal, copy)

    def old_backup(self) -> None:
        """The city restores its database from a backup, or makes one. The journals still hold what it lost."""
        if self.fate.mishap(0.1):
            self.city.restore()
        elif self.fate.random.random() < 0.1:
            self.city.back_up()

    def gateway_modem(self) -> None:
        self._gateway(lambda core: core.step_modem())

    def gateway_collector(self) -> None:
        self._gateway(lambda core: core.step_collector())

    def central(self) -> None:
        try:
            self.city.step(self.clock.wall)
        except PowerCut:
            self.cuts += 1
            self.city.lose_power()

    def network(self) -> None:
        if self.fate.mishap(0.2):
            self.broker.crash()
        self.broker.step()

    # The gateway's power

    def _gateway(self, step: Callable[[Core], bool]) -> None:
        try:
            if self.core is None:
                self._boot()
            assert self.core
            step(self.core)
        except ModemError:
            pass
        except PowerCut:
            self.cuts += 1
            self._lose_power()

    def _boot(self) -> None:
        self.journal = Journal(self.folder / "journal.db", GATEWAY)
        journal = Fragile(self.journal, self.fate, "journal")
        modem = Fragile(self.telephony, self.fate, "modem")
        core = Core(modem, journal, self.clock, self.folder, own_number=OWN_NUMBER)  # type: ignore[arg-type]
        settings = SimSettings(every_hours=0.1)
        core.sides[0].guardian = Guardian(modem, journal, operators.load(), settings, chance=self.fate.random)  # type: ignore[arg-type]
        self.wire = self.broker.wire(f"gardu/v1/{GATEWAY}/", "command/")
        link = Fragile(self.wire, self.fate, "link")
        core.connect(link, GATEWAY_KEY, CENTRAL_KEY.public_key())  # type: ignore[arg-type]
        self.core = core

    def close(self) -> None:
        self._lose_power()
        self.city.lose_power()

    def _lose_power(self) -> None:
        if self.journal:
            self.journal.close()
        if self.wire:
            self.broker.remove(self.wire)
        self.core = self.journal = self.wire = None

    # I5: nothing is said or deleted before what it depends on is committed. Looked up on connections of its own.

    def _committed(self, statement: str, *values: object) -> bool:
        with closing(sqlite3.connect(self.folder / "journal.db")) as database:
            return database.execute(statement, values).fetchone() is not None

    def _check_delete(self, sms: IncomingSms) -> None:
        table, texts = ("part", (sms.text, digest(sms.text))) if sms.part else ("inbox", (sms.text, sms.text))
        kept = self._committed(f"SELECT 1 FROM {table} WHERE sender = ? AND text IN (?, ?)", sms.number, *texts)
        assert kept, "I5: an SMS was deleted before it was kept"

    def _check_send(self, sms: OutgoingSms) -> None:
        if sms.number == OWN_NUMBER:
            begun = "SELECT 1 FROM command WHERE begun IS NOT NULL AND result IS NULL"
            assert self._committed(begun), "I5: a command was carried out before it was noted"
            return
        assert self._committed("SELECT 1 FROM outbox WHERE number = ? AND text = ?", sms.number, sms.text), (
            "I5: a reply"
        )
        for receipt in re.findall(r"No\. (\w{4})\.", sms.text):
            assert self._committed("SELECT 1 FROM record WHERE receipt = ?", receipt), "I5: a receipt"

    def _check_publish(self, topic: str, payload: bytes) -> None:
        place = parse(topic)
        if place and place[1] is Leaf.ACK:
            ack = decode(body_of(payload))
            assert isinstance(ack, Ack)
            assert ack.seq <= self.city.committed_seq(ack.journal), "I5: an ack before its commit"

    # What must hold in the end

    def check(self) -> None:
        assert self.journal
        mine = self.journal.records(0, 10_000)
        theirs = self.city.records()
        self._check_all_arrived(mine, theirs)
        self._check_right(theirs)
        self._check_answers()
        self._check_orders()

    def _check_orders(self) -> None:
        """No command was carried out twice, and what is said of it is true."""
        twice = [deed for deed, times in self.telephony.deeds.items() if times > 1]
        assert not twice, f"I8: carried out twice: {twice}"
        for order in self.city.orders():
            deed = order.command.arguments.get("code") or sms_text(order.command)
            if order.result and order.command.name in ON_MODEM:
                done = self.telephony.deeds[deed]
                assert done or order.result.ending is not Ending.DONE, f"I8: it was not done: {order}"
                if not self.restored:  # an old card knows nothing of what it did later
                    assert not done or order.result.ending is not Ending.REFUSED, f"I8: it was done: {order}"

    def _check_all_arrived(self, mine: list[Record], theirs: list[Record]) -> None:
        assert self.journal
        assert self.city.records(self.journal.id) == mine, "I1, I2: the collector holds each record of the journal"
        assert [record.seq for record in mine] == list(range(1, len(mine) + 1)), "I7: a gap"
        assert broken_link(genesis(GATEWAY, self.journal.id), mine) is None, "I7: the chain"
        assert len({record.fingerprint for record in theirs}) == len(theirs), "I2: a message counted twice"
        if not self.restored:
            assert len({record.receipt for record in theirs}) == len(theirs), "two records share a receipt"

    def _check_right(self, theirs: list[Record]) -> None:
        texted = {(self.employees.get(each.number), each.at) for each in self.texts}
        assert all((record.employee, record.at) in texted for record in theirs), "I4: a time that no SMS centre gave"
        for employee in self.employees.values():
            for action, keywords, pick in ((Action.IN, "hadir", min), (Action.OUT, "pulang", max)):
                meant = [
                    each.at for each in self.texts
                    if self.employees.get(each.number) == employee and each.text.lower().split(" ")[0] == keywords
                    and each.text != "besok saya hadir rapat"
                ]  # fmt: skip
                held = [record.at for record in theirs if (record.employee, record.action) == (employee, action)]
                assert pick(meant, default=None) == pick(held, default=None), f"I1, I3: {employee} {action}"

    def _check_answers(self) -> None:
        """Everybody who checked in was answered (or capped), and no reply went out more often than it may."""
        for each in self.texts:
            if each.number in PHONES and each.text.lower().startswith(("hadir", "pulang")):
                assert self.telephony.answers[each.number], f"{each.number} was never answered"
