"""What is tried again; that steps are run so is held by the contract tests of the queue."""

from __future__ import annotations

import errno

import pytest
from dbos import DBOS

from orthanc_plugins.errors import (
    ArchiveRefused,
    ArchiveUnavailable,
    GeometryError,
    InvalidDicom,
    JobError,
    NotFound,
    StoreError,
)
from orthanc_plugins.workflows import steps
from orthanc_plugins.workflows.steps import ATTEMPTS, FIRST_PAUSE_S, passes_by_itself


@pytest.mark.parametrize("error", [ArchiveUnavailable("", archive="orthanc"), StoreError("")])
def test_what_can_pass_is_tried_again(error: Exception) -> None:
    assert passes_by_itself(error)


@pytest.mark.parametrize(
    "error",
    [
        NotFound("", archive="orthanc"),
        ArchiveRefused("", archive="orthanc"),
        InvalidDicom(""),
        GeometryError(""),
        JobError(""),
        ValueError(""),
        MemoryError(),
    ],
)
def test_what_cannot_pass_is_not_tried_again(error: Exception) -> None:
    assert not passes_by_itself(error)


@pytest.mark.parametrize(
    ("number", "kind", "told"),
    [
        (errno.ENOSPC, StoreError, "The disk of the data directory is full: make room there"),
        (errno.EDQUOT, StoreError, "make room there"),
        (errno.EIO, JobError, "a fault it does not know (OSError)"),
    ],
)
def test_a_full_disk_is_told_and_what_it_was_doing_is_not(
    monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception], told: str
) -> None:
    monkeypatch.setattr(DBOS, "run_step", lambda _, guarded: guarded())

    def write() -> None:
        raise OSError(number, "It did not work", "/data/of/Doe^Jane.dcm")

    with pytest.raises(kind) as failed:
        steps.run_step("fetch", write)
    assert told in str(failed.value)
    assert "Doe" not in str(failed.value)


def test_a_step_is_tried_for_longer_than_orthanc_takes_to_start_again() -> None:
    assert sum(FIRST_PAUSE_S * 2**attempt for attempt in range(ATTEMPTS - 1)) > 60
