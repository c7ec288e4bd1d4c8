"""What a long run is judged by, and that its studies are studies of their own."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest

from tests.bench._samples import memory
from tests.bench._studies import Template
from tests.builders import ImageFrame, build_case

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(1)
JOBS_MB = RNG.uniform(0, 300, 2000)
"""What jobs take and give back."""


def test_memory_that_comes_and_goes_is_flat() -> None:
    held = memory((200 + JOBS_MB).tolist())
    assert held.flat
    assert held.peak_mb == pytest.approx(500, abs=5)
    assert held.growth_mb == pytest.approx(0, abs=15)


def test_memory_that_stays_is_seen_below_what_comes_and_goes() -> None:
    held = memory((200 + JOBS_MB + np.linspace(0, 200, 2000)).tolist())
    assert not held.flat
    assert held.growth_mb == pytest.approx(90, abs=20)


def test_what_a_process_takes_to_get_going_is_no_growth() -> None:
    assert memory([*np.linspace(100, 400, 500).tolist(), *[400.0] * 1500]).flat


@pytest.mark.parametrize("count", [1, 2, 3, 19])
def test_a_short_run_has_numbers_too(count: int) -> None:
    held = memory([100.0] * count)
    assert (held.start_mb, held.end_mb, held.growth_mb) == pytest.approx((100, 100, 0))


def test_each_number_gives_another_study_whose_references_hold(tmp_path: Path) -> None:
    template = Template.of("small", build_case(frame=ImageFrame(size=(3, 16, 16)), regions=2))
    uids = set()
    for number in (0, 1, 1_000_000):
        paths = template.write(number, tmp_path / str(number))
        *images, structure_set = (pydicom.dcmread(io.BytesIO(path.read_bytes())) for path in paths)
        assert structure_set.SOPInstanceUID == template.uid(number)
        item = structure_set.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
        referenced = item.RTReferencedSeriesSequence[0]
        assert referenced.SeriesInstanceUID == images[0].SeriesInstanceUID
        assert {entry.ReferencedSOPInstanceUID for entry in referenced.ContourImageSequence} == {
            image.SOPInstanceUID for image in images
        }
        uids.add((structure_set.PatientID, structure_set.StudyInstanceUID, template.uid(number)))
    assert all(len(set(column)) == 3 for column in zip(*uids, strict=True))
