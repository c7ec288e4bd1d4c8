"""Which projects the settings have, and whether each can be used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.errors import CustodyError, KeyUnusable, ProfileError
from orthanc_plugins.rules.profiles import profile_summary
from orthanc_plugins.signing_keys import load_signing_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from orthanc_plugins.custody.forms import PatientKind
    from orthanc_plugins.projects.custodian import Custodian
    from orthanc_plugins.projects.xnat_access import XnatAccess
    from orthanc_plugins.rules import DeidentificationProject, DeidentificationRule
    from orthanc_plugins.rules.profiles import ProfileSummary


@dataclass(frozen=True)
class Deidentification:
    """What is de-identified, for whom, and by whose keys.

    ``projects`` are by name, ``profiles`` is the folder of the site's own profiles, ``processes`` how many
    share the work on one study, and ``look_up_users`` may ask who is behind a pseudonym.
    """

    custodian: Custodian
    projects: Mapping[str, DeidentificationProject] = field(default_factory=dict)
    default_project: str | None = None
    rules: tuple[DeidentificationRule, ...] = ()
    profiles: Path | None = None
    processes: int = 1
    look_up_users: frozenset[str] = frozenset()
    xnat: XnatAccess | None = None

    def fault_of(self, project: DeidentificationProject) -> str | None:
        """Return all that keeps a project from being used, each with what to do; None where nothing does.

        Nothing is made or fixed by asking. Whether the audit trail can be written is the installation's, not
        the project's: `Custodian.trail` tells.
        """
        return " ".join(self._faults(project)) or None

    def _faults(self, project: DeidentificationProject) -> Iterator[str]:
        fixed: PatientKind | None = None
        try:
            form = self.custodian.fixed_form(project.name)
            fixed = None if form is None else form.kind
        except (KeyUnusable, CustodyError) as error:
            yield str(error)
        try:
            if project.reversible:
                self.custodian.way_back(project.name, project.custodians)
        except (KeyUnusable, CustodyError) as error:
            yield str(error)
        try:
            load_signing_key(self.custodian.folder)
        except KeyUnusable as error:
            yield f"{error} A new one is made by: pacs certificate key --create."
        yield from self._profile_faults(project, fixed)

    def _profile_faults(self, project: DeidentificationProject, fixed: PatientKind | None) -> Iterator[str]:
        """Yield what is wrong with the profiles that may be asked for, and with how they call patients."""
        told = {}
        for name in project.profiles:
            try:
                told[name] = profile_summary(name, self.profiles)
            except ProfileError as error:
                yield str(error)
        yield from _faults_of_forms(project, told, fixed)
        for name in (name for name, profile in told.items() if profile.keeps_uids):
            yield f"The profile {name} keeps UIDs, and is for pacs deidentify alone: take another."
        longitudinal = told.get(project.longitudinal_profile or "")
        if longitudinal is not None and longitudinal.dates == "removed":
            yield (
                f"LongitudinalProfile is {project.longitudinal_profile}, which removes dates: take one that "
                "does not."
            )


def _faults_of_forms(
    project: DeidentificationProject, told: Mapping[str, ProfileSummary], fixed: PatientKind | None
) -> Iterator[str]:
    """Yield where the settings or a profile call patients otherwise than was fixed, or is going to be.

    Parameters
    ----------
    fixed
        None where nothing was fixed yet: then the first job fixes what the settings say, or the profile.
    """
    if fixed is not None and project.patients not in {None, fixed}:
        yield (
            f"Patients of project {project.name} are {fixed} since it was made, and its settings say "
            f"{project.patients}: set Patients to {fixed}, or make another project."
        )
    own = told.get(project.profile)
    form = fixed or project.patients or (own and own.patients) or "keyed"
    for name, profile in told.items():
        if profile.patients not in {None, form}:
            yield (
                f"The profile {name} is for projects whose patients are {profile.patients}, and those of "
                f"project {project.name} are {form}: take another profile, or make a project for it (pacs "
                f"project create NAME --{profile.patients})."
            )
