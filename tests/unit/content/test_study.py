"""Two copies of a study, in any order of arrival: all that differs is found, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthanc_plugins.archives.base import DicomFile, StudyEntry
from orthanc_plugins.content import StudyCopy, same_content
from orthanc_plugins.identifiers import SopInstanceUid
from orthanc_plugins.sync.differences import StudyCounts
from tests.builders.objects import SOP_INSTANCE, STUDY, text_of, with_value
from tests.builders.writing import BIG_ENDIAN, DEFLATED, IMPLICIT, Elements, Writing
from tests.unit.content.copies import entry_of
from tests.unit.content.pairs import (
    SERIES,
    UID,
    Pair,
    changed,
    compressed,
    copy_of,
    elements,
    made,
    told,
    whole,
)


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
