"""What a project's settings and an order choose: the project, its profile, and that they fit each other."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from orthanc_plugins import __version__
from orthanc_plugins.deid.markers import longitudinal
from orthanc_plugins.deid.profile import load_profile
from orthanc_plugins.deid.standard import Option
from orthanc_plugins.errors import ConfigurationError, ProfileError
from orthanc_plugins.release import Project

if TYPE_CHECKING:
    from orthanc_plugins.custody.mapping import IdentityTable
    from orthanc_plugins.deid.profile import Profile
    from orthanc_plugins.projects import Deidentification
    from orthanc_plugins.rules import DeidentificationProject


logger = logging.getLogger(__name__)


def chosen_project(chosen: Deidentification, name: str) -> DeidentificationProject:
    """Return a project of the settings.

    Raises
    ------
    ConfigurationError
        There is none of this name any more.
    """
    project = chosen.projects.get(name)
    if project is None:
        raise ConfigurationError(f"{name} is none of Deidentification.Projects: put it there.")
    return project


def chosen_profile(chosen: Deidentification, project: DeidentificationProject, name: str) -> Profile:
    """Return a profile as a project uses it.

    Raises
    ------
    ProfileError
        The project does not allow it, it does not keep dates although it is there for that, or it keeps UIDs:
        the record of a release would name the original then.
    """
    if name not in project.profiles:
        raise ProfileError(
            f"Project {project.name} does not allow the profile {name}: add it to MoreProfiles."
        )
    profile = load_profile(name, chosen.profiles)
    if Option.RETAIN_UIDS in profile.options:
        raise ProfileError(
            f"The profile {name} keeps UIDs, so that whoever has the study finds the original; it is for "
            "pacs deidentify alone."
        )
    if name == project.longitudinal_profile and longitudinal(profile) == "REMOVED":
        raise ProfileError(
            f"LongitudinalProfile of {project.name} is {name}, which removes dates: take one with an option "
            "for longitudinal dates (PS3.15 E.3.6)."
        )
    return profile


def opened_project(chosen: Deidentification, project: DeidentificationProject, profile: Profile) -> Project:
    """Return a project with a profile; how patients are called, if that was not fixed, is as settings say.

    Raises
    ------
    KeyUnusable, CustodyError, ProfileError
        The settings or the profile say otherwise than was fixed, or the project cannot be used.
    """
    custodian = chosen.custodian
    by_profile = load_profile(project.profile, chosen.profiles).patients
    custodian.patient_form(project.name, patients=project.patients, otherwise=by_profile or "keyed")
    return Project.opened(project.name, custodian.folder, profile, __version__, settled_by="one_person: true")


def previewed_project(
    chosen: Deidentification, project: DeidentificationProject, profile: Profile
) -> Project:
    """Return a project with a profile, by which nothing is remembered and nothing fixed.

    Raises
    ------
    ConfigurationError, ProfileError, KeyUnusable, CustodyError
        A release would fail by it.
    """
    fault = chosen.fault_of(project)
    if fault is not None:
        raise ConfigurationError(f"Project {project.name} cannot be used: {fault}")
    custody = chosen.custodian.folder
    return Project.opened(
        project.name, custody, profile, __version__, settled_by="one_person: true", is_preview=True
    )


def way_back(chosen: Deidentification, project: DeidentificationProject) -> IdentityTable | None:
    """Return where it is kept who is behind a project's pseudonyms; None where that was destroyed for good.

    Raises
    ------
    KeyUnusable, CustodyError
        There is none although it was not destroyed, or it cannot be used.
    """
    table = chosen.custodian.way_back(project.name, project.custodians)
    if table is None:
        logger.warning(
            "Project %s is not reversible any more: what told who is behind its pseudonyms was destroyed. "
            "Set Reversible to false.",
            project.name,
        )
    return table
