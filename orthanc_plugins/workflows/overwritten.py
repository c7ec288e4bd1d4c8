"""Instances that came to Orthanc again since they went to the archive, which keeps the copy it has."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.jobs import transfer_job_id
from orthanc_plugins.sync.plan_text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orthanc_plugins.identifiers import SopInstanceUid
    from orthanc_plugins.orthanc_facts import StudyInOrthanc
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import TransferRequest

CLOCK_DOUBT = timedelta(seconds=2)
"""Orthanc tells times in whole seconds: what came so shortly after another time may have come before it."""

_REMARK = (
    "Orthanc received {} again after an earlier transfer between the archives was asked for. The destination "
    "keeps the copy it has, so the content is compared; where it differs, repair the study."
)


class OrthancClock:
    """Brings times of the suite's clock and of Orthanc's together; ``now`` returns the suite's."""

    def __init__(self, services: Services, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._orthanc = services.orthanc
        self._now = now

    def ahead(self) -> timedelta:
        """Return by how much Orthanc's clock is ahead now; asks it."""
        return self._orthanc.now() - self._now()


class Overwritten:
    """Has the content of instances compared that Orthanc received again since they were sent."""

    def __init__(self, services: Services) -> None:
        self._transfers = services.store.transfers
        self._clock = OrthancClock(services)

    def compared(self, held: StudyInOrthanc, requests: Sequence[TransferRequest]) -> list[TransferRequest]:
        """Return transfers that ask for the same, with the content of such instances compared.

        They go in transfers of their own, since comparing costs reading both copies; done again it returns
        the same ones. Of what the ledger tells of no earlier transfer nothing changes.
        """
        mine = {name for one in requests for name in (one.transfer_id, _compared_id(one))}
        overwritten = self._overwritten(held, mine)
        return [part for one in requests for part in _parts(one, overwritten)]

    def _overwritten(self, held: StudyInOrthanc, without: set[str]) -> frozenset[SopInstanceUid]:
        """Return the instances that came after an earlier transfer of them was asked for, or about then."""
        agreed = self._transfers.agreed_at(held.facts.study_uid, without)
        if not agreed:
            return frozenset()
        late = self._clock.ahead() - CLOCK_DOUBT
        return frozenset(
            one.sop_instance_uid
            for one in held.arrivals
            if one.received_at is not None
            and one.sop_instance_uid in agreed
            and one.received_at > agreed[one.sop_instance_uid] + late
        )


def _parts(request: TransferRequest, overwritten: frozenset[SopInstanceUid]) -> Iterator[TransferRequest]:
    """Yield a transfer without what was overwritten, as far as anything is left, and one of that alone."""
    wanted = request.wanted or ()
    again = tuple(uid for uid in wanted if uid in overwritten)
    if not again or request.verify == "content":
        yield request
        return
    if len(again) < len(wanted):
        yield replace(request, wanted=tuple(uid for uid in wanted if uid not in overwritten))
    yield replace(
        request,
        transfer_id=_compared_id(request),
        job_id=transfer_job_id(_compared_id(request)),
        wanted=again,
        verify="content",
        remark=_REMARK.format(counted(len(again), "instance")),
    )


def _compared_id(request: TransferRequest) -> str:
    return f"{request.transfer_id}.compared"
