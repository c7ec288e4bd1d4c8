"""Transfers as they are asked for, and many threads that do the same at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.identifiers import JobId, SopInstanceUid, StudyUid
from orthanc_plugins.store import (
    InstanceState,
    TransferredInstance,
    TransferRequest,
)

if TYPE_CHECKING:
    from collections.abc import Callable


STUDY = StudyUid("1.2.3")
A, B, C = (SopInstanceUid(f"1.2.3.4.{number}") for number in range(3))
LONG = timedelta(minutes=5)


def request(
    transfer_id: str = "t",
    *,
    study: str = STUDY,
    cause: str = "rule:CT",
    wanted: tuple[SopInstanceUid, ...] | None = (A, B, C),
    source: str = "orthanc",
    priority: int = 0,
) -> TransferRequest:
    destination = "dcm4chee" if source == "orthanc" else "orthanc"
    return TransferRequest(
        transfer_id,
        JobId(f"transfer-study.{transfer_id}"),
        StudyUid(study),
        source,
        destination,
        cause,
        "stow",
        wanted,
        priority,
    )


def now() -> datetime:
    return datetime.now(UTC)


def instance(uid: SopInstanceUid, state: str, sends: int = 0, detail: str = "") -> TransferredInstance:
    return TransferredInstance(uid, InstanceState(state), sends, None, detail)


def at_once[T](count: int, call: Callable[[int], T]) -> list[T]:
    """Call at the same moment on so many threads; return what they answered."""
    barrier = threading.Barrier(count)
    answers: list[T] = []

    def run(number: int) -> None:
        barrier.wait(10)
        answers.append(call(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers
