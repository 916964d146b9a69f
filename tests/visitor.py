"""Whoever has a certificate, at the broker: by the MQTT library alone, so that no check of our own is in the way."""

from __future__ import annotations

import json
import socket
import ssl

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from mqtt_bridge.client import Tls
from mqtt_bridge.records import Action, Batch, Channel, Presence, Record, chained, genesis

from .system import GATEWAY, System, receipt_in
from .trusted import now
from .waiting import eventually

CONNECT = b"\x10\x10\x00\x04MQTT\x05\x02\x00\x1e\x00\x00\x03foo"


class Visit:
    """One connection to the broker."""

    def __init__(self, office: System, files: Tls, client_id: str, will: tuple[str, bytes] | None = None) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.codes: dict[int, str] = {}
        self.welcome: str | None = None
        self.ended: str | None = None
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5,
                                  reconnect_on_failure=False)  # fmt: skip
        context = ssl.create_default_context(cafile=files.ca)
        context.load_cert_chain(files.certificate, files.key)
        self.client.tls_set_context(context)
        if will:
            self.client.will_set(*will, qos=1, retain=True)
        self.client.on_connect = lambda *a: setattr(self, "welcome", str(a[3]))
        self.client.on_disconnect = lambda *a: setattr(self, "ended", str(a[3]))
        self.client.on_publish = lambda _c, _d, mid, code, _p: self.codes.update({mid: str(code)})
        self.client.on_subscribe = lambda _c, _d, mid, codes, _p: self.codes.update({mid: str(codes[0])})
        self.client.on_message = lambda _c, _d, message: self.heard.append((message.topic, bytes(message.payload)))
        self.client.connect("127.0.0.1", office.ports["broker"])
        self.client.loop_start()
        eventually(lambda: self.welcome or self.ended, what="an answer of the broker")

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def cut(self) -> None:
        """Be gone without a goodbye."""
        self.client.socket().shutdown(socket.SHUT_RDWR)
        eventually(lambda: self.ended, what="the connection's end")

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> str:
        info = self.client.publish(topic, payload, qos=1, retain=retain)
        return eventually(lambda: self.codes.get(info.mid), what="a PUBACK")

    def subscribe(self, topic: str) -> str:
        _, mid = self.client.subscribe(topic, options=SubscribeOptions(qos=1))
        return eventually(lambda: self.codes.get(mid or 0), what="a SUBACK")


def batch(gateway: str, journal: str = "ab" * 8) -> Batch:
    """Made-up records, in themselves as they must be."""
    made = Record(
        seq=1, employee="e-forged", action=Action.IN, at=now(), received=now(), channel=Channel.SMS,
        presence=Presence.NONE, flags=(), receipt="FAKE", fingerprint="ab" * 32,
    )  # fmt: skip
    start = genesis(gateway, journal)
    return Batch(gateway=gateway, journal=journal, previous=start, sent=now(), records=[chained(start, made)])


def quarantine(office: System) -> list[tuple[str, str]]:
    return [(each["gateway"], each["reason"]) for each in json.loads(office.central("quarantine", "--json"))]


def said_by(office: System, name: str) -> str:
    return (office.folder / f"{name}.log").read_text(errors="replace")


def check_in(office: System, phone: str) -> None:
    office.text(phone, "HADIR")
    assert office.record_of(receipt_in(office.answered(phone)[0]))["gateway"] == GATEWAY
