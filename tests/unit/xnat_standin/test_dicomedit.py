"""DicomEdit: what scripts do to data sets, and what is refused."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from xnat_standin.dicomedit.functions import hashed_uid
from xnat_standin.dicomedit.language import DicomEditError, RejectedError
from xnat_standin.dicomedit.script import Script

VARIABLES = {"project": "P", "subject": "S", "session": "E"}


def build_dataset() -> Dataset:
    inner = Dataset()
    inner.ReferencedSOPInstanceUID = "1.2.3"
    inner.PatientName = "Inner"
    outer = Dataset()
    outer.PatientName = "Outer"
    outer.ReferencedSeriesSequence = Sequence([inner])
    second = Dataset()
    second.PatientName = "Second"
    dataset = Dataset()
    dataset.PatientName = "Root"
    dataset.StudyDate = "20260301"
    dataset.Modality = "CT"
    dataset.SOPInstanceUID = "1.2.3.4.5"
    dataset.ReferencedStudySequence = Sequence([outer, second])
    return dataset


def applied(*lines: str, version: str = "6.6", supported: tuple[int, int] = (6, 6)) -> Dataset:
    dataset = build_dataset()
    script = "\n".join([f'version "{version}"', *lines, ""])
    Script(script, supported).apply(dataset, VARIABLES)
    return dataset


def names(dataset: Dataset) -> list[str]:
    outer, second = dataset.ReferencedStudySequence
    inner = outer.ReferencedSeriesSequence[0]
    return [str(one.get("PatientName", "-")) for one in (dataset, outer, inner, second)]


def test_variables_texts_and_functions_are_assigned() -> None:
    dataset = applied(
        '(0008,1030) := "a // b"  // a comment',
        "(0010,0010) := subject",
        'mine := format["{0}_{1}", project, session]',
        "(0010,0020) := mine",
        "(0008,0018) := hashUID[(0008,0018)]",
    )
    assert dataset.StudyDescription == "a // b"
    assert (str(dataset.PatientName), dataset.PatientID) == ("S", "P_E")
    assert dataset.SOPInstanceUID == "2.25.281097975800109040096884226991818420711"


def test_the_default_site_script_depends_on_the_project() -> None:
    line = 'project != "Unassigned" ? (0008,1030) := project'
    assert applied(line).StudyDescription == "P"
    dataset = build_dataset()
    Script(f'version "6.1"\n{line}').apply(dataset, VARIABLES | {"project": "Unassigned"})
    assert "StudyDescription" not in dataset


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("(0010,0010)", ["-", "Outer", "Inner", "Second"]),
        ("*/(0010,0010)", ["-", "-", "-", "-"]),
        ("+/(0010,0010)", ["Root", "-", "-", "-"]),
        ("./(0010,0010)", ["Root", "-", "Inner", "-"]),
        ("(0008,1110)/(0010,0010)", ["Root", "-", "Inner", "-"]),
        ("(0008,1110)[%]/(0010,0010)", ["Root", "-", "Inner", "-"]),
        ("(0008,1110)[1]/(0010,0010)", ["Root", "Outer", "Inner", "-"]),
        ("(0008,1110)/(0008,1115)[0]/(0010,0010)", ["Root", "Outer", "-", "Second"]),
        ("(0010,00XX)", ["-", "Outer", "Inner", "Second"]),
        ("(00#0,0010)", ["-", "Outer", "Inner", "Second"]),
        ("(00@0,0010)", ["Root", "Outer", "Inner", "Second"]),
    ],
)
def test_paths_name_levels_items_and_digits(path: str, expected: list[str]) -> None:
    assert names(applied(f"-{path}")) == expected


def test_only_what_is_there_is_assigned_with_wildcards_and_question_marks() -> None:
    assert names(applied('*/(0010,0010) := "X"')) == ["X", "X", "X", "X"]
    assert "PatientID" not in applied('(0010,0020) ?= "X"')
    assert "PatientID" not in applied('*/(0010,0020) := "X"')
    assert applied('(0010,0010) ?= "X"').PatientName == "X"


def test_each_place_is_hashed_from_its_own_value() -> None:
    dataset = applied("*/(0008,1155) := hashUID[*/(0008,1155)]", "*/(0010,0010) := lowercase[*/(0010,0010)]")
    inner = dataset.ReferencedStudySequence[0].ReferencedSeriesSequence[0]
    assert inner.ReferencedSOPInstanceUID == hashed_uid("1.2.3")
    assert names(dataset) == ["root", "outer", "inner", "second"]


def test_a_missing_sequence_is_made_with_one_item() -> None:
    dataset = applied('(0008,1140)/(0008,1155) := "1.2"')
    assert [item.ReferencedSOPInstanceUID for item in dataset.ReferencedImageSequence] == ["1.2"]


def test_private_elements_are_named_by_creator_and_removed_at_all_levels() -> None:
    dataset = build_dataset()
    for one in (dataset, dataset.ReferencedStudySequence[0]):
        block = one.private_block(0x0029, "SOMEONE", create=True)
        block.add_new(0x10, "LO", "x")
    Script('version "6.0"\n(0029,{SOMEONE}10) := "y"').apply(dataset, VARIABLES)
    assert dataset[0x0029, 0x1010].value == "y"
    Script('version "6.0"\nremoveAllPrivateTags[]').apply(dataset, VARIABLES)
    assert all(not tag.is_private for tag in dataset)
    assert all(not tag.is_private for tag in dataset.ReferencedStudySequence[0])


def test_blocks_choose() -> None:
    lines = (
        'if ((0008,0060) = "MR") {',
        '  (0008,1030) := "mr"',
        '} elseif ((0008,0060) ~ "C.") {',
        '  (0008,1030) := "ct"',
        "  -(0010,0010)",
        "}",
        "else {",
        '  (0008,1030) := "other"',
        "}",
    )
    dataset = applied(*lines)
    assert (dataset.StudyDescription, "PatientName" in dataset) == ("ct", False)


def test_dates_are_shifted() -> None:
    dataset = applied(
        '(0008,0020) := shiftDateByIncrement[(0008,0020), "-1"]',
        '(0008,002A) := shiftDateTimeByIncrement["20260301120000.5", "3600", "seconds"]',
    )
    assert (dataset.StudyDate, dataset.AcquisitionDateTime) == ("20260228", "20260301130000.5")


def test_lists_of_paths_are_removed_blanked_and_hashed() -> None:
    dataset = applied("removeTags[(0008,0060)]", "blankValues[*/(0010,0010)]", "hashUIDList[(0008,0018)]")
    assert "Modality" not in dataset
    assert names(dataset) == ["", "", "", ""]
    assert dataset.SOPInstanceUID == hashed_uid("1.2.3.4.5")


def test_an_instance_is_rejected() -> None:
    with pytest.raises(RejectedError):
        applied('(0008,0060) = "CT" ? reject[]')


def test_numbers_are_written_as_numbers_and_bytes_not_at_all() -> None:
    assert applied('(0028,0010) := "512"').Rows == 512
    for line in ('(0028,0010) := "many"', '(7FE0,0010) := "x"', '(0008,1110) := "x"'):
        with pytest.raises(DicomEditError):
            applied(line)


@pytest.mark.parametrize(
    ("line", "supported"),
    [
        ('(0010,0010) ?= "X"', (6, 4)),
        ("hashUIDList[(0008,0018)]", (6, 5)),
        ('(0008,0020) := shiftDateByIncrement[(0008,0020), "-1"]', (6, 1)),
        ('if ((0008,0060) = "CT") { -(0010,0010) }', (6, 3)),
    ],
)
def test_an_older_site_does_not_know_what_came_later(line: str, supported: tuple[int, int]) -> None:
    applied(line, version="6.0")
    with pytest.raises(DicomEditError):
        applied(line, version="6.0", supported=supported)


@pytest.mark.parametrize(
    "script",
    [
        "(0010,0010) := subject",
        'version "4.2"',
        'version "6.7"',
        'version "6.6" (0010,0010) := subject',
        'version "6.6"\n(0010,0010)',
        'version "6.6"\n(0010,0010) := "open',
        'version "6.6"\n(0010,0010) := "a" "b"',
        'version "6.6"\n"a" := "b"',
        'version "6.6"\n(0010,0010) := getURL["http://127.0.0.1"]',
        'version "6.6"\nmapReferencedUIDs["1.2", "(0008,0018)"]',
        'version "6.6"\n(0010,0010) := hashUID[]',
        'version "6.6"\nremoveAllPrivateTags["x"]',
        'version "6.6"\nremoveTags["x"]',
        'version "6.6"\n(0010,0010) := nobody',
        'version "6.6"\n(0008,0060) ~ "(" ? -(0010,0010)',
        'version "6.6"\n(0008,9999) := "x"',
        'version "6.6"\n(0029,{NOBODY}10) := "x"',
        'version "6.6"\nif ((0008,0060) = "CT") { -(0010,0010)',
        'version "6.6"\n(0008,0020) := shiftDateByIncrement["today", "1"]',
    ],
)
def test_what_is_not_known_is_an_error(script: str) -> None:
    with pytest.raises(DicomEditError):
        Script(script).apply(build_dataset(), VARIABLES)


def test_errors_carry_no_values() -> None:
    with pytest.raises(DicomEditError) as caught:
        applied("(0028,0010) := (0010,0010)")
    assert "Root" not in str(caught.value)
