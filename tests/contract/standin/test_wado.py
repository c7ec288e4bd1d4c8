"""Retrieval and metadata, as facts/dcm4chee.md section 4 says."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
import requests
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from tests.contract.standin.asked import (
    AS_STORED,
    get,
    path_of,
    study_of,
)
from tests.standin_objects import (
    build_object,
    build_series,
    content_of,
    parts_of,
    stow,
)

if TYPE_CHECKING:
    from pydicom.uid import UID

    from tests.standin import StandIn


def test_what_is_not_merged_goes_out_with_its_own_bytes(dcm4chee: StandIn) -> None:
    datasets = build_series(3)
    stow(dcm4chee.url, *datasets)
    contents = {content_of(one) for one in datasets}
    for path, count in ((study_of(datasets[0]), 3), (path_of(datasets[0]), 1)):
        answer = requests.get(dcm4chee.url + path, headers=AS_STORED, timeout=30)
        parts = list(parts_of(answer))
        assert len(parts) == count
        assert set(parts) <= contents
        assert "transfer-syntax=1.2.840.10008.1.2.1" in answer.headers["Content-Type"]


@pytest.mark.parametrize("description", ["Thorax", "Other"], ids=["as received", "merged"])
@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("", ExplicitVRLittleEndian),
        (";transfer-syntax=*", RLELossless),
        (f";transfer-syntax={ExplicitVRLittleEndian}", ExplicitVRLittleEndian),
        (f";transfer-syntax={RLELossless}", RLELossless),
    ],
)
def test_without_wish_what_is_compressed_is_decompressed(
    dcm4chee: StandIn, description: str, asked: str, sent: UID
) -> None:
    datasets = build_series(2)
    datasets[1].StudyDescription = description
    pixels = datasets[1].PixelData
    for dataset in datasets:
        dataset.compress(RLELossless)
    stow(dcm4chee.url, *datasets)
    accept = f'multipart/related;type="application/dicom"{asked}'
    answer = get(dcm4chee, study_of(datasets[0]), Accept=accept)
    received = [dcmread(io.BytesIO(part)) for part in parts_of(answer)]
    assert [one.file_meta.TransferSyntaxUID for one in received] == [sent, sent]
    last = next(one for one in received if one.SOPInstanceUID == datasets[1].SOPInstanceUID)
    assert last.StudyDescription == "Thorax"
    assert last.pixel_array.tobytes() == pixels


@pytest.mark.parametrize("description", ["Thorax", "Other"], ids=["as received", "merged"])
def test_what_cannot_be_sent_as_asked_is_not_acceptable(dcm4chee: StandIn, description: str) -> None:
    datasets = build_series(2)
    datasets[1].StudyDescription = description
    stow(dcm4chee.url, *datasets)
    accept = 'multipart/related;type="application/dicom";transfer-syntax=1.2.3'
    assert get(dcm4chee, study_of(datasets[0]), Accept=accept).status_code == 406


def test_absent_objects_are_not_found(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    for path in ("/studies/1.2.3", f"{study_of(dataset)}/series/1.2.3", "/studies/1.2.3/metadata"):
        answer = requests.get(dcm4chee.url + path, headers=AS_STORED | {"Accept": "*/*"}, timeout=30)
        assert (answer.status_code, answer.json()) == (404, {"errorMessage": "No matches found."})


def test_retrievals_are_conditional(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    first = requests.get(dcm4chee.url + study_of(dataset), headers=AS_STORED, timeout=30)
    again = requests.get(
        dcm4chee.url + study_of(dataset),
        headers=AS_STORED | {"If-None-Match": first.headers["ETag"]},
        timeout=30,
    )
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["Last-Modified"].endswith("GMT")


def test_long_values_are_bulk_data_in_metadata(dcm4chee: StandIn) -> None:
    contours = "\\".join(f"{number}.5" for number in range(600))
    dataset = build_object()
    dataset.add_new(0x300600B0, "SQ", [])
    item = build_object().__class__()
    item.add_new(0x30060050, "DS", contours)
    dataset.add_new(0x30060039, "SQ", [item])
    stow(dcm4chee.url, dataset)
    (metadata,) = get(dcm4chee, f"{study_of(dataset)}/metadata").json()
    told = metadata["30060039"]["Value"][0]["30060050"]
    assert told == {
        "vr": "DS",
        "BulkDataURI": f"{dcm4chee.url}{path_of(dataset)}/bulkdata/30060039/1/30060050",
    }
    (bulk,) = parts_of(requests.get(told["BulkDataURI"], timeout=30))
    assert bulk.decode().strip() == contours
    pixels = metadata["7FE00010"]["BulkDataURI"]
    assert pixels == f"{dcm4chee.url}{path_of(dataset)}/pixeldata"
    assert list(parts_of(requests.get(pixels, timeout=30))) == [dataset.PixelData]


def test_zip_is_not_spoken(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    assert get(dcm4chee, study_of(dataset), Accept="application/zip").status_code == 406
