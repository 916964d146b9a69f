"""One USSD dialogue by AT commands past libgammu, which cuts an answer at its first line break and then hangs.

Nothing else may use the device meanwhile.
"""

from __future__ import annotations

import os
import re
import select
import time
from collections.abc import Sequence
from contextlib import suppress

from . import cusd
from .line import PAUSE, ask, read, skip
from .messages import ModemError, UssdAnswer, UssdStatus

SECONDS = 35.0  # for the whole dialogue
_QUIET = 1.0  # seconds without a word after which no more of an answer is expected
_GRACE = 5.0  # seconds that a text may come after the word that the dialogue ended
_CODE = re.compile(r"[0-9*#+]{1,160}")
_RESULT = re.compile(r"\r\n(OK|ERROR|\+CM[ES] ERROR: [^\r]*)\r\n")
_CALLER = re.compile(r'\+CLIP: ?"([^"]*)"')


def dial(descriptor: int, codes: Sequence[str], seconds: float) -> tuple[UssdAnswer, list[str]]:
    """Dial the first code, choose the others in its menus, and end the dialogue, within so many seconds.

    Returns the last answer, and the numbers of callers that rang meanwhile. A network that does not answer in time
    is a TIMEOUT; a modem that does not raises `ModemError`.
    """
    for code in codes:
        if not _CODE.fullmatch(code):
            raise ModemError(f"dial: {code!r} is no code; write digits, * and #", permanent=True)
    dialogue = _Dialogue(descriptor, time.monotonic() + seconds)
    try:
        answer = dialogue.run(codes)
    finally:
        dialogue.end()
    return answer, list(dict.fromkeys(_CALLER.findall(dialogue.heard)))


class _Dialogue:
    """`heard` is all that the modem said, as Latin-1."""

    def __init__(self, descriptor: int, deadline: float) -> None:
        self._descriptor = descriptor
        self._deadline = deadline
        self._open = False
        self.heard = ""

    def run(self, codes: Sequence[str]) -> UssdAnswer:
        while self._listen(0.0):  # what came unasked is no answer
            pass
        charset = self._charset()
        answer = UssdAnswer(UssdStatus.TIMEOUT)
        for code in codes:
            answer = self._say(code, charset)
            self._open = answer.status is UssdStatus.MENU
            if not self._open:
                break
        return answer

    def end(self) -> None:
        """Leave no menu open, which would take the next code for a choice, and have nothing shown unasked."""
        with suppress(ModemError, OSError):  # the answer, or the error, is there already
            if self._open:
                ask(self._descriptor, "AT+CUSD=2")
            ask(self._descriptor, "AT+CUSD=0")
            skip(self._descriptor, PAUSE)  # half a line would be in the way of who comes next

    def _charset(self) -> str:
        try:
            chosen = re.search(r'\+CSCS: ?"([^"]*)"', ask(self._descriptor, "AT+CSCS?"))
        except ModemError as error:
            if error.gone:
                raise
            chosen = None
        return chosen[1] if chosen else "GSM"

    def _say(self, code: str, charset: str) -> UssdAnswer:
        """The answer to one code, which some modems take as characters and some as packed septets only."""
        refused = ""
        for form in (cusd.encode(code, charset), cusd.packed(code)):
            answer = self._exchange(f'AT+CUSD=1,"{form}",15', charset)
            if isinstance(answer, UssdAnswer):
                return answer
            refused = refused or answer
        raise ModemError(f"dial {code}: {refused}")

    def _exchange(self, command: str, charset: str) -> UssdAnswer | str:
        """The answer of the network, or the refusal of the modem."""
        start, said = len(self.heard), time.monotonic()
        os.write(self._descriptor, command.encode("ascii") + b"\r")
        while True:
            grew = self._listen(_QUIET)
            heard = self.heard[start:].replace(command, "", 1)
            result = _RESULT.search(heard)
            if result and result[1] != "OK":
                return result[1]
            answers = cusd.find(heard, charset, quiet=not grew)
            whole = next((answer for answer in answers if _is_whole(answer)), None)
            if whole and (result or not grew):
                return whole
            now = time.monotonic()
            if now >= self._deadline and not heard.strip():
                raise ModemError("dial: no answer", gone=True)
            if now >= self._deadline or (answers and result and now >= said + _GRACE):
                self._open = not answers
                return answers[-1] if answers else UssdAnswer(UssdStatus.TIMEOUT)

    def _listen(self, seconds: float) -> bool:
        """Wait so long for the modem to say something; tells whether it did."""
        left = max(0.0, min(seconds, self._deadline - time.monotonic()))
        if not select.select([self._descriptor], [], [], left)[0]:
            return False
        self.heard += read(self._descriptor).decode("latin-1")
        return time.monotonic() < self._deadline


def _is_whole(answer: UssdAnswer) -> bool:
    """Whether no text can follow: a modem may say that the dialogue ended before it shows the text."""
    return bool(answer.text) or answer.status not in (UssdStatus.DONE, UssdStatus.ENDED)
