"""Orthanc's events, handed on.

A callback reads the event, puts one message on a queue in memory and returns: Orthanc runs
OnStoredInstance under a lock of its whole ingest. One thread takes the messages and asks for the jobs.
What it cannot ask for, because the database or Orthanc does not answer, is logged; the worker's sweep
over Orthanc's change log makes up for it.
"""

from __future__ import annotations

import logging
import queue
import threading
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from orthanc_plugins.errors import NotFound, PacsSuiteError
from orthanc_plugins.identifiers import RT_STRUCTURE_SET_STORAGE, OrthancId
from orthanc_plugins.logs import describe_exception

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from orthanc_plugins.forwarding import StudyForwarding
    from orthanc_plugins.reception import Reception

    type Message = Callable[[], object]

logger = logging.getLogger(__name__)


class Events:
    """Orthanc's callbacks and the thread behind them.

    Parameters
    ----------
    orthanc
        Orthanc's Python module, or a fake of it.
    reception, forwarding
        Turn what happened into jobs.
    deletions
        Remembers studies and instances that Orthanc says it deleted, told when; many at a time, since a study
        goes with all of its instances.
    started, stopped
        Called on a thread of Orthanc once it has started and when it stops.
    """

    def __init__(  # noqa: PLR0913 - everyone who wants to hear of something
        self,
        orthanc: Any,
        reception: Reception,
        forwarding: Sequence[StudyForwarding],
        deletions: Callable[[Collection[OrthancId], datetime], object],
        *,
        started: Callable[[], None],
        stopped: Callable[[], None],
    ) -> None:
        kind, level = orthanc.ChangeType, orthanc.ResourceType
        self._reception = reception
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._deletions = deletions
        self._deleted: list[OrthancId] = []
        self._lock = threading.Lock()
        self._remembered = {(kind.DELETED, level.STUDY), (kind.DELETED, level.INSTANCE)}
        self._thread = threading.Thread(target=self._drain, name="pacs-events", daemon=True)
        self._handlers: dict[tuple[int, int], tuple[Callable[[OrthancId], object], ...]] = {
            (kind.NEW_SERIES, level.SERIES): (reception.series_appeared,),
            (kind.STABLE_SERIES, level.SERIES): (reception.series_became_stable,),
            (kind.STABLE_STUDY, level.STUDY): (
                reception.study_became_stable,
                *(one.study_became_stable for one in forwarding),
            ),
            (kind.DELETED, level.INSTANCE): (reception.instance_deleted,),
        }
        self._life: dict[int, Callable[[], None]] = {
            kind.ORTHANC_STARTED: started,
            kind.ORTHANC_STOPPED: stopped,
        }

    def start(self) -> None:
        """Begin to hand messages on."""
        self._thread.start()

    def stop(self) -> None:
        """Hand on what is there, then end."""
        self._messages.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def on_stored_instance(self, dicom: Any, instance: str) -> None:
        """Note a stored structure set; told by the SOP class Orthanc has recorded, nothing is decoded."""
        if dicom.GetInstanceMetadata("SopClassUid") == RT_STRUCTURE_SET_STORAGE:
            self._messages.put(lambda: self._reception.structure_set_stored(OrthancId(instance)))

    def on_change(self, change: int, level: int, resource: str) -> None:
        """Note a change of Orthanc's content or state."""
        if life := self._life.get(change):
            life()
        if (change, level) in self._remembered:
            with self._lock:
                first = not self._deleted
                self._deleted.append(OrthancId(resource))
            if first:  # else a message that takes this one along is on its way
                self._messages.put(self._remember_deletions)
        for handler in self._handlers.get((change, level), ()):
            self._messages.put(partial(handler, OrthancId(resource)))

    def _remember_deletions(self) -> None:
        """Hand on all deletions that were told until now, at once."""
        with self._lock:
            told, self._deleted = self._deleted, []
        self._deletions(told, datetime.now(UTC))

    def _drain(self) -> None:
        while message := self._messages.get():
            try:
                message()
            except NotFound:
                logger.debug("What an event told of was gone before it was looked at.")
            except PacsSuiteError as error:
                logger.warning("An event could not be handed on, the sweep will find it: %s", error)
            except Exception as error:  # noqa: BLE001 - the edge: one event must not end the others
                logger.error("An event was lost to a fault: %s", describe_exception(error))  # noqa: TRY400
