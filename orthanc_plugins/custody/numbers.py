"""Numbers in place of patients, one after another, such as ``ANON00742``: a register of digests alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from orthanc_plugins.custody.forms import KEYED, NumberForm, PatientForm
from orthanc_plugins.custody.tables import (
    changing,
    check_origin,
    create_table,
    destroy_table,
    reading,
    table_path,
)
from orthanc_plugins.errors import CustodyError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

    from orthanc_plugins.custody.forms import PatientKind

_DIGEST_BYTES = 32

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
_FORM = """
CREATE TABLE IF NOT EXISTS form (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    prefix TEXT,
    digits INTEGER
) STRICT
"""
"""One row once it is fixed; without prefix and digits pseudonyms are keyed."""
_KIND = "numbers"


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
        self._project = project
        self._path = table_path(folder, project, _KIND)
        check_origin(self._path, project, key_id)

    @classmethod
    def create(cls, folder: Path, project: str, key_id: str, form: PatientForm = KEYED) -> Self:
        """Return the register, made now unless it is there.

        Parameters
        ----------
        key_id
            Identifier of the key that digests are made with; digests of another key are other patients.
        form
            How the project's patients are called, unless that is fixed already.
        """
        path = table_path(folder, project, _KIND)
        for schema in (_PATIENTS, _TRAITS):
            create_table(path, project, key_id, schema)
        register = cls(folder, project, key_id)
        register.fix_form(form)
        return register

    @property
    def form(self) -> PatientForm:
        """How the project's patients are called, as it was fixed.

        Raises
        ------
        CustodyError
            It never was: the register was made before registers said it.
        """
        form = self.fixed_form
        if form is None:
            raise CustodyError(
                f"It was never said whether patients of project {self._project} are keyed (DEID-…) or "
                "numbered (ANON00001…). Say it once, as it was until now: "
                f"pacs project create {self._project} --keyed, or --numbered."
            )
        return form

    @property
    def fixed_form(self) -> PatientForm | None:
        """How the project's patients are called; None where that was never fixed."""
        with reading(self._path) as table:
            return _form(table)

    def fix_form(self, form: PatientForm) -> PatientForm:
        """Fix how the project's patients are called, unless it is fixed already; return what holds."""
        with changing(self._path) as table:
            table.execute(_FORM)
            numbers = form.numbers
            row = (None, None) if numbers is None else (numbers.prefix, numbers.digits)
            table.execute("INSERT OR IGNORE INTO form VALUES (1, ?, ?)", row)
        return self.form

    def agreed_form(self, asked: PatientKind | None, otherwise: PatientKind | None) -> PatientForm:
        """Return how the project's patients are called, as whoever works with it agrees.

        Parameters
        ----------
        asked
            What somebody wants; anything else than what is fixed is refused.
        otherwise
            Fixed where nothing is asked for, of a register that was made before this was.

        Raises
        ------
        CustodyError
            Something else is asked for, or it is not fixed and nothing is said.
        """
        kind = asked or otherwise
        form = self.form if kind is None else self.fix_form(PatientForm.of_kind(kind))
        if asked not in {None, form.kind}:
            raise CustodyError(
                f"Patients of project {self._project} are {form.kind}, and {asked} is asked for. That was "
                f"fixed when it was made, or a patient would get two pseudonyms: ask for {form.kind}, or "
                "make another project."
            )
        return form

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


class UnchangedRegister(NumberRegister):
    """A register that is asked and never written; a new patient's number is one that is free."""

    def __init__(self, folder: Path, project: str, key_id: str) -> None:
        super().__init__(folder, project, key_id)
        self._is_settled = False

    def number_of(self, digest: bytes) -> int:
        """Return the number of a patient; of a new one that which is free now."""
        _check_digests(digest)
        with reading(self._path) as table:
            number = _number(table, digest)
            if number is not None:
                return number
            row: tuple[int] | None = table.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = 'patient'"
            ).fetchone()
        return (0 if row is None else row[0]) + 1

    def conflict(self, digest: bytes, traits: Mapping[str, bytes]) -> Conflict | None:
        """Return which traits of a patient are not those seen before; nothing is remembered."""
        _check_digests(digest, *traits.values())
        with reading(self._path) as table:
            number = _number(table, digest)
            if number is None or self._is_settled:
                return None
            seen = {trait: _seen(table, number, trait) for trait in sorted(traits)}
        odd = tuple(trait for trait, known in seen.items() if known and traits[trait] not in known)
        return Conflict(number, odd) if odd else None

    def settle(self, digest: bytes, traits: Mapping[str, bytes]) -> None:
        """Take differing traits for one patient's from now on, here alone."""
        _check_digests(digest, *traits.values())
        self._is_settled = True


def is_register_there(folder: Path, project: str) -> bool:
    """Return whether a register of this name is there, whatever its state."""
    return table_path(folder, project, _KIND).exists()


def erase_register(folder: Path, project: str) -> None:
    """Destroy a project's register for good; without the project's key its digests say nothing to anybody.

    Raises
    ------
    CustodyError
        It is still there.
    """
    destroy_table(table_path(folder, project, _KIND))


def _form(table: sqlite3.Connection) -> PatientForm | None:
    """Return the form that is fixed; None in registers that were made before it was."""
    if not table.execute("SELECT 1 FROM sqlite_schema WHERE name = 'form'").fetchone():
        return None
    row: tuple[str | None, int | None] | None = table.execute("SELECT prefix, digits FROM form").fetchone()
    if row is None:
        return None
    prefix, digits = row
    return KEYED if prefix is None or digits is None else PatientForm(NumberForm(prefix, digits))


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
