"""What can be wrong with one side's copy of a study, and what only looks so: files in, files out."""

from __future__ import annotations

import io
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from orthanc_plugins.identifiers import SeriesUid
from tests.bench.archives.templates import CREATOR
from tests.builders.structure_set import contour_bytes, set_contour_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.dataset import FileDataset

    from tests.bench.archives.studies import GeneratedFile

type Files = list[GeneratedFile]
type Alteration = Callable[[Files], Files]
type Edit = Callable[[FileDataset], None]

_IMAGE = 1
"""Place of the image that is altered where one is: the middle one of the CT series."""
_SECOND_SERIES = "005000"
"""How the UID of a series ends that no study has."""


# What is there


def nothing(_files: Files) -> Files:
    """Return no file: the study is not there."""
    return []


def without_last_series(files: Files) -> Files:
    """Return the files without those of the last series."""
    return [file for file in files if file.series_uid != files[-1].series_uid]


def without_image(files: Files) -> Files:
    """Return the files without one image of a series."""
    return [file for place, file in enumerate(files) if place != _IMAGE]


def with_image_twice(files: Files) -> Files:
    """Return the files and one of them once more, under the same SOP Instance UID in another series."""
    file = files[_IMAGE]
    other = file.series_uid[: -len(_SECOND_SERIES)] + _SECOND_SERIES
    content = file.content.replace(file.series_uid.encode(), other.encode())
    return [*files, replace(file, series_uid=SeriesUid(other), content=content)]


# What they say


def _edited(file: GeneratedFile, edit: Edit) -> GeneratedFile:
    dataset = dcmread(io.BytesIO(file.content))
    edit(dataset)
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return replace(file, content=buffer.getvalue())


def in_all(edit: Edit) -> Alteration:
    """Return what edits every file."""
    return lambda files: [_edited(file, edit) for file in files]


def in_image(edit: Edit) -> Alteration:
    """Return what edits one image."""
    return lambda files: [
        _edited(file, edit) if place == _IMAGE else file for place, file in enumerate(files)
    ]


def of_modalities(edit: Edit, *modalities: str) -> Alteration:
    """Return what edits the files of some modalities."""
    return lambda files: [_edited(file, edit) if file.modality in modalities else file for file in files]


def study_attribute(dataset: FileDataset) -> None:
    """Give the study another description, as everything that lists it shows."""
    dataset.StudyDescription = "Nachsorge"


def instance_attribute(dataset: FileDataset) -> None:
    """Change an attribute that no list shows and no archive holds for a whole series."""
    dataset.KVP = "100"


def series_attribute(dataset: FileDataset) -> None:
    """Change an attribute that dcm4chee holds for a whole series."""
    dataset.InstitutionName = "Klinikum"


def another_station(dataset: FileDataset) -> None:
    """Let one image of a series say what dcm4chee holds once for all of it: it puts its own in the place."""
    dataset.StationName = "CT2"


def absent(dataset: FileDataset) -> None:
    """Take an attribute away."""
    del dataset.SliceLocation


def nested(dataset: FileDataset) -> None:
    """Change a value two sequences deep."""
    dataset.ReferencedImageSequence[0].PurposeOfReferenceCodeSequence[0].CodeMeaning = "Scout"


def private(dataset: FileDataset) -> None:
    """Change the value of a private element."""
    dataset.private_block(0x0029, CREATOR)[0x01].value = "protocol 8"


def private_bytes(dataset: FileDataset) -> None:
    """Change one byte of a private element that is no text."""
    element = dataset.private_block(0x0029, CREATOR)[0x02]
    element.value = bytes([element.value[0] ^ 1]) + element.value[1:]


def coerced(keyword: str, value: str) -> Edit:
    """Return what an archive does that changes an attribute by its own rules and records the value it had."""

    def edit(dataset: FileDataset) -> None:
        before = Dataset()
        before[keyword] = deepcopy(dataset[keyword])
        dataset.OriginalAttributesSequence = DicomSequence([_record(before)])
        setattr(dataset, keyword, value)

    return edit


def _record(before: Dataset) -> Dataset:
    item = Dataset()
    item.SourceOfPreviousValues = "MODALITY"
    item.AttributeModificationDateTime = "20261101120000"
    item.ModifyingSystem = "ARCHIVE"
    item.ReasonForTheAttributeModification = "COERCE"
    item.ModifiedAttributesSequence = DicomSequence([before])
    return item


# What the pixels are


def run_length(dataset: FileDataset) -> None:
    """Code the pixels by RLE Lossless."""
    dataset.compress(RLELossless, generate_instance_uid=False)


def jpeg_2000(dataset: FileDataset) -> None:
    """Code the pixels by JPEG 2000 Lossless."""
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)


def one_voxel(dataset: FileDataset) -> None:
    """Change the last bit of one pixel."""
    pixels = np.frombuffer(dataset.PixelData, "<u2").copy()
    pixels[100] ^= 1
    dataset.PixelData = pixels.tobytes()


def one_voxel_and_run_length(dataset: FileDataset) -> None:
    """Change one pixel, and code it in another way."""
    one_voxel(dataset)
    run_length(dataset)


# What the structures mean


def contour_moved(dataset: FileDataset) -> None:
    """Move one contour by a millimetre."""
    contour = dataset.ROIContourSequence[1].ContourSequence[0]
    points = np.array(contour.ContourData, dtype=np.float64).reshape(-1, 3)
    set_contour_data(contour, contour_bytes(points + np.array((1.0, 0.0, 0.0))))


def region_renamed(dataset: FileDataset) -> None:
    """Give a region another name."""
    dataset.StructureSetROISequence[1].ROIName = "PTV"


# What only looks so


def other_character_set(dataset: FileDataset) -> None:
    """Write the same text in another character set."""
    dataset.decode()
    dataset.SpecificCharacterSet = "GB18030" if dataset.SpecificCharacterSet == "ISO_IR 192" else "ISO_IR 192"


def other_writing(dataset: FileDataset) -> None:
    """Write the same numbers and texts in other ways: padding, leading and trailing zeros."""
    for keyword, value in {"InstanceNumber": "00", "SeriesNumber": "+"}.items():
        tag = dataset[keyword].tag
        number = str(dataset[keyword].value)
        dataset.add_new(tag, "IS", value + number)
    if "SliceThickness" in dataset:
        dataset.add_new("SliceThickness", "DS", f"{dataset.SliceThickness}.00")
    dataset.SeriesDescription = f"{dataset.SeriesDescription}   "


def other_lengths(dataset: FileDataset) -> None:
    """Write sequences without stated lengths, and padding at the end of the data set."""
    for element in dataset.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
    dataset.add_new(0xFFFCFFFC, "OB", bytes(16))


def implicit(dataset: FileDataset) -> None:
    """Write the data set without value representations."""
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.decode()


def other_meta(dataset: FileDataset) -> None:
    """Let the file's meta information say that another system wrote it."""
    dataset.file_meta.ImplementationVersionName = "dcm4che-5.34.1"
    dataset.file_meta.SourceApplicationEntityTitle = "MODALITY7"


def recorded(dataset: FileDataset) -> None:
    """Record a change that left no difference."""
    before = Dataset()
    before.StudyID = dataset.StudyID
    dataset.OriginalAttributesSequence = DicomSequence([_record(before)])
