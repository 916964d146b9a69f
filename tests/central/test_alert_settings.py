"""Settings of alerts: what is wrong in them is one line that says where."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from central import config
from central.alerting import RULES, Severity
from mqtt_bridge.settings import ConfigError

GOOD = '[central]\ndata_dir = "/tmp"\n[broker]\nhost = "127.0.0.1"\n'


def read(folder: Path, text: str) -> config.Config:
    (folder / "central.toml").write_text(GOOD + text)
    return config.read(folder / "central.toml", {})


def test_rules_are_as_shipped_but_for_what_is_set(tmp_path: Path) -> None:
    text = '[alerts]\nheat = 70\n[alerts.rules.down]\nseverity = "info"\nafter_minutes = 15\n'
    text += "[alerts.rules.heat]\noff = true\n"
    terms = read(tmp_path, text).alerts.terms
    down = terms.rules["down"]
    assert (down.severity, down.after, down.clear) == (Severity.INFO, timedelta(minutes=15), RULES["down"].clear)
    assert terms.rules["heat"].off
    assert terms.rules["late"] == RULES["late"]
    assert terms.heat == 70
    assert read(tmp_path, "").alerts.terms.rules == RULES


CHANNEL = '[[alerts.channels]]\nname = "grup"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[alerts.rules.dwon]\noff = true", "alerts.rules.dwon: there is no such rule; did you mean 'down'?"),
        ("[alerts.rules.xyzzy]\noff = true", "docs/alerts.md names them all"),
        ('[alerts.rules.down]\nseverity = "bad"', "alerts.rules"),
        ('[alerts]\ndigest = "24:00"', "alerts.digest"),
        ('[alerts]\nheartbeat = "ftp://x"', "alerts.heartbeat"),
        (CHANNEL, "alerts.channels[0]: give grup an address: either url or url_file"),
        (f'{CHANNEL}url = "json://x"\nurl_file = "x"', "either url or url_file"),
        (f'{CHANNEL}url = "json://x"\n{CHANNEL}url = "json://y"', "there is another channel grup"),
        (f'{CHANNEL}url = "json://x"\nseverty = "info"', "alerts.channels[0].severty: unknown setting"),
        ('[[alerts.channels]]\nname = "Grup IT"\nurl = "json://x"', "alerts.channels[0].name"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as problem:
        read(tmp_path, text)
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)
