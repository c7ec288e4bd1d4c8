"""All parts of the stand-in, joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xnat_standin.archive import Archive
from xnat_standin.archiving import Archiver, Parts
from xnat_standin.database import Database
from xnat_standin.faults import Faults
from xnat_standin.logins import Logins
from xnat_standin.prearchive import Prearchive
from xnat_standin.preferences import Preferences
from xnat_standin.receiving import Receiving
from xnat_standin.scripts import Scripts
from xnat_standin.users import Profile, Users

if TYPE_CHECKING:
    from xnat_standin.configuration import Configuration


@dataclass(frozen=True)
class Xnat:
    """What handlers work with."""

    configuration: Configuration
    database: Database
    preferences: Preferences
    users: Users
    logins: Logins
    archive: Archive
    prearchive: Prearchive
    scripts: Scripts
    archiver: Archiver
    receiving: Receiving
    faults: Faults

    def close(self) -> None:
        """Finish what is being archived and close the database."""
        self.archiver.close()
        self.database.close()


def open_xnat(configuration: Configuration) -> Xnat:
    """Return the stand-in with what its folder holds, set up when it is empty."""
    for folder in (configuration.data, configuration.build, configuration.archive, configuration.prearchive):
        folder.mkdir(parents=True, exist_ok=True)
    for left in configuration.build.iterdir():
        if left.is_file():
            left.unlink()
    database = Database(configuration.data / "xnat.sqlite")
    preferences, users, faults = Preferences(database), Users(database), Faults()
    if not users.rows():
        users.create(Profile("admin", "admin@localhost"), configuration.admin_password, admin=True)
        preferences.change({"initialized": configuration.initialised})
    scripts = Scripts(database, preferences, configuration.dicom_edit)
    archive = Archive(database, configuration.archive)
    prearchive = Prearchive(database, configuration.prearchive)
    prearchive.recover()
    parts = Parts(archive, prearchive, scripts, preferences, faults)
    return Xnat(
        configuration=configuration,
        database=database,
        preferences=preferences,
        users=users,
        logins=Logins(configuration.session_timeout_s),
        archive=archive,
        prearchive=prearchive,
        scripts=scripts,
        archiver=Archiver(parts, configuration.archive_timeout_s),
        receiving=Receiving(archive, prearchive, scripts),
        faults=faults,
    )
