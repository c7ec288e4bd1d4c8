"""What rules are told of a study in Orthanc."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import NotFound
from orthanc_plugins.orthanc_facts import contents_of, study_in_orthanc
from tests.fakes.orthanc_rest import orthanc_id

if TYPE_CHECKING:
    from tests.fakes import FakeOrthancRest

STUDY = orthanc_id("1.2")


def fill(orthanc: FakeOrthancRest) -> None:
    for number in range(3):
        orthanc.store(
            "1.2",
            "1.2.1",
            f"1.2.1.{number}",
            content=bytes(100),
            study_tags={"StudyDescription": "CT Thorax", "PatientID": "P1"},
            series_tags={"SeriesDescription": "thin"},
            header={"KVP": "120", "BodyPartExamined": "CHEST", "ReferencedImageSequence": [{}]},
            metadata={"RemoteAET": "CT1", "ReceptionDate": f"20261129T12000{number}"},
        )
    orthanc.store("1.2", "1.2.2", "1.2.2.1", modality="SR", content=b"x", metadata={"RemoteAET": ""})
    orthanc.add_label("Study", STUDY, "urgent")


def test_a_study_is_told_with_its_series_and_how_each_instance_came(orthanc: FakeOrthancRest) -> None:
    fill(orthanc)
    held = study_in_orthanc(orthanc, STUDY, ())
    assert (held.facts.study_uid, held.facts.labels) == ("1.2", ("urgent",))
    assert held.facts.tags["StudyDescription"] == "CT Thorax"
    image, report = held.facts.series
    assert (image.series_uid, image.modality, image.calling_aets) == ("1.2.1", "CT", ("CT1",))
    assert (image.instance_count, image.stored_bytes) == (3, 300)
    assert (report.modality, report.calling_aets, report.instance_count) == ("SR", (), 1)
    assert held.received_at == datetime(2026, 11, 29, 12, 0, 2, tzinfo=UTC)
    arrived = {one.sop_instance_uid: one for one in held.arrivals}
    assert arrived["1.2.1.1"].remote_aet == "CT1"  # type: ignore[index]
    assert arrived["1.2.2.1"].received_at is None  # type: ignore[index]
    assert "header" not in orthanc.asked


def test_files_are_opened_only_for_tags_that_the_index_does_not_hold(orthanc: FakeOrthancRest) -> None:
    fill(orthanc)
    study_in_orthanc(orthanc, STUDY, ["StudyDescription", "SeriesDescription"])
    assert orthanc.asked.count("header") == 1  # of the report, which has no Series Description
    orthanc.asked.clear()
    held = study_in_orthanc(orthanc, STUDY, ["KVP", "ReferencedImageSequence"])
    assert orthanc.asked.count("header") == 2
    assert held.facts.series[0].tags["KVP"] == "120"
    assert "ReferencedImageSequence" not in held.facts.series[0].tags
    assert "BodyPartExamined" not in held.facts.series[0].tags


def test_a_study_of_many_pages_is_told_whole(orthanc: FakeOrthancRest) -> None:
    fill(orthanc)
    orthanc.page_limit = 2
    assert len(study_in_orthanc(orthanc, STUDY, ()).arrivals) == 4


def test_a_study_that_is_not_there_is_told_so(orthanc: FakeOrthancRest) -> None:
    with pytest.raises(NotFound):
        study_in_orthanc(orthanc, STUDY, ())
    with pytest.raises(NotFound):
        contents_of(orthanc, STUDY)


def test_contents_change_with_what_is_added_deleted_or_comes_again(orthanc: FakeOrthancRest) -> None:
    fill(orthanc)
    seen = {contents_of(orthanc, STUDY)}
    assert contents_of(orthanc, STUDY) in seen
    orthanc.store("1.2", "1.2.1", "1.2.1.9")
    seen.add(contents_of(orthanc, STUDY))
    orthanc.store("1.2", "1.2.1", "1.2.1.9")
    seen.add(contents_of(orthanc, STUDY))
    orthanc.delete(orthanc_id("1.2", "1.2.1", "1.2.1.0"))
    seen.add(contents_of(orthanc, STUDY))
    assert len(seen) == 4
