"""Files that the client of DCM4CHEE fetches and stores, against recorded answers."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import (
    StoreState,
    Transport,
)
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.errors import ArchiveUnavailable, NotFound
from tests.contract.dcm4chee_client.clients import ONE, STUDY, THREE, TWO, Waits, client, stowed
from tests.fakes.faulty_archive import Exchange, dicom_file, scripted_archive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.archives.base import DicomFile


def retrieved(case: str, waits: Waits) -> tuple[list[str], list[str]]:
    with scripted_archive(case) as archive:
        got = list(client(archive, waits).retrieve(STUDY))
    for file in got:
        assert file.content == dicom_file(file.sop_instance_uid)
        assert file.transfer_syntax_uid == "1.2.840.10008.1.2.1"
    return [file.sop_instance_uid for file in got], archive.lines()


def test_files_are_asked_for_as_they_are_stored_and_parts_of_other_types_passed_over(waits: Waits) -> None:
    with scripted_archive("wado_200") as archive:
        got = list(client(archive, waits).retrieve(STUDY))
    assert [file.sop_instance_uid for file in got] == [ONE, TWO, THREE]
    assert archive.asked[1].headers["Accept"].endswith("transfer-syntax=*")


def test_after_a_broken_connection_only_what_is_missing_is_asked_for(waits: Waits) -> None:
    got, asked = retrieved("wado_truncated", waits)
    assert sorted(got) == [ONE, TWO, THREE]
    assert asked == ["GET /studies/1.2/instances", "GET /studies/1.2", "GET /studies/1.2/series/1.2.3"]


def test_a_body_without_its_last_delimiter_is_not_taken_for_whole(waits: Waits) -> None:
    got, asked = retrieved("wado_no_last_delimiter", waits)
    assert sorted(got) == [ONE, TWO, THREE]
    assert asked[-1].endswith(f"/instances/{THREE}")


@pytest.mark.parametrize(
    ("case", "given", "says"),
    [
        ("wado_206", 2, r"2 of 3 files of study 1\.2: .* HTTP 410 \(1 times\)"),
        ("wado_404", 0, r"0 of 3 files .* HTTP 404 \(2 times\), HTTP 406 \(1 times\)"),
        ("wado_fewer", 2, r"2 of 3 files .* HTTP 204 \(1 times\)"),
        ("wado_not_multipart", 0, r"0 of 3 files .* its media type is text/plain"),
    ],
)
def test_fewer_files_than_listed_are_an_error_after_the_last_one(
    case: str, given: int, says: str, waits: Waits
) -> None:
    got: list[str] = []
    with scripted_archive(case) as archive, pytest.raises(ArchiveUnavailable, match=says):
        got.extend(file.sop_instance_uid for file in client(archive, waits).retrieve(STUDY))
    assert len(got) == given


def test_a_study_that_is_not_there_is_not_found(waits: Waits) -> None:
    with scripted_archive("qido_no_match_204") as archive:
        archive.left[0].asked = "GET /studies/1.2/instances"
        with pytest.raises(NotFound, match=r"study 1\.2"):
            list(client(archive, waits).retrieve(STUDY))


# Storing


def test_what_is_stored_is_said_to_be(waits: Waits) -> None:
    with scripted_archive("stow_200") as archive:
        outcomes = stowed(client(archive, waits), ONE, TWO)
    assert {outcome.state for outcome in outcomes.values()} == {StoreState.STORED}
    request = archive.asked[0]
    assert request.headers["Accept"] == "application/dicom+json"
    assert request.headers["Content-Type"].startswith(
        'multipart/related; type="application/dicom"; boundary='
    )
    assert request.headers["Content-Length"] == str(len(request.body))
    assert [content in request.body for content in map(dicom_file, (ONE, TWO))] == [True, True]


def test_one_batch_is_in_memory_at_a_time(waits: Waits) -> None:
    alive: list[weakref.ref[DicomFile]] = []
    most = []

    def source() -> Iterator[DicomFile]:
        for number in range(12):
            file = described(dicom_file(f"1.2.3.{number}"))
            alive.append(weakref.ref(file))
            most.append(sum(one() is not None for one in alive))
            yield file
            del file

    stored = [{"00081155": {"vr": "UI", "Value": [f"1.2.3.{number}"]}} for number in range(12)]
    answer = {"status": 200, "json": {"00081199": {"vr": "SQ", "Value": stored}}}
    with scripted_archive(Exchange("POST /studies", answer, again=True)) as archive:
        sent = client(archive, waits, most_instances=3).store(source(), Transport.STOW)
        assert sum(1 for _ in sent) == 12
    assert max(most) <= 3 + 1


@pytest.mark.parametrize(
    ("case", "states", "reasons", "says"),
    [
        ("stow_202_partial", "sr", (None, 0xA778), "Patient ID or issuer"),
        ("stow_409_refused", "rr", (0xA771, 0xA777), "no Patient ID"),
        ("stow_409_but_stored", "ss", (None, None), ""),
        ("stow_out_of_resources", "ff", (0xA700, 0xA700), "out of resources"),
        ("stow_being_deleted", "ss", (None, None), ""),
        ("stow_unmentioned", "sf", (None, None), "did not name the instance"),
        ("stow_500_stack_trace", "ss", (None, None), "lists it"),
        ("stow_lost", "ff", (None, None), "Whether it is there is not known"),
        ("stow_413", "sr", (None, None), "client_max_body_size"),
        ("stow_415", "rr", (None, None), "HTTP 415"),
        ("stow_507", "ff", (None, None), "HTTP 507"),
        ("stow_429", "ss", (None, None), ""),
        ("no_service_class", "rr", (None, None), "no such AE title, or not for this"),
    ],
)
def test_every_instance_has_its_outcome(
    case: str, states: str, reasons: tuple[int | None, int | None], says: str, waits: Waits
) -> None:
    with scripted_archive(case) as archive:
        outcomes = stowed(client(archive, waits), ONE, TWO)
        assert archive.left == [] or all(exchange.again for exchange in archive.left)
    letters = "".join(outcomes[uid].state.value[0] for uid in (ONE, TWO))
    assert letters == states
    assert (outcomes[ONE].failure_reason, outcomes[TWO].failure_reason) == reasons
    assert says in outcomes[TWO].detail


def test_after_a_time_out_the_archive_is_asked_and_nothing_sent_again(waits: Waits) -> None:
    with scripted_archive("stow_silent") as archive:
        outcomes = stowed(client(archive, waits, timeout_s=0.3), ONE, TWO)
    assert (outcomes[ONE].state, outcomes[TWO].state) == (StoreState.FAILED, StoreState.STORED)
    assert archive.lines() == ["POST /studies", "GET /instances"]


def test_an_archive_that_says_for_how_long_is_left_alone_for_so_long(waits: Waits) -> None:
    with scripted_archive("stow_429") as archive:
        stowed(client(archive, waits), ONE, TWO)
    assert waits.seconds == [2.0]
