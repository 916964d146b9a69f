"""Which of several modems sends a reply, and that only one of them does."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from modem.operators import Operator, of_number

from .outbox import Unsent


class Sending(Protocol):
    """A modem as the desk sees it: its name, whether it can send now, and whose SIM is in it."""

    @property
    def name(self) -> str: ...
    @property
    def may_send(self) -> bool: ...
    @property
    def operator(self) -> Operator | None: ...


class Desk:
    """Gives each reply to the modem that got the message, or to another one while that can not send.

    Of several others it takes one whose SIM is of the same operator as the number: that costs least.
    """

    def __init__(self, operators: Sequence[Operator] = ()) -> None:
        self._operators = operators
        self._modems: list[Sending] = []
        self._lock = threading.Lock()
        self._under_way: set[int] = set()

    def join(self, modem: Sending) -> None:
        self._modems.append(modem)

    def is_for(self, name: str, reply: Unsent) -> bool:
        """Whether the modem of that name is to send it, as things are now."""
        able = [modem for modem in self._modems if modem.may_send]
        origin = [modem for modem in self._modems if modem.name == reply.modem]
        theirs = of_number(self._operators, reply.number)
        same = [modem for modem in able if theirs and modem.operator == theirs]
        chosen = [modem for modem in origin if modem in able] or same or able or origin or self._modems
        return chosen[0].name == name

    def claim(self, reply: int) -> bool:
        """Take it to send; False while another modem has it. To be released in any case."""
        with self._lock:
            if reply in self._under_way:
                return False
            self._under_way.add(reply)
            return True

    def release(self, reply: int) -> None:
        with self._lock:
            self._under_way.discard(reply)
