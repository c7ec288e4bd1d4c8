"""From studies that are complete in Orthanc to jobs that decide what of them is sent on, or de-identified.

Orthanc tells that a study is stable; that event is the fast path. It never tells so of a study that was
still arriving when it was stopped: the sweep over its change log asks for each study that something was added
to, and keeps asking until Orthanc takes it for stable. Both meet in the same job identifier.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orthanc_plugins.errors import NotFound
from orthanc_plugins.jobs import forward_study_request, offer_study_request
from orthanc_plugins.orthanc_facts import contents_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orthanc_plugins.archives import OrthancRest
    from orthanc_plugins.identifiers import JobId, OrthancId
    from orthanc_plugins.jobs import JobQueue, JobRequest
    from orthanc_plugins.rules import StudyRule
    from orthanc_plugins.store import Store

logger = logging.getLogger(__name__)

POSITION = "orthanc-changes-forwarding"
"""Name of the stored position in Orthanc's change log up to which every study has been seen to the end."""


@dataclass(frozen=True)
class Asking:
    """What is asked for once a study is complete.

    Parameters
    ----------
    position
        Name of the stored position in Orthanc's change log up to which every study has been seen to the end.
    request
        Returns the request for a study and what it holds.
    """

    position: str
    request: Callable[[OrthancId, str], JobRequest]


FORWARDING = Asking(POSITION, forward_study_request)
"""What of it is sent on."""

OFFERING = Asking("orthanc-changes-offering", offer_study_request)
"""For which project it is de-identified."""

_ADDED = frozenset({"NewInstance", "NewSeries", "NewStudy", "StableStudy"})


class StudyForwarding:
    """Turns studies that are complete into jobs, where a rule is switched on.

    What came before the first rule was switched on is left as it is: that is what synchronisation is for, or
    somebody asks for it.

    Every method may be called any number of times for the same event. Raises ArchiveError, JobError
    or StoreError when a neighbour cannot be used; the sweep then makes up for it.
    """

    def __init__(
        self,
        orthanc: OrthancRest,
        store: Store,
        queue: JobQueue,
        rules: Sequence[StudyRule],
        asking: Asking = FORWARDING,
    ) -> None:
        self._orthanc = orthanc
        self._store = store
        self._queue = queue
        self._asking = asking
        self._enabled = any(rule.enabled for rule in rules)
        self._read: int | None = None
        self._arriving: dict[OrthancId, int] = {}

    @property
    def enabled(self) -> bool:
        """Whether any rule is switched on."""
        return self._enabled

    def study_became_stable(self, study: OrthancId) -> JobId | None:
        """Ask for the decision about a study; None where no rule is switched on."""
        if not self._enabled:
            return None
        return self._queue.submit(self._asking.request(study, contents_of(self._orthanc, study)))

    def sweep(self) -> None:
        """Read Orthanc's change log on from where it was read to, and ask for what is complete."""
        newest = self._orthanc.last_change()
        position = self._store.position(self._asking.position)
        if not self._enabled or position is None:
            self._begin_at(newest, position)
            return
        if newest < position:
            logger.warning("Orthanc's change log began anew; it is read from its start for rules.")
            self._store.restart(self._asking.position, 0)
            self._read, position = 0, 0
            self._arriving.clear()
        read = position if self._read is None else self._read
        while read < newest:
            changes = self._orthanc.changes(read)
            added = {entry.orthanc_id for entry in changes.entries if entry.kind in _ADDED}
            for study in self._orthanc.studies_of(sorted(added)) if added else ():
                self._arriving.setdefault(study, read)
            read = changes.last
            if changes.done:
                break
        self._read = read
        self._ask_for_complete()
        self._store.advance(self._asking.position, min(self._arriving.values(), default=read))

    def _begin_at(self, newest: int, position: int | None) -> None:
        """Let the log count from now on."""
        self._read = newest
        self._arriving.clear()
        if position is not None and position > newest:
            self._store.restart(self._asking.position, newest)
        else:
            self._store.advance(self._asking.position, newest)

    def _ask_for_complete(self) -> None:
        for study in list(self._arriving):
            try:
                if not self._orthanc.study(study).stable:
                    continue
                self.study_became_stable(study)
            except NotFound:
                logger.debug("Study %s was deleted before it was complete.", study)
            del self._arriving[study]
