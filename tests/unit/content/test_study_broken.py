"""A comparison of what breaks off, is missing, or cannot be read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import orthanc_plugins.content.study as study_module
from orthanc_plugins.archives.base import ArchiveName, DicomFile, InstanceEntry
from orthanc_plugins.content import StudyCopy, compare_studies
from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.identifiers import SopInstanceUid
from tests.builders.writing import EXPLICIT
from tests.unit.content.copies import entry_of, unreadable_file
from tests.unit.content.pairs import NOW, SERIES, UID, Pair, changed, copy_of, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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
