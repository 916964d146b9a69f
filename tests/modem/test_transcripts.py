"""What real modems said: the simulator says it in the same form, and the driver understands it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import gammu
import pytest

from modem.driver import GammuModem
from modem.line import empty, opened
from modem.listing import Place
from modem.messages import IncomingSms, Kind, ModemError, ModemStatus
from modem.simulator.at import Engine
from modem.simulator.network import Network
from tests.waiting import eventually

from .scripted import TRANSCRIPTS, Dialogue, ScriptedModem, Transcript

_CELL = r'(, ?"?[0-9A-F]{1,8}"?, ?"?[0-9A-F]{1,8}"?(,\d)?)?'

# The form of each answer, as 3GPP TS 27.005 and 27.007 give it and as wide as real modems take it.
FORMS = {
    r"AT\+CSQ": r"\+CSQ: ?\d{1,2},\d{1,2}",
    r"AT\+CREG\?": r"\+CREG: ?[0-2],[0-5]" + _CELL,
    r"AT\+CGREG\?": r"\+CGREG: ?[0-2],[0-5]" + _CELL,
    r"AT\+CGATT\?": r"\+CGATT: ?[01]",
    r"AT\+COPS\?": r'\+COPS: ?[0-4](,[0-2],"[^"]{1,30}"(,\d)?)?',
    r"AT\+CPIN\?": r"\+CPIN: ?(READY|SIM PIN2?|SIM PUK2?)",
    r"AT\+CSCS\?": r'\+CSCS: ?"\w{2,8}"',
    r"AT\+CSCS=\?": r'\+CSCS: ?\("\w{2,8}"(,"\w{2,8}")*\)',
    r"AT\+CPMS\?": r'\+CPMS: ?"\w\w", ?\d+, ?\d+(, ?"\w\w", ?\d+, ?\d+){1,2}',
    r"AT\+CPMS=\".*": r"\+CPMS: ?\d+,\d+(,\d+,\d+){0,2}",
    r"AT\+CMGL=4": r"\+CMGL: ?\d+,[0-4],[^,]*,\d+|[0-9A-F]+",
    r"AT\+CGM[IMR]": r".+",
}


def form_of(command: str) -> str | None:
    return next((form for pattern, form in FORMS.items() if re.fullmatch(pattern, command)), None)


def succeeds(answer: list[str]) -> bool:
    return answer[-1] == "OK"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    network = Network(tmp_path / "state.db")
    engine = Engine(network)
    engine.feed(b"ATE0\rAT+CMEE=1\r")
    yield engine
    network.close()


def said_by(engine: Engine, command: str) -> list[str]:
    return [line for line in engine.feed(command.encode() + b"\r").decode("latin-1").split("\r\n") if line]


DIALOGUES = [
    pytest.param(dialogue, id=f"{transcript.name} {dialogue.command}")
    for transcript in TRANSCRIPTS
    for dialogue in transcript.dialogues
]


def test_there_are_modems_of_many_makes() -> None:
    assert len({transcript.name.partition("-")[0] for transcript in TRANSCRIPTS}) >= 5


@pytest.mark.parametrize("dialogue", DIALOGUES)
def test_the_simulator_answers_in_the_form_of_real_modems(engine: Engine, dialogue: Dialogue) -> None:
    """Where both claim a command; the simulator need not know every command, nor have what the other one lacks."""
    network = engine.card
    assert isinstance(network, Network)
    network.text("+628123456789", "HADIR")
    network.deliver("SM")
    lines = said_by(engine, dialogue.command)
    answer = [line for line in lines if not line.startswith("+CUSD:")]
    unasked = [line for line in [*dialogue.before, *dialogue.after, *lines] if line.startswith("+CUSD:")]
    assert all(re.fullmatch(r'\+CUSD: [0-5],"[^"]*"(,\d{1,3})?', line) for line in unasked)
    form = form_of(dialogue.command)
    for said in (dialogue.answer, answer):
        assert re.fullmatch(r"OK|ERROR|\+CM[ES] ERROR: \d+|COMMAND NOT SUPPORT", said[-1])
        assert form is None or all(re.fullmatch(form, line) for line in said[:-1]), said
    # A SIM that asks for its PIN, and an empty slot, may be spoken of in more than one way; some are a maker's.
    if not dialogue.answer[-1].startswith("+CM") and not dialogue.command.startswith(
        ("AT+CMGR=", "AT^", "AT+CUSD=2")
    ):
        assert succeeds(answer) == succeeds(dialogue.answer)


def heard(transcript: Transcript, folder: Path) -> tuple[list[IncomingSms] | ModemError, ModemStatus, str]:
    with ScriptedModem(folder / transcript.name, transcript.dialogues):
        modem = GammuModem(str(folder / transcript.name))
        try:
            received: list[IncomingSms] | ModemError = modem.receive()
        except ModemError as error:
            received = error
        status, slot = modem.status(), transcript.expected.get("slot")
        if "ussd" in transcript.expected:
            return received, status, dialled(modem)
        empty = slot is not None and modem.read(int(slot.split()[0])) is None
        modem.close()
        return received, status, "6 empty" if empty else "6 full"


def dialled(modem: GammuModem) -> str:
    """What libgammu itself reads of the answer to a USSD code."""
    answers: list[str] = []
    machine = modem._machine
    machine.SetIncomingCallback(lambda _, kind, data: answers.append(data["Text"]) if kind == "USSD" else None)
    with suppress(gammu.ERR_NOTSUPPORTED, gammu.ERR_UNKNOWN):
        machine.SetIncomingUSSD(True)
    machine.DialService("*888#")
    eventually(lambda: answers or (machine.ReadDevice(False) and None))
    return answers[0]


Heard = dict[str, tuple[list[IncomingSms] | ModemError, ModemStatus, str]]


@pytest.fixture(scope="module")
def all_heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    """Opened at the same time, as each opening takes seconds."""
    folder = tmp_path_factory.mktemp("modems")
    with ThreadPoolExecutor(len(TRANSCRIPTS)) as pool:
        answers = list(pool.map(lambda transcript: heard(transcript, folder), TRANSCRIPTS))
    return dict(zip((transcript.name for transcript in TRANSCRIPTS), answers, strict=True))


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda transcript: transcript.name)
def test_the_driver_understands_real_modems(all_heard: Heard, transcript: Transcript) -> None:
    received, status, special = all_heard[transcript.name]
    texts = [] if isinstance(received, ModemError) else [sms.text for sms in received]
    found = {
        "texts": " ".join(texts),
        "registration": str(status.registration),
        "signal": str(status.signal),
        "operator": status.operator,
        "used": str(status.used),
        "capacity": str(status.capacity),
        "model": status.model,
        "sim": str(status.sim),
        "slot": special,
        "ussd": special,
    }
    assert {name: found[name] for name in transcript.expected} == transcript.expected


(E1752,) = [transcript for transcript in TRANSCRIPTS if transcript.name == "huawei-e1752"]
PDU = (
    "0691261100000004" + "0C91261832547698" + "0000" + "62114270120582" + "05" + "C8203A2905CA"
)  # one octet too many


@pytest.mark.parametrize("first", [0, 1])
def test_a_broken_sms_is_deleted_wherever_slots_count_from(tmp_path: Path, first: int) -> None:
    """libgammu names slot 0 of an E1752 by 1, as the first slot of any other modem."""
    held = Dialogue(f"AT+CMGR={first}", answer=["+CMGR: 0,,25", PDU, "OK"])
    asked = Dialogue("AT+CPMS?", answer=['+CPMS: "SM",1,50,"SM",1,50,"SM",1,50', "OK"])
    one = Dialogue('AT+CPMS="SM"', answer=["+CPMS: 1,50", "OK"])
    with ScriptedModem(tmp_path / "modem", [asked, one, held]) as modem, opened(str(tmp_path / "modem")) as line:
        emptied, failed = empty(line, [Place("SM", index, PDU) for index in (1, 0)])
        assert (emptied, failed) == ({Place("SM", first, PDU)}, {})
        assert [command for command in modem.heard if "CMGD" in command] == [f"AT+CMGD={first}"]
        assert empty(line, [Place("SM", index, "00") for index in (1, 0)]) == (set(), {})


def test_the_driver_empties_slot_0_of_a_huawei(tmp_path: Path) -> None:
    said = {dialogue.command: dialogue for dialogue in E1752.dialogues}
    for command, head in (("AT+CMGL=4", "+CMGL: 0,0,,25"), ("AT+CMGR=0", "+CMGR: 0,,25")):
        said[command] = Dialogue(command, answer=[head, PDU, "OK"])
    with ScriptedModem(tmp_path / "modem", list(said.values())) as script:
        modem = GammuModem(str(tmp_path / "modem"))
        (broken,) = modem.receive()
        assert (broken.kind, broken.text) == (Kind.BINARY, PDU)
        modem.delete(broken.location)
        modem.close()
    assert [command for command in script.heard if "CMGD=" in command] == ["AT+CMGD=0"]
