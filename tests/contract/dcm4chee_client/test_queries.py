"""Queries of the client of DCM4CHEE against recorded answers."""

from __future__ import annotations

import pytest

from orthanc_plugins.archives.base import (
    ArchiveCounts,
    StudyQuery,
)
from orthanc_plugins.identifiers import StudyUid
from tests.contract.dcm4chee_client.clients import Waits, client
from tests.fakes.faulty_archive import scripted_archive


@pytest.mark.parametrize("case", ["qido_no_match_204", "qido_no_match_200"])
def test_no_match_is_an_empty_listing(case: str, waits: Waits) -> None:
    with scripted_archive(case) as archive:
        assert list(client(archive, waits).studies()) == []


def test_a_short_page_with_a_warning_is_not_the_last_one(waits: Waits) -> None:
    with scripted_archive("qido_short_page_with_warning") as archive:
        studies = list(client(archive, waits).studies())
    assert [study.study_uid for study in studies] == ["1.2.1", "1.2.2", "1.2.3"]
    assert [request.query.get("offset") for request in archive.asked] == [None, "2"]
    assert {request.query["limit"] for request in archive.asked} == {"1000"}


def test_a_study_that_comes_twice_is_listed_once(waits: Waits) -> None:
    with scripted_archive("qido_duplicate_rows") as archive:
        assert [study.study_uid for study in client(archive, waits).studies()] == ["1.2.1", "1.2.2"]


def test_numbers_are_read_as_text_and_as_numbers_and_nulls_as_nothing(waits: Waits) -> None:
    with scripted_archive("qido_numbers_as_text_and_as_numbers") as archive:
        first, second, third = client(archive, waits).studies()
    assert [(study.series_count, study.instance_count) for study in (first, second, third)] == [
        (1, 2),
        (1, 2),
        (0, 0),
    ]
    assert third.modalities == ("CT", "SR")
    assert third.patient_name == "MARKER^NAME"
    assert (third.attributes["AccessionNumber"], third.attributes["StudyDescription"]) == ("", "")


def test_lists_have_bare_commas_which_alone_dcm4chee_divides_at(waits: Waits) -> None:
    with scripted_archive("qido_no_match_204") as archive:
        uids = (StudyUid("1.2.1"), StudyUid("1.2.2"))
        assert list(client(archive, waits).studies(StudyQuery(study_uids=uids))) == []
    assert "StudyInstanceUID=1.2.1,1.2.2" in archive.asked[0].raw_query
    assert "%2C" not in archive.asked[0].raw_query


def test_names_are_asked_for_in_capitals_and_a_comma_in_one_does_not_make_a_list(waits: Waits) -> None:
    with scripted_archive("qido_duplicate_rows") as archive:
        query = StudyQuery(patient_name="große,*", patient_id="p,1")
        assert list(client(archive, waits).studies(query)) == []
    assert archive.asked[0].query["PatientName"] == "GRO?E?*"
    assert archive.asked[0].query["PatientID"] == "p?1"


@pytest.mark.parametrize(
    ("name", "found"),
    [("MARKER^NAME", 2), ("marker*", 2), ("*name", 2), ("marker", 0), ("m?rker^name^^", 2), ("[m]*", 0)],
)
def test_names_match_as_the_query_says_whatever_the_archive_takes_for_a_match(
    name: str, found: int, waits: Waits
) -> None:
    with scripted_archive("qido_duplicate_rows") as archive:
        assert len(list(client(archive, waits).studies(StudyQuery(patient_name=name)))) == found


def test_a_query_refused_for_its_size_is_divided_by_dates_and_misses_no_study_without_one(
    waits: Waits,
) -> None:
    with scripted_archive("qido_413") as archive:
        studies = [study.study_uid for study in client(archive, waits).studies()]
    assert studies == ["1.2.1", "1.2.2", "1.2.3"]


def test_rejection_notes_are_no_part_of_a_study_but_other_key_objects_are(waits: Waits) -> None:
    with scripted_archive("qido_rejection_notes") as archive:
        dcm4chee = client(archive, waits)
        first, second = dcm4chee.studies()
        assert (first.modalities, first.series_count, first.instance_count) == (("CT",), 1, 5)
        assert (second.modalities, second.series_count, second.instance_count) == (("CT", "KO"), 3, 3)
        assert dcm4chee.counts() == ArchiveCounts(2, 3, 4, 8, 12_345_678_901)
        assert [entry.sop_instance_uid for entry in dcm4chee.instances(StudyUid("1.2.1"))] == ["1.2.1.1"]


def test_instances_of_several_studies_take_one_query_and_one_for_each_it_does_not_tell(waits: Waits) -> None:
    asked = [StudyUid("1.2.1"), StudyUid("1.2.2"), StudyUid("1.2.3")]
    with scripted_archive("qido_instances_of_studies") as archive:
        found = client(archive, waits).instances_of(asked)
    assert {uid: [entry.sop_instance_uid for entry in entries] for uid, entries in found.items()} == {
        "1.2.1": ["1.2.1.1.1", "1.2.1.1.2"],
        "1.2.2": ["1.2.2.1.1"],
    }
    assert archive.lines() == ["GET /instances", "GET /studies/1.2.3/instances"]


def test_an_archive_that_lists_one_study_at_a_time_is_asked_so(waits: Waits) -> None:
    with scripted_archive("qido_instances_of_studies_refused") as archive:
        found = client(archive, waits).instances_of([StudyUid("1.2.1"), StudyUid("1.2.2")])
    assert {uid: len(entries) for uid, entries in found.items()} == {"1.2.1": 1, "1.2.2": 1}


def test_an_archive_that_does_not_count_is_counted_by_listing(waits: Waits) -> None:
    with scripted_archive("qido_no_counts") as archive:
        assert client(archive, waits).counts() == ArchiveCounts(1, 2, 2, 4)


# Changes


def test_changes_are_asked_for_from_before_the_cursor_in_the_archives_zone(waits: Waits) -> None:
    with scripted_archive("qido_changes") as archive:
        dcm4chee = client(archive, waits)
        begun = dcm4chee.changes(None)
        assert (begun.study_uids, begun.how) == (frozenset(), "receive_time")
        assert begun.cursor == "2026-10-25T02:10:00+01:00"
        # 02:40 in summer is 01:40 in winter, of the same night.
        for _ in range(2):
            changes = dcm4chee.changes("2026-10-25T02:40:00+02:00")
            assert changes.study_uids == frozenset({StudyUid("1.2.1"), StudyUid("1.2.2")})
            assert changes.how == "receive_time"
            assert changes.cursor == begun.cursor
    probes = [request for request in archive.asked if "2999" in request.raw_query]
    assert len(probes) == 1


@pytest.mark.parametrize("case", ["qido_filters_refused", "qido_filters_ignored"])
def test_an_archive_that_refuses_or_ignores_receive_times_is_to_be_listed_and_asked_once(
    case: str, waits: Waits
) -> None:
    with scripted_archive(case) as archive:
        dcm4chee = client(archive, waits)
        for _ in range(2):
            changes = dcm4chee.changes("2026-11-29T11:00:00+01:00")
            assert (changes.study_uids, changes.how) == (frozenset(), "listing")
            assert changes.cursor == "2026-11-29T12:00:00+01:00"
    assert archive.lines().count("GET /studies") == 1


@pytest.mark.parametrize("cursor", ["", "yesterday", "2026-11-29T11:00:00"])
def test_a_cursor_that_is_no_time_leads_to_a_listing(cursor: str, waits: Waits) -> None:
    with scripted_archive("qido_filters_refused") as archive:
        assert client(archive, waits).changes(cursor).how == "listing"
