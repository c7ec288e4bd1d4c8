"""Our script for XNAT's projects: what it takes away, and that it leaves the suite's own objects alone."""

from __future__ import annotations

import csv
import re

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from scripts.lib.render import REPOSITORY
from tests.standin_objects import build_object
from xnat_standin.dicomedit.script import Script

_TEXT = (REPOSITORY / "xnat" / "project-script.das").read_text(encoding="utf-8")
_TABLE = REPOSITORY / "orthanc_plugins" / "deid" / "standard" / "e1_1.tsv"
_VARIABLES = {"project": "P", "subject": "S", "session": "E"}


def removed_without_option() -> set[str]:
    """Return the tags of Table E.1-1 that the profile removes and no option keeps or cleans."""
    lines = [line for line in _TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines, delimiter="\t"))
    options = [name for name in rows[0] if name.startswith(("retain_", "clean_"))]
    pure = [row for row in rows if row["basic"] == "X" and not any(row[name] for name in options)]
    return {row["tag"] for row in pure if re.fullmatch("[0-9A-F]{4},[0-9A-F]{4}", row["tag"])}


def applied(dataset: Dataset) -> Dataset:
    Script(_TEXT, supported=(6, 3)).apply(dataset, _VARIABLES)
    return dataset


def test_it_deletes_what_the_profile_removes_and_no_option_keeps() -> None:
    deleted = set(re.findall(r"^-\*/\(([0-9A-F]{4},[0-9A-F]{4})\)$", _TEXT, re.MULTILINE))
    assert deleted == removed_without_option()


def test_every_deletion_is_carried_out_at_every_level() -> None:
    for line in re.findall(r"^-[*+]/\(([0-9A-F]{4},[0-9A-F]{4})\)$", _TEXT, re.MULTILINE):
        tag = int(line.replace(",", ""), 16)
        item = Dataset()
        item.add_new(tag, "UN", b"")
        dataset = build_object(RequestAttributesSequence=Sequence([item]))
        applied(dataset)
        assert tag not in dataset.RequestAttributesSequence[0], line


def test_private_elements_and_curves_go() -> None:
    dataset = build_object()
    dataset.private_block(0x0029, "SOMEONE", create=True).add_new(0x10, "LO", "x")
    dataset.add_new(0x50020010, "UN", b"")
    dataset.add_new(0x60024000, "LT", "x")
    dataset.add_new(0x60023000, "OW", b"xx")
    applied(dataset)
    assert not any(tag.is_private for tag in dataset)
    assert 0x50020010 not in dataset
    assert 0x60024000 not in dataset
    assert 0x60023000 in dataset


def test_what_the_suite_sends_stays_as_it_is() -> None:
    reference, roi = Dataset(), Dataset()
    reference.ReferencedSOPInstanceUID = "2.25.1"
    roi.ROIName = "Lung_L"
    roi.ReferencedFrameOfReferenceUID = "2.25.2"
    sent = {
        "PatientName": "DEID-A",
        "PatientID": "DEID-A",
        "PatientBirthDate": "",
        "PatientAge": "061Y",
        "PatientSize": "1.7",
        "PatientWeight": "70",
        "ReferringPhysicianName": "",
        "AccessionNumber": "",
        "StudyID": "",
        "SeriesDescription": "Thorax",
        "ManufacturerModelName": "M",
        "DeviceSerialNumber": "D",
        "InstitutionName": "I",
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethod": "M",
        "FrameOfReferenceUID": "2.25.2",
        "ReferencedImageSequence": Sequence([reference]),
        "StructureSetROISequence": Sequence([roi]),
    }
    dataset, same = build_object(**sent), build_object(**sent)
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(same, keyword, dataset[keyword].value)
    assert applied(dataset) == same


def test_a_birth_date_and_a_referring_physician_are_emptied() -> None:
    dataset = applied(build_object())
    assert (dataset.PatientBirthDate, dataset.ReferringPhysicianName) == ("", "")
