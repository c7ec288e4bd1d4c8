"""Small objects, what the engine makes of them, and how tests look at that."""

from __future__ import annotations

import warnings
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

from pydicom import dcmread

from orthanc_plugins.deid.engine import Deidentified, Engine, Subject
from orthanc_plugins.deid.gathering import gathered
from orthanc_plugins.deid.profile import Profile, load_profile
from orthanc_plugins.deid.text import Echo
from orthanc_plugins.deid.wire import read_part10
from orthanc_plugins.pseudonyms import Pseudonyms
from tests.builders.writing import Element, Elements, Writing, part_10

if TYPE_CHECKING:
    from collections.abc import Buffer, Iterable

    from pydicom.dataset import Dataset

    from orthanc_plugins.deid.gathering import Gathered
    from orthanc_plugins.deid.standard import Option

PSEUDONYMS = Pseudonyms(bytes(range(32)))
PATIENT = "DEID-TEST"
WEEKS = 60
VERSION = "1.2.3"

CT, SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.7"
STRUCTURE_SET, PLAN = "1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.5.1.4.1.1.481.5"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
REPORT = "1.2.840.10008.5.1.4.1.1.88.33"
STUDY_UID, SERIES_UID, SOP_UID, FRAME_UID = "1.2.3.10", "1.2.3.11", "1.2.3.12", "1.2.3.13"


def base(sop_class_uid: str = CT) -> Elements:
    """Return what each object has."""
    return (
        Element(0x00080016, "UI", sop_class_uid),
        Element(0x00080018, "UI", SOP_UID),
        Element(0x0020000D, "UI", STUDY_UID),
        Element(0x0020000E, "UI", SERIES_UID),
    )


@cache
def engine(profile: Profile | str = "research_rt") -> Engine:
    """Return an engine with the key of the tests."""
    return Engine(profile if isinstance(profile, Profile) else load_profile(profile), PSEUDONYMS, VERSION)


def with_options(*options: Option) -> Profile:
    """Return a profile with these options alone."""
    return Profile(name="of_a_test", summary="for one test", options=frozenset(options))


def subject_of(known: Gathered, retained: frozenset[Option] = frozenset()) -> Subject:
    """Return the patient, with the echo of what the object itself says."""
    values = [value for value, options in known.values.items() if not options & retained]
    return Subject(
        PATIENT,
        WEEKS,
        Echo.of(values, names=known.names, dates=known.dates).found_in,
        Echo.of(values, names=known.names, dates=known.dates, initials=True).found_in,
    )


def deidentified(
    data: Buffer, profile: Profile | str = "research_rt", *, pixels_cleaned: bool = False
) -> Deidentified:
    """Return what the engine makes of a file."""
    file = read_part10(data)
    known = gathered(file)
    made_by = engine(profile)
    subject = subject_of(known, made_by.profile.options)
    return made_by.deidentified(file, known, subject, pixels_cleaned=pixels_cleaned)


def new_bytes(data: Buffer, profile: Profile | str = "research_rt", *, pixels_cleaned: bool = False) -> bytes:
    """Return the bytes that the engine makes of a file."""
    return b"".join(deidentified(data, profile, pixels_cleaned=pixels_cleaned).pieces)


def new_dataset(
    elements: Iterable[Element],
    profile: Profile | str = "research_rt",
    *,
    sop_class_uid: str = CT,
    writing: Writing | None = None,
) -> Dataset:
    """Return what the engine makes of an object with these elements, as pydicom reads it."""
    return read(new_bytes(part_10((*base(sop_class_uid), *elements), writing), profile))


def read(data: bytes) -> Dataset:
    """Return a file as pydicom reads it, every element of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dcmread(BytesIO(data))
        for _ in dataset.iterall():
            pass
    return dataset


def new_uid(uid: str) -> str:
    """Return what stands for a UID in the project of the tests."""
    return PSEUDONYMS.uid(uid)
