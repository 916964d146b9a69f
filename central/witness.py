"""What the collector can prove of each gateway: how far it is complete, and when it was out of order.

Incidents are seen as they happen: by a last will, and by what a live status says. How a gateway was while nobody
listened is not made up.
"""

from __future__ import annotations

from datetime import datetime

from mqtt_bridge.records import Connection, Status

from . import watermark
from .database import Database, micros, moment
from .watermark import Claim, Mark

OFFLINE = "offline"
REPLACED = "journal"  # a new journal: what the old one still held and had not forwarded is lost
# The reasons of a status that keep people from checking in.
OUT_OF_ORDER = frozenset({"journal", "modem", "network"})


class Witness:
    """To be used inside of a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def connection(self, gateway: str, payload: Connection, now: datetime, *, retained: bool) -> None:
        """`retained` tells how it is now, but not since when."""
        if payload.online and not retained:
            self._close(gateway, OFFLINE, now)
        elif not payload.online:
            seen = self._database.value("SELECT seen FROM gateway WHERE id = ?", gateway)
            self._open(gateway, OFFLINE, now if retained or seen is None else moment(seen))

    def status(self, gateway: str, payload: Status, now: datetime, *, retained: bool) -> None:
        if not retained:
            self._close(gateway, OFFLINE, now)
            wrong = {reason.code for reason in payload.reasons}
            for reason in sorted(OUT_OF_ORDER):
                change = self._open if reason in wrong else self._close
                change(gateway, reason, now)
        self._note_replaced(gateway, payload)
        claim = watermark.claim(payload, now, self._seeing_since(gateway))
        if claim:
            mark, held = self._read(gateway, payload.journal)
            self._keep(gateway, payload.journal, mark, watermark.said(mark, claim, held))

    def stored(self, gateway: str) -> None:
        """Records of that gateway came in: what it claimed before may now be covered."""
        rows = self._database.rows(
            "SELECT journal FROM watermark WHERE gateway = ? AND claim_seq IS NOT NULL", gateway
        )
        for (journal,) in rows:
            mark, held = self._read(gateway, journal)
            self._keep(gateway, journal, mark, watermark.stored(mark, held))

    # Incidents

    def _open(self, gateway: str, reason: str, since: datetime) -> None:
        """Unless it is open already."""
        if self._database.value(
            "SELECT 1 FROM incident WHERE gateway = ? AND reason = ? AND until IS NULL", gateway, reason
        ):
            return
        self._add(gateway, reason, since, None)

    def _close(self, gateway: str, reason: str, now: datetime) -> None:
        self._database.run(
            "UPDATE incident SET until = ? WHERE gateway = ? AND reason = ? AND until IS NULL",
            micros(now), gateway, reason,
        )  # fmt: skip

    def _add(self, gateway: str, reason: str, since: datetime, until: datetime | None) -> None:
        row = (gateway, reason, micros(since), micros(until) if until else None)
        self._database.insert_all("incident", ("gateway", "reason", "since", "until"), [row])

    def _seeing_since(self, gateway: str) -> datetime | None:
        marks = ", ".join("?" * len(watermark.BLIND))
        kept = self._database.value(
            f"SELECT MAX(until) FROM incident WHERE gateway = ? AND reason IN ({marks})",
            gateway, *sorted(watermark.BLIND),
        )  # fmt: skip
        return moment(kept) if kept is not None else None

    def _note_replaced(self, gateway: str, payload: Status) -> None:
        """The time between what the old journal had proved and the start of the new one is proven to be lost."""
        known = self._database.rows("SELECT journal, until FROM watermark WHERE gateway = ?", gateway)
        if any(journal == payload.journal for journal, _ in known):
            return
        if known:
            proved = max((until for _, until in known if until is not None), default=None)
            added = self._database.value("SELECT added FROM gateway WHERE id = ?", gateway)
            since = moment(proved if proved is not None else added)
            if since < payload.started:
                self._add(gateway, REPLACED, since, payload.started)
        self._database.insert_all("watermark", ("gateway", "journal"), [(gateway, payload.journal)])

    # The watermark

    def _read(self, gateway: str, journal: str) -> tuple[Mark, int]:
        """The mark of a journal, and up to which seq it is held."""
        row = self._database.row(
            "SELECT until, claim_seq, claim_until, seq FROM watermark LEFT JOIN chain USING (gateway, journal)"
            " WHERE gateway = ? AND journal = ?",
            gateway, journal,
        )  # fmt: skip
        until, claimed_seq, claimed, held = row or (None, None, None, None)
        return Mark(
            moment(until) if until is not None else None,
            Claim(claimed_seq, moment(claimed)) if claimed_seq is not None else None,
        ), int(held or 0)

    def _keep(self, gateway: str, journal: str, old: Mark, new: Mark) -> None:
        if new == old:
            return
        self._database.run(
            "UPDATE watermark SET until = ?, claim_seq = ?, claim_until = ? WHERE gateway = ? AND journal = ?",
            micros(new.until) if new.until else None,
            new.claim.seq if new.claim else None,
            micros(new.claim.until) if new.claim else None,
            gateway,
            journal,
        )
