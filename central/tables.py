"""The tables of attendance: what is proven of gateways, who was where, what people put right."""

from __future__ import annotations

ATTENDANCE = """
CREATE TABLE IF NOT EXISTS watermark (
    gateway TEXT NOT NULL,
    journal TEXT NOT NULL,
    until BIGINT,
    claim_seq BIGINT,
    claim_until BIGINT,
    PRIMARY KEY (gateway, journal)
);
CREATE TABLE IF NOT EXISTS incident (
    id {serial},
    gateway TEXT NOT NULL,
    reason TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT
);
CREATE INDEX IF NOT EXISTS incident_gateway ON incident (gateway, since);
CREATE INDEX IF NOT EXISTS incident_until ON incident (until);
CREATE TABLE IF NOT EXISTS placement (
    employee TEXT NOT NULL,
    gateway TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT
);
CREATE INDEX IF NOT EXISTS placement_gateway ON placement (gateway, since);
CREATE INDEX IF NOT EXISTS placement_employee ON placement (employee, since);
CREATE TABLE IF NOT EXISTS shift (
    employee TEXT NOT NULL,
    pattern TEXT NOT NULL,
    first TEXT NOT NULL,
    last TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS shift_employee ON shift (employee, first);
CREATE TABLE IF NOT EXISTS correction (
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
CREATE INDEX IF NOT EXISTS correction_employee ON correction (employee, since);
CREATE INDEX IF NOT EXISTS correction_record ON correction (record);
CREATE INDEX IF NOT EXISTS correction_decided ON correction (decided);
CREATE TABLE IF NOT EXISTS audit (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    event TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
);
"""
