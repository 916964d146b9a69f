"""The tables of the journal, as the steps that lead from each version of the file to the next."""

from __future__ import annotations

STEPS = (
    """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL,
    form TEXT NOT NULL,
    sender TEXT NOT NULL,
    text TEXT NOT NULL,
    sent TEXT,
    received TEXT NOT NULL,
    clock_trusted INTEGER NOT NULL,
    smsc TEXT NOT NULL,
    reference TEXT NOT NULL,
    outcome TEXT NOT NULL,
    seq INTEGER REFERENCES record (seq),
    copies INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX inbox_waiting ON inbox (id) WHERE outcome = 'waiting';
CREATE TABLE record (
    seq INTEGER PRIMARY KEY,
    employee TEXT NOT NULL,
    action TEXT NOT NULL,
    at TEXT NOT NULL,
    receipt TEXT NOT NULL,
    hash TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX record_day ON record (employee, at);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    inbox INTEGER NOT NULL REFERENCES inbox (id),
    number TEXT NOT NULL,
    tone TEXT NOT NULL,
    text TEXT NOT NULL,
    created TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    problem TEXT,
    sent TEXT
);
CREATE INDEX outbox_unsent ON outbox (id) WHERE state IN ('queued', 'sending');
CREATE INDEX outbox_day ON outbox (number, created);
""",
    """
ALTER TABLE record ADD COLUMN inferred INTEGER NOT NULL DEFAULT 0;
CREATE INDEX inbox_misses ON inbox (received) WHERE outcome IN ('wrong-code', 'blocked');
CREATE TABLE silent (number TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE menu (number TEXT PRIMARY KEY, inputs TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE session (
    id TEXT PRIMARY KEY,
    number TEXT NOT NULL,
    started TEXT NOT NULL,
    said TEXT,
    answer TEXT
) WITHOUT ROWID;
CREATE INDEX session_started ON session (started);
""",
    """
CREATE TABLE uplink (
    counter INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    created TEXT NOT NULL,
    problem TEXT
);
""",
    """
ALTER TABLE inbox ADD COLUMN modem TEXT NOT NULL DEFAULT '';
CREATE TABLE sim_reading (
    id INTEGER PRIMARY KEY,
    sim TEXT NOT NULL,
    at TEXT NOT NULL,
    balance INTEGER,
    valid_until TEXT,
    raw TEXT NOT NULL,
    answered INTEGER NOT NULL
);
CREATE INDEX sim_reading_sim ON sim_reading (sim, id);
CREATE INDEX outbox_created ON outbox (created);
""",
    """
CREATE TABLE whole (
    id INTEGER PRIMARY KEY,
    sender TEXT NOT NULL,
    reference INTEGER NOT NULL,
    total INTEGER NOT NULL,
    since TEXT NOT NULL,
    state TEXT NOT NULL
);
CREATE INDEX whole_parts ON whole (sender, reference, total);
CREATE INDEX whole_waiting ON whole (since) WHERE state = 'waiting';
CREATE TABLE part (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    whole INTEGER NOT NULL REFERENCES whole (id),
    number INTEGER NOT NULL,
    channel TEXT NOT NULL,
    form TEXT NOT NULL,
    sender TEXT NOT NULL,
    text TEXT NOT NULL,
    sent TEXT,
    received TEXT NOT NULL,
    clock_trusted INTEGER NOT NULL,
    smsc TEXT NOT NULL,
    reference TEXT NOT NULL,
    modem TEXT NOT NULL
);
CREATE INDEX part_whole ON part (whole);
ALTER TABLE outbox ADD COLUMN modem TEXT;
ALTER TABLE outbox ADD COLUMN reference INTEGER;
ALTER TABLE outbox ADD COLUMN delivered INTEGER;
ALTER TABLE outbox ADD COLUMN reported TEXT;
CREATE INDEX outbox_reference ON outbox (number, reference) WHERE reference IS NOT NULL;
CREATE TABLE poke (at TEXT NOT NULL, modem TEXT NOT NULL);
""",
    """
CREATE TABLE command (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    body BLOB NOT NULL,
    taken TEXT NOT NULL,
    begun TEXT,
    result BLOB
);
CREATE INDEX command_open ON command (number) WHERE result IS NULL;
""",
    """
CREATE INDEX record_register ON record (at) WHERE action = 'register';
CREATE INDEX inbox_record ON inbox (seq);
INSERT INTO meta VALUES ('notices_after', (SELECT COALESCE(MAX(id), 0) FROM inbox));
""",
)
