"""What is sent: valid, small where asked, the same for the same seed, and never twice."""

from __future__ import annotations

import io

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from orthanc_plugins.benchmark.dataset import DatasetSize, StudyMaker, patient_prefix
from orthanc_plugins.identifiers import BENCHMARK_PATIENT_PREFIX, is_dicom_uid

MAKER = StudyMaker("0123abcd", 7)


def test_scale_one_is_what_the_seven_questions_ask_for() -> None:
    size = DatasetSize.scaled(1)
    assert (size.upload_images, size.patients) == (100, 1000)
    assert 500_000_000 <= size.retrieved_bytes < 501_000_000


@pytest.mark.parametrize("scale", [0.005, 0.1, 0.5])
def test_less_scale_is_less_of_everything(scale: float) -> None:
    size, whole = DatasetSize.scaled(scale), DatasetSize.scaled(1)
    assert 2 <= size.upload_images < whole.upload_images
    assert 5 <= size.patients < whole.patients
    assert 2 <= size.retrieved_images < whole.retrieved_images


def test_images_are_ct_images_of_the_study() -> None:
    study = MAKER.study("L", 3, 4, 32)
    files = list(study.files())
    datasets = [dcmread(io.BytesIO(file.content)) for file in files]
    assert [str(one.SOPInstanceUID) for one in datasets] == list(study.sop_instance_uids)
    for place, (dataset, file) in enumerate(zip(datasets, files, strict=True)):
        assert dataset.SOPClassUID == dataset.file_meta.MediaStorageSOPClassUID == CTImageStorage
        assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert str(dataset.file_meta.MediaStorageSOPInstanceUID) == file.sop_instance_uid
        assert (dataset.StudyInstanceUID, dataset.SeriesInstanceUID) == (study.study_uid, study.series_uid)
        assert dataset.PatientID == study.patient_id
        assert dataset.InstanceNumber == place + 1
        assert dataset.pixel_array.shape == (32, 32)
        assert dataset.PixelData == study.pixels(place)


def test_uids_are_of_uuids_and_patients_carry_the_benchmarks_name() -> None:
    study = MAKER.study("Q", 12, 2, 8)
    for uid in (study.study_uid, study.series_uid, *study.sop_instance_uids):
        assert is_dicom_uid(uid)
        assert uid.startswith("2.25.")
    assert study.patient_id == "PACSBENCH-0123abcd-Q00012"
    assert study.patient_id.startswith(patient_prefix("0123abcd"))
    assert patient_prefix("0123abcd").startswith(BENCHMARK_PATIENT_PREFIX)


def test_the_same_arguments_give_the_same_bytes() -> None:
    one, other = (list(StudyMaker("0123abcd", 7).study("U", 1, 2, 16).files()) for _ in range(2))
    assert [file.content for file in one] == [file.content for file in other]


@pytest.mark.parametrize(
    "other",
    [
        StudyMaker("0123abce", 7).study("U", 1, 2, 16),
        StudyMaker("0123abcd", 8).study("U", 1, 2, 16),
        MAKER.study("C", 1, 2, 16),
        MAKER.study("U", 2, 2, 16),
    ],
)
def test_another_run_seed_purpose_or_number_has_nothing_in_common(other: object) -> None:
    one = MAKER.study("U", 1, 2, 16)
    assert isinstance(other, type(one))
    assert not {one.study_uid, *one.sop_instance_uids} & {other.study_uid, *other.sop_instance_uids}
    assert one.pixels(0) != other.pixels(0)


def test_pixels_cannot_be_packed_to_nothing() -> None:
    values = np.frombuffer(MAKER.study("L", 0, 1, 512).pixels(0), "<i2")
    assert values.std() > 100
    assert len(np.unique(values)) > 200
