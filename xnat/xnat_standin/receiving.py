"""Reception: which project, subject and session a file is of, and the site's script on its way in."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from xnat_standin.answers import RefusedError
from xnat_standin.archive import clean_label
from xnat_standin.dicomedit.language import DicomEditError
from xnat_standin.prearchive import UNASSIGNED, Identity
from xnat_standin.scripts import SITE

if TYPE_CHECKING:
    from pathlib import Path

    from xnat_standin.archive import Archive
    from xnat_standin.header import Header
    from xnat_standin.prearchive import Prearchive
    from xnat_standin.scripts import Scripts


@dataclass(frozen=True)
class Delivery:
    """What a sender says of what it sends; what it does not say is found in the files."""

    project: str | None = None
    subject: str | None = None
    session: str | None = None
    autoarchive: str = ""
    prevent_anon: bool = False
    prevent_auto_commit: bool = False
    source: str = ""
    visit: str = ""
    timezone: str = ""


class Receiving:
    """Takes files into the prearchive."""

    def __init__(self, archive: Archive, prearchive: Prearchive, scripts: Scripts) -> None:
        self._archive = archive
        self._prearchive = prearchive
        self._scripts = scripts

    def identity(self, header: Header, delivery: Delivery) -> Identity:
        """Return the session a file is of."""
        return Identity(
            project=delivery.project or self._routed(header),
            study_uid=header.study_uid,
            label=clean_label(delivery.session or header.session) or clean_label(header.study_uid),
            subject=delivery.subject or header.subject,
            autoarchive=delivery.autoarchive or header.auto_archive,
            prevent_anon=delivery.prevent_anon,
            prevent_auto_commit=delivery.prevent_auto_commit,
            source=delivery.source,
            visit=delivery.visit,
            timezone=delivery.timezone,
        )

    def receive(self, file: Path, header: Header, delivery: Delivery, *, anew: bool = False) -> int | None:
        """Return the row that a file has gone to; None when the site's script has dropped it.

        The file is moved. ``anew`` opens another row though there is one.

        Raises
        ------
        RefusedError
            The site's script could not be carried out; the file is not taken.
        """
        identity = self.identity(header, delivery)
        variables = {
            "project": identity.project or UNASSIGNED,
            "subject": identity.subject,
            "session": identity.label,
        }
        try:
            kept = delivery.prevent_anon or self._scripts.apply(SITE, file, variables)
        except DicomEditError as error:
            raise RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, f"Anonymization failed: {error}") from error
        if not kept:
            return None
        row = self._prearchive.open(identity, anew=anew)
        self._prearchive.add(row, header, file)
        return row

    def _routed(self, header: Header) -> str | None:
        """Return the project that the file's own attributes name, None when none of them is one."""
        for text in filter(None, (header.project, *header.other_projects)):
            if project := self._archive.project_named(text):
                return project
        return None
