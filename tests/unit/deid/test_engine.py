"""The engine: the same bytes for the same input, and nothing that repeats an identity."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from orthanc_plugins.deid.engine import Subject
from orthanc_plugins.deid.gathering import gathered
from orthanc_plugins.deid.wire import read_part10
from tests.builders.writing import DEFLATED, Element, Writing, part_10
from tests.unit.deid.objects import PATIENT, WEEKS, base, deidentified, engine, new_bytes, new_dataset, read

NAME = Element(0x00100010, "PN", "Zoltanyi^Anna")
OBJECT = (
    *base(),
    NAME,
    Element(0x00080070, "LO", "Contoso"),
    Element(0x00081115, "SQ", ((Element(0x0020000E, "UI", "1.2.9"),),)),
    Element(0x00080020, "DA", "20240305"),
)
OTHER = (*base(), NAME, Element(0x00081070, "PN", "Lindqvist^Bo"))
IN_ANOTHER_PROCESS = """
import pickle, sys
from orthanc_plugins.deid.engine import Subject
from orthanc_plugins.deid.gathering import gathered
from orthanc_plugins.deid.wire import read_part10
engine, data = pickle.load(sys.stdin.buffer)
file = read_part10(data)
made = engine.deidentified(file, gathered(file), Subject("DEID-TEST", 60, str.isnumeric, str.isnumeric))
sys.stdout.buffer.write(b"".join(made.pieces))
"""


@pytest.mark.parametrize("profile", ["basic", "research_rt", "longitudinal", "strict"])
@pytest.mark.parametrize("syntax", [Writing().syntax, DEFLATED])
def test_two_runs_give_equal_bytes_in_any_order(profile: str, syntax: str) -> None:
    one, other = part_10(OBJECT, Writing(syntax)), part_10(OTHER, Writing(syntax))
    first = [new_bytes(one, profile), new_bytes(other, profile)]
    second = [new_bytes(other, profile), new_bytes(one, profile)]
    engine.cache_clear()
    assert first == second[::-1] == [new_bytes(one, profile), new_bytes(other, profile)]


def test_another_process_gives_equal_bytes() -> None:
    data = part_10(OBJECT)
    file = read_part10(data)
    here = engine().deidentified(file, gathered(file), Subject(PATIENT, WEEKS, str.isnumeric, str.isnumeric))
    there = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS],
        input=pickle.dumps((engine(), data)),
        capture_output=True,
        check=True,
    )
    assert there.stdout == b"".join(here.pieces)


def test_nothing_tells_the_project_from_another_but_the_key() -> None:
    made = deidentified(part_10(OBJECT))
    assert made.sop_class_uid == base()[0].value
    assert made.sop_instance_uid == read(b"".join(made.pieces)).SOPInstanceUID


def test_a_kept_text_that_repeats_the_patients_name_goes() -> None:
    for text in ("Zoltanyi Medical", "ZOLTANYI", "for anna zoltanyi"):
        made = new_dataset((NAME, Element(0x00080070, "LO", text)))
        assert made.get("Manufacturer", "") in {"", "REMOVED"}


def test_kept_texts_beside_it_stay() -> None:
    made = new_dataset(
        (NAME, Element(0x00080070, "LO", "Zoltanyi"), Element(0x00081090, "LO", "Scanner 3000"))
    )
    assert made.ManufacturerModelName == "Scanner 3000"


@pytest.mark.parametrize("tag", [0x00080090, 0x00081070, 0x00321032])
def test_what_repeats_the_staff_goes(tag: int) -> None:
    made = new_dataset((Element(tag, "PN", "Lindqvist^Bo"), Element(0x00080070, "LO", "Lindqvist AB")))
    assert "Lindqvist" not in str(made)


@pytest.mark.parametrize(
    ("element", "text"),
    [
        (Element(0x00100020, "LO", "H-778812"), "box 778812"),
        (Element(0x00080050, "SH", "ACC55190"), "ACC-55190"),
        (Element(0x00100030, "DA", "19590312"), "12.03.1959"),
        (Element(0x00080080, "LO", "Nordheim Clinic"), "Nordheim"),
    ],
)
def test_what_repeats_an_identifier_a_date_or_a_place_goes(element: Element, text: str) -> None:
    made = new_dataset((element, Element(0x00080070, "LO", text)))
    assert made.get("Manufacturer", "") in {"", "REMOVED"}


def test_an_echo_inside_an_item_goes() -> None:
    for open_lengths in (False, True):
        made = new_dataset(
            (NAME, Element(0x00081115, "SQ", ((Element(0x00080070, "LO", "Zoltanyi"),),))),
            writing=Writing(open_lengths=open_lengths),
        )
        assert "Zoltanyi" not in str(made)


def test_a_description_is_cleaned_once_for_all_slices_of_a_patient() -> None:
    asked: list[str] = []

    def echoes(text: str) -> bool:
        asked.append(text)
        return False

    file = read_part10(part_10((*base(), Element(0x0008103E, "LO", "Head axial"))))
    subject = Subject(PATIENT, WEEKS, echoes, echoes)
    first = engine().deidentified(file, gathered(file), subject)
    times = len(asked)
    assert times > 0
    second = engine().deidentified(file, gathered(file), subject)
    assert len(asked) - times < times
    assert b"".join(first.pieces) == b"".join(second.pieces)


def test_the_repr_of_what_is_known_shows_no_secret() -> None:
    assert "000102" not in repr(engine().pseudonyms)
