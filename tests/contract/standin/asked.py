"""Asking DCM4CHEE's stand-in, and what its answers say."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import requests
from pydicom import Dataset, dcmread
from pynetdicom import AE

from tests.standin_objects import (
    parts_of,
)

if TYPE_CHECKING:
    from tests.standin import StandIn


AS_STORED = {"Accept": 'multipart/related;type="application/dicom";transfer-syntax=*'}


def get(dcm4chee: StandIn, path: str, **headers: str) -> requests.Response:
    return requests.get(dcm4chee.url + path, headers=headers, timeout=60)


def found(dcm4chee: StandIn, path: str) -> list[dict[str, Any]]:
    answer = get(dcm4chee, path)
    if answer.status_code == 204:
        return []
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json()
    return listed


def value(attributes: dict[str, Any], tag: str) -> Any:
    return attributes[tag].get("Value", [None])[0]


def study_of(dataset: Dataset) -> str:
    return f"/studies/{dataset.StudyInstanceUID}"


def path_of(dataset: Dataset) -> str:
    return f"{study_of(dataset)}/series/{dataset.SeriesInstanceUID}/instances/{dataset.SOPInstanceUID}"


def query(dataset: Dataset, more: str = "", level: str = "studies") -> str:
    return f"/{level}?StudyInstanceUID={dataset.StudyInstanceUID}{more}"


def retrieved(dcm4chee: StandIn, path: str) -> list[Dataset]:
    answer = requests.get(dcm4chee.url + path, headers=AS_STORED, timeout=60)
    assert answer.status_code == 200, answer.text
    return [dcmread(io.BytesIO(part)) for part in parts_of(answer)]


def failure_reasons(answer: requests.Response) -> list[int]:
    return [value(item, "00081197") for item in answer.json().get("00081198", {}).get("Value", [])]


def reject(dcm4chee: StandIn, path: str, code: str = "113001^DCM") -> requests.Response:
    return requests.post(f"{dcm4chee.url}{path}/reject/{code.replace('^', '%5E')}", timeout=60)


def c_store(dcm4chee: StandIn, dataset: Dataset, calling: str = "MODALITY") -> int:
    entity = AE(ae_title=calling)
    entity.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    association = entity.associate(dcm4chee.dicom_host, dcm4chee.dicom_port, ae_title=dcm4chee.aet)
    assert association.is_established
    status: int = association.send_c_store(dataset).Status
    association.release()
    return status
