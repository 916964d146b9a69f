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
CREATE TABLE IF NOT EXISTS placement (
    employee TEXT NOT NULL,
    gateway TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT
);
CREATE INDEX IF NOT EXISTS placement_gateway ON placement (gateway, since);
CREATE INDEX IF NOT EXISTS placement_employee ON placement (employee, since);
"""
