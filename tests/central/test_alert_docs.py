"""docs/alerts.md names every rule as the code has it."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from central.alerting import RULES, Severity
from central.notices import span

PAGE = Path(__file__).parents[2] / "docs" / "alerts.md"
BEGIN, END = "GARDU_WRITE_DOCS=1 -->\n", "<!-- end of rules -->"
NAMES = {Severity.CRITICAL: "gawat", Severity.WARNING: "peringatan", Severity.INFO: "info"}


def table() -> str:
    lines = [
        "| code | alert | severity | after | over | what it means | what to do |",
        "|---|---|---|---|---|---|---|",
    ]
    for rule in RULES.values():
        after = span(rule.after) if rule.after > timedelta() else "at once"
        cells = (
            f"`{rule.code}`", rule.title, NAMES[rule.severity], after, span(rule.clear), rule.meaning, rule.remedy,
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def test_the_page_has_the_rules_of_the_code() -> None:
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    if os.environ.get("GARDU_WRITE_DOCS"):
        PAGE.write_text(f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}")
        return
    assert rest.partition(END)[0] == table()
