"""What is de-identified, where it goes, and who may ask for it: built from settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.archives import OrthancRest
from orthanc_plugins.archives.orthanc_users import OrthancUsers
from orthanc_plugins.errors import ConfigurationError
from orthanc_plugins.projects import Custodian, Deidentification, XnatAccess
from orthanc_plugins.services.secrets import told
from orthanc_plugins.sign_on import SignOn

if TYPE_CHECKING:
    from orthanc_plugins.settings import Settings, XnatSettings


def deidentification_of(settings: Settings) -> Deidentification:
    """Return what is de-identified.

    Raises
    ------
    ConfigurationError
        A project's studies go to XNAT, and nobody has told where and who the suite is there.
    """
    chosen, xnat = settings.deidentification, _xnat(settings.xnat)
    lost = [one.name for one in chosen.projects if one.destination.kind == "xnat"]
    if lost and xnat is None:
        raise ConfigurationError(
            f"Deidentification.Projects: {', '.join(lost)} goes to XNAT: set Xnat.Url and who the suite is "
            "there, or another Destination."
        )
    names = [project.name for project in chosen.projects]
    return Deidentification(
        custodian=Custodian(settings.custody, settings.audit, settings.identities),
        projects={project.name: project for project in chosen.projects},
        default_project=chosen.default_project or (names[0] if len(names) == 1 else None),
        rules=chosen.rules,
        profiles=chosen.profiles_directory,
        processes=chosen.processes,
        look_up_users=frozenset(chosen.look_up_users),
        xnat=xnat,
    )


def sign_on_of(settings: Settings) -> SignOn:
    """Return what tells who asks."""
    orthanc, chosen = settings.orthanc, settings.sign_on
    users = OrthancUsers(
        lambda headers: OrthancRest(str(orthanc.url), timeout_s=orthanc.timeout_s, headers=headers)
    )
    return SignOn(users.user_of, chosen.user_header, told(chosen.proxy_secret))


def _xnat(chosen: XnatSettings) -> XnatAccess | None:
    user, secret = chosen.username or chosen.alias_token, chosen.password or chosen.secret
    if chosen.url is None or user is None:
        return None
    return XnatAccess(
        url=str(chosen.url).rstrip("/"),
        user=user,
        secret=told(secret),
        ca_file=chosen.ca_file,
        timeout_s=chosen.timeout_s,
        transport=chosen.transport,
        aet=chosen.aet,
        dicom_host=chosen.dicom_host or chosen.url.host or "localhost",
        dicom_port=chosen.dicom_port,
        install_script=chosen.install_script,
    )
