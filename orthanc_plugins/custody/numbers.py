"""Numbers in place of patients, one after another, such as ``ANON00742``: a register of digests alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from orthanc_plugins.custody.tables import changing, check_origin, create_table, reading, table_path
from orthanc_plugins.errors import CustodyError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

_DIGEST_BYTES = 32
_PREFIX = re.compile(r"[A-Z]{1,16}")
_FEWEST_DIGITS, _MOST_DIGITS = 3, 12

_PATIENTS = """
CREATE TABLE IF NOT EXISTS patient (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32)
) STRICT
"""
_TRAITS = """
CREATE TABLE IF NOT EXISTS trait (
    number INTEGER NOT NULL REFERENCES patient,
    trait TEXT NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (number, trait, digest)
) STRICT
"""


@dataclass(frozen=True)
class NumberForm:
    """How a number is written: capitals, then digits filled with zeros; more where they do not suffice.

    Raises
    ------
    CustodyError
        The prefix is not 1 to 16 capitals A to Z, or digits are not 3 to 12.

    >>> NumberForm().written(742), NumberForm("RT", 3).written(12345)
    ('ANON00742', 'RT12345')
    """

    prefix: str = "ANON"
    digits: int = 5

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix) or not _FEWEST_DIGITS <= self.digits <= _MOST_DIGITS:
            raise CustodyError(
                "A number is written as 1 to 16 capitals and 3 to 12 digits; this form is not."
            )

    def written(self, number: int) -> str:
        """Return a number as a pseudonym."""
        return f"{self.prefix}{number:0{self.digits}}"


@dataclass(frozen=True)
class Conflict:
    """One patient identifier seems to be that of two persons: these traits are not those seen before."""

    number: int
    traits: tuple[str, ...]


class NumberRegister:
    """The register of a project's patients; several processes may ask at once.

    It is created once; where it is missing it is not made again, because every patient would get another
    number.

    Raises
    ------
    CustodyError
        The register is missing, open to others, or of another project or key.
    """

    def __init__(self, folder: Path, project: str, key_id: str) -> None:
        self._path = table_path(folder, project, "numbers")
        check_origin(self._path, project, key_id)

    @classmethod
    def create(cls, folder: Path, project: str, key_id: str) -> Self:
        """Return the register, made now unless it is there.

        Parameters
        ----------
        key_id
            Identifier of the key that digests are made with; digests of another key are other patients.
        """
        path = table_path(folder, project, "numbers")
        for schema in (_PATIENTS, _TRAITS):
            create_table(path, project, key_id, schema)
        return cls(folder, project, key_id)

    def number_of(self, digest: bytes) -> int:
        """Return the number of a patient, from 1; the same patient has the same number for ever.

        Parameters
        ----------
        digest
            32 bytes, the keyed hash of who the patient is.

        Raises
        ------
        CustodyError
            The register cannot be read or written, or that is no digest.
        """
        _check_digests(digest)
        with reading(self._path) as table:
            number = _number(table, digest)
        if number is not None:
            return number
        with changing(self._path) as table:
            return _enrolled(table, digest)

    def count(self) -> int:
        """Return how many patients have a number."""
        with reading(self._path) as table:
            row: tuple[int] = table.execute("SELECT count(*) FROM patient").fetchone()
        return row[0]

    def conflict(self, digest: bytes, traits: Mapping[str, bytes]) -> Conflict | None:
        """Return which traits of a patient are not those seen before; traits never seen are remembered.

        Parameters
        ----------
        digest
            As in `number_of`; a patient without a number gets one.
        traits
            Keyed hash, 32 bytes, of each trait that is known, such as ``birth_date``.
        """
        _check_digests(digest, *traits.values())
        with changing(self._path) as table:
            number = _enrolled(table, digest)
            contradicting = []
            for trait, value in sorted(traits.items()):
                seen = _seen(table, number, trait)
                if not seen:
                    table.execute("INSERT INTO trait VALUES (?, ?, ?)", (number, trait, value))
                elif value not in seen:
                    contradicting.append(trait)
        return Conflict(number, tuple(contradicting)) if contradicting else None

    def settle(self, digest: bytes, traits: Mapping[str, bytes]) -> None:
        """Remember that a person has looked: these traits are the same patient's, as after a marriage."""
        _check_digests(digest, *traits.values())
        with changing(self._path) as table:
            number = _enrolled(table, digest)
            rows = [(number, trait, value) for trait, value in traits.items()]
            table.executemany("INSERT OR IGNORE INTO trait VALUES (?, ?, ?)", rows)


def _check_digests(*digests: bytes) -> None:
    if any(len(digest) != _DIGEST_BYTES for digest in digests):
        raise CustodyError("The register takes keyed hashes of 32 bytes and nothing else.")


def _number(table: sqlite3.Connection, digest: bytes) -> int | None:
    row: tuple[int] | None = table.execute(
        "SELECT number FROM patient WHERE digest = ?", (digest,)
    ).fetchone()
    return None if row is None else row[0]


def _enrolled(table: sqlite3.Connection, digest: bytes) -> int:
    number = _number(table, digest)
    if number is not None:
        return number
    row: tuple[int] = table.execute(
        "INSERT INTO patient (digest) VALUES (?) RETURNING number", (digest,)
    ).fetchone()
    return row[0]


def _seen(table: sqlite3.Connection, number: int, trait: str) -> set[bytes]:
    rows = table.execute("SELECT digest FROM trait WHERE number = ? AND trait = ?", (number, trait))
    return {row[0] for row in rows}
