"""The tables of the collector's database, as the steps that lead from each version to the next.

`{serial}` and `{blob}` stand for what the database calls a key that counts up, and bytes.
"""

from __future__ import annotations

_RECORDS = """
CREATE TABLE gateway (
    id TEXT PRIMARY KEY,
    added BIGINT NOT NULL,
    online INTEGER NOT NULL DEFAULT 0,
    seen BIGINT,
    status {blob}
);
CREATE TABLE chain (
    gateway TEXT NOT NULL,
    journal TEXT NOT NULL,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    first_seen BIGINT NOT NULL,
    PRIMARY KEY (gateway, journal)
);
CREATE TABLE record (
    id {serial},
    gateway TEXT NOT NULL,
    journal TEXT NOT NULL,
    seq BIGINT NOT NULL,
    employee TEXT NOT NULL,
    action TEXT NOT NULL,
    at BIGINT NOT NULL,
    received BIGINT NOT NULL,
    channel TEXT NOT NULL,
    presence TEXT NOT NULL,
    flags TEXT NOT NULL,
    receipt TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    hash TEXT NOT NULL,
    stored BIGINT NOT NULL,
    UNIQUE (gateway, journal, seq)
);
CREATE INDEX record_at ON record (at);
CREATE INDEX record_gateway_at ON record (gateway, at);
CREATE INDEX record_employee_at ON record (employee, at);
CREATE TABLE batch (
    id {serial},
    gateway TEXT NOT NULL,
    journal TEXT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    sealed {blob} NOT NULL,
    stored BIGINT NOT NULL
);
CREATE TABLE quarantine (
    id {serial},
    gateway TEXT NOT NULL,
    reason TEXT NOT NULL,
    sealed {blob} NOT NULL,
    times BIGINT NOT NULL DEFAULT 1,
    stored BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    UNIQUE (gateway, reason)
);
CREATE TABLE employee (
    id TEXT PRIMARY KEY,
    nip TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    phone TEXT NOT NULL UNIQUE,
    gateway TEXT NOT NULL REFERENCES gateway (id),
    active INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX employee_gateway ON employee (gateway);
CREATE TABLE desired (
    gateway TEXT PRIMARY KEY REFERENCES gateway (id),
    version BIGINT NOT NULL,
    body {blob} NOT NULL
);
CREATE TABLE person (
    name TEXT PRIMARY KEY,
    password TEXT NOT NULL,
    created BIGINT NOT NULL
);
CREATE TABLE token (
    name TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    created BIGINT NOT NULL
);
"""

_CHECK_IN = """
ALTER TABLE record ADD COLUMN note TEXT NOT NULL DEFAULT '';
CREATE INDEX record_asked ON record (action, id) WHERE action IN ('register', 'dispute');
ALTER TABLE gateway ADD COLUMN presence TEXT;
ALTER TABLE gateway ADD COLUMN serves_all INTEGER NOT NULL DEFAULT 0;
CREATE TABLE secret (
    office TEXT PRIMARY KEY,
    presence TEXT NOT NULL
);
CREATE TABLE binding (
    record BIGINT PRIMARY KEY,
    employee TEXT NOT NULL,
    approved INTEGER NOT NULL,
    person TEXT NOT NULL,
    decided BIGINT NOT NULL
);
ALTER TABLE employee RENAME TO employee_before;
DROP INDEX employee_gateway;
CREATE TABLE employee (
    id TEXT PRIMARY KEY,
    nip TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    phone TEXT NOT NULL,
    gateway TEXT NOT NULL REFERENCES gateway (id),
    active INTEGER NOT NULL DEFAULT 1,
    alias TEXT NOT NULL DEFAULT '',
    presence TEXT,
    language TEXT,
    shift TEXT NOT NULL DEFAULT '',
    UNIQUE (phone, alias)
);
INSERT INTO employee (id, nip, name, phone, gateway, active)
    SELECT id, nip, name, phone, gateway, active FROM employee_before;
DROP TABLE employee_before;
CREATE INDEX employee_gateway ON employee (gateway);
"""

# What tells news from what was said before.
_HISTORY = """
ALTER TABLE record ADD COLUMN duplicate INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gateway ADD COLUMN starts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE gateway ADD COLUMN session BIGINT NOT NULL DEFAULT 0;
"""

# What is proven of gateways, who was where, what people put right.
_ATTENDANCE = """
CREATE TABLE watermark (
    gateway TEXT NOT NULL,
    journal TEXT NOT NULL,
    until BIGINT,
    claim_seq BIGINT,
    claim_until BIGINT,
    PRIMARY KEY (gateway, journal)
);
CREATE TABLE incident (
    id {serial},
    gateway TEXT NOT NULL,
    reason TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT
);
CREATE INDEX incident_gateway ON incident (gateway, since);
CREATE INDEX incident_until ON incident (until);
CREATE TABLE placement (
    employee TEXT NOT NULL,
    gateway TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT
);
CREATE INDEX placement_gateway ON placement (gateway, since);
CREATE INDEX placement_employee ON placement (employee, since);
CREATE TABLE shift (
    employee TEXT NOT NULL,
    pattern TEXT NOT NULL,
    first TEXT NOT NULL,
    last TEXT NOT NULL
);
CREATE INDEX shift_employee ON shift (employee, first);
CREATE TABLE correction (
    id {serial},
    employee TEXT NOT NULL,
    kind TEXT NOT NULL,
    what TEXT NOT NULL,
    record BIGINT,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    reason TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked BIGINT NOT NULL,
    decided_by TEXT,
    decided BIGINT,
    accepted INTEGER
);
CREATE INDEX correction_employee ON correction (employee, since);
CREATE INDEX correction_record ON correction (record);
CREATE INDEX correction_decided ON correction (decided);
CREATE TABLE audit (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    event TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO placement (employee, gateway, since) SELECT id, gateway, 0 FROM employee WHERE active = 1;
"""

_TRUST = """
CREATE TABLE certificate (
    serial TEXT PRIMARY KEY,
    gateway TEXT NOT NULL,
    key TEXT NOT NULL,
    pem TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    revoked_at BIGINT,
    reason TEXT
);
CREATE INDEX certificate_gateway ON certificate (gateway);
CREATE TABLE gateway_key (
    id {serial},
    gateway TEXT NOT NULL,
    public TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT,
    reason TEXT
);
CREATE INDEX gateway_key_gateway ON gateway_key (gateway);
CREATE TABLE enrolment_token (
    public TEXT PRIMARY KEY,
    gateway TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    replaces INTEGER NOT NULL,
    used BIGINT,
    serial TEXT
);
CREATE TABLE enrolment (
    id {serial},
    at BIGINT NOT NULL,
    gateway TEXT NOT NULL,
    origin TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL
);
ALTER TABLE gateway ADD COLUMN since BIGINT;
ALTER TABLE gateway ADD COLUMN since_before BIGINT;
ALTER TABLE gateway ADD COLUMN rival BIGINT;
"""

# What comes by SMS: records that are not final yet, and what is needed to read and answer it.
_UPLINK = """
CREATE TABLE provisional (
    id {serial},
    gateway TEXT NOT NULL,
    journal_tag TEXT NOT NULL,
    seq BIGINT NOT NULL,
    employee TEXT NOT NULL,
    action TEXT NOT NULL,
    at BIGINT NOT NULL,
    presence TEXT NOT NULL,
    flags TEXT NOT NULL,
    proof TEXT,
    number TEXT NOT NULL,
    stored BIGINT NOT NULL,
    UNIQUE (gateway, journal_tag, seq)
);
CREATE INDEX provisional_at ON provisional (at);
CREATE TABLE uplink (
    gateway TEXT NOT NULL,
    journal_tag TEXT NOT NULL,
    number TEXT NOT NULL,
    coding TEXT NOT NULL,
    heard BIGINT NOT NULL,
    owed INTEGER NOT NULL,
    roster_known INTEGER NOT NULL,
    complete_seq BIGINT,
    complete_until BIGINT,
    PRIMARY KEY (gateway, journal_tag)
);
CREATE TABLE uplink_sms (
    gateway TEXT NOT NULL,
    journal_tag TEXT NOT NULL,
    counter BIGINT NOT NULL,
    stored BIGINT NOT NULL,
    PRIMARY KEY (gateway, journal_tag, counter)
);
CREATE TABLE uplink_answer (
    gateway TEXT NOT NULL,
    journal_tag TEXT NOT NULL,
    counter BIGINT NOT NULL,
    tried BIGINT NOT NULL,
    PRIMARY KEY (gateway, journal_tag, counter)
);
CREATE TABLE numbering (
    gateway TEXT NOT NULL,
    tag TEXT NOT NULL,
    employees TEXT NOT NULL,
    PRIMARY KEY (gateway, tag)
);
"""

# What other programs read, and may read. Records that were there before have all the same digest.
_PROGRAMS = """
ALTER TABLE record ADD COLUMN history TEXT NOT NULL DEFAULT '0000000000000000';
ALTER TABLE token ADD COLUMN scopes TEXT NOT NULL DEFAULT 'records:read gateways:read';
"""

# Who is told of new records, and what they were not told yet. `resume` is before when nothing is tried.
_WEBHOOKS = """
CREATE TABLE webhook (
    id {serial},
    name TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    former TEXT,
    former_until BIGINT,
    created BIGINT NOT NULL,
    position BIGINT NOT NULL,
    disabled TEXT,
    failures INTEGER NOT NULL DEFAULT 0,
    resume BIGINT NOT NULL DEFAULT 0,
    problem TEXT NOT NULL DEFAULT '',
    delivered BIGINT NOT NULL DEFAULT 0,
    last_delivered BIGINT
);
CREATE TABLE delivery (
    webhook BIGINT NOT NULL,
    record BIGINT NOT NULL,
    employee TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due BIGINT NOT NULL,
    first_tried BIGINT,
    problem TEXT NOT NULL DEFAULT '',
    dead BIGINT,
    PRIMARY KEY (webhook, record)
);
CREATE INDEX delivery_due ON delivery (webhook, due);
CREATE INDEX delivery_employee ON delivery (webhook, employee, record);
"""

# Who may what, and who is logged in.
_ACCESS = """
ALTER TABLE person ADD COLUMN roles TEXT NOT NULL DEFAULT 'it personnel';
ALTER TABLE person ADD COLUMN gateways TEXT NOT NULL DEFAULT '';
ALTER TABLE person ADD COLUMN totp TEXT;
ALTER TABLE person ADD COLUMN totp_step BIGINT;
CREATE TABLE recovery_code (
    person TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (person, digest)
);
CREATE TABLE session (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    begun BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    origin TEXT NOT NULL,
    agent TEXT NOT NULL
);
CREATE INDEX session_person ON session (person);
CREATE TABLE roster_draft (
    id TEXT PRIMARY KEY,
    who TEXT NOT NULL,
    kept BIGINT NOT NULL,
    replace_all INTEGER NOT NULL,
    body {blob} NOT NULL
);
CREATE TABLE retention (
    what TEXT PRIMARY KEY,
    before BIGINT NOT NULL
);
"""

# What staff are told of. `position` is the last event that a channel was told; `pulse` how a part of central is.
_ALERTS = """
ALTER TABLE gateway ADD COLUMN tags TEXT NOT NULL DEFAULT '';
CREATE TABLE maintenance (
    id {serial},
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    ended BIGINT,
    ended_by TEXT
);
CREATE INDEX maintenance_until ON maintenance (until);
CREATE TABLE alert (
    id {serial},
    rule TEXT NOT NULL,
    subject TEXT NOT NULL,
    severity TEXT NOT NULL,
    text TEXT NOT NULL,
    remedy TEXT NOT NULL,
    since BIGINT NOT NULL,
    fired BIGINT,
    told BIGINT,
    absent BIGINT,
    flaps INTEGER NOT NULL DEFAULT 0,
    acknowledged BIGINT,
    acknowledged_by TEXT,
    note TEXT NOT NULL DEFAULT '',
    resolved BIGINT
);
CREATE INDEX alert_resolved ON alert (resolved);
CREATE INDEX alert_subject ON alert (subject, since);
CREATE TABLE alert_event (
    id {serial},
    alert BIGINT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE TABLE alert_channel (
    name TEXT PRIMARY KEY,
    position BIGINT NOT NULL,
    digest TEXT NOT NULL DEFAULT '',
    failures INTEGER NOT NULL DEFAULT 0,
    failing BIGINT,
    resume BIGINT NOT NULL DEFAULT 0,
    problem TEXT NOT NULL DEFAULT '',
    sent BIGINT
);
CREATE TABLE alert_message (
    id {serial},
    channel TEXT NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    made BIGINT NOT NULL,
    sent BIGINT
);
CREATE INDEX alert_message_channel ON alert_message (channel, sent);
CREATE TABLE pulse (
    name TEXT PRIMARY KEY,
    since BIGINT NOT NULL,
    at BIGINT NOT NULL,
    problem TEXT NOT NULL
);
"""

# In which language somebody reads; empty as long as they chose none.
_LANGUAGE = "ALTER TABLE person ADD COLUMN language TEXT NOT NULL DEFAULT ''"

# Finds the batch that proves a record.
_EVIDENCE = "CREATE INDEX batch_journal ON batch (gateway, journal, last_seq)"

# By when offices are to be ready: that of all under an empty name.
_READINESS = """
CREATE TABLE readiness_deadline (
    gateway TEXT PRIMARY KEY,
    day TEXT NOT NULL
);
"""

# What was answered to employees who dispute a day.
_DISPUTES = """
CREATE TABLE dispute_answer (
    record BIGINT PRIMARY KEY,
    accepted INTEGER NOT NULL,
    reason TEXT NOT NULL,
    person TEXT NOT NULL,
    decided BIGINT NOT NULL
);
CREATE INDEX record_stated ON record (action, id) WHERE action IN ('sick', 'leave', 'duty');
"""

STEPS = (
    _RECORDS,
    _CHECK_IN,
    _HISTORY,
    _ATTENDANCE,
    _TRUST,
    _UPLINK,
    _PROGRAMS,
    _WEBHOOKS,
    _ACCESS,
    _LANGUAGE,
    _EVIDENCE,
    _READINESS,
    _DISPUTES,
    _ALERTS,
)
