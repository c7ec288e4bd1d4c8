"""Storing by STOW-RS, as facts/dcm4chee.md section 5 says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests

from tests.contract.standin.asked import (
    failure_reasons,
    found,
    path_of,
    query,
    retrieved,
    study_of,
    value,
)
from tests.standin_objects import (
    STOW_HEADERS,
    build_object,
    build_series,
    content_of,
    multipart,
    stow,
)

if TYPE_CHECKING:
    from tests.standin import StandIn


def test_all_stored_is_200_and_tells_where(dcm4chee: StandIn) -> None:
    datasets = build_series(2)
    answer = stow(dcm4chee.url, *datasets)
    assert answer.status_code == 200
    assert value(answer.json(), "00081190") == dcm4chee.url + study_of(datasets[0])
    references = answer.json()["00081199"]["Value"]
    assert [value(item, "00081155") for item in references] == [one.SOPInstanceUID for one in datasets]
    assert value(references[0], "00081190") == dcm4chee.url + path_of(datasets[0])
    assert "00081198" not in answer.json()


def test_some_stored_is_202_with_reasons(dcm4chee: StandIn) -> None:
    good = build_object()
    answer = stow(dcm4chee.url, good, b"no DICOM", build_object(), path=study_of(good))
    assert answer.status_code == 202
    assert sorted(failure_reasons(answer)) == [0xC409, 0xC499]
    assert answer.headers["Warning"].startswith('299 dcm4chee-arc "')
    assert [value(item, "00081155") for item in answer.json()["00081199"]["Value"]] == [good.SOPInstanceUID]


@pytest.mark.parametrize("contents", [(), (b"no DICOM",)], ids=["no part", "no DICOM"])
def test_none_stored_is_409(dcm4chee: StandIn, contents: tuple[bytes, ...]) -> None:
    assert stow(dcm4chee.url, *contents).status_code == 409


def test_a_truncated_file_is_not_stored(dcm4chee: StandIn) -> None:
    dataset = build_object()
    answer = stow(dcm4chee.url, content_of(dataset)[:-20])
    assert (answer.status_code, failure_reasons(answer)) == (409, [0xC499])
    assert found(dcm4chee, query(dataset)) == []


@pytest.mark.parametrize(
    ("kind", "accept", "status"),
    [
        ("multipart/form-data; boundary=boundary", "application/dicom+json", 415),
        ("application/dicom", "application/dicom+json", 415),
        ('multipart/related; type="application/dicom"', "application/dicom+json", 400),
        (STOW_HEADERS["Content-Type"], "text/html", 406),
    ],
)
def test_wrong_media_types_are_refused(dcm4chee: StandIn, kind: str, accept: str, status: int) -> None:
    answer = requests.post(
        f"{dcm4chee.url}/studies",
        data=multipart(content_of(build_object())),
        headers={"Content-Type": kind, "Accept": accept},
        timeout=30,
    )
    assert answer.status_code == status


def test_parts_of_another_type_are_skipped(dcm4chee: StandIn) -> None:
    dataset = build_object()
    body = multipart(b"{}", kind="application/json")[: -len(b"--boundary--\r\n")]
    answer = requests.post(
        f"{dcm4chee.url}/studies",
        data=body + multipart(content_of(dataset)),
        headers=STOW_HEADERS,
        timeout=30,
    )
    assert answer.status_code == 200
    assert len(answer.json()["00081199"]["Value"]) == 1


def test_body_without_its_end_is_500_and_what_came_before_is_kept(dcm4chee: StandIn) -> None:
    dataset = build_object()
    body = multipart(content_of(dataset), content_of(build_object()))[:-200]
    answer = requests.post(f"{dcm4chee.url}/studies", data=body, headers=STOW_HEADERS, timeout=30)
    assert answer.status_code == 500
    assert "EOFException" in answer.text
    assert len(found(dcm4chee, query(dataset))) == 1


def test_a_duplicate_with_other_content_is_success_and_ignored(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    other = build_object(
        StudyInstanceUID=dataset.StudyInstanceUID,
        SeriesInstanceUID=dataset.SeriesInstanceUID,
        SOPInstanceUID=dataset.SOPInstanceUID,
        PixelData=bytes(128),
    )
    assert stow(dcm4chee.url, other).status_code == 200
    (kept,) = retrieved(dcm4chee, path_of(dataset))
    assert kept.PixelData == dataset.PixelData


def test_views_other_than_the_main_one_store_nothing(dcm4chee: StandIn) -> None:
    answer = stow(f"{dcm4chee.root}/aets/AS_RECEIVED/rs", build_object())
    assert answer.status_code == 404
    assert answer.json()["errorMessage"].startswith("No Web Application with STOW_RS service class")


def test_missing_patient_id_is_made_up(dcm4chee: StandIn) -> None:
    dataset = build_object(PatientID="")
    assert stow(dcm4chee.url, dataset).status_code == 200
    (match,) = found(dcm4chee, query(dataset))
    made_up = value(match, "00100020")
    assert re.fullmatch(r"P-\d{8}", made_up)
    (sent,) = retrieved(dcm4chee, study_of(dataset))
    assert sent.PatientID == made_up
