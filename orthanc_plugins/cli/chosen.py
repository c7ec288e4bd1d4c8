"""What the settings say of projects and profiles of de-identification, for commands that name one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from orthanc_plugins.deid.profile import Profile
    from orthanc_plugins.rules import DeidentificationProject


def project_of_settings(name: str) -> DeidentificationProject | None:
    """Return what the settings say of a project; None where they do not name it.

    Raises
    ------
    ConfigurationError
        The settings cannot be read.
    """
    from orthanc_plugins.settings import read_settings  # noqa: PLC0415 - only where a command needs them

    return next((one for one in read_settings().deidentification.projects if one.name == name), None)


def profiles_of_settings() -> Path | None:
    """Return the folder of the site's own profiles.

    Raises
    ------
    ConfigurationError
        The settings cannot be read.
    """
    from orthanc_plugins.settings import read_settings  # noqa: PLC0415 - only where a command needs them

    return read_settings().deidentification.profiles_directory


def named_profile(name: str) -> Profile:
    """Return a profile that a command names: a file, else one of the site's own, else one of those shipped.

    Raises
    ------
    ProfileError, ConfigurationError
        There is none, it contradicts itself, or the settings cannot be read.
    """
    from orthanc_plugins.deid.profile import load_profile, read_profile  # noqa: PLC0415 - loads pydicom

    file = Path(name)
    return read_profile(file) if file.suffix == ".yaml" else load_profile(name, profiles_of_settings())


def patients_by_default(project: DeidentificationProject) -> Literal["keyed", "numbered"]:
    """Return how patients of a project of the settings are called where these do not say it themselves.

    Raises
    ------
    ProfileError, ConfigurationError
        The project's profile cannot be used.
    """
    return project.patients or named_profile(project.profile).patients or "keyed"
