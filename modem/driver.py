"""One AT modem through libgammu. The only file that imports gammu.

A call can block for minutes when the modem hangs: run it in a process that may be killed (`modem.worker`).
Quirks named here were seen with libgammu 1.45.
"""

from __future__ import annotations

import itertools
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any
from unicodedata import category

import gammu

from . import dialling, line, lock
from .listing import ME, Place, matched
from .messages import (
    Erasure,
    IncomingCall,
    IncomingSms,
    Kind,
    ModemError,
    ModemStatus,
    OutgoingSms,
    Part,
    Registration,
    Report,
    Sim,
    Store,
    UssdAnswer,
    erase_singly,
)

log = logging.getLogger(__name__)

_GONE = (
    gammu.ERR_ABORTED,
    gammu.ERR_DEVICEBUSY,
    gammu.ERR_DEVICECHANGESPEEDERROR,
    gammu.ERR_DEVICEDTRRTSERROR,
    gammu.ERR_DEVICELOCKED,
    gammu.ERR_DEVICENODRIVER,
    gammu.ERR_DEVICENOPERMISSION,
    gammu.ERR_DEVICENOTEXIST,
    gammu.ERR_DEVICENOTWORK,
    gammu.ERR_DEVICEOPENERROR,
    gammu.ERR_DEVICEPARITYERROR,
    gammu.ERR_DEVICEREADERROR,
    gammu.ERR_DEVICEWRITEERROR,
    gammu.ERR_FRAMENOTREQUESTED,
    gammu.ERR_NOECHO,
    gammu.ERR_NOTCONNECTED,
    gammu.ERR_PHONEOFF,
    gammu.ERR_TIMEOUT,
)
_EMPTY_SLOT = (gammu.ERR_EMPTY, gammu.ERR_INVALIDLOCATION)
_UNREADABLE = (gammu.ERR_CORRUPTED, gammu.ERR_UNKNOWN, gammu.ERR_UNKNOWNRESPONSE, gammu.ERR_INVALIDDATA)
_NO_SUCH_NUMBER = {1, 28, 29, 30, 304}  # 3GPP TS 24.011, annex E-2, and TS 27.005, 3.2.5
_FLASH = 0  # the message class; libgammu gives -1 for none
_OCTETS = 140  # of 8-bit data in one SMS (3GPP TS 23.040, 9.2.3.24)
_WHOLE = 0.05  # seconds after which what a modem began to say is there; a modem that babbles wakes no more often
_YEARS = range(2024, 2070)  # a modem without network time counts from 1970, 1980 (read as 2080) or 2004
_SIM = {"PIN": Sim.PIN, "PUK": Sim.PUK}
_REGISTRATION = {
    "HomeNetwork": Registration.HOME,
    "RoamingNetwork": Registration.ROAMING,
    "RequestingNetwork": Registration.SEARCHING,
    "RegistrationDenied": Registration.DENIED,
    "NoNetwork": Registration.NONE,
}


class GammuModem:
    """The modem at `device`; `connection` is a libgammu connection string such as "at" or "at115200".

    Opening takes about four seconds. ModemError(gone=True) when nothing answers there, or another program has it.
    A modem that counts SMS and shows none is to be opened anew as well, unless that was tried and is no use
    (`patient`).
    """

    def __init__(self, device: str, connection: str = "at", *, patient: bool = False) -> None:
        os.close(lock.hold(device))  # libgammu takes the same lock, and only says "busy" when it can not
        self._device = device
        self._patient = patient
        self._transcript = os.memfd_create("transcript")
        self._references = itertools.count(int.from_bytes(os.urandom(1)))
        self._places: dict[IncomingSms, Place] = {}
        self._callers: list[str] = []
        self._minds_calls = False
        self._line = line.open_device(device)  # now: libgammu lets nobody open it after itself (TIOCEXCL)
        self._machine = gammu.StateMachine()
        self._machine.SetConfig(0, {"Device": device, "Connection": connection, "SyncTime": "no", "StartInfo": "no"})
        with _errors("open"):
            self._machine.Init()
        if not line.announce(self._line):
            log.info("the modem gives no word of new SMS; they are found when it is asked")

    def receive(self) -> list[IncomingSms]:
        """All SMS in the store, oldest slot first; a slot that can not be decoded comes as its raw PDU (BINARY)."""
        with _errors("receive"):
            with self._recorded():
                found = {raw["Location"]: raw for raw in self._list()}
            transcript = self._heard() if found else ""
            used = sum(store.used for store in self._stores())
            incoming = _incoming(found)
            # An empty or short list may be a dead modem or a slot that libgammu can not decode: believe the counters.
            if len(found) < used:
                incoming = sorted(incoming + self._search(set(found)), key=lambda sms: sms.location)
        if len(found) < used and not incoming:
            raise ModemError(f"the modem counts {used} SMS and shows none", gone=not self._patient)
        self._places = matched(list(found), incoming, transcript)
        return incoming

    def read(self, location: int) -> IncomingSms | None:
        """What lies in that slot now; None when it is empty."""
        with _errors("read"):
            return self._slot(location)

    def delete(self, location: int) -> None:
        """Empty that slot. A slot that is empty already is no error."""
        with _errors("delete"):
            try:
                self._machine.DeleteSMS(Folder=0, Location=location)
            except _EMPTY_SLOT:
                return
            except _UNREADABLE:
                self._erase(location)

    def erase(self, messages: Sequence[IncomingSms]) -> Erasure:
        """Empty the slots of these messages, each only if it still holds the message.

        Past libgammu where the slot is known by the modem's own count: libgammu needs two commands to delete and one
        to look, and has no way to look at the very octets.
        """
        if line.listen(self._line, 0.0):  # libgammu waits a while where there is nothing
            with _errors("erase"):
                self._machine.ReadDevice(False)  # a caller's number that was said by now would be passed over
        known = {sms: place for sms in messages if (place := self._places.get(sms))}
        emptied, failed = line.empty(self._line, known.values()) if known else (set(), {})
        settled = {sms: place for sms, place in known.items() if place in emptied or place in failed}
        erasure = erase_singly(self, [sms for sms in messages if sms not in settled])
        erasure.deleted += [sms.location for sms, place in settled.items() if place in emptied]
        erasure.failed |= {sms.location: failed[place] for sms, place in settled.items() if place in failed}
        return erasure

    def send(self, sms: OutgoingSms) -> int:
        """Hand the SMS to the network, in parts when it is long; returns the reference of the last part."""
        reference = 0
        for part in self._parts(sms) if sms.data is None else [_data_sms(sms.number, sms.data)]:
            if sms.report:
                part["Type"] = "Status_Report"  # so libgammu calls an SMS that asks for one
            reference = self._send_part(part)
        return reference

    def status(self) -> ModemStatus:
        """Ask the modem how it is. What it does not answer stays unknown."""
        with _errors("status"):
            sim, stores = self._store()
            network = _optional(self._machine.GetNetworkInfo, {})
            signal = _optional(self._machine.GetSignalQuality, {}).get("SignalPercent", -1)
            maker = _optional(self._machine.GetManufacturer, "")
            model = _optional(self._machine.GetModel, ("", ""))[1]
            imei = _optional(self._machine.GetIMEI, "")
            imsi = _optional(self._machine.GetSIMIMSI, "")
        return ModemStatus(
            registration=_REGISTRATION.get(network.get("State", ""), Registration.UNKNOWN),
            signal=signal if signal >= 0 else None,
            operator=network.get("NetworkName") or network.get("NetworkCode") or "",
            used=sum(store.used for store in stores),
            capacity=sum(store.capacity for store in stores),
            model=f"{maker} {model}".strip(),
            imei=imei,
            stores=stores,
            imsi=imsi,
            sim=sim,
        )

    def network_time(self) -> datetime | None:
        """The modem's clock as an aware datetime; None when it has none that can be true."""
        with _errors("network time"):
            moment: datetime | None = _optional(self._machine.GetDateTime, None)
        if moment is None or moment.tzinfo is None or moment.year not in _YEARS:
            return None
        return moment

    def wait(self, seconds: float) -> bool:
        """Wait so long for the modem to say something unasked; tells whether it did.

        Not by libgammu's callbacks: it refuses to have SMS announced, or has them announced in a way that loses some.
        """
        if not line.listen(self._line, seconds):
            return False
        time.sleep(_WHOLE)
        with _errors("wait"):
            self._machine.ReadDevice(False)  # libgammu takes what was said, whatever it is
        return True

    def dial(self, code: str, *choices: str) -> UssdAnswer:
        """Dial a USSD code, make the choices of its menus, and end the dialogue; returns the last answer."""
        answer, callers = dialling.dial(self._line, (code, *choices), dialling.SECONDS)
        self._callers += callers
        return answer

    def calls(self) -> list[IncomingCall]:
        """Calls that rang since the last time, each hung up."""
        with _errors("calls"):
            if not self._minds_calls:
                self._machine.SetIncomingCallback(self._heard_of)
                self._machine.SetIncomingCall(True)
                self._minds_calls = True
            self._machine.ReadDevice(False)
            rang, self._callers = list(dict.fromkeys(self._callers)), []
            if rang:
                _optional(partial(self._machine.CancelCall, 0, True), None)  # the caller may have given up
        return [IncomingCall(number) for number in rang]

    def _heard_of(self, machine: object, kind: str, event: dict[str, Any]) -> None:
        """libgammu's callback: an error in here would surface elsewhere, so it does next to nothing."""
        if kind == "Call" and event.get("Status") == "IncomingCall":
            self._callers.append(event.get("Number", ""))

    def close(self) -> None:
        """Let the modem go. Never raises."""
        try:
            self._machine.Terminate()
        except gammu.GSMError as error:
            log.info("the modem did not say goodbye: %s", _reason(error))

    def _list(self) -> Iterator[dict[str, Any]]:
        """Slots as libgammu lists them, up to the first that it can not decode; the counters tell what is missing."""
        position: dict[str, Any] = {"Start": True}
        while True:
            try:
                raw = self._machine.GetNextSMS(Folder=0, **position)[0]
            except _GONE:
                raise
            except gammu.GSMError:
                return
            yield raw
            position = {"Location": raw["Location"]}

    def _search(self, known: set[int]) -> list[IncomingSms]:
        """Every other slot of both stores, one by one; what the modem does not give now is left for later."""
        sizes = self._machine.GetSMSStatus()
        locations = [*range(1, sizes["SIMSize"] + 1), *range(ME + 1, ME + sizes["PhoneSize"] + 1)]
        return [sms for location in locations if location not in known and (sms := self._try(location))]

    def _try(self, location: int) -> IncomingSms | None:
        try:
            return self._slot(location)
        except _GONE:
            raise
        except gammu.GSMError as error:
            log.warning("slot %d can not be read: %s", location, _reason(error))
            return None

    def _slot(self, location: int) -> IncomingSms | None:
        try:
            return _sms(self._machine.GetSMS(Folder=0, Location=location)[0])
        except _EMPTY_SLOT:
            return None
        except _UNREADABLE:
            return self._raw(location)

    def _raw(self, location: int) -> IncomingSms | None:
        """A slot that libgammu can not decode, as the modem shows it: `text` is the PDU in hexadecimal."""
        with self._recorded():
            try:
                return _sms(self._machine.GetSMS(Folder=0, Location=location)[0])
            except _EMPTY_SLOT:
                return None
            except _UNREADABLE:
                pdus = re.findall(r'^\d+ "((?:[0-9A-F]{2})+)"$', self._heard(), re.MULTILINE)
                if not pdus:  # not a broken SMS but a modem that did not give it: nobody may take it for read
                    raise
        log.warning("slot %d holds an SMS that can not be decoded", location)
        return IncomingSms(location, "", pdus[-1], None, kind=Kind.BINARY)

    def _erase(self, location: int) -> None:
        """Empty a slot that libgammu can not decode: it reads before it deletes, and gives up on such a one."""
        broken = self._raw(location)
        if broken is None:
            return
        if broken.number or broken.sent:  # it can be decoded: the modem itself does not delete it
            raise ModemError(f"delete: the modem does not empty slot {location}")
        store, index = ("ME", location - ME) if location > ME else ("SM", location)
        both = [Place(store, at, broken.text) for at in (index, index - 1)]  # modems count from 0 or from 1
        emptied, failed = line.empty(self._line, both)
        if not emptied:
            raise ModemError(f"delete: {next(iter(failed.values()), 'the slot holds something else')}")
        log.warning("slot %d was emptied past libgammu", location)

    def _parts(self, sms: OutgoingSms) -> list[dict[str, Any]]:
        entry = {"ID": "ConcatenatedAutoTextLong", "Buffer": sms.text}  # GSM 7-bit when it fits, else UCS-2
        reference = next(self._references) & 0xFF
        with _errors("encode"):
            parts: list[dict[str, Any]] = gammu.EncodeSMS({"Class": -1, "Entries": [entry]})
        for part in parts:
            part["Number"], part["SMSC"] = sms.number, {"Location": 1}
            if len(parts) > 1:  # libgammu gives every message the same reference: a phone would mix two of them up
                header = bytearray(part["UDH"]["Text"])
                header[3] = reference
                part["UDH"]["Text"] = bytes(header)
        return parts

    def _send_part(self, part: dict[str, Any]) -> int:
        with self._recorded():
            try:
                return int(self._machine.SendSMS(part))
            except gammu.GSMError as error:
                # libgammu keeps the network's cause to itself, so it is read from what went over the line.
                causes = [int(cause) for cause in re.findall(r"^CMS Error (\d+):", self._heard(), re.MULTILINE)]
                raise _modem_error("send", error, causes[-1] if causes else None) from error

    @contextmanager
    def _recorded(self) -> Iterator[None]:
        """Keep, in memory only, what goes over the line meanwhile."""
        self._machine.SetDebugLevel("text")
        self._machine.SetDebugFile(f"/proc/self/fd/{self._transcript}")
        try:
            yield
        finally:
            self._machine.SetDebugLevel("nothing")

    def _heard(self) -> str:
        return os.pread(self._transcript, os.fstat(self._transcript).st_size, 0).decode("latin-1")

    def _store(self) -> tuple[Sim, tuple[Store, ...]]:
        """Whether the SIM can be used, and the stores when it can. To ask the SIM itself may take a second."""
        try:
            return Sim.READY, self._stores()
        except _GONE:
            raise
        except gammu.GSMError:
            sim = self._sim()
            if sim is Sim.READY:  # then it is something else
                raise
            return sim, ()

    def _sim(self) -> Sim:
        try:
            return _SIM.get(self._machine.GetSecurityStatus(), Sim.READY)
        except gammu.ERR_NOSIM:
            return Sim.ABSENT

    def _stores(self) -> tuple[Store, ...]:
        """The stores that the modem has: messages may come into either."""
        counts = self._machine.GetSMSStatus()
        both = (
            Store("SM", counts["SIMUsed"], counts["SIMSize"]),
            Store("ME", counts["PhoneUsed"], counts["PhoneSize"]),
        )
        return tuple(store for store in both if store.capacity)


def _incoming(found: dict[int, dict[str, Any]]) -> list[IncomingSms]:
    return [sms for _, raw in sorted(found.items()) if (sms := _sms(raw))]


def _sms(raw: dict[str, Any]) -> IncomingSms | None:
    """The SMS behind libgammu's dictionary; None for one that we wrote ourselves."""
    if raw["Type"] not in ("Deliver", "Status_Report"):
        return None
    binary = isinstance(raw["Text"], bytes)
    return IncomingSms(
        location=raw["Location"],
        number=raw["Number"],
        text=raw["Text"].hex() if binary else _clean(raw["Text"], raw["Coding"]),
        sent=raw["DateTime"],
        smsc=raw["SMSC"]["Number"],
        kind=(kind := _kind(raw)),
        part=_part(raw["UDH"]),
        report=_report(raw) if kind is Kind.REPORT else None,
    )


def _report(raw: dict[str, Any]) -> Report:
    status = raw["DeliveryStatus"]  # 3GPP TS 23.040, 9.2.3.15
    return Report(raw["MessageReference"], None if 0x20 <= status < 0x40 else status < 0x20, raw["SMSCDateTime"])


def _data_sms(number: str, data: bytes) -> dict[str, Any]:
    if len(data) > _OCTETS:
        raise ModemError(f"send: {len(data)} octets do not fit into one SMS", permanent=True)
    return {"Number": number, "SMSC": {"Location": 1}, "Class": -1, "Coding": "8bit", "Text": data}


def _kind(raw: dict[str, Any]) -> Kind:
    if raw["Type"] == "Status_Report":
        return Kind.REPORT
    return Kind.BINARY if isinstance(raw["Text"], bytes) or raw["Class"] == _FLASH else Kind.TEXT


def _part(header: dict[str, Any]) -> Part | None:
    if header["AllParts"] < 0 or header["PartNumber"] < 0:
        return None
    reference = header["ID16bit"] if header["ID16bit"] >= 0 else header["ID8bit"]
    return Part(reference, header["PartNumber"], header["AllParts"])


def _clean(text: str, coding: str) -> str:
    """Text without control characters.

    After a GSM 7-bit text with characters of the extension table libgammu leaves a NUL and then remains of the
    SMS read before: what follows a NUL there was never sent.
    """
    if not coding.startswith("Unicode"):
        text = text.partition("\0")[0]
    return "".join(character for character in text if character in "\n\r\t" or category(character) != "Cc")


def _optional(call: Callable[[], Any], default: Any) -> Any:
    """The answer, or `default` when this modem has none; a dead line still raises."""
    try:
        return call()
    except gammu.GSMError as error:
        if isinstance(error, _GONE):
            raise
        return default


@contextmanager
def _errors(doing: str) -> Iterator[None]:
    try:
        yield
    except gammu.GSMError as error:
        raise _modem_error(doing, error) from error


def _modem_error(doing: str, error: gammu.GSMError, cause: int | None = None) -> ModemError:
    reason = f"{doing}: {_reason(error)}" + (f" (cause {cause})" if cause is not None else "")
    return ModemError(reason, permanent=cause in _NO_SUCH_NUMBER, gone=isinstance(error, _GONE))


def _reason(error: gammu.GSMError) -> str:
    return str(error.args[0]["Text"]) if error.args and isinstance(error.args[0], dict) else str(error)
