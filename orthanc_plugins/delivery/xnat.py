"""Released studies as sessions of an XNAT project."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from orthanc_plugins.archives.xnat_http import ARCHIVE, path_of
from orthanc_plugins.delivery.checking import (
    ParcelCheck,
    check_label,
    check_name,
    count_uncovered,
    stored_otherwise,
)
from orthanc_plugins.delivery.parcel import Delivery
from orthanc_plugins.delivery.xnat_course import Course, Patience, Route
from orthanc_plugins.delivery.xnat_held import held_of, session_of
from orthanc_plugins.delivery.xnat_transports import ImportTransport, ReceiverTransport
from orthanc_plugins.errors import ConfigurationError, NotFound, ReleaseRefused
from orthanc_plugins.validation import Finding
from orthanc_plugins.validation.stored import CHECK, Allowed, Trace, refusal_of

if TYPE_CHECKING:
    from orthanc_plugins.archives.dicom_peer import DicomPeer
    from orthanc_plugins.archives.xnat import Xnat
    from orthanc_plugins.archives.xnat_records import XnatScript, XnatSession
    from orthanc_plugins.delivery.parcel import Parcel
    from orthanc_plugins.delivery.xnat_held import Held
    from orthanc_plugins.delivery.xnat_transports import Transport

RESOURCE = "DEIDENTIFICATION"
"""The resource of a session that certificates are in."""
_STUDY_DESCRIPTION, _PATIENT_NAME, _PATIENT_ID = 0x00081030, 0x00100010, 0x00100020
_EMPTIED = frozenset({0x00080090, 0x00100030})
"""Referring Physician's Name and Patient's Birth Date: the project's script empties or deletes them."""
_DISMISSIBLE = frozenset({b"", b"REMOVED"})
"""Empty values and the dummy of texts (PS3.15 E.1.1, action D): the project's script deletes some elements
that an object's definition demands, and of which nothing else was left."""
_SCHEME = "XNAT"


class XnatDestination:
    """A project of an XNAT; one delivery of a study at a time.

    A parcel's patient becomes the subject, its label the session. The project is made if it is not there.

    Parameters
    ----------
    transport
        ``import``: by XNAT's import service; ``c-store``: to its receiver, which must be given.
    script
        The project's anonymisation script, which is kept there and switched on; with None it is as it is.
    workspace
        Where files are packed and unpacked: twice the size of a study; the system's place when None.
    """

    def __init__(  # noqa: PLR0913 - all that can differ between projects
        self,
        xnat: Xnat,
        project: str,
        *,
        transport: Literal["import", "c-store"] = "import",
        receiver: DicomPeer | None = None,
        script: str | None = None,
        workspace: Path | None = None,
        patience: Patience | None = None,
    ) -> None:
        check_label(project, what="project of XNAT", archive=ARCHIVE)
        self._xnat = xnat
        self._project = project
        self._script = script
        self._workspace = workspace
        way: Transport = ImportTransport(xnat, project)
        if transport == "c-store":
            if receiver is None:
                raise ConfigurationError("To send to XNAT by C-STORE its receiver must be given.")
            way = ReceiverTransport(xnat, project, receiver)
        self._route = Route(xnat, project, way, patience or Patience())

    @property
    def name(self) -> str:
        """Kind and name."""
        return f"xnat:{self._project}"

    def prepare(self) -> XnatScript:
        """Have the project, its script switched on where one is given, and return what is there."""
        self._xnat.projects.ensure(self._project)
        if self._script is None:
            return self._xnat.projects.script(self._project)
        return self._xnat.projects.ensure_script(self._project, self._script)

    def deliver(self, parcel: Parcel) -> Delivery:
        """Store a study as a session, download it, and return what is there; see `Destination`."""
        check_label(parcel.patient, what="subject of XNAT", archive=ARCHIVE)
        check_label(parcel.session, what="session of XNAT", archive=ARCHIVE)
        traces = self._traces(self.prepare())
        with tempfile.TemporaryDirectory(dir=self._workspace, prefix="xnat-") as folder:
            course = Course(self._route, parcel, Path(folder))
            held = course.run()
            delivery = self._checked(parcel, held, traces, course.before, ended="it was not delivered")
        sent = sum(file.sop_instance_uid not in course.before for file in parcel.files)
        return replace(delivery, sent=sent)

    def look(self, parcel: Parcel) -> Delivery:
        """Download a session, and check it as after a delivery; see `Destination`."""
        session = self._session(parcel)
        traces = self._traces(self._xnat.projects.script(self._project))
        with tempfile.TemporaryDirectory(dir=self._workspace, prefix="xnat-") as folder:
            held = held_of(self._xnat, session, Path(folder) / "stored")
            before = frozenset(file.sop_instance_uid for file in parcel.files)
            return self._checked(parcel, held, traces, before, ended="it has changed since it was delivered")

    def attach(self, parcel: Parcel, name: str, content: bytes) -> None:
        """Store a file in the session's resource for certificates, and read it back.

        Raises
        ------
        NotFound
            The session is not there.
        ReleaseRefused
            What is read back is something else.
        """
        check_name(name, archive=ARCHIVE)
        session = self._session(parcel)
        self._xnat.sessions.attach(session, RESOURCE, name, content)
        if self._xnat.sessions.attached(session, RESOURCE, name) != content:
            raise ReleaseRefused(
                f"XNAT does not store {name} of session {parcel.session} as it was sent: delete it there, "
                "and attach it again."
            )

    def _session(self, parcel: Parcel) -> XnatSession:
        session = session_of(self._xnat, self._project, parcel)
        if session is None:
            raise NotFound(
                f"XNAT has no session {parcel.session} in project {self._project}: deliver it before.",
                archive=ARCHIVE,
            )
        return session

    def _checked(
        self,
        parcel: Parcel,
        held: Held,
        traces: tuple[Trace, ...],
        before: frozenset[str],
        *,
        ended: str,
    ) -> Delivery:
        """Return what XNAT holds, if it is what was sent; ``before`` as of `ParcelCheck.objects`.

        ``ended`` says how it ends where it is not.
        """
        check = ParcelCheck(parcel, self._allowed(parcel, traces))
        findings = check.objects(held.stored, before=before)
        stored = stored_otherwise(parcel, held.stored)
        findings += self._findings_of_session(parcel, held, check)
        if findings:
            raise ReleaseRefused(
                f"XNAT does not store session {parcel.session} of project {self._project} as it was sent: "
                f"{refusal_of(findings)}. Quarantine the session there; {ended}."
            )
        uncovered = count_uncovered(
            parcel, held.files, what=f"Session {parcel.session} of project {self._project} in XNAT"
        )
        return replace(self._delivered(parcel, check), stored=stored, uncovered=uncovered)

    def _traces(self, script: XnatScript) -> tuple[Trace, ...]:
        """Return what the scripts of site and project, in this order, leave in each object."""
        site = self._xnat.projects.site_script()
        traces = [Trace(_SCHEME, None, demanded=False)] if site is None else []
        enabled = (one for one in (site, script) if one is not None and one.enabled)
        traces += [Trace(_SCHEME, int(one.number) if one.number.isdigit() else None) for one in enabled]
        return tuple(traces)

    def _allowed(self, parcel: Parcel, traces: tuple[Trace, ...]) -> Allowed:
        relabelled = {
            _STUDY_DESCRIPTION: self._project,
            _PATIENT_NAME: parcel.patient,
            _PATIENT_ID: parcel.session,
        }
        return Allowed(relabelled, _EMPTIED, _DISMISSIBLE, traces)

    def _findings_of_session(self, parcel: Parcel, held: Held, check: ParcelCheck) -> list[Finding]:
        """Return what is wrong with the session itself: numbers of files, scans, its XML, names of files."""
        session = held.session
        if session is None:
            return [Finding(CHECK, "", "", "there is no session")]
        findings = []
        if held.odd or held.count != len(held.files):
            text = f"it has {held.count} files, and {len(held.files)} objects are in them"
            findings.append(Finding(CHECK, "", "session", text))
        findings += self._scans_missing(parcel, session)
        findings += check.words(self._xnat.sessions.document(session), "XML of the session")
        names = "\n".join(file.name for file in held.files.values())
        return findings + check.words(names.encode(), "names of files")

    def _scans_missing(self, parcel: Parcel, session: XnatSession) -> list[Finding]:
        there = {scan.series_uid for scan in self._xnat.sessions.scans(session)}
        missing = {file.series_uid for file in parcel.files} - there
        text = f"{len(missing)} series are no scan of it"
        return [Finding(CHECK, "", "session", text)] if missing else []

    def _delivered(self, parcel: Parcel, check: ParcelCheck) -> Delivery:
        place = ("projects", self._project, "subjects", parcel.patient, "experiments", parcel.session)
        return Delivery(
            destination=self.name,
            address=f"{self._xnat.url}{path_of('data', 'archive', *place)}?format=html",
            labels={"project": self._project, "subject": parcel.patient, "session": parcel.session},
            instances=len(parcel.files),
            changes=check.changes,
        )
