"""The index: what the archive holds, in the order it came, with its receive times and rejections.

One SQLite file, used by one thread. Nothing of it is lost by a restart; what Orthanc holds and the index does
not know is found through Orthanc's ``/changes`` (`arrivals`).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dcm4chee.standin.clock import moment_of
from dcm4chee.standin.merging import original_item, overwritten, supplemented
from dcm4chee.standin.schema import SCHEMA, TABLES, kept_columns, kept_value
from dcm4chee.standin.tags import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from dcm4chee.standin.dataset import Attributes, Received


@dataclass(frozen=True)
class StoredFile:
    """The file of an object, as Orthanc holds it."""

    orthanc_id: str
    size: int
    digest: str
    """MD5, as dcm4chee keeps it for its storage fs1."""


@dataclass(frozen=True)
class Previous:
    """An object that is there already."""

    pk: int
    orthanc_id: str
    study_uid: str
    series_uid: str
    digest: str
    rejected: str | None
    note: str | None
    sending_aet: str | None


class State:
    """The index in a file."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            self.connection.execute(f"PRAGMA {pragma}")
        self.connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all changes within it, or none; one within another is part of it."""
        if self.connection.in_transaction:
            yield
            return
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def rows(self, sql: str, arguments: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return what a query finds."""
        return self.connection.execute(sql, arguments).fetchall()

    def setting(self, name: str) -> str | None:
        """Return what was remembered under a name."""
        found = self.rows("SELECT value FROM setting WHERE name = ?", [name])
        return str(found[0]["value"]) if found else None

    def remember(self, name: str, value: str) -> None:
        """Remember a value under a name."""
        self.connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    def previous(self, sop_instance_uid: str) -> Previous | None:
        """Return the object of a SOP Instance UID, when there is one."""
        found = self.rows(
            "SELECT instance.pk, orthanc_id, study.uid AS study_uid, series.uid AS series_uid, digest,"
            " rejected, note, sending_aet FROM instance JOIN series ON series.pk = series_pk"
            " JOIN study ON study.pk = study_pk WHERE instance.uid = ?",
            [sop_instance_uid],
        )
        return Previous(**dict(found[0])) if found else None

    def files_known(self) -> int:
        """Return how many files of Orthanc's the index accounts for."""
        found = self.rows("SELECT (SELECT COUNT(*) FROM instance) + (SELECT COUNT(*) FROM ignored) AS n")
        return int(found[0]["n"])

    def pass_over(self, orthanc_id: str) -> None:
        """Know of a file of Orthanc's that is no object of this archive."""
        self.connection.execute("INSERT OR IGNORE INTO ignored VALUES (?)", [orthanc_id])

    def add(
        self, received: Received, file: StoredFile, *, source: str, at: float, note: str | None = None
    ) -> bool:
        """Enter an object that Orthanc has stored; False when it was passed over.

        An object of the same file identity takes the place of the one there is and keeps its rejection. One
        of another study, series or patient with the same SOP Instance UID is passed over (relational
        mismatch policy IGNORE).

        Parameters
        ----------
        source
            AE title of the sender, empty where it has none.
        at
            When it was received, seconds since 1970 by the archive's clock.
        note
            The code, when it is a rejection note.
        """
        previous = self.previous(received.sop_instance_uid)
        if previous is not None and previous.orthanc_id != file.orthanc_id:
            self.pass_over(file.orthanc_id)
            return False
        if previous is not None and previous.digest == file.digest:
            return True
        with self.transaction():
            rejected = previous.rejected if previous else None
            if previous is not None:
                self.connection.execute("DELETE FROM instance WHERE pk = ?", [previous.pk])
            study_pk = self._study(received, at)
            series_pk = self._series(received, study_pk, source, at)
            self._instance(received, file, series_pk, at, (rejected, note))
        return True

    def reject(self, pks: Sequence[int], code: str | None, at: float) -> None:
        """Reject objects with a code, or take their rejection back; then their studies count as modified."""
        listed = json.dumps(list(pks))
        with self.transaction():
            self.connection.execute(
                "UPDATE instance SET rejected = ? WHERE pk IN (SELECT value FROM json_each(?))",
                (code, listed),
            )
            self.connection.execute(
                "UPDATE study SET updated = ?, modified = IIF(?, modified, ?) WHERE pk IN"
                " (SELECT study_pk FROM series JOIN instance ON series_pk = series.pk"
                " WHERE instance.pk IN (SELECT value FROM json_each(?)))",
                (at, code is not None, at, listed),
            )

    def held_above(self, series_pk: int) -> Attributes:
        """Return what the archive holds of a series and of its study and patient."""
        found = self.rows(
            "SELECT patient.attributes AS p, study.attributes AS t, series.attributes AS s FROM series"
            " JOIN study ON study.pk = study_pk JOIN patient ON patient.pk = patient_pk WHERE series.pk = ?",
            [series_pk],
        )[0]
        held: Attributes = json.loads(found["p"]) | json.loads(found["t"]) | json.loads(found["s"])
        return held

    def replace_attributes(self, level: Level, pk: int, attributes: Attributes, at: float) -> None:
        """Put attributes in the place of those the archive holds of a patient, study or series."""
        columns, values = _matched(level, attributes)
        assigned = ", ".join(f"{column} = ?" for column in ("attributes", "updated", *columns))
        self.connection.execute(
            f"UPDATE {TABLES[level]} SET {assigned} WHERE pk = ?",  # noqa: S608 - fixed names
            (json.dumps(attributes), at, *values, pk),
        )

    def forget(self, orthanc_ids: Iterable[str]) -> None:
        """Take objects out of the index that Orthanc no longer holds, and what is then empty."""
        gone = json.dumps(list(orthanc_ids))
        among = "IN (SELECT value FROM json_each(?))"
        with self.transaction():
            found = self.rows(
                "SELECT DISTINCT series_pk, study_pk FROM instance"  # noqa: S608 - fixed names
                f" JOIN series ON series.pk = series_pk WHERE orthanc_id {among}",
                [gone],
            )
            for table in ("instance", "ignored"):
                self.connection.execute(f"DELETE FROM {table} WHERE orthanc_id {among}", [gone])  # noqa: S608 - fixed names
            self.connection.execute(
                f"DELETE FROM series WHERE pk {among}"  # noqa: S608 - fixed names
                " AND NOT EXISTS (SELECT 1 FROM instance WHERE series_pk = series.pk)",
                [json.dumps([row["series_pk"] for row in found])],
            )
            self.connection.execute(
                f"DELETE FROM study WHERE pk {among}"  # noqa: S608 - fixed names
                " AND NOT EXISTS (SELECT 1 FROM series WHERE study_pk = study.pk)",
                [json.dumps([row["study_pk"] for row in found])],
            )

    def verified(self, pks: Iterable[int], damaged: Iterable[int]) -> None:
        """Know how many objects of a series were damaged when its storage was verified, 0 clears it."""
        of_series = (
            "SELECT series_pk, COUNT(*) AS n FROM instance"
            " WHERE pk IN (SELECT value FROM json_each(?)) GROUP BY series_pk"
        )
        with self.transaction():
            for listed, factor in ((pks, 0), (damaged, 1)):
                for row in self.rows(of_series, [json.dumps(list(listed))]):
                    self.connection.execute(
                        "UPDATE series SET failed_verifications = ? WHERE pk = ?",
                        (factor * row["n"], row["series_pk"]),
                    )

    def forget_patient(self, pk: int) -> None:
        """Take a patient who has no studies out of the index."""
        self.connection.execute("DELETE FROM patient WHERE pk = ?", [pk])

    def _study(self, received: Received, at: float) -> int:
        found = self.rows("SELECT pk, patient_pk, attributes FROM study WHERE uid = ?", [received.study_uid])
        if not found:
            row = {"patient_pk": self._patient(received, at), "uid": received.study_uid}
            row |= {"received": at, "updated": at, "modified": at}
            return self._insert(Level.STUDY, row, received.level(Level.STUDY))
        study = found[0]
        patient = self.rows("SELECT pk, attributes FROM patient WHERE pk = ?", [study["patient_pk"]])[0]
        self._supplement(Level.PATIENT, patient, received, at)
        self._supplement(Level.STUDY, study, received, at)
        self.connection.execute("UPDATE study SET updated = ? WHERE pk = ?", (at, study["pk"]))
        return int(study["pk"])

    def _patient(self, received: Received, at: float) -> int:
        attributes = received.level(Level.PATIENT)
        if not received.patient_id:
            number = self.rows("SELECT COALESCE(MAX(pk), 0) + 1 AS n FROM patient")[0]["n"]
            attributes["00100020"] = {"vr": "LO", "Value": [f"P-{number:08d}"]}
        identity = identity_of(attributes)
        found = self.rows("SELECT pk, attributes FROM patient WHERE identity = ?", [identity])
        if found:
            self._supplement(Level.PATIENT, found[0], received, at)
            return int(found[0]["pk"])
        return self._insert(Level.PATIENT, {"identity": identity, "created": at, "updated": at}, attributes)

    def _series(self, received: Received, study_pk: int, source: str, at: float) -> int:
        found = self.rows(
            "SELECT pk, attributes FROM series WHERE study_pk = ? AND uid = ?",
            [study_pk, received.series_uid],
        )
        if not found:
            row = {"study_pk": study_pk, "uid": received.series_uid, "sending_aet": source or None}
            row |= {"received": at, "updated": at, "modified": at}
            return self._insert(Level.SERIES, row, received.level(Level.SERIES))
        self._supplement(Level.SERIES, found[0], received, at)
        self.connection.execute(
            "UPDATE series SET updated = ?, modified = ? WHERE pk = ?", (at, at, found[0]["pk"])
        )
        return int(found[0]["pk"])

    def _supplement(self, level: Level, row: sqlite3.Row, received: Received, at: float) -> None:
        held: Attributes = json.loads(row["attributes"])
        now = supplemented(held, received.level(level))
        if len(now) != len(held) or now != held:
            self.replace_attributes(level, int(row["pk"]), now, at)

    def _instance(
        self,
        received: Received,
        file: StoredFile,
        series_pk: int,
        at: float,
        marks: tuple[str | None, str | None],
    ) -> None:
        above = received.above_instance
        changes = overwritten(above, self.held_above(series_pk))
        previous = {tag: above[tag] for tag in changes if tag in above}
        coerced = json.dumps([original_item(previous, moment_of(at))]) if previous else None
        rejected, note = marks
        row = {
            "series_pk": series_pk,
            "uid": received.sop_instance_uid,
            "orthanc_id": file.orthanc_id,
            "as_received_pk": self._as_received(above),
            "coerced": coerced,
            "transfer_syntax": received.transfer_syntax_uid,
            "size": file.size,
            "digest": file.digest,
            "received": at,
            "updated": at,
            "rejected": rejected,
            "note": note,
        }
        self._insert(Level.INSTANCE, row, received.level(Level.INSTANCE))

    def _as_received(self, attributes: Attributes) -> int:
        """Return the row of attributes as received: most objects of a series share one."""
        text = json.dumps(attributes, sort_keys=True)
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        self.connection.execute(
            "INSERT OR IGNORE INTO as_received (digest, attributes) VALUES (?, ?)", (digest, text)
        )
        return int(self.rows("SELECT pk FROM as_received WHERE digest = ?", [digest])[0]["pk"])

    def _insert(self, level: Level, row: dict[str, Any], attributes: Attributes) -> int:
        columns, values = _matched(level, attributes)
        names = ", ".join((*row, "attributes", *columns))
        marks = ", ".join("?" * (len(row) + 1 + len(columns)))
        cursor = self.connection.execute(
            f"INSERT INTO {TABLES[level]} ({names}) VALUES ({marks})",  # noqa: S608 - fixed names
            (*row.values(), json.dumps(attributes), *values),
        )
        return int(cursor.lastrowid or 0)


def identity_of(attributes: Attributes) -> str:
    """Return what a patient is told by: PatientID with its issuer."""
    parts = (attributes.get("00100020", {}).get("Value"), attributes.get("00100021", {}).get("Value"))
    return json.dumps([str((part or [""])[0]).strip() for part in parts])


def _matched(level: Level, attributes: Attributes) -> tuple[list[str], list[str | int | None]]:
    kinds = kept_columns(level)
    return [f"t{tag}" for tag in kinds], [
        kept_value(kind, attributes.get(tag)) for tag, kind in kinds.items()
    ]
