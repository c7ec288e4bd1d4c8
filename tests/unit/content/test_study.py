"""Two copies of a study, in any order of arrival: all that differs is found, and nothing else."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import RLELossless

import orthanc_plugins.content.study as study_module
from orthanc_plugins.archives.base import ArchiveName, DicomFile, InstanceEntry, StudyEntry
from orthanc_plugins.content import StudyCopy, compare_studies, same_content
from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.sync.differences import Comparison, StudyCounts
from tests.builders.objects import SOP_INSTANCE, STUDY, image, text_of, with_value
from tests.builders.uids import UidSource
from tests.builders.writing import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, Elements, Writing, part_10
from tests.unit.content.copies import dicom_file, entry_of, unreadable_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
UID = StudyUid(UidSource(0).uid("study"))
SERIES = [SeriesUid(UidSource(0).uid(f"series {number}")) for number in range(5)]


def elements(series: int, instance: int) -> Elements:
    return image(np.full((4, 4), instance, np.uint16), series=series, instance=instance)


def made(found: Elements, writing: Writing | None = None) -> DicomFile:
    return dicom_file(part_10(found, writing, sop_uid=text_of(found, SOP_INSTANCE)))


def whole(sizes: Sequence[int]) -> dict[SopInstanceUid, DicomFile]:
    """Return the files of a study of so many instances in each series."""
    files = [made(elements(series, k)) for series, size in enumerate(sizes, 1) for k in range(1, size + 1)]
    return {file.sop_instance_uid: file for file in files}


@dataclass
class Pair:
    """Both copies of a study, and which files were asked for once more."""

    left: dict[SopInstanceUid, DicomFile]
    right: dict[SopInstanceUid, DicomFile]

    def __post_init__(self) -> None:
        self.fetched: list[tuple[ArchiveName, SopInstanceUid]] = []

    def fetch(self, side: ArchiveName, uid: SopInstanceUid) -> DicomFile:
        self.fetched.append((side, uid))
        return (self.left if side is ArchiveName.ORTHANC else self.right)[uid]

    def compared(self, left: StudyCopy | None = None, right: StudyCopy | None = None) -> Comparison:
        return compare_studies(
            UID, left or copy_of(self.left), right or copy_of(self.right), fetch=self.fetch, compared_at=NOW
        )


def copy_of(files: dict[SopInstanceUid, DicomFile], order: Sequence[int] | None = None) -> StudyCopy:
    held = list(files.values())
    given_ = held if order is None else [held[k] for k in order]
    return StudyCopy([entry_of(file) for file in held], iter(given_))


def told(found: Comparison) -> list[tuple[str, str, str | None, str | None, str | None]]:
    return [
        (one.kind.value, one.level, one.series_uid, one.sop_instance_uid, one.tag)
        for one in found.differences
    ]


def changed(file: DicomFile, tag: int, value: str | bytes) -> DicomFile:
    data_set = pydicom.dcmread(io.BytesIO(file.content))
    if isinstance(value, bytes):
        data_set.PixelData = value
    else:
        data_set[tag].value = value
    out = io.BytesIO()
    data_set.save_as(out)
    return replace(file, content=out.getvalue())


def compressed(file: DicomFile) -> DicomFile:
    data_set = pydicom.dcmread(io.BytesIO(file.content))
    data_set.compress(RLELossless, generate_instance_uid=False)
    out = io.BytesIO()
    data_set.save_as(out)
    return dicom_file(out.getvalue())


def test_equal_copies_are_equal_and_no_file_is_asked_for_again() -> None:
    files = whole((3, 2))
    pair = Pair(files, files)
    found = pair.compared()
    assert found.equal
    assert (found.left, found.right, found.instances_compared) == (StudyCounts(2, 5), StudyCounts(2, 5), 5)
    assert pair.fetched == []


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(5)), st.permutations(range(5)))
def test_the_order_of_arrival_does_not_matter(one: list[int], other: list[int]) -> None:
    left, right = whole((3, 2)), whole((3, 2))
    uid = list(right)[3]
    right[uid] = changed(right[uid], 0x00080050, "OTHER")
    found = Pair(left, right).compared(copy_of(left, one), copy_of(right, other))
    assert told(found) == [("metadata", "instance", SERIES[2], uid, "00080050")]


WAYS = st.sampled_from(["gone left", "gone right", "attribute", "pixel", "coding", "writing", "unreadable"])


@settings(max_examples=40, deadline=None)
@given(st.data(), st.lists(st.integers(3, 5), min_size=1, max_size=3))
def test_everything_planted_is_found_and_nothing_else(data: st.DataObject, sizes: list[int]) -> None:
    left, right = whole(sizes), whole(sizes)
    entries = {uid: entry_of(file) for uid, file in left.items()}

    def copies(*sides: dict[SopInstanceUid, DicomFile]) -> list[StudyCopy]:
        return [StudyCopy([entries[uid] for uid in held], iter(held.values())) for held in sides]

    expected = set()
    for number, size in enumerate(sizes, 1):
        for instance in data.draw(st.lists(st.integers(1, size), max_size=2, unique=True)):
            uid = SopInstanceUid(text_of(elements(number, instance), SOP_INSTANCE))
            way = data.draw(WAYS)
            kind, tag = plant(way, left, right, uid, elements(number, instance))
            if kind:
                expected.add((kind, "instance", SERIES[number], uid, tag))
    found = Pair(left, right).compared(*copies(left, right))
    assert set(told(found)) == expected
    assert len(found.differences) == len(expected)
    assert not found.incomplete
    back = Pair(right, left).compared(*copies(right, left))
    mirrored = {"missing_left": "missing_right", "missing_right": "missing_left"}
    assert {(mirrored.get(kind, kind), *rest) for kind, *rest in told(back)} == set(told(found))


def plant(
    way: str,
    left: dict[SopInstanceUid, DicomFile],
    right: dict[SopInstanceUid, DicomFile],
    uid: SopInstanceUid,
    held: Elements,
) -> tuple[str, str | None]:
    """Plant a difference of an instance, and return its class and element; no class where it is none."""
    if way.startswith("gone"):
        side = way.removeprefix("gone ")
        del (left if side == "left" else right)[uid]
        return f"missing_{side}", None
    match way:
        case "attribute":
            right[uid] = made(with_value(held, 0x00081030, "other"))
            return "metadata", "00081030"
        case "pixel":
            right[uid] = made(with_value(held, 0x7FE00010, bytes(32)))
            return "pixel", "7FE00010"
        case "coding":
            right[uid] = compressed(left[uid])
            return "transfer_syntax_only", "00020010"
        case "unreadable":
            right[uid] = replace(right[uid], content=right[uid].content[:400])
            return "pixel", None
        case _:
            right[uid] = made(
                held, Writing(syntax=IMPLICIT, open_lengths=True, group_lengths=True, padding=2)
            )
            return "", None


@pytest.mark.parametrize("syntax", [IMPLICIT, BIG_ENDIAN, DEFLATED])
def test_a_study_written_in_another_uncompressed_syntax_is_equal(syntax: str) -> None:
    left = whole((2, 2))
    right = {
        uid: made(elements(number, instance), Writing(syntax=syntax))
        for number in (1, 2)
        for instance in (1, 2)
        for uid in [SopInstanceUid(text_of(elements(number, instance), SOP_INSTANCE))]
    }
    pair = Pair(left, right)
    assert pair.compared().equal
    assert pair.fetched == []


def test_a_compressed_study_is_one_difference_a_series_and_no_file_is_asked_for_again() -> None:
    left = whole((3, 2))
    pair = Pair(left, {uid: compressed(file) for uid, file in left.items()})
    found = pair.compared()
    assert told(found) == [
        ("transfer_syntax_only", "series", SERIES[number], None, "00020010")
        for number in sorted((1, 2), key=lambda number: SERIES[number])
    ]
    assert found.differences[0].left == "Explicit VR Little Endian"
    assert pair.fetched == []
    assert told(Pair(pair.right, left).compared()) == told(found)


def test_compressed_copies_on_the_left_are_met_where_listings_do_not_tell_it() -> None:
    right = whole((2,))
    left = {uid: compressed(file) for uid, file in right.items()}

    def untold(files: dict[SopInstanceUid, DicomFile]) -> StudyCopy:
        entries = [replace(entry_of(file), transfer_syntax_uid=None) for file in files.values()]
        return StudyCopy(entries, iter(files.values()))

    for one, other in ((left, right), (right, left)):
        found = Pair(one, other).compared(untold(one), untold(other))
        assert [(kind, level) for kind, level, *_ in told(found)] == [("transfer_syntax_only", "series")]


def test_what_all_instances_share_is_told_of_the_study_or_of_a_series() -> None:
    left, right = whole((2, 3)), whole((2, 3))
    for number, (uid, file) in enumerate(right.items()):
        file = changed(file, 0x00100010, "Other^Name")  # noqa: PLW2901 - it is one file, changed twice
        right[uid] = changed(file, 0x00101030, "80") if number >= 2 else file
    for uid in list(right)[2:]:
        right[uid] = changed(right[uid], 0x00080060, "CT")
    found = Pair(left, right).compared()
    assert told(found) == [
        ("metadata", "study", None, None, "00100010"),
        ("metadata", "series", SERIES[2], None, "00080060"),
        ("metadata", "series", SERIES[2], None, "00101030"),
    ]
    assert found.differences[0].detail == "The values differ. So in all 5 instances."


def test_an_attribute_of_a_series_is_told_of_it_also_where_it_has_one_instance() -> None:
    left = whole((1, 2))
    right = dict(left)
    uid = next(iter(right))
    right[uid] = changed(right[uid], 0x00080060, "CT")
    assert told(Pair(left, right).compared()) == [("metadata", "series", SERIES[1], None, "00080060")]


def test_an_instance_in_another_series_was_moved_and_is_not_missing() -> None:
    left, right = whole((2, 2)), whole((2, 2))
    uid = next(iter(right))
    right[uid] = made(with_value(elements(1, 1), 0x0020000E, SERIES[2]))
    found = Pair(left, right).compared()
    assert told(found) == [("metadata", "instance", SERIES[1], uid, "0020000E")]
    assert (found.differences[0].left, found.differences[0].right) == (SERIES[1], SERIES[2])


def test_a_series_under_another_uid_is_one_difference() -> None:
    left = whole((2, 2))
    right = {
        uid: made(with_value(elements(2, k + 1), 0x0020000E, SERIES[3])) if k >= 0 else left[uid]
        for k, uid in enumerate(left, -2)
    }
    found = Pair(left, right).compared()
    assert told(found) == [("metadata", "series", SERIES[2], None, "0020000E")]
    assert found.differences[0].detail == "All its instances are in a series of another UID."


@pytest.mark.parametrize("absent", ["left", "right"])
def test_a_study_on_one_side_only_is_one_difference(absent: str) -> None:
    held: dict[str, dict[SopInstanceUid, DicomFile]] = {"left": whole((2, 1)), "right": whole((2, 1))}
    held[absent] = {}
    found = Pair(**held).compared()
    assert told(found) == [(f"missing_{absent}", "study", None, None, None)]
    assert (found.left is None) == (absent == "left")
    assert found.differences[0].detail.endswith("does not hold the study: 2 series, 3 instances.")


def test_a_study_that_nobody_holds_is_not_equal() -> None:
    found = Pair({}, {}).compared()
    assert not found.equal
    assert found.incomplete == (
        "Neither archive lists an instance of the study: there is nothing to compare.",
    )


def test_numbers_that_an_archive_does_not_hold_to_are_told() -> None:
    files = whole((2,))
    entry = StudyEntry(UID, ("OT",), 1, 3, {})
    found = Pair(files, files).compared(right=replace(copy_of(files), told=entry))
    assert told(found) == [("count", "study", None, None, None)]
    assert found.differences[0].detail == (
        "DCM4CHEE tells 1 series, 3 instances of the study, and lists 1 series, 2 instances."
    )


def broken(files: Sequence[DicomFile]) -> Iterator[DicomFile]:
    yield from files
    raise ArchiveUnavailable("It closed the connection. Try again.", archive="dcm4chee")


def test_a_side_that_breaks_off_leaves_the_comparison_incomplete() -> None:
    files = whole((4,))
    entries = [entry_of(file) for file in files.values()]
    half = StudyCopy(entries, broken(list(files.values())[:2]))
    for left, right, name in ((half, None, "Orthanc"), (None, half, "DCM4CHEE")):
        half = StudyCopy(entries, broken(list(files.values())[:2]))
        found = Pair(files, files).compared(half if left else None, half if right else None)
        assert not found.equal
        assert found.instances_compared == 2
        assert (
            found.incomplete[0] == f"{name} broke off after 2 instances: It closed the connection. Try again."
        )
        assert found.incomplete[1].startswith(
            f"{name} did not give 2 of the 4 instances that both list: 2.25."
        )
        assert len(found.incomplete) == 2


def test_a_side_that_gives_nothing_raises() -> None:
    files = whole((2,))
    nothing = StudyCopy([entry_of(file) for file in files.values()], broken([]))
    with pytest.raises(ArchiveUnavailable):
        Pair(files, files).compared(right=nothing)


def test_a_side_that_gives_less_than_it_lists_is_told_without_an_error() -> None:
    files = whole((6,))
    held = copy_of(files, [0, 1])
    found = Pair(files, files).compared(right=held)
    named = ", ".join(sorted(list(files)[2:])[:3])
    assert found.incomplete == (f"DCM4CHEE did not give 4 of the 6 instances that both list: {named}, …",)


def test_an_instance_that_is_given_and_not_listed_is_told() -> None:
    files, more = whole((1,)), whole((2,))
    held = StudyCopy([entry_of(file) for file in files.values()], iter(more.values()))
    found = Pair(files, files).compared(left=held)
    assert found.incomplete == (f"Orthanc gave instance {list(more)[1]}, which it did not list.",)


def test_an_instance_that_is_given_twice_and_not_the_same_is_told() -> None:
    files = whole((2,))
    uid, file = next(iter(files.items()))
    twice = [*files.values(), changed(file, 0x00080050, "OTHER")]
    held = StudyCopy([entry_of(one) for one in files.values()], iter(twice))
    found = Pair(files, files).compared(right=held)
    assert found.incomplete == (f"DCM4CHEE gave instance {uid} twice, and not the same.",)
    again = StudyCopy([entry_of(one) for one in files.values()], iter([*files.values(), file]))
    assert Pair(files, files).compared(right=again).equal


def test_files_that_differ_are_asked_for_again_only_where_they_were_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left, right = whole((4,)), whole((4,))
    for uid in list(right)[:3]:
        right[uid] = changed(right[uid], 0x00080050, f"OTHER{uid[-3:]}")
    pair = Pair(left, right)
    assert len(pair.compared().differences) == 3
    assert pair.fetched == []
    room = sum(len(file.content) for file in list(left.values())[:2])
    monkeypatch.setattr(study_module, "_KEPT_BYTES", room)
    assert len(pair.compared().differences) == 3
    assert pair.fetched == [(ArchiveName.ORTHANC, list(left)[2])]


def test_a_file_that_cannot_be_had_again_leaves_the_comparison_incomplete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left, right = whole((2,)), whole((2,))
    uid = next(iter(right))
    right[uid] = changed(right[uid], 0x00080050, "OTHER")
    monkeypatch.setattr(study_module, "_KEPT_BYTES", 0)

    def refuse(side: ArchiveName, _uid: SopInstanceUid) -> DicomFile:
        raise ArchiveUnavailable("It does not answer.", archive=side)

    found = compare_studies(UID, copy_of(left), copy_of(right), fetch=refuse, compared_at=NOW)
    assert found.incomplete == (f"Instance {uid} differs, and could not be read again: It does not answer.",)
    assert found.instances_compared == 1


def test_what_is_damaged_alike_is_noted_and_equal() -> None:
    files = whole((2,))
    uid = next(iter(files))
    files[uid] = replace(files[uid], content=files[uid].content[:-8])
    found = Pair(files, files).compared()
    assert found.equal
    note = (
        f"Instance {uid}: the pixels of both copies are the same bytes, and damaged: of 32 bytes of pixels "
        "that are announced, 24 are there."
    )
    assert found.notes == (note,)


def test_a_file_that_neither_side_can_read_and_differs_is_told() -> None:
    files, entries = [], []
    for content in (b"no DICOM", b"nor this"):
        files.append(unreadable_file(content))
        entries.append(
            InstanceEntry(SopInstanceUid("1.2.3"), SERIES[1], UID, "", "OT", EXPLICIT, len(content))
        )
    found = compare_studies(
        UID,
        StudyCopy(entries[:1], iter(files[:1])),
        StudyCopy(entries[1:], iter(files[1:])),
        fetch=Pair({}, {}).fetch,
        compared_at=NOW,
    )
    assert found.incomplete[0].startswith("Instance 1.2.3: neither copy can be read, and their bytes differ.")


def test_a_transfer_is_verified_by_the_same_comparison() -> None:
    sent = made(elements(1, 1))
    assert same_content(sent, sent) == ()
    assert same_content(sent, made(elements(1, 1), Writing(syntax=BIG_ENDIAN))) == ()
    found = same_content(sent, changed(sent, 0x00080050, "OTHER"))
    (difference,) = found
    assert (difference.kind.value, difference.level, difference.tag) == ("metadata", "instance", "00080050")
    assert (difference.study_uid, difference.series_uid) == (UID, SERIES[1])
    assert difference.sop_instance_uid == sent.sop_instance_uid
    assert text_of(elements(1, 1), STUDY) == UID
