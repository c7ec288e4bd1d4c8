"""What is tried again; that steps are run so is held by the contract tests of the queue."""

from __future__ import annotations

import pytest

from orthanc_plugins.errors import (
    ArchiveRefused,
    ArchiveUnavailable,
    GeometryError,
    InvalidDicom,
    JobError,
    NotFound,
    StoreError,
)
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


def test_a_step_is_tried_for_longer_than_orthanc_takes_to_start_again() -> None:
    assert sum(FIRST_PAUSE_S * 2**attempt for attempt in range(ATTEMPTS - 1)) > 60
