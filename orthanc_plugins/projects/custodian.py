"""What a custodian keeps for projects, in one folder: keys, registers, the way back, the trail's head."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.audit.codes import OBJECT_SECURITY_CHANGED
from orthanc_plugins.audit.events import Occasion, audit_log_used, security_alert
from orthanc_plugins.audit.parties import AuditSource, Participant, ResourceObject
from orthanc_plugins.audit.place import TrailPlace
from orthanc_plugins.audit.trail import AuditTrail
from orthanc_plugins.custody.forms import PatientForm
from orthanc_plugins.custody.keys import (
    KeyPurpose,
    create_key,
    destroy_key,
    key_path,
    load_key,
    was_destroyed,
)
from orthanc_plugins.custody.mapping import IdentityTable, forget, is_table_there
from orthanc_plugins.custody.numbers import NumberRegister, erase_register, is_register_there
from orthanc_plugins.errors import AuditError, CustodyError, KeyUnusable
from orthanc_plugins.jobs import deidentification_of_job
from orthanc_plugins.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from orthanc_plugins.audit.events import AuditEvent
    from orthanc_plugins.audit.inspection import Seen
    from orthanc_plugins.audit.trail import Verdict
    from orthanc_plugins.custody.forms import PatientKind
    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.jobs import DeidentificationOrder

SUITE = "orthanc-pacs-suite"
"""How the suite is called in the audit trail."""

_TRAIL_KEY = "suite"
"""Under this name lies the key that seals the installation's trail."""

_RELEASE_ID_LENGTH = 32


def release_id_of(pseudonyms: Pseudonyms, order: DeidentificationOrder) -> str:
    """Return the identifier of what becomes of an order: without the project's key it tells nothing of it."""
    return pseudonyms.token("release", f"{order.study}|{order.digest}", _RELEASE_ID_LENGTH)


def release_id_of_job(pseudonyms: Pseudonyms, job_id: JobId) -> str:
    """Return the identifier of what becomes of the order that a job carries out."""
    study, _, digest = deidentification_of_job(job_id)
    return pseudonyms.token("release", f"{study}|{digest}", _RELEASE_ID_LENGTH)


def reading_by(reader: str) -> AuditEvent:
    """Return that somebody reads the audit trail (PS3.15 A.5.3.2)."""
    return audit_log_used(
        Occasion(datetime.now(UTC), AuditSource(SUITE)),
        readers=[Participant(reader, is_requestor=True)],
        log=ResourceObject(f"urn:{SUITE}:audit"),
    )


@dataclass(frozen=True)
class Custodian:
    """The custodian's folder, and the trail whose head is in it.

    Parameters
    ----------
    folder
        Keys and registers; whoever has it can find the patients again.
    trail_folder
        The audit trail; None where nothing is recorded, as for files on the command line.
    sealed_folder
        Tables of who is behind a pseudonym, sealed by keys in ``folder``: who has one folder alone has
        nothing of them. It is ``folder`` when None, as for files on the command line.
    """

    folder: Path
    trail_folder: Path | None = None
    sealed_folder: Path | None = None

    def create(
        self,
        project: str,
        *,
        reversible: bool = False,
        patients: PatientKind | None = None,
        otherwise: PatientKind | None = None,
    ) -> str:
        """Make a project's key and register, and what the suite needs besides; return the key's identifier.

        What is there stays. A key whose register is gone is refused: it would begin to count anew; so is a
        register whose key is gone, and a name whose key was destroyed. ``patients`` and ``otherwise`` are as
        of `patient_form`; a new project is keyed where neither is given.

        Raises
        ------
        KeyUnusable, CustodyError, AuditError
            Something cannot be made, or of what belongs together a part is missing.
        """
        if project == _TRAIL_KEY:
            raise KeyUnusable(f"{_TRAIL_KEY} is the suite's own name here: give the project another.")
        known = key_path(self.folder, project).exists()
        if not known and is_register_there(self.folder, project):
            self.pseudonyms(project)
        key = create_key(self.folder, project)
        if not known:
            form = PatientForm.of_kind(patients or otherwise or "keyed")
            NumberRegister.create(self.folder, project, key.key_id, form)
        self.patient_form(project, patients=patients, otherwise=otherwise)
        if reversible:
            self._create_identities(project)
        self._create_trail()
        return key.key_id

    def pseudonyms(self, project: str) -> Pseudonyms:
        """Return a project's keyed hash.

        Raises
        ------
        KeyUnusable, CustodyError
            The project's key or register is missing or not usable; the text says what to do.
        """
        if was_destroyed(self.folder, project):
            load_key(self.folder, project)  # says so, and that no other is made
        try:
            pseudonyms = Pseudonyms(load_key(self.folder, project).secret)
            NumberRegister(self.folder, project, pseudonyms.key_id)
        except (KeyUnusable, CustodyError) as error:
            raise type(error)(
                f"{error} A new project is made by: pacs project create {project}. One that was there is "
                "restored from the custodian's copy: a new key gives every patient a second pseudonym."
            ) from error
        return pseudonyms

    def patient_form(
        self, project: str, *, patients: PatientKind | None = None, otherwise: PatientKind | None = None
    ) -> PatientForm:
        """Return how the project's patients are called, as of `NumberRegister.agreed_form`."""
        register = NumberRegister(self.folder, project, self.pseudonyms(project).key_id)
        return register.agreed_form(patients, otherwise)

    def fixed_form(self, project: str) -> PatientForm | None:
        """Return how the project's patients are called; None where that was never said."""
        return NumberRegister(self.folder, project, self.pseudonyms(project).key_id).fixed_form

    def identities(self, project: str, roles: Collection[str]) -> IdentityTable:
        """Return the sealed way back of a project, which these roles may ask.

        Raises
        ------
        KeyUnusable, CustodyError
            There is none, or it cannot be used.
        """
        if not self.has_identities(project) and not self.is_identities_destroyed(project):
            raise KeyUnusable(
                f"Project {project} has no {KeyPurpose.MAPPING} key in {self.folder}. It is made by: "
                f"pacs project create {project} --reversible. One that was there is restored from the "
                "custodian's copy."
            )
        key = load_key(self.folder, project, KeyPurpose.MAPPING)
        return IdentityTable(self._sealed, key, frozenset(roles))

    def has_identities(self, project: str) -> bool:
        """Return whether there is a way back of a project."""
        return key_path(self.folder, project, KeyPurpose.MAPPING).exists()

    def way_back(self, project: str, roles: Collection[str]) -> IdentityTable | None:
        """Return the way back of a project that is to be reversible; None where it was destroyed for good.

        Raises
        ------
        KeyUnusable, CustodyError
            There is none although it was not destroyed, or it cannot be used.
        """
        return None if self.is_identities_destroyed(project) else self.identities(project, roles)

    def is_identities_destroyed(self, project: str) -> bool:
        """Return whether the way back of a project was destroyed for good."""
        return was_destroyed(self.folder, project, KeyPurpose.MAPPING)

    def count_patients(self, project: str) -> int:
        """Return how many patients a project has."""
        return NumberRegister(self.folder, project, self.pseudonyms(project).key_id).count()

    def projects(self) -> tuple[str, ...]:
        """Return the names of the projects that have a key."""
        suffix = f".{KeyPurpose.PSEUDONYMS}.key"
        return tuple(sorted(path.name.removesuffix(suffix) for path in self.folder.glob(f"*{suffix}")))

    def trail(self) -> AuditTrail:
        """Return the audit trail of this installation.

        Raises
        ------
        AuditError
            There is none, or it is not as it was left: what is to be recorded must not happen.
        """
        key = self._trail_key()
        if key is None:
            raise AuditError(
                "The key that seals the audit trail is not here: the first pacs project create makes it, and "
                "one that was there is restored from the custodian's copy."
            )
        return self.trail_place().opened(key)

    def trail_place(self) -> TrailPlace:
        """Return where the trail is, or ought to be.

        Raises
        ------
        AuditError
            None is kept.
        """
        if self.trail_folder is None:
            raise AuditError("No audit trail is kept here.")
        return TrailPlace(self.trail_folder, self._anchor, is_due=bool(self.projects()))

    def verdict(self, seen: Seen | None = None) -> Verdict:
        """Return whether the trail is as it was written, as `TrailPlace.verdict` does."""
        return self.trail_place().verdict(self._trail_key(), seen)

    def begin_trail_anew(self, asker: str, reason: str) -> Path:
        """Begin the trail anew in place of a broken one; return where what there was of that is kept.

        Raises
        ------
        AuditError, KeyUnusable
            The trail is whole, or was never begun, or a file cannot be made or moved.
        """
        place, people = self.trail_place(), {"reporter": Participant(SUITE), "asker": Participant(asker)}
        place.expect_broken(self._trail_key())
        key = create_key(self.folder, _TRAIL_KEY, KeyPurpose.AUDIT)
        return place.begin_anew(key.secret, **people, reason=reason)

    def destroy_identities(self, project: str, by: str) -> None:
        """Destroy the way back of a project for good, after it was recorded by whom; there is none again.

        Raises
        ------
        KeyUnusable, CustodyError, AuditError
            The project has none, or it is still there.
        """
        if not self.has_identities(project) and not is_table_there(self._sealed, project):
            why = "was destroyed before" if self.is_identities_destroyed(project) else "was never kept"
            raise CustodyError(
                f"There is nothing to destroy: who is behind the pseudonyms of project {project} {why}."
            )
        self._record_destruction(project, by, "mapping_destroyed")
        forget(self._sealed, self.folder, project)

    def destroy_key(self, project: str, by: str) -> None:
        """Destroy key and register of a project for good, after it was recorded by whom; its pseudonyms stay.

        Nobody can tell then by computing whose they are, nor give a known patient the same one again. No
        project of this name is made any more.

        Raises
        ------
        KeyUnusable, CustodyError, AuditError
            There is no such project, or something of it is still there.
        """
        if not key_path(self.folder, project).exists() and not is_register_there(self.folder, project):
            why = "was destroyed before" if was_destroyed(self.folder, project) else "is not here"
            raise CustodyError(f"There is nothing to destroy: the key of project {project} {why}.")
        self._record_destruction(project, by, "key_destroyed")
        destroy_key(self.folder, project)
        erase_register(self.folder, project)

    @property
    def _anchor(self) -> Path:
        return self.folder / "audit.head.json"

    @property
    def _sealed(self) -> Path:
        return self.sealed_folder or self.folder

    def _create_identities(self, project: str) -> None:
        known = self.has_identities(project)
        key = create_key(self.folder, project, KeyPurpose.MAPPING)
        (IdentityTable if known else IdentityTable.create)(self._sealed, key)

    def _trail_key(self) -> bytes | None:
        """Return the key that seals the trail; None where there is none.

        Raises
        ------
        AuditError
            It is there and not usable.
        """
        if not key_path(self.folder, _TRAIL_KEY, KeyPurpose.AUDIT).exists():
            return None
        try:
            return load_key(self.folder, _TRAIL_KEY, KeyPurpose.AUDIT).secret
        except KeyUnusable as error:
            raise AuditError(str(error)) from error

    def _create_trail(self) -> None:
        if self.trail_folder is None:
            return
        if key_path(self.folder, _TRAIL_KEY, KeyPurpose.AUDIT).exists():
            self.trail()
            return
        if self._anchor.exists():
            raise AuditError("The audit trail is there and its key is not; restore the key.")
        key = create_key(self.folder, _TRAIL_KEY, KeyPurpose.AUDIT)
        AuditTrail.create(self.trail_folder, key.secret, anchor=self._anchor)

    def _record_destruction(self, project: str, by: str, what: str) -> None:
        if self.trail_folder is None:
            return
        self._create_trail()  # that of a project made where none was kept
        event = security_alert(
            Occasion(datetime.now(UTC), AuditSource(SUITE), reason=what),
            alert=OBJECT_SECURITY_CHANGED,
            reporter=Participant(SUITE),
            performers=[Participant(by)],
            subjects=(ResourceObject(f"urn:project:{project}", "Project key"),),
        )
        self.trail().append(event)
