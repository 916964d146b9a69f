"""The tables of attendance (what is proven of gateways, who was where, what people put right) and of trust."""

from __future__ import annotations

ATTENDANCE = """
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

# Who may speak for which gateway, and who tried to.
TRUST = """
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
