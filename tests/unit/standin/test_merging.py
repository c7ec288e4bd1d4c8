"""What wins when an object says something else than the archive holds."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from dcm4chee.standin.dataset import attributes_of, read_header
from dcm4chee.standin.merged_file import merged_file
from dcm4chee.standin.merging import merged, original_item, overwritten, same, supplemented
from tests.standin_objects import build_object, content_of

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID


def text(value: str, vr: str = "LO") -> dict[str, Any]:
    return {"vr": vr, "Value": [value]} if value else {"vr": vr}


def name(value: str) -> dict[str, Any]:
    return {"vr": "PN", "Value": [{"Alphabetic": value}]}


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (text("a"), text("a "), True),
        (text("a"), text("b"), False),
        (text("a"), text("a", "SH"), True),
        (text(""), None, True),
        (text("a"), None, False),
        (name("Doe^Jane"), name("Doe^Jane^^"), True),
        (name("Doe^Jane"), name("Doe^Joan"), False),
        ({"vr": "UN", "InlineBinary": "AA=="}, {"vr": "UN", "InlineBinary": "AQ=="}, False),
        (
            {"vr": "SQ", "Value": [{"00080100": text("1")}]},
            {"vr": "SQ", "Value": [{"00080100": text("1 ")}]},
            True,
        ),
    ],
)
def test_values_are_compared_without_padding_and_representation(
    one: dict[str, Any], other: dict[str, Any] | None, *, equal: bool
) -> None:
    assert same(one, other) is equal
    assert same(other, one) is equal


def test_only_what_was_missing_is_supplemented() -> None:
    held = {"00081030": text("held"), "00080050": text("")}
    received = {"00081030": text("new"), "00080050": text("A1"), "00200010": text("")}
    assert supplemented(held, received) == {"00081030": text("held"), "00080050": text("A1")}


def test_what_is_held_is_overwritten_where_it_differs_or_is_missing() -> None:
    held = {"00081030": text("held"), "00080050": text("A1"), "00200010": text(""), "04000561": text("x")}
    received = {"00081030": text("own"), "00200010": text("own")}
    assert overwritten(received, held) == {"00081030": text("held"), "00080050": text("A1")}


values = st.text(alphabet="ab \0", max_size=3)
attribute_sets = st.dictionaries(st.sampled_from(["00081030", "00080050", "00200010"]), values.map(text))


@given(attribute_sets, attribute_sets)
def test_after_merging_nothing_is_left_to_overwrite(received: Any, held: Any) -> None:
    changed = merged(received, overwritten(received, held), ())
    assert overwritten(changed, held) == {}
    assert all(same(changed[tag], held[tag]) for tag in held if overwritten({}, {tag: held[tag]}))


def test_records_are_appended_to_those_there_are() -> None:
    item = original_item({"00081030": text("before")}, "20260102", "CORRECT", "RIS")
    own = {"04000561": {"vr": "SQ", "Value": [{"04000565": text("COERCE", "CS")}]}}
    (kept, added) = merged(own, {}, [item])["04000561"]["Value"]
    assert kept == {"04000565": text("COERCE", "CS")}
    assert added["04000550"]["Value"] == [{"00081030": text("before")}]
    assert (added["04000564"], added["04000565"]) == (text("RIS"), text("CORRECT", "CS"))


# Files


def changed(dataset: Dataset, changes: dict[str, Any], originals: Any = ()) -> Dataset:
    return dcmread(io.BytesIO(merged_file(content_of(dataset), changes, originals)))


def test_all_else_stays_as_it_was() -> None:
    dataset = build_object(StudyDescription="Own")
    dataset.add_new(0x00091010, "UN", b"\x01\x02\x03\x04")
    after = changed(dataset, {"00081030": text("Held")})
    assert after.StudyDescription == "Held"
    after.StudyDescription = "Own"
    assert attributes_of(after) == attributes_of(dcmread(io.BytesIO(content_of(dataset))))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_other_transfer_syntaxes_are_kept(syntax: UID) -> None:
    dataset = build_object()
    dataset.file_meta.TransferSyntaxUID = syntax
    after = changed(dataset, {"00081030": text("Held")})
    assert after.file_meta.TransferSyntaxUID == syntax
    assert (after.StudyDescription, after.PixelData) == ("Held", dataset.PixelData)


def test_text_in_another_repertoire_is_written_anew() -> None:
    dataset = build_object(SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Änne", StudyID="ß")
    after = changed(dataset, {"00081030": text("Κήλη")})
    assert after.SpecificCharacterSet == "ISO_IR 192"
    assert (after.StudyDescription, after.PatientName, after.StudyID) == ("Κήλη", "Müller^Änne", "ß")


def test_records_are_written_beside_those_of_the_file() -> None:
    dataset = build_object()
    once = changed(dataset, {"00081030": text("B")}, [original_item({"00081030": text("A")}, "20260102")])
    twice = changed(once, {"00081030": text("C")}, [original_item({"00081030": text("B")}, "20260103")])
    assert [
        item.ModifiedAttributesSequence[0].StudyDescription for item in twice.OriginalAttributesSequence
    ] == ["A", "B"]


def test_pixels_begin_where_the_header_ends() -> None:
    dataset = build_object()
    content = content_of(dataset)
    _, pixels = read_header(content)
    assert content[pixels : pixels + 4] == b"\xe0\x7f\x10\x00"
