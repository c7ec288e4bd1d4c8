"""The tables of the index, and which attributes can be matched, how, and where that is kept.

What can be matched is what dcm4chee's database has columns for (``QueryBuilder``); a key that is none of
these is returned and matches everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dcm4chee.standin.dataset import text_of
from dcm4chee.standin.tags import Level

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """How an attribute is matched."""

    EXACT = "exact"
    """As written; ``*`` and ``?`` stand for other characters."""
    CODE = "code"
    """The same in capitals."""
    TEXT = "text"
    """As written, but without regard to case when what is asked for is all capitals."""
    NAME = "name"
    """A person's name: `TEXT`, and whole leading components are enough."""
    DATE = "date"
    TIME = "time"
    NUMBER = "number"


MATCHED: dict[Level, dict[str, Kind]] = {
    Level.PATIENT: {
        "00100020": Kind.EXACT,
        "00100010": Kind.NAME,
        "00100030": Kind.DATE,
        "00100040": Kind.CODE,
    },
    Level.STUDY: {
        "0020000D": Kind.EXACT,
        "00200010": Kind.EXACT,
        "00080020": Kind.DATE,
        "00080030": Kind.TIME,
        "00080050": Kind.EXACT,
        "00080090": Kind.NAME,
        "00081030": Kind.TEXT,
        "00380010": Kind.EXACT,
    },
    Level.SERIES: {
        "0020000E": Kind.EXACT,
        "00200011": Kind.NUMBER,
        "00080060": Kind.CODE,
        "00180015": Kind.CODE,
        "00200060": Kind.CODE,
        "00400244": Kind.DATE,
        "00400245": Kind.TIME,
        "00081050": Kind.NAME,
        "0008103E": Kind.TEXT,
        "00081010": Kind.TEXT,
        "00080080": Kind.TEXT,
        "00081040": Kind.TEXT,
    },
    Level.INSTANCE: {
        "00080018": Kind.EXACT,
        "00080016": Kind.EXACT,
        "00200013": Kind.NUMBER,
        "0040A491": Kind.CODE,
        "0040A493": Kind.CODE,
        "00080023": Kind.DATE,
        "00080033": Kind.TIME,
    },
}

COMBINED = {"00080020": "00080030", "00400244": "00400245", "00080023": "00080033"}
"""Dates and their times: ranges of both together are one range of moments (PS3.4 C.2.2.2.5)."""

UIDS = {"0020000D": "uid", "0020000E": "uid", "00080018": "uid"}
"""What rows are told by: these have a column of their own name."""

TABLES = {Level.PATIENT: "patient", Level.STUDY: "study", Level.SERIES: "series", Level.INSTANCE: "instance"}


@dataclass(frozen=True)
class Column:
    """Where an attribute that can be matched is kept."""

    level: Level
    tag: str
    kind: Kind

    @property
    def name(self) -> str:
        """The column with its table, for SQL."""
        return f"{TABLES[self.level]}.{UIDS.get(self.tag, f't{self.tag}')}"


COLUMNS = {tag: Column(level, tag, kind) for level, tags in MATCHED.items() for tag, kind in tags.items()}


def kept_value(kind: Kind, element: Mapping[str, Any] | None) -> str | int | None:
    """Return what is kept of an attribute to be matched; None when it has no value.

    >>> kept_value(Kind.NAME, {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane^^"}]})
    'Doe^Jane^'
    """
    if kind is Kind.NAME:
        names = element.get("Value") if element else None
        alphabetic = str((names or [None])[0] and names[0].get("Alphabetic", "")).rstrip("^") if names else ""
        return f"{alphabetic}^" if alphabetic else None
    text = text_of(element)
    if kind is Kind.NUMBER:
        return int(text) if text.lstrip("+-").isdecimal() else None
    return (text.upper() if kind is Kind.CODE else text) or None


def kept_columns(level: Level) -> dict[str, Kind]:
    """Return the attributes of a level, by tag, that have a column ``t`` and the tag."""
    return {tag: kind for tag, kind in MATCHED[level].items() if tag not in UIDS}


def _columns(level: Level) -> str:
    columns = kept_columns(level).items()
    return "".join(f", t{tag} {'INTEGER' if kind is Kind.NUMBER else 'TEXT'}" for tag, kind in columns)


SCHEMA = f"""
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS patient (
    pk INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT NOT NULL UNIQUE, attributes TEXT NOT NULL,
    created REAL NOT NULL, updated REAL NOT NULL{_columns(Level.PATIENT)});
CREATE TABLE IF NOT EXISTS study (
    pk INTEGER PRIMARY KEY AUTOINCREMENT, patient_pk INTEGER NOT NULL REFERENCES patient,
    uid TEXT NOT NULL UNIQUE, attributes TEXT NOT NULL, received REAL NOT NULL, updated REAL NOT NULL,
    modified REAL NOT NULL{_columns(Level.STUDY)});
CREATE TABLE IF NOT EXISTS series (
    pk INTEGER PRIMARY KEY AUTOINCREMENT, study_pk INTEGER NOT NULL REFERENCES study ON DELETE CASCADE,
    uid TEXT NOT NULL, attributes TEXT NOT NULL, received REAL NOT NULL, updated REAL NOT NULL,
    modified REAL NOT NULL, sending_aet TEXT, failed_verifications INTEGER NOT NULL DEFAULT 0
    {_columns(Level.SERIES)}, UNIQUE (study_pk, uid));
CREATE TABLE IF NOT EXISTS as_received (
    pk INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, attributes TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS instance (
    pk INTEGER PRIMARY KEY AUTOINCREMENT, series_pk INTEGER NOT NULL REFERENCES series ON DELETE CASCADE,
    uid TEXT NOT NULL UNIQUE, orthanc_id TEXT NOT NULL UNIQUE, attributes TEXT NOT NULL,
    as_received_pk INTEGER NOT NULL REFERENCES as_received, coerced TEXT, transfer_syntax TEXT NOT NULL,
    size INTEGER NOT NULL, digest TEXT NOT NULL, received REAL NOT NULL, updated REAL NOT NULL,
    rejected TEXT, note TEXT{_columns(Level.INSTANCE)});
CREATE TABLE IF NOT EXISTS ignored (orthanc_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS study_patient ON study (patient_pk);
CREATE INDEX IF NOT EXISTS study_received ON study (received);
CREATE INDEX IF NOT EXISTS study_date ON study (t00080020);
CREATE INDEX IF NOT EXISTS study_accession ON study (t00080050);
CREATE INDEX IF NOT EXISTS patient_id ON patient (t00100020);
CREATE INDEX IF NOT EXISTS series_study ON series (study_pk);
CREATE INDEX IF NOT EXISTS series_uid ON series (uid);
CREATE INDEX IF NOT EXISTS series_received ON series (received);
CREATE INDEX IF NOT EXISTS instance_series ON instance (series_pk);
"""
"""``attributes`` is JSON; times are seconds since 1970 by the archive's own clock; ``rejected`` is the code
(``113001^DCM``) an object is rejected with, ``note`` the one with which a rejection note rejects others;
``coerced`` are the items that storing it added to OriginalAttributesSequence (0400,0561)."""
