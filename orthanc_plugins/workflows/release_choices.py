"""What a project's settings and an order choose: the project, its profile, and that they fit each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.markers import longitudinal
from orthanc_plugins.deid.profile import load_profile
from orthanc_plugins.deid.standard import Option
from orthanc_plugins.errors import ConfigurationError, ProfileError

if TYPE_CHECKING:
    from orthanc_plugins.deid.profile import Profile
    from orthanc_plugins.projects import Deidentification
    from orthanc_plugins.rules import DeidentificationProject


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
    if project.patients is None:
        return profile
    return profile.model_copy(update={"patients": project.patients})
