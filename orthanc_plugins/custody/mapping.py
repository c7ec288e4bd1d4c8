"""The way back from pseudonyms to patients, kept only for projects that asked for it, and never unwatched.

The table is sealed with a key of its own, in a folder of its own: who has the one has nothing without the
other, and when the key is destroyed nobody has anything, in whatever backup (GDPR Art. 4(5); PS3.15 E.1.1
Note 3 would have no means of recovery in the objects themselves).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from orthanc_plugins.custody.identities import Identity, Known, Seal, is_pseudonym
from orthanc_plugins.custody.keys import KeyPurpose, ProjectKey, destroy_key
from orthanc_plugins.custody.tables import (
    changing,
    check_origin,
    create_table,
    destroy_table,
    reading,
    table_path,
)
from orthanc_plugins.errors import CustodyError, KeyUnusable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from pathlib import Path

CUSTODIAN = "custodian"
"""The role that may look up, unless a project names others."""

_KIND = "identities"
_ACTOR = re.compile(r"[\w.@\\/-]{1,64}")
_SCHEMA = "CREATE TABLE IF NOT EXISTS known (pseudonym TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT"


class Reason(StrEnum):
    """Why somebody is to know who is behind a pseudonym. There is no free text: names end up in it."""

    INCIDENTAL_FINDING = "incidental_finding"
    PATIENT_SAFETY = "patient_safety"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    REQUEST_OF_PATIENT = "request_of_patient"
    FOLLOW_UP = "follow_up"
    QUALITY_CHECK = "quality_check"
    LEGAL_DUTY = "legal_duty"


@dataclass(frozen=True)
class LookUp:
    """That somebody asked who is behind a pseudonym, for the audit trail.

    What is not of the form it should have is empty here: it may be a name.
    """

    project: str
    pseudonym: str
    actor: str
    role: str
    reason: str
    granted: bool


class IdentityTable:
    """The sealed table of a project's identities; several processes may use it at once.

    Parameters
    ----------
    folder
        Where the table is; better not where its key is.
    key
        The project's key of purpose ``mapping``.
    roles
        Who may look up.

    Raises
    ------
    CustodyError
        The table is missing, open to others, or sealed with another key.
    KeyUnusable
        The key is for another purpose.
    """

    def __init__(self, folder: Path, key: ProjectKey, roles: frozenset[str] = frozenset({CUSTODIAN})) -> None:
        if key.purpose is not KeyPurpose.MAPPING:
            raise KeyUnusable(f"A table of identities has a key of its own, none for {key.purpose}.")
        self._project = key.project
        self._path = table_path(folder, key.project, _KIND)
        self._seal = Seal(key)
        self._roles = roles
        check_origin(self._path, key.project, key.key_id)

    @classmethod
    def create(cls, folder: Path, key: ProjectKey, roles: frozenset[str] = frozenset({CUSTODIAN})) -> Self:
        """Return the table, made now unless it is there."""
        create_table(table_path(folder, key.project, _KIND), key.project, key.key_id, _SCHEMA)
        return cls(folder, key, roles)

    def remember(self, pseudonym: str, identity: Identity, uids: Mapping[str, str] | None = None) -> None:
        """Keep who is behind a pseudonym, and the new UID of each original one, beside what is kept already.

        Raises
        ------
        CustodyError
            It cannot be kept, contradicts what is kept, or that is no pseudonym.
        """
        if not is_pseudonym(pseudonym):
            raise CustodyError("Identities are kept under pseudonyms of the suite; this is none.")
        with changing(self._path) as table:
            sealed = _sealed(table, pseudonym)
            known = Known(pseudonym) if sealed is None else self._seal.opened(pseudonym, sealed)
            closed = self._seal.closed(known.and_also(identity, uids or {}))
            table.execute("INSERT OR REPLACE INTO known VALUES (?, ?)", (pseudonym, closed))

    def look_up(
        self, pseudonym: str, *, role: str, actor: str, reason: str, audit: Callable[[LookUp], None]
    ) -> Known:
        """Return who is behind a pseudonym, after it was written down that this was asked.

        Parameters
        ----------
        actor
            Who asks, as the site knows its staff.
        reason
            One of `Reason`.
        audit
            Writes the look-up down, a refused one as well; when it raises, nothing is answered.

        Raises
        ------
        CustodyError
            The role may not look up, no reason is given, or nothing is kept of the pseudonym.
        """
        asked = self._asked(pseudonym, role, actor, reason)
        audit(asked)
        if not asked.granted:
            raise CustodyError(
                "A look-up needs a pseudonym, a named person in a role that may ask, a reason."
            )
        with reading(self._path) as table:
            sealed = _sealed(table, pseudonym)
        if sealed is None:
            raise CustodyError(f"Nothing is kept of {pseudonym} in project {self._project}.")
        return self._seal.opened(pseudonym, sealed)

    def pseudonyms(self) -> tuple[str, ...]:
        """Return the pseudonyms of which something is kept."""
        with reading(self._path) as table:
            return tuple(row[0] for row in table.execute("SELECT pseudonym FROM known ORDER BY pseudonym"))

    def _asked(self, pseudonym: str, role: str, actor: str, reason: str) -> LookUp:
        stated = {
            "pseudonym": pseudonym if is_pseudonym(pseudonym) else "",
            "actor": actor if _ACTOR.fullmatch(actor) else "",
            "role": role if role in self._roles else "",
            "reason": reason if reason in {*Reason} else "",
        }
        return LookUp(project=self._project, granted=all(stated.values()), **stated)


def forget(folder: Path, key_folder: Path, project: str) -> None:
    """Destroy a project's way back for good: the key first, which makes every copy of the table useless.

    Raises
    ------
    KeyUnusable
        The key is still there.
    CustodyError
        The key is gone, the table still there.
    """
    path = table_path(folder, project, _KIND)
    destroy_key(key_folder, project, KeyPurpose.MAPPING)
    try:
        destroy_table(path)
    except CustodyError as error:
        raise CustodyError(f"The key is destroyed. {error}") from error


def is_table_there(folder: Path, project: str) -> bool:
    """Return whether a table of this name is there, whatever its state."""
    return table_path(folder, project, _KIND).exists()


def _sealed(table: sqlite3.Connection, pseudonym: str) -> bytes | None:
    row: tuple[bytes] | None = table.execute(
        "SELECT sealed FROM known WHERE pseudonym = ?", (pseudonym,)
    ).fetchone()
    return None if row is None else row[0]
