"""Rejecting, restoring and deleting, as facts/dcm4chee.md section 6 says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from tests.contract.standin.asked import (
    AS_STORED,
    failure_reasons,
    found,
    get,
    path_of,
    query,
    reject,
    retrieved,
    study_of,
    value,
)
from tests.standin_objects import (
    build_object,
    build_series,
    content_of,
    stow,
)

if TYPE_CHECKING:
    from tests.standin import StandIn


def test_rejected_objects_are_out_of_sight_and_a_note_says_why(dcm4chee: StandIn) -> None:
    datasets = build_series(3)
    stow(dcm4chee.url, *datasets)
    answer = reject(dcm4chee, path_of(datasets[0]))
    assert (answer.status_code, answer.json()) == (200, {"count": 1})
    assert (
        found(dcm4chee, query(datasets[0], f"&SOPInstanceUID={datasets[0].SOPInstanceUID}", "instances"))
        == []
    )
    assert get(dcm4chee, f"{path_of(datasets[0])}/metadata").status_code == 404
    (match,) = found(dcm4chee, query(datasets[0], "&includefield=77770010"))
    assert match["00080061"]["Value"] == ["CT", "KO"]
    assert (value(match, "00201206"), value(match, "00201208")) == ("2", "3")
    assert value(match, "77771024") == "PARTIAL"
    sent = retrieved(dcm4chee, study_of(datasets[0]))
    (note,) = [one for one in sent if one.Modality == "KO"]
    assert note.ConceptNameCodeSequence[0].CodeValue == "113001"
    (series,) = note.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    (reference,) = series.ReferencedSOPSequence
    assert reference.ReferencedSOPInstanceUID == datasets[0].SOPInstanceUID
    assert {one.SOPInstanceUID for one in sent if one.Modality == "CT"} == {
        one.SOPInstanceUID for one in datasets[1:]
    }


def test_after_quality_a_second_occurrence_is_silently_ignored(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    reject(dcm4chee, study_of(dataset))
    assert stow(dcm4chee.url, dataset).status_code == 200
    (match,) = found(dcm4chee, query(dataset))
    assert match["00080061"]["Value"] == ["KO"]


@pytest.mark.parametrize("code", ["113037^DCM", "113038^DCM"])
def test_after_safety_and_worklist_a_second_occurrence_is_refused(dcm4chee: StandIn, code: str) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    reject(dcm4chee, study_of(dataset), code)
    answer = stow(dcm4chee.url, dataset)
    assert (answer.status_code, failure_reasons(answer)) == (409, [0xA771])
    assert "Subsequent occurrence of rejected Object" in answer.headers["Warning"]


def test_after_retention_expired_an_object_is_restored(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    reject(dcm4chee, study_of(dataset), "113039^DCM")
    answer = get(dcm4chee, query(dataset))
    assert (answer.status_code, answer.json()) == (
        200,
        [],
    )  # counted, and nothing of it shown: its note neither
    assert stow(dcm4chee.url, dataset).status_code == 200
    assert len(found(dcm4chee, query(dataset))) == 1


def test_rejection_is_revoked(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    reject(dcm4chee, study_of(dataset))
    answer = reject(dcm4chee, study_of(dataset), "REVOKE_REJECTION^99DCM4CHEE")
    assert (answer.status_code, answer.json()) == (200, {"count": 1})
    (match,) = found(dcm4chee, query(dataset))
    assert "CT" in match["00080061"]["Value"]


def test_unknown_codes_and_empty_rejections_are_not_found(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    assert reject(dcm4chee, study_of(dataset), "113999^DCM").status_code == 404
    assert reject(dcm4chee, "/studies/1.2.3").status_code == 404
    assert reject(dcm4chee, study_of(dataset), "REVOKE_REJECTION^99DCM4CHEE").status_code == 404


def test_rejected_objects_are_seen_through_their_views(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    reject(dcm4chee, study_of(dataset))
    for title, seen in (("IOCM_QUALITY", 200), ("IOCM_PAT_SAFETY", 404), ("AS_RECEIVED", 200)):
        url = f"{dcm4chee.root}/aets/{title}/rs{path_of(dataset)}"
        assert requests.get(url, headers=AS_STORED, timeout=30).status_code == seen


def test_a_study_is_deleted_only_once_it_is_rejected(dcm4chee: StandIn) -> None:
    datasets = build_series(2)
    stow(dcm4chee.url, *datasets)
    url = dcm4chee.url + study_of(datasets[0])
    answer = requests.delete(url, timeout=30)
    assert answer.status_code == 403
    assert answer.json() == {"errorMessage": "Deletion of Study with Rejection State: NONE not permitted"}
    reject(dcm4chee, path_of(datasets[0]))
    assert "PARTIAL" in requests.delete(url, timeout=30).text
    reject(dcm4chee, study_of(datasets[0]))
    assert requests.delete(url, timeout=30).status_code == 204
    assert requests.delete(url, timeout=30).status_code == 404
    assert found(dcm4chee, query(datasets[0])) == []
    assert stow(dcm4chee.url, *datasets).status_code == 200  # nothing is remembered of it
    assert len(found(dcm4chee, query(datasets[0]))) == 1


def test_storage_is_verified(dcm4chee: StandIn) -> None:
    datasets = build_series(2)
    stow(dcm4chee.url, *datasets)
    url = f"{dcm4chee.url}{study_of(datasets[0])}/stgver"
    assert requests.post(url, timeout=30).status_code == 200
    stored = next(
        path
        for path in (dcm4chee.folder / "storage").rglob("*")
        if path.is_file() and path.read_bytes() == content_of(datasets[0])
    )
    stored.write_bytes(content_of(datasets[0])[:-1] + b"\xff")
    answer = requests.post(url, timeout=30)
    assert answer.status_code == 202
    (failed,) = answer.json()[0]["00081198"]["Value"]
    assert value(failed, "00081155") == datasets[0].SOPInstanceUID
    assert found(dcm4chee, query(datasets[0], "&storageVerificationFailed=true"))
    stored.write_bytes(content_of(datasets[0]))
    assert requests.post(url, timeout=30).status_code == 200
    assert not found(dcm4chee, query(datasets[0], "&storageVerificationFailed=true"))
    assert requests.post(f"{dcm4chee.url}/studies/1.2.3/stgver", timeout=30).status_code == 404
