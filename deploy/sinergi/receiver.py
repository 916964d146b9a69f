"""An example of a program that Gardu tells of new records: verifies each, stores it once, answers when it is stored.

    python deploy/sinergi/receiver.py --secret-file secret.txt --store sinergi.db --listen 127.0.0.1:9000

The file holds the endpoint's secret (whsec_…), one a line while it changes over to another. It stands for Sinergi,
the app of the city's personnel office, and shows all that such an app has to do.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import click
import waitress
from flask import Flask, request
from standardwebhooks import Webhook, WebhookVerificationError

LARGEST = 1_000_000  # bytes: whoever has no secret must not fill the memory before that shows
SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    employee TEXT,
    body TEXT NOT NULL
)
"""


class Unsigned(Exception):
    """What nobody signed who has a secret of ours."""


def create_app(store: Path, secrets: list[str]) -> Flask:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST
    keys = [Webhook(secret) for secret in secrets]
    with _opened(store) as database:
        database.execute(SCHEMA)

    @app.post("/gardu")
    def gardu() -> tuple[str, int]:
        body = request.get_data()
        try:
            event = verified(keys, body, dict(request.headers))
        except Unsigned:
            return "the signature is wrong", 401
        with _opened(store) as database:  # committed before the answer: after a 200 Gardu does not send it again
            database.execute(
                # The id is the same however often it is sent: what is there already is taken as it is.
                "INSERT INTO event (id, type, employee, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
                (request.headers["webhook-id"], event["type"], event["data"].get("employee"), body.decode()),
            )
        return "taken", 200

    return app


def verified(keys: list[Webhook], body: bytes, headers: dict[str, str]) -> Any:
    """The event, over the very bytes that came. Raises `Unsigned`."""
    for key in keys:
        try:
            return key.verify(body, headers)
        except (WebhookVerificationError, ValueError):
            continue
    raise Unsigned


def _opened(store: Path) -> sqlite3.Connection:
    database = sqlite3.connect(store, timeout=10)
    database.execute("PRAGMA synchronous = FULL")
    return database


@click.command()
@click.option("--secret-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option("--store", type=click.Path(path_type=Path), default="sinergi.db", show_default=True)
@click.option("--listen", default="127.0.0.1:9000", show_default=True)
def main(secret_file: Path, store: Path, listen: str) -> None:
    """Take what Gardu sends to http://LISTEN/gardu."""
    waitress.serve(create_app(store, secret_file.read_text().split()), listen=listen, threads=4, ident="sinergi")


if __name__ == "__main__":
    main()
