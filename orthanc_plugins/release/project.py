"""A project: its key, its profile, and which number or pseudonym a patient has in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from orthanc_plugins.custody.keys import load_key
from orthanc_plugins.custody.numbers import NumberRegister, UnchangedRegister
from orthanc_plugins.deid.engine import Engine, Subject
from orthanc_plugins.deid.standard import registered_uids
from orthanc_plugins.deid.text import Echo
from orthanc_plugins.errors import HeldForReview, ProfileError
from orthanc_plugins.pseudonyms import Pseudonyms, is_assigned_by_dicom

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.custody.forms import PatientForm
    from orthanc_plugins.deid.profile import Profile
    from orthanc_plugins.deid.standard import Option
    from orthanc_plugins.pseudonyms import PatientKey
    from orthanc_plugins.release.inputs import Identity, StudyInput


_BY_COMMAND = "--one-person"


def is_public(uid: str) -> bool:
    """Return whether a UID means the same everywhere, and so is never replaced."""
    return is_assigned_by_dicom(uid) or uid in registered_uids()


@dataclass(frozen=True)
class Project:
    """One project's way of de-identifying.

    Parameters
    ----------
    name
        As the custodian calls it.
    engine
        With the project's key and profile.
    register
        Numbers of patients, and what tells two persons of one identifier apart.
    form
        How patients are called.
    settled_by
        How whoever asked says that two persons are one.
    """

    name: str
    engine: Engine
    register: NumberRegister
    form: PatientForm
    settled_by: str = _BY_COMMAND

    @classmethod
    def opened(  # noqa: PLR0913 - each is a fact of its own, given by name
        cls,
        name: str,
        custody: Path,
        profile: Profile,
        version: str,
        *,
        settled_by: str = _BY_COMMAND,
        is_preview: bool = False,
    ) -> Self:
        """Return a project that was created before.

        Parameters
        ----------
        custody
            The custodian's folder.
        is_preview
            Nothing is remembered of the patients that are asked about.

        Raises
        ------
        KeyUnusable, CustodyError
            Its key or register is missing, or cannot be used. Neither is made here: made anew in place of
            one that was lost it would give every patient a second pseudonym.
        ProfileError
            The profile is for patients who are called otherwise.
        """
        pseudonyms = Pseudonyms(load_key(custody, name).secret, is_public)
        kind = UnchangedRegister if is_preview else NumberRegister
        register = kind(custody, name, pseudonyms.key_id)
        form = register.form
        if profile.patients not in {None, form.kind}:
            raise ProfileError(
                f"The profile {profile.name} is for projects whose patients are {profile.patients}, and "
                f"those of project {name} are {form.kind} since it was made: take another profile, or make "
                f"a project for it (pacs project create NAME --{profile.patients})."
            )
        return cls(name, Engine(profile, pseudonyms, version), register, form, settled_by)

    @property
    def profile(self) -> Profile:
        """What is done."""
        return self.engine.profile

    @property
    def pseudonyms(self) -> Pseudonyms:
        """Of the project's key."""
        return self.engine.pseudonyms

    def subject(self, study: StudyInput) -> Subject:
        """Return the patient as the project knows them.

        Raises
        ------
        HeldForReview
            The identifier seems to be that of two persons.
        """
        digest = self.pseudonyms.patient_digest(study.patient)
        for name, birth_date, sex in sorted(study.persons):
            traits = self.pseudonyms.trait_digests(study.patient, name=name, birth_date=birth_date, sex=sex)
            conflict = self.register.conflict(digest, traits)
            if conflict is not None:
                raise HeldForReview(
                    f"The identifier of patient number {conflict.number} of the project seems to be that of "
                    f"two persons: {' and '.join(conflict.traits)} differ from what was seen before. Correct "
                    f"the objects, or say that it is one person ({self.settled_by})."
                )
        return Subject(
            self._pseudonym(study.patient, digest),
            self.pseudonyms.weeks(study.patient),
            _echo(study.identity, self.profile.options).found_in,
            _echo(study.identity, self.profile.options, initials=True).found_in,
        )

    def settle(self, study: StudyInput) -> None:
        """Remember that a person has looked, and the study's names and dates are those of one patient."""
        digest = self.pseudonyms.patient_digest(study.patient)
        for name, birth_date, sex in sorted(study.persons):
            self.register.settle(
                digest,
                self.pseudonyms.trait_digests(study.patient, name=name, birth_date=birth_date, sex=sex),
            )

    def _pseudonym(self, patient: PatientKey, digest: bytes) -> str:
        if self.form.numbers is None:
            return self.pseudonyms.patient(patient)
        return self.form.numbers.written(self.register.number_of(digest))


def _echo(identity: Identity, retained: frozenset[Option], *, initials: bool = False) -> Echo:
    """Return what to search for: all but the values that an option of the profile retains."""
    values = [value for value, options in identity.values.items() if not options & retained]
    return Echo.of(values, names=identity.names, dates=identity.dates, initials=initials)
