"""Headers tell which pixels need a look; in doubt they do."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import MPEG4HP41, UID

from orthanc_plugins.deid.pixels.risk import risk
from orthanc_plugins.deid.pixels.verdict import Need, PixelPolicy, Reason
from tests.unit.deid.pixels.pictures import slice_of_ct

POLICY = PixelPolicy()
STORAGE = "1.2.840.10008.5.1.4.1.1."
NAME = "Zacharias"


def test_a_measured_slice_needs_no_look() -> None:
    asked = risk(slice_of_ct(), POLICY)
    assert (asked.need, asked.reasons) == (Need.NONE, ())


@pytest.mark.parametrize(
    ("sop_class", "modality"),
    [("4", "MR"), ("128", "PT"), ("481.2", "RTDOSE"), ("66.4", "SEG"), ("2.1", "CT"), ("4.1", "MR")],
)
def test_measured_kinds_need_no_look(sop_class: str, modality: str) -> None:
    assert (
        risk(slice_of_ct(SOPClassUID=UID(STORAGE + sop_class), Modality=modality), POLICY).need is Need.NONE
    )


@pytest.mark.parametrize("sop_class", ["2.1", "2.2", "4.1", "4.4", "128.1", "130"])
def test_what_must_say_that_nothing_is_burned_in_is_looked_at(sop_class: str) -> None:
    modality = {"2": "CT", "4": "MR", "1": "PT"}[sop_class[0]]
    said = {"SOPClassUID": UID(STORAGE + sop_class), "Modality": modality, "BurnedInAnnotation": "NO"}
    assert risk(slice_of_ct(**said), POLICY).reasons == (Reason.TOLD,)


@pytest.mark.parametrize(
    "sop_class",
    [
        "7",
        "7.1",
        "7.2",
        "7.3",
        "7.4",
        "6.1",
        "3.1",
        "12.1",
        "12.2",
        "1",
        "1.1",
        "20",
        "77.1.1",
        "77.1.6",
        "481.1",
        "9.9",
    ],
)
def test_pictures_and_kinds_that_nobody_knows_are_looked_at(sop_class: str) -> None:
    asked = risk(slice_of_ct(SOPClassUID=UID(STORAGE + sop_class)), POLICY)
    assert asked.need is Need.LOOK
    assert Reason.KIND in asked.reasons


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"BurnedInAnnotation": "YES"}, Reason.DECLARED),
        ({"BurnedInAnnotation": "YES", "SOPClassUID": UID(STORAGE + "481.2")}, Reason.DECLARED),
        ({"ImageType": ["DERIVED", "SECONDARY"]}, Reason.NOT_ORIGINAL),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "SCREEN SAVE"]}, Reason.NOT_ORIGINAL),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, Reason.NOT_ORIGINAL),
        ({"ImageType": None}, Reason.NO_IMAGE_TYPE),
        ({"SeriesDescription": "Dose Report"}, Reason.WORDS),
        ({"SeriesDescription": "Patient Protocol"}, Reason.WORDS),
        ({"PhotometricInterpretation": "RGB"}, Reason.COLOUR),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, Reason.COLOUR),
        ({"ConversionType": "WSD"}, Reason.CONVERTED),
        ({"Modality": "OT"}, Reason.MODALITY),
        ({"Columns": 65}, Reason.SHAPE),
        ({"Rows": 2048, "Columns": 2048}, Reason.SHAPE),
        ({"BitsAllocated": 8}, Reason.SHAPE),
        ({"OverlayRows": 64}, Reason.EMBEDDED_OVERLAY),
    ],
)
def test_a_slice_unlike_those_of_a_scanner_is_looked_at(said: dict[str, object], reason: Reason) -> None:
    overlay = said.pop("OverlayRows", None) if "OverlayRows" in said else None
    dataset = slice_of_ct(**said)
    if overlay:
        dataset.add_new(0x60000010, "US", overlay)
    asked = risk(dataset, POLICY)
    assert (asked.need, asked.reasons) == (Need.LOOK, (reason,))


def test_burned_in_annotation_no_proves_nothing() -> None:
    said = {"SOPClassUID": UID(STORAGE + "6.1"), "Modality": "US", "BurnedInAnnotation": "NO"}
    assert risk(slice_of_ct(**said), POLICY).need is Need.LOOK


def test_a_profile_can_ask_for_every_image() -> None:
    assert risk(slice_of_ct(), PixelPolicy(look="all")).reasons == (Reason.ASKED,)


@pytest.mark.parametrize("sop_class", ["481.2", "66.4", "66.7", "30"])
def test_doses_and_maps_are_no_images_even_then(sop_class: str) -> None:
    asked = risk(slice_of_ct(SOPClassUID=UID(STORAGE + sop_class)), PixelPolicy(look="all"))
    assert asked.need is Need.NONE


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"SOPClassUID": UID(STORAGE + "77.1.4.1")}, Reason.VIDEO),
        ({"SOPClassUID": UID(STORAGE + "104.1")}, Reason.DOCUMENT),
        ({"SOPClassUID": UID(STORAGE + "77.1.4")}, Reason.PHOTOGRAPH),
        ({"Modality": "XC"}, Reason.PHOTOGRAPH),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]}, Reason.LABEL),
        ({"RecognizableVisualFeatures": "YES"}, Reason.RECOGNISABLE),
        ({"PixelDataProviderURL": "http://images.example/1"}, Reason.ELSEWHERE),
    ],
)
def test_what_nothing_here_looks_at_is_held(said: dict[str, object], reason: Reason) -> None:
    asked = risk(slice_of_ct(**said), POLICY)
    assert (asked.need, asked.reasons) == (Need.HOLD, (reason,))


def test_an_encapsulated_video_is_held_whatever_its_class() -> None:
    dataset = slice_of_ct()
    dataset.file_meta.TransferSyntaxUID = MPEG4HP41
    assert risk(dataset, POLICY).need is Need.HOLD


def test_a_profile_can_have_photographs_looked_at() -> None:
    dataset = slice_of_ct(SOPClassUID=UID(STORAGE + "77.1.4"), Modality="XC")
    assert risk(dataset, PixelPolicy(photographs="look")).need is Need.LOOK


def test_an_object_without_pixels_needs_nothing() -> None:
    assert risk(Dataset(), POLICY).reasons == (Reason.NO_PIXELS,)


def test_reasons_hold_no_value_of_the_header() -> None:
    asked = risk(slice_of_ct(SeriesDescription=f"Report {NAME}", ImageType=["DERIVED", NAME.upper()]), POLICY)
    assert NAME.upper() not in repr(asked).upper()
