"""How DCM4CHEE is, what time it has, and which studies it received something of since then."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from orthanc_plugins.archives.base import ArchiveChanges, ArchiveState
from orthanc_plugins.archives.dicom_json import text
from orthanc_plugins.archives.dicomweb import DICOM_JSON, Request, json_or_none
from orthanc_plugins.archives.listing import STUDY_UID
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, NotFound
from orthanc_plugins.identifiers import StudyUid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orthanc_plugins.archives.dicomweb import DicomWebConnection
    from orthanc_plugins.archives.qido import Qido
    from orthanc_plugins.archives.resilience import Clocks

_OVERLAP = timedelta(minutes=5)
"""A study that was being received when the window began may appear later with an earlier time."""
_STAND_IN = "stand-in"
_ONLY_UID = ("includefield", "StudyInstanceUID")
_NEVER_YET = "29990101000000-"


class Monitor:
    """Questions about the archive itself, which lie outside its DICOMweb root."""

    def __init__(self, connection: DicomWebConnection, qido: Qido, clocks: Clocks) -> None:
        self._connection = connection
        self._qido = qido
        self._clocks = clocks
        root, found, _ = connection.url.partition("/aets/")
        self._root = root if found else None
        self._filters_receive_times: bool | None = None

    def probe(self) -> ArchiveState:
        """Return how the archive is: its status, where it tells one, and whether it answers the suite.

        A wrong AE title or password shows only where it is asked for a study: its status is open to all.

        Raises
        ------
        ArchiveUnavailable, ArchiveRefused
            It does not answer, is not started, or answers the suite with nothing of use; the text says what
            to do.
        """
        begun = self._clocks.seconds()
        headers, status = self._status()
        latency_ms = (self._clocks.seconds() - begun) * 1000
        if status is not None and status != "STARTED":
            raise ArchiveUnavailable(
                f"{self._connection.title} says that it is {status}: start it.",
                archive=self._connection.archive,
            )
        served = self._served()
        if status is None:
            headers, latency_ms = served, (self._clocks.seconds() - begun) * 1000
        server = headers.get("Server", "")
        return ArchiveState(
            version=server,
            latency_ms=latency_ms,
            stand_in=server if _STAND_IN in server else None,
            clock=self.clock() or _http_date(headers),
        )

    def clock(self) -> datetime | None:
        """Return the archive's own time, with the zone of its dates; None where it does not tell."""
        try:
            told = self._beside("/monitor/serverTime")
        except ArchiveRefused:
            return None
        value = told[1].get("serverTimeWithTimezone") if told is not None else None
        return _moment(value)

    def changes(self, cursor: str | None) -> ArchiveChanges:
        """Return the studies of which a series was received since a cursor.

        The cursor is the archive's own time, ISO 8601. Nothing tells of instances added to a series that was
        there, nor of changed attributes: those are found by counts, and by listing everything.
        """
        now = self.clock()
        since = _moment(cursor)
        if cursor is None:
            how = "receive_time" if now is not None else "listing"
            return ArchiveChanges(frozenset(), "" if now is None else now.isoformat(), how)
        if now is None or since is None or not self._filters():
            return ArchiveChanges(frozenset(), cursor if now is None else now.isoformat(), "listing")
        # In the zone that the archive has now: it compares with that.
        begin = (since - _OVERLAP).astimezone(now.tzinfo)
        window = ("SeriesReceiveDateTime", f"{begin:%Y%m%d%H%M%S}-")
        uids = frozenset(StudyUid(text(row, STUDY_UID)) for row in self._qido.studies([window, _ONLY_UID]))
        return ArchiveChanges(uids, now.isoformat(), "receive_time")

    def _filters(self) -> bool:
        """Return whether the archive filters by receive time, neither refusing nor ignoring it.

        Nothing was received in the far future: whoever gives a study for that ignores it. An archive without
        any study tells nothing, and is asked again next time.
        """
        if self._filters_receive_times is None:
            try:
                future = [("SeriesReceiveDateTime", _NEVER_YET), _ONLY_UID]
                ignored = self._qido.first("/studies", future) is not None
            except ArchiveRefused:
                ignored = True
            if ignored:
                self._filters_receive_times = False
            elif self._qido.first("/studies", [_ONLY_UID]) is not None:
                self._filters_receive_times = True
        return self._filters_receive_times is not False

    def _status(self) -> tuple[Mapping[str, str], str | None]:
        """Return headers and status; neither where it has no status."""
        try:
            if (told := self._beside("/ctrl/status")) is not None:
                return told[0], str(told[1].get("status"))
        except ArchiveRefused:
            pass  # it has no status, or not for the suite: whether it answers is seen by asking for a study
        return {}, None

    def _served(self) -> Mapping[str, str]:
        """Ask for a study below the DICOMweb root (PS3.18 10.6) and return the answer's headers."""
        request = Request(
            "GET",
            "/studies",
            [("limit", "1"), _ONLY_UID],
            headers={"Accept": DICOM_JSON},
            again=lambda _: False,
        )
        try:
            answer = self._connection.ask(request)
        except NotFound as error:
            raise ArchiveRefused(
                f"{self._connection.title} answered GET /studies with HTTP 404: check its address in the "
                "settings, and the AE title in it.",
                archive=self._connection.archive,
                status=error.status,
            ) from None
        self._connection.json_of(answer, request)
        return answer.headers

    def _beside(self, path: str) -> tuple[Mapping[str, str], Mapping[str, Any]] | None:
        """Return headers and JSON of what lies beside the DICOMweb root, None when there is no such place."""
        if self._root is None:
            return None
        request = Request(
            "GET", self._root + path, headers={"Accept": "application/json"}, again=lambda _: False
        )
        answer = self._connection.ask(request)
        told = json_or_none(answer.content)
        return (answer.headers, told) if isinstance(told, dict) else None


def _moment(value: object) -> datetime | None:
    """Return a time that has a zone.

    >>> _moment("2026-11-29T17:03:12.123+0100").isoformat()
    '2026-11-29T17:03:12.123000+01:00'
    >>> _moment("2026-11-29T17:03:12"), _moment("soon"), _moment(None)
    (None, None, None)
    """
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _http_date(headers: Mapping[str, str]) -> datetime | None:
    try:
        return parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return None
