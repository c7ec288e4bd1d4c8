"""The way of one study into XNAT's archive, step by step; after each the whole is looked at anew.

A step is taken by what is there alone, not by what was done before: so a delivery that was cut off, or whose
process was killed, is gone on with by whoever looks next, and nothing is sent that may have arrived.

| in the prearchive | in the archive | step |
|---|---|---|
| XNAT works on it | | wait |
| as many files as are missing | | archive them |
| anything else of the study | | delete it there |
| nothing | something is missing | send that |
| nothing | all is there | done |

An object that comes after the others is another kind of session for XNAT (a structure set without its images
is), and not merged: so one stored object of each other SOP class goes with it, and replaces itself.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.archives.xnat_http import ARCHIVE
from orthanc_plugins.delivery.xnat_held import Held, held_of, session_of
from orthanc_plugins.errors import ArchiveError, ArchiveRefused, ArchiveUnavailable, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orthanc_plugins.archives.xnat import Xnat
    from orthanc_plugins.archives.xnat_records import WaitingSession
    from orthanc_plugins.delivery.parcel import Parcel, ParcelFile
    from orthanc_plugins.delivery.xnat_transports import Transport

_DONE_OR_AT_IT = frozenset({303, 403})
"""Of a session that archives by itself XNAT answers where it went; of one in work that somebody is at it."""
_RANKS = ("xnat:petScanData", "xnat:mrScanData", "xnat:ctScanData")
"""Which kind of scan gives a session its kind, the first that is there; images of other kinds come next."""
_ABOUT_IMAGES = frozenset(
    {"xnat:rtImageScanData", "xnat:segScanData", "xnat:srScanData", "xnat:otherDicomScanData"}
)


@dataclass(frozen=True)
class Patience:
    """How long XNAT is waited for.

    Parameters
    ----------
    deadline_s
        For what it works on.
    quiet_s
        What is in reception and did not change for so long is taken as left behind by an import that failed.
    appear_s
        For a first sign of an import whose answer was lost.
    steps
        So many at most are taken in one delivery.
    """

    deadline_s: float = 1800.0
    quiet_s: float = 60.0
    appear_s: float = 20.0
    steps: int = 8


@dataclass(frozen=True)
class Route:
    """Where a study goes, how it is sent there, and with what patience."""

    xnat: Xnat
    project: str
    transport: Transport
    patience: Patience = field(default_factory=Patience)


class Course:
    """One delivery of one parcel; files are packed and unpacked in a folder."""

    def __init__(self, route: Route, parcel: Parcel, folder: Path) -> None:
        self._xnat, self._project = route.xnat, route.project
        self._transport, self._patience = route.transport, route.patience
        self._parcel = parcel
        self._folder = folder
        self._held: Held | None = None
        self._sent = self._archived = False
        self._cause: ArchiveError | None = None
        self.before: frozenset[str] = frozenset()
        """SOP Instance UIDs that were there at the first look."""

    def run(self) -> Held:
        """Return what is in the archive when nothing of the parcel is missing there.

        Raises
        ------
        ArchiveUnavailable
            It did not come to that; the same may be done again.
        ArchiveRefused
            XNAT does not take the study.
        """
        for step in range(self._patience.steps):
            waiting = self._settled()
            held = self._looked()
            if not step:
                self.before = frozenset(held.files)
            missing = [one for one in self._parcel.files if one.sop_instance_uid not in held.files]
            if waiting:
                self._take_up(waiting, missing, held)
            elif missing:
                self._send([*missing, *self._companions(missing, held)])
            else:
                return held
        raise self._cause or ArchiveUnavailable(
            f"Study {self._parcel.study_uid} is not complete in XNAT, whatever was done.", archive=ARCHIVE
        )

    def _settled(self) -> tuple[WaitingSession, ...]:
        return self._xnat.prearchive.settled(
            self._project,
            self._parcel.study_uid,
            deadline_s=self._patience.deadline_s,
            quiet_s=self._patience.quiet_s,
            unassigned=self._transport.unassigned,
        )

    def _looked(self) -> Held:
        """Return what is in the archive; it is downloaded anew only when it may have changed."""
        session = session_of(self._xnat, self._project, self._parcel)
        if session is None:
            return Held()
        if self._held is not None and self._held.count == self._xnat.sessions.count(session):
            return self._held
        self._held = held_of(self._xnat, session, self._folder / "stored")
        return self._held

    def _companions(self, missing: Sequence[ParcelFile], held: Held) -> list[ParcelFile]:
        """Return one stored object of each SOP class that is not among the missing ones."""
        if not held.files:
            return []
        new = {file.sop_class_uid for file in missing}
        stored = (file for file in self._parcel.files if file.sop_instance_uid in held.files)
        by_class = {file.sop_class_uid: file for file in stored if file.sop_class_uid not in new}
        return list(by_class.values())

    def _send(self, files: Sequence[ParcelFile]) -> None:
        """Send files; go on only if something of them is seen afterwards, so that none is sent twice."""
        try:
            self._transport.send(self._parcel, files, self._folder)
        except ArchiveUnavailable as error:
            if self._cause is not None or not self._has_appeared():
                raise
            self._cause = error
        except ArchiveRefused:
            with suppress(ArchiveError):  # what it refused counts; the next delivery looks at the rest
                self._delete(self._waiting())
            raise
        else:
            if not self._has_appeared():
                raise ArchiveRefused(
                    f"XNAT took {len(files)} objects of study {self._parcel.study_uid} and shows none of "
                    "them: see whether a script of the site drops them, or its receiver gives them to no "
                    "project that the suite's user sees.",
                    archive=ARCHIVE,
                )
        self._sent = True

    def _has_appeared(self) -> bool:
        """Return whether anything new is in the prearchive or the archive; it is waited for some time."""
        clocks = self._xnat.http.clocks
        until_s = clocks.seconds() + self._patience.appear_s
        while not (self._waiting() or self._is_changed()):
            if clocks.seconds() >= until_s:
                return False
            clocks.sleep(1.0)
        return True

    def _is_changed(self) -> bool:
        """Return whether the archive holds something else of the study than at the last look."""
        session = session_of(self._xnat, self._project, self._parcel)
        if session is None or self._held is None:
            return session is not None
        return session != self._held.session or self._xnat.sessions.count(session) != self._held.count

    def _waiting(self) -> tuple[WaitingSession, ...]:
        waiting = self._xnat.prearchive.waiting(self._project, study_uid=self._parcel.study_uid)
        if self._transport.unassigned:
            waiting += self._xnat.prearchive.unassigned(self._parcel.study_uid)
        return waiting

    def _take_up(self, waiting: Sequence[WaitingSession], missing: Sequence[ParcelFile], held: Held) -> None:
        """Archive what waits, if it is what is missing, and delete it there otherwise."""
        companions = self._companions(missing, held)
        failed = [row for row in waiting if row.has_failed]
        if failed and self._archived:
            why = self._xnat.prearchive.why(failed[0])
            raise self._refused(f"{failed[0].status}: {why}")
        expected = len(missing) + len(companions)
        if missing and not failed and all(row.is_ready for row in waiting):
            found = sum(map(self._xnat.prearchive.count, waiting))
            if found == expected:
                self._archive(waiting, replaces_files=bool(companions))
                return
            if self._sent:
                self._cause = ArchiveUnavailable(
                    f"XNAT's prearchive has {found} of {expected} objects of study {self._parcel.study_uid} "
                    "that were sent: see whether a script of the site drops some.",
                    archive=ARCHIVE,
                )
        self._delete(waiting)

    def _archive(self, waiting: Sequence[WaitingSession], *, replaces_files: bool) -> None:
        """Archive sessions one after the other, those first that give the whole its kind."""
        self._held, first_try = None, not self._archived
        self._archived = True
        rows = sorted(waiting, key=self._rank) if len(waiting) > 1 else waiting
        for row in rows:
            try:
                self._xnat.prearchive.archive(
                    row,
                    project=self._project,
                    subject=self._parcel.patient,
                    session=self._parcel.session,
                    replaces_files=replaces_files,
                )
            except (ArchiveUnavailable, NotFound) as error:
                self._cause = error  # XNAT may still be at it, or has done it before
                return
            except ArchiveRefused as error:
                self._cause = error
                if error.status in _DONE_OR_AT_IT:
                    return
                if len(rows) == 1 or not first_try:
                    raise self._refused(str(error)) from None
                self._archived = False
                self._delete([row])  # a part that does not merge by itself; it is sent with a companion

    def _rank(self, row: WaitingSession) -> int:
        kinds = self._xnat.prearchive.kinds(row)
        ranks = [place for place, kind in enumerate(_RANKS) if kind in kinds]
        return min(ranks, default=len(_RANKS) + (not kinds - _ABOUT_IMAGES))

    def _delete(self, waiting: Sequence[WaitingSession]) -> None:
        for row in waiting:
            self._xnat.prearchive.delete(row)

    def _refused(self, why: str) -> ArchiveRefused:
        return ArchiveRefused(
            f"XNAT does not archive session {self._parcel.session} of project {self._project} ({why}). It "
            "waits in the prearchive: look there, or deliver the study's images together with what came "
            "later.",
            archive=ARCHIVE,
            status=getattr(self._cause, "status", None),
        )
