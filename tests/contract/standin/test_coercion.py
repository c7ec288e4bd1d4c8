"""What the archive holds wins over what comes later, and what is retrieved says so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import requests

from tests.contract.standin.asked import (
    AS_STORED,
    found,
    get,
    path_of,
    query,
    retrieved,
    study_of,
    value,
)
from tests.standin_objects import (
    build_object,
    content_of,
    new_uid,
    parts_of,
    stow,
)

if TYPE_CHECKING:
    from tests.standin import StandIn


def test_what_came_first_wins_and_the_change_is_recorded(dcm4chee: StandIn) -> None:
    first = build_object(StudyDescription="First", PatientName="Müller^Ännchen")
    second = build_object(
        StudyInstanceUID=first.StudyInstanceUID,
        SeriesInstanceUID=first.SeriesInstanceUID,
        PatientID=first.PatientID,
        StudyDescription="Second",
        PatientName="Mueller^A",
        InstanceNumber="2",
    )
    stow(dcm4chee.url, first, second)
    sent = {one.SOPInstanceUID: one for one in retrieved(dcm4chee, study_of(first))}
    coerced = sent[second.SOPInstanceUID]
    assert (coerced.StudyDescription, coerced.PatientName) == ("First", "Müller^Ännchen")
    (item,) = coerced.OriginalAttributesSequence
    (before,) = item.ModifiedAttributesSequence
    assert (before.StudyDescription, before.PatientName) == ("Second", "Mueller^A")
    assert item.ReasonForTheAttributeModification == "COERCE"
    assert item.ModifyingSystem == "dcm4chee-arc"
    assert re.fullmatch(r"\d{14}\.\d{3}[+-]\d{4}", item.AttributeModificationDateTime)
    assert coerced.PixelData == second.PixelData
    assert (coerced.InstanceNumber, coerced.SliceThickness) == ("2", "2.50")
    untouched = sent[first.SOPInstanceUID]
    assert content_of(untouched) == content_of(first)
    (told,) = get(dcm4chee, f"{path_of(second)}/metadata").json()
    assert value(told, "00081030") == "First"
    assert value(told["04000561"]["Value"][0], "04000565") == "COERCE"


def test_what_was_missing_is_supplemented(dcm4chee: StandIn) -> None:
    first = build_object(StudyDescription=None)
    second = build_object(StudyInstanceUID=first.StudyInstanceUID, StudyDescription="Later")
    stow(dcm4chee.url, first, second)
    sent = {one.SOPInstanceUID: one for one in retrieved(dcm4chee, study_of(first))}
    assert sent[first.SOPInstanceUID].StudyDescription == "Later"
    assert "OriginalAttributesSequence" not in sent[first.SOPInstanceUID]


def test_as_received_is_not_merged(dcm4chee: StandIn) -> None:
    first = build_object(StudyDescription="First")
    second = build_object(StudyInstanceUID=first.StudyInstanceUID, StudyDescription="Second")
    stow(dcm4chee.url, first, second)
    url = f"{dcm4chee.root}/aets/AS_RECEIVED/rs{path_of(second)}"
    answer = requests.get(url, headers=AS_STORED, timeout=30)
    (sent,) = parts_of(answer)
    assert sent == content_of(second)


def test_an_object_of_another_patient_joins_the_patient_of_its_study(dcm4chee: StandIn) -> None:
    first = build_object(PatientID="ONE")
    second = build_object(StudyInstanceUID=first.StudyInstanceUID, PatientID="TWO")
    assert stow(dcm4chee.url, first, second).status_code == 200
    assert {one.PatientID for one in retrieved(dcm4chee, study_of(first))} == {"ONE"}
    (match,) = found(dcm4chee, query(first))
    assert (value(match, "00100020"), value(match, "00201208")) == ("ONE", "2")


def test_study_attributes_are_replaced_and_the_change_recorded_on_request(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    sent = {
        "0020000D": {"vr": "UI", "Value": [dataset.StudyInstanceUID]},
        "00100020": {"vr": "LO", "Value": [dataset.PatientID]},
        "00081030": {"vr": "LO", "Value": ["Corrected"]},
        "00080020": {"vr": "DA", "Value": ["20260102"]},
    }
    url = f"{dcm4chee.url}{study_of(dataset)}?reasonForModification=CORRECT&sourceOfPreviousValues=RIS"
    assert requests.put(url, json=sent, timeout=30).status_code == 200
    (changed,) = retrieved(dcm4chee, study_of(dataset))
    assert changed.StudyDescription == "Corrected"
    (item,) = changed.OriginalAttributesSequence
    assert item.ReasonForTheAttributeModification == "CORRECT"
    assert item.SourceOfPreviousValues == "RIS"
    assert item.ModifiedAttributesSequence[0].StudyDescription == "Thorax"
    (match,) = found(dcm4chee, query(dataset))
    assert match["00080050"] == {"vr": "SH"}  # what is not sent is removed
    assert value(match, "00100010") == {"Alphabetic": "Doe^Jane"}  # PUT of a study is not one of its patient


def test_wrong_updates_of_studies_are_refused(dcm4chee: StandIn) -> None:
    dataset = build_object()
    stow(dcm4chee.url, dataset)
    sent = {
        "0020000D": {"vr": "UI", "Value": [dataset.StudyInstanceUID]},
        "00100020": {"vr": "LO", "Value": [dataset.PatientID]},
    }
    url = dcm4chee.url + study_of(dataset)
    wrong: list[tuple[dict[str, Any], int]] = [
        ({"0020000D": {"vr": "UI", "Value": ["1.2"]}}, 400),
        ({"00100020": {"vr": "LO"}}, 400),
        ({"00100020": {"vr": "LO", "Value": ["NO SUCH"]}}, 404),
    ]
    for changes, status in wrong:
        assert requests.put(url, json=sent | changes, timeout=30).status_code == status
    unknown = {**sent, "0020000D": {"vr": "UI", "Value": ["1.2.3"]}}
    assert requests.put(f"{dcm4chee.url}/studies/1.2.3", json=unknown, timeout=30).status_code == 404


def test_patient_attributes_are_replaced(dcm4chee: StandIn) -> None:
    patient = new_uid()
    dataset = build_object(PatientID=patient)
    stow(dcm4chee.url, dataset)
    sent = {
        "00100020": {"vr": "LO", "Value": [patient]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Roe^Joan"}]},
        "00100030": {"vr": "DA", "Value": ["19600229"]},
        "00100040": {"vr": "CS", "Value": ["F"]},
    }
    assert requests.put(f"{dcm4chee.url}/patients/{patient}", json=sent, timeout=30).status_code == 204
    assert found(dcm4chee, query(dataset, "&PatientName=ROE"))
    (changed,) = retrieved(dcm4chee, study_of(dataset))
    assert changed.PatientName == "Roe^Joan"
