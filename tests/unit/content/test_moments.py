"""When copies were made and changed, as they tell it themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.content.edit import Stamp, edited
from orthanc_plugins.content.moments import moments_of
from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.sync.strategies import Moments
from tests.unit.content.test_edit import NAME, STAMP, image, read, written

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

__all__ = ["image"]


def test_the_times_of_a_copy_are_told_with_their_zone(image: FileDataset) -> None:
    at = datetime(2026, 11, 28, 10, 20, 30, tzinfo=timezone(timedelta(hours=-5)))
    made = written(
        image,
        InstanceCreationDate="20261128",
        InstanceCreationTime="102030.5",
        ContentDate="20261127",
        ContentTime=None if "ContentTime" in image else "",
        TimezoneOffsetFromUTC="-0500",
    )
    assert moments_of(made) == Moments(created=at)


def test_a_time_without_a_zone_has_none(image: FileDataset) -> None:
    made = written(image, ContentDate="20261128", ContentTime="102030")
    assert moments_of(made).content == datetime(2026, 11, 28, 10, 20, 30)  # noqa: DTZ001 - no zone is known


@pytest.mark.parametrize(
    ("date", "time"), [(b"20261301", b"102030"), (b"20261128", b"10    "), (b"        ", b"102030")]
)
def test_half_a_time_is_none(image: FileDataset, date: bytes, time: bytes) -> None:
    made = written(image, InstanceCreationDate="20261128", InstanceCreationTime="102030")
    content = made.replace(b"20261128", date).replace(b"102030", time)
    assert moments_of(content).created is None


def test_corrections_and_coercions_are_told_apart(image: FileDataset) -> None:
    once = edited(written(image), written(image, PatientName="B"), [NAME], STAMP)
    later = Stamp(STAMP.at + timedelta(hours=1), "ORTHANC")
    twice = edited(once, written(image, PatientName="C", PatientSex="M"), [NAME, "00100040"], later)
    made = read(twice)
    made.OriginalAttributesSequence[0].ReasonForTheAttributeModification = "COERCE"
    made.OriginalAttributesSequence[0].ModifiedAttributesSequence[0].StudyID = "1"
    found = moments_of(written(made))
    assert found.corrected == {NAME: later.at.astimezone(UTC), "00100040": later.at.astimezone(UTC)}
    assert found.coerced == {NAME, "00200010"}
    assert moments_of(written(image)) == Moments(content=moments_of(written(image)).content)


def test_a_file_that_cannot_be_read_tells_no_times(image: FileDataset) -> None:
    with pytest.raises(InvalidDicom):
        moments_of(written(image)[:200])
