"""Batches, bodies and answers of STOW-RS; what is done about them is in the contract tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.archives.base import DicomFile, StoreState
from orthanc_plugins.archives.failure_reasons import failure, may_pass, of_status, sentence
from orthanc_plugins.archives.stow import batches, outcomes
from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.identifiers import SopInstanceUid

if TYPE_CHECKING:
    from collections.abc import Iterator

UID = SopInstanceUid("1.2")


def file(number: int, size: int = 1) -> DicomFile:
    return DicomFile(SopInstanceUid(f"1.{number}"), "1.2", "1.2", bytes(size))


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30)), max_size=40),
    st.integers(1, 6),
    st.integers(1, 40),
)
def test_batches_keep_the_order_and_their_limits_and_hold_no_instance_twice(
    sent: list[tuple[int, int]], most_instances: int, most_bytes: int
) -> None:
    files = [file(number, size) for number, size in sent]
    made = list(batches(files, most_instances, most_bytes))
    assert [one for batch in made for one in batch] == files
    for batch in made:
        assert 0 < len(batch) <= most_instances
        assert len(batch) == 1 or sum(len(one.content) for one in batch) <= most_bytes
        assert len({one.sop_instance_uid for one in batch}) == len(batch)


def test_the_next_batch_is_not_collected_before_this_one_is_asked_for() -> None:
    taken: list[int] = []

    def source() -> Iterator[DicomFile]:
        for number in range(6):
            taken.append(number)
            yield file(number)

    made = batches(source(), 2, 100)
    assert len(next(made)) == 2
    assert taken == [0, 1, 2]


def test_what_a_source_gave_before_it_failed_is_sent_before_the_error_is_raised() -> None:
    def source() -> Iterator[DicomFile]:
        yield file(1)
        raise ArchiveUnavailable("The source is away.", archive="orthanc")

    made = batches(source(), 10, 100)
    assert next(made) == [file(1)]
    with pytest.raises(ArchiveUnavailable):
        next(made)


def reference(number: int, **more: int) -> dict[str, Any]:
    elements: dict[str, Any] = {"00081155": {"vr": "UI", "Value": [f"1.{number}"]}}
    return elements | {f"0{tag[1:]}": {"vr": "US", "Value": [value]} for tag, value in more.items()}


def answer(stored: list[dict[str, Any]], failed: list[dict[str, Any]]) -> dict[str, Any]:
    return {"00081199": {"vr": "SQ", "Value": stored}, "00081198": {"vr": "SQ", "Value": failed}}


def test_an_answer_tells_of_each_instance_it_names_and_of_no_other() -> None:
    told = answer(
        [reference(1), reference(2, t0081196=0xB000), reference(9)],
        [reference(3, t0081197=0xA778), reference(4), reference(1, t0081197=0x0110)],
    )
    found = outcomes(told, [file(number) for number in range(1, 6)])
    states = {uid: (outcome.state, outcome.failure_reason) for uid, outcome in found.items()}
    assert states == {
        "1.1": (StoreState.FAILED, 0x0110),
        "1.2": (StoreState.STORED, 0xB000),
        "1.3": (StoreState.REFUSED, 0xA778),
        "1.4": (StoreState.FAILED, 0x0110),
    }


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {},
        "text",
        5,
        {"00081199": None},
        {"00081199": {"Value": None}},
        {"00081198": {"Value": [None, 5]}},
    ],
)
def test_an_answer_that_says_nothing_tells_of_nothing(told: object) -> None:
    assert outcomes(told, [file(1)]) == {}


# Reasons


@pytest.mark.parametrize("reason", [0x0110, 0xA700, 0xA701, 0xA77A])
def test_what_may_pass_is_a_failure_that_may_be_sent_again(reason: int) -> None:
    assert may_pass(reason)
    assert failure(UID, reason).state is StoreState.FAILED


@pytest.mark.parametrize(
    "reason", [*range(0xA770, 0xA77A), 0xA77B, 0xA900, 0xA9FF, 0xC000, 0xC409, 0xC499, 0x0122, 0x0124, 0x1234]
)
def test_what_does_not_pass_is_a_refusal(reason: int) -> None:
    assert not may_pass(reason)
    assert failure(UID, reason).state is StoreState.REFUSED


@pytest.mark.parametrize(
    "reason", [0x0110, 0xA700, 0xA77A, *range(0xA770, 0xA77A), 0xA77B, 0xC409, 0xC499, 0x0122]
)
def test_every_reason_is_a_sentence_with_its_number(reason: int) -> None:
    text = sentence(reason)
    assert text.startswith(f"{reason:04X}: ")
    assert text.endswith(".")
    assert len(text) > 30


def test_a_status_of_success_says_nothing() -> None:
    assert (of_status(UID, 0).state, of_status(UID, 0).detail) == (StoreState.STORED, "")


def test_the_first_batches_are_small_so_that_the_archive_begins_soon() -> None:
    made = [len(batch) for batch in batches(map(file, range(700)), 200, 10**6)]
    assert made == [25, 50, 100, 200, 200, 125]
