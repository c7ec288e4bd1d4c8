"""The planted corpus: every identity lies where the key says, and nowhere else."""

from __future__ import annotations

import io
import json
import zlib
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1

from tests.builders.planted import Corpus, build_corpus
from tests.builders.planted.__main__ import main
from tests.builders.planted.attributes import BEYOND_THE_TABLE, beyond_the_table
from tests.builders.planted.codestreams import jpeg_2000, jpeg_lossless
from tests.builders.planted.finder import Finder
from tests.builders.planted.ledger import inflated
from tests.builders.planted.parts import item, pixels, slope
from tests.builders.planted.table import every_attribute, lies_in_what_is_removed
from tests.builders.planted.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    """The source that the corpus takes its values from."""
    return Tokens()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, tokens: Tokens) -> Corpus:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.builders.planted.build.Tokens", lambda _seed: tokens)
        return build_corpus(tmp_path_factory.mktemp("corpus"))


def opened(corpus: Corpus, file: str, within: str) -> bytes:
    """Return the bytes of a file in which plants can be looked for."""
    data = corpus.path(file).read_bytes()
    if within == "deflated":
        return inflated(data)
    if within == "flate":
        start = data.index(b"stream\n", data.index(b"/FlateDecode")) + len(b"stream\n")
        return zlib.decompressobj().decompress(data[start:])
    return data


def test_every_plant_lies_in_its_file(corpus: Corpus) -> None:
    lost = [
        plant
        for plant in corpus.plants
        if plant.within != "drawn"
        and not any(form in opened(corpus, plant.file, plant.within) for form in plant.encodings)
    ]
    assert lost == []


def test_no_value_lies_where_the_key_does_not_name_it(corpus: Corpus) -> None:
    finder = Finder({plant.value: (plant.kind, plant.encodings) for plant in corpus.plants})
    named = defaultdict(set)
    for plant in corpus.plants:
        named[plant.file].add(plant.value)
    for file in corpus.files:
        assert set(finder.found_in(corpus.path(file).read_bytes())) <= named[file], file


def test_no_value_is_part_of_another(corpus: Corpus) -> None:
    values = {plant.value for plant in corpus.plants}
    by_length = sorted(values, key=len)
    together = "\n".join(by_length)
    assert [value for value in by_length if together.count(value) > 1] == []


def test_values_are_long_enough_to_be_no_chance(corpus: Corpus) -> None:
    assert min(len(form) for plant in corpus.plants for form in plant.encodings) >= 6


def test_every_value_handed_out_is_planted(corpus: Corpus, tokens: Tokens) -> None:
    assert set(tokens.issued) == {plant.value for plant in corpus.plants}


def test_equal_seeds_give_equal_bytes(corpus: Corpus, tmp_path: Path) -> None:
    again = build_corpus(tmp_path)
    assert again.files == corpus.files
    assert all(again.path(file).read_bytes() == corpus.path(file).read_bytes() for file in corpus.files)
    assert again.plants == corpus.plants


def test_another_seed_gives_other_values() -> None:
    def some(seed: int) -> set[str]:
        tokens = Tokens(seed)
        return {
            *(tokens.word("text") for _ in range(99)),
            *(tokens.digits() for _ in range(99)),
            tokens.uid("x"),
        }

    assert some(0) == some(0)
    assert not some(0) & some(1)


def test_there_are_hundreds_of_every_common_kind(corpus: Corpus) -> None:
    counts = corpus.plants_by_kind()
    assert sum(counts.values()) >= 5000
    assert all(counts[kind] >= 100 for kind in ("name", "id", "date", "uid", "text", "free text", "staff"))
    assert {
        "address",
        "phone",
        "device",
        "institution",
        "pixels",
        "private",
        "codestream",
        "meta",
        "preamble",
    } <= (counts.keys())


def test_every_attribute_of_the_table_is_planted_at_the_top_and_inside_a_sequence(corpus: Corpus) -> None:
    top: set[str] = set()
    nested: set[str] = set()
    for plant in corpus.plants:
        path = plant.location.split("/")
        (nested if path[0].startswith("(0008,1115)[") else top).add(path[-1 if len(path) == 1 else 0])
        nested.update(step.split("[")[0] for step in path[1:2])
    wanted = {
        f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
        for tag, representation in every_attribute().items()
        if representation not in {"US", "AS"}
    }
    structural = {"(0008,0018)", "(0020,000D)", "(0020,000E)", "(0010,0040)", "(0010,1030)"}
    assert wanted - {place.split("[")[0] for place in top} - structural == set()
    assert wanted - nested - structural == set()


def test_what_the_table_misses_is_known_to_be_missing() -> None:
    table = every_attribute()
    assert len(table) > 600
    assert len(beyond_the_table()) >= 85
    assert not beyond_the_table().keys() & table.keys()
    assert "TextValue" in BEYOND_THE_TABLE.split()


def test_pydicom_reads_every_file_that_is_not_hostile(corpus: Corpus) -> None:
    for file in corpus.files:
        assert pydicom.dcmread(corpus.path(file)).file_meta.MediaStorageSOPInstanceUID


def test_objects_that_are_not_spoilt_name_one_study_a_visit(corpus: Corpus) -> None:
    studies = defaultdict(set)
    for file in corpus.files:
        visit = file.split("/")[0]
        if visit in {"planning", "follow_up", "elder", "younger"}:
            studies[visit].add(pydicom.dcmread(corpus.path(file)).StudyInstanceUID)
    assert [len(uids) for uids in studies.values()] == [1, 1, 1, 1]


def test_a_structure_set_refers_to_three_images_their_series_study_and_frame(corpus: Corpus) -> None:
    targets: dict[str, set[str]] = defaultdict(set)
    for reference in corpus.references:
        if reference.file == "planning/rtstruct.dcm":
            targets[reference.role] |= set(reference.targets)
    assert targets["instance"] - {"planning/rtstruct.dcm"} == {
        f"planning/ct_{number}.dcm" for number in (1, 2, 3)
    }
    assert {"planning/ct_1.dcm", "planning/ct_9.dcm"} <= targets["series"]
    assert "planning/rtplan.dcm" in targets["study"]
    assert "planning/ct_1.dcm" in targets["frame of reference"]


def test_references_name_frames_and_other_studies(corpus: Corpus) -> None:
    found = {(one.file, one.targets, one.frames) for one in corpus.references if one.role == "instance"}
    assert ("follow_up/derived.dcm", ("follow_up/enhanced.dcm",), (2,)) in found
    assert ("follow_up/reg.dcm", ("planning/ct_2.dcm",), ()) in found


def test_a_tracked_object_is_the_same_in_report_and_segmentation(corpus: Corpus) -> None:
    shared = {(one.file, one.targets) for one in corpus.references if one.role == "item"}
    assert ("planning/sr.dcm", ("planning/seg.dcm",)) in shared


def test_measurements_contours_and_pixels_are_to_be_kept(corpus: Corpus) -> None:
    kinds = Counter(kept.kind for kept in corpus.kept)
    numbers = {kept.value for kept in corpus.kept if kept.kind == "number"}
    assert {"42.5", "17.25", "12.125", "68"} == numbers
    assert (
        min(kinds[kind] for kind in ("contour", "graphic", "dose", "beam", "segment", "pixels", "signal"))
        >= 2
    )
    assert kinds["decoded pixels"] == 5


def test_nothing_that_is_kept_is_planted(corpus: Corpus) -> None:
    planted = {(plant.file, plant.location) for plant in corpus.plants if plant.within != "drawn"}
    hidden = {(kept.file, kept.location) for kept in corpus.kept if kept.kind == "decoded pixels"}
    assert {(kept.file, kept.location) for kept in corpus.kept} & planted <= hidden


def test_regions_are_anatomy_or_say_who(corpus: Corpus) -> None:
    anatomy = [region.name for region in corpus.regions if not region.is_identity]
    assert anatomy == ["BODY", "Heart", "Lung_L", "PTV_6000", "SpinalCord_PRV05", "z_Ring1"]
    planted = {plant.value for plant in corpus.plants}
    named = [region.name for region in corpus.regions if region.is_identity]
    assert len(named) == 6
    assert all(any(value.lower() in name.lower() for value in planted) for name in named)


def test_intervals_ages_and_namesakes_are_in_the_key(corpus: Corpus) -> None:
    days = [pydicom.dcmread(corpus.path(f"{label}/{file}")).StudyDate for label, file in (
        ("planning", "ct_1.dcm"), ("follow_up", "mr_1.dcm"))]  # fmt: skip
    (interval,) = corpus.intervals
    assert [day[:4] for day in days] == ["2017", "2020"]
    assert interval.days == (np.datetime64(iso(days[1])) - np.datetime64(iso(days[0]))).astype(int)
    assert any(age.value == "093Y" for age in corpus.ages)
    (pair,) = corpus.namesakes
    first, second = (pydicom.dcmread(corpus.path(f"{label}/sc.dcm")) for label in pair)
    assert first.PatientID == second.PatientID
    assert first.PatientName != second.PatientName
    assert first.PatientBirthDate != second.PatientBirthDate


def iso(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:]}"


def test_hostile_files_are_apart(corpus: Corpus) -> None:
    assert len(corpus.hostile) >= 20
    assert all(one.file.startswith("hostile/") and corpus.path(one.file).exists() for one in corpus.hostile)
    assert not {one.file for one in corpus.hostile} & set(corpus.files)
    bytes_of_a_bomb = corpus.path("hostile/deflated_bomb.dcm").stat().st_size
    assert bytes_of_a_bomb < 100_000
    assert len({corpus.path(one.file).read_bytes() for one in corpus.hostile}) == len(corpus.hostile)


@pytest.mark.parametrize(
    ("syntax", "write"), [(JPEGLosslessSV1, jpeg_lossless), (JPEG2000Lossless, jpeg_2000)]
)
def test_codestreams_decode_to_what_was_compressed(
    syntax: str, write: Callable[[NDArray[np.uint16], str], bytes]
) -> None:
    picture = slope(20, 30, start=3).astype(np.uint16)
    stream = write(picture, "a comment")
    assert b"a comment" in stream
    made = pydicom.Dataset()
    pixels(made, picture)
    made.update(item(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID="1.2.3"))
    made.PixelData = encapsulate([stream])
    made["PixelData"].VR = "OB"
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, made, enforce_file_format=True)
    buffer.seek(0)
    assert np.array_equal(pydicom.dcmread(buffer).pixel_array, picture)


def test_places_inside_removed_or_private_sequences_are_told() -> None:
    assert lies_in_what_is_removed("(0400,0561)[1]/(0010,0010)")
    assert lies_in_what_is_removed("(0021,1001)[2]/(0010,0010)")
    assert not lies_in_what_is_removed("(0040,A730)[2]/(0040,A300)[1]/(0040,A30A)")
    assert not lies_in_what_is_removed("(3006,0039)[1]/(3006,0040)[1]/(3006,0050)")


def test_the_key_is_written_beside_the_corpus(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.builders.planted.__main__.build_corpus", lambda _folder, *, seed: corpus)
    assert main([str(corpus.folder)]) == 0
    key = json.loads(corpus.path("key.json").read_text(encoding="utf-8"))
    first = next(plant for plant in key["plants"] if plant["kind"] == "codestream")
    assert bytes.fromhex(first["encodings"][0]) in corpus.path(first["file"]).read_bytes()
    assert key.keys() >= {"files", "plants", "kept", "references", "regions", "hostile"}
    assert str(corpus.folder) in capsys.readouterr().out
