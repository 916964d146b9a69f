"""The tables of what comes by SMS: records that are not final yet, and what is needed to read and answer it."""

from __future__ import annotations

UPLINK = """
CREATE TABLE IF NOT EXISTS provisional (
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
CREATE INDEX IF NOT EXISTS provisional_at ON provisional (at);
CREATE TABLE IF NOT EXISTS uplink (
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
CREATE TABLE IF NOT EXISTS uplink_sms (
    gateway TEXT NOT NULL,
    journal_tag TEXT NOT NULL,
    counter BIGINT NOT NULL,
    stored BIGINT NOT NULL,
    PRIMARY KEY (gateway, journal_tag, counter)
);
CREATE TABLE IF NOT EXISTS uplink_answer (
    gateway TEXT NOT NULL,
    journal_tag TEXT NOT NULL,
    counter BIGINT NOT NULL,
    tried BIGINT NOT NULL,
    PRIMARY KEY (gateway, journal_tag, counter)
);
CREATE TABLE IF NOT EXISTS numbering (
    gateway TEXT NOT NULL,
    tag TEXT NOT NULL,
    employees TEXT NOT NULL,
    PRIMARY KEY (gateway, tag)
);
"""
