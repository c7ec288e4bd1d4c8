"""The trail on disk: nothing is lost, nothing is changed unseen, and what a crash left is told."""

from __future__ import annotations

import logging
import multiprocessing
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.audit.chain import Broken, Fault
from orthanc_plugins.audit.codes import EventKind, Outcome
from orthanc_plugins.audit.json_form import from_json, to_json
from orthanc_plugins.audit.query import TrailQuery
from orthanc_plugins.audit.segments import segments, tail
from orthanc_plugins.audit.trail import AuditTrail, Verdict
from orthanc_plugins.errors import AuditError
from tests.unit.audit.samples import KEY, OTHER_STUDY_UID, an_export, at, events

if TYPE_CHECKING:
    from pathlib import Path


def now() -> datetime:
    return datetime(2026, 11, 30, 13, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "trail"


@pytest.fixture
def trail(folder: Path) -> AuditTrail:
    return AuditTrail.create(folder, KEY)


def reopened(folder: Path, **changes: Any) -> AuditTrail:
    return AuditTrail(folder, KEY, now=now, **changes)


def only_segment(folder: Path) -> Path:
    (segment,) = segments(folder)
    return segment


def _append(folder: Path, times: int, barrier: Any) -> None:
    trail = AuditTrail(folder, KEY, largest_segment_bytes=20_000)
    barrier.wait()
    for _ in range(times):
        trail.append(an_export())


def _append_and_say_so(folder: Path, said: Any) -> None:
    trail = AuditTrail(folder, KEY)
    while True:
        said.send(trail.append(an_export()).sequence)


def test_what_a_killed_process_was_told_is_written_is_there(folder: Path, trail: AuditTrail) -> None:
    context = multiprocessing.get_context("spawn")
    heard, said = context.Pipe(duplex=False)
    writer = context.Process(target=_append_and_say_so, args=(folder, said))
    writer.start()
    said.close()
    while (sequence := heard.recv()) < 20:
        pass
    writer.kill()
    writer.join()
    with heard, suppress(EOFError):
        while True:
            sequence = heard.recv()
    assert trail.verify().broken is None
    assert trail.verify().records >= sequence
    trail.append(an_export())
    assert trail.verify().broken is None
    writer.close()


def test_what_is_appended_is_read_back_and_whole(folder: Path, trail: AuditTrail) -> None:
    for event in events():
        trail.append(event)
    records = reopened(folder).records(TrailQuery())
    assert [record.sequence for record in records] == [6, 5, 4, 3, 2, 1]
    assert [from_json(dict(record.event)) for record in reversed(records)] == events()
    assert trail.verify() == Verdict(records=6, broken=None, torn_bytes=0)


def test_files_are_for_their_owner_alone(folder: Path, trail: AuditTrail) -> None:
    trail.append(an_export())
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "trail-000000000001.jsonl": 0o600,
        "head.json": 0o600,
        "trail.lock": 0o600,
    }


def test_processes_that_append_at_once_make_one_chain(folder: Path, trail: AuditTrail) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    writers = [context.Process(target=_append, args=(folder, 15, barrier)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert trail.verify() == Verdict(30, None, 0)
    assert len(segments(folder)) > 1


def test_a_file_that_is_large_is_followed_by_another_and_the_chain_goes_on(
    folder: Path, trail: AuditTrail
) -> None:
    small = reopened(folder, largest_segment_bytes=1)
    for _ in range(3):
        small.append(an_export())
    assert [path.name for path in segments(folder)] == [f"trail-{n:012}.jsonl" for n in (1, 2, 3)]
    assert trail.verify() == Verdict(3, None, 0)
    segments(folder)[1].unlink()
    assert trail.verify().broken == Broken(2, Fault.GAP)


@pytest.mark.parametrize("kept", [1, 100, -1])
def test_a_torn_line_is_removed_and_that_is_recorded(
    folder: Path, trail: AuditTrail, kept: int, caplog: pytest.LogCaptureFixture
) -> None:
    trail.append(an_export())
    torn = trail.append(an_export()).line()[:kept]
    segment, head = only_segment(folder), folder / "head.json"
    whole = segment.read_bytes().splitlines(keepends=True)[0]
    segment.write_bytes(whole)
    head.unlink()
    AuditTrail.create(folder.with_name("other"), KEY).append(an_export())
    (folder.with_name("other") / "head.json").rename(head)
    with segment.open("ab") as file:
        file.write(torn)
    assert trail.verify() == Verdict(1, None, len(torn))
    with caplog.at_level(logging.WARNING):
        trail = reopened(folder)
        assert trail.append(an_export()).sequence == 3
    assert f"Removed {len(torn)} bytes" in caplog.text
    assert trail.verify() == Verdict(3, None, 0)
    told = from_json(dict(trail.records(TrailQuery(kind=EventKind.SECURITY_ALERT))[0].event))
    assert told.occasion.reason == "torn_record_removed"
    assert told.occasion.time == now()
    assert segment.read_bytes().startswith(whole)


def test_a_torn_first_line_of_a_new_file_is_removed(folder: Path, trail: AuditTrail) -> None:
    small = reopened(folder, largest_segment_bytes=1)
    small.append(an_export())
    (folder / "trail-000000000002.jsonl").write_bytes(b'{"digest":"torn')
    assert small.append(an_export()).sequence == 3
    assert trail.verify() == Verdict(3, None, 0)


def test_a_crash_before_the_head_was_written_loses_nothing(folder: Path, trail: AuditTrail) -> None:
    before = (folder / "head.json").read_bytes()
    trail.append(an_export())
    (folder / "head.json").write_bytes(before)
    assert trail.verify() == Verdict(1, None, 0)
    assert trail.append(an_export()).sequence == 2
    assert trail.verify() == Verdict(2, None, 0)


@pytest.mark.parametrize("lines", [0, 1, 2])
def test_a_trail_cut_at_its_end_is_found_and_no_longer_added_to(
    folder: Path, trail: AuditTrail, lines: int
) -> None:
    for _ in range(3):
        trail.append(an_export())
    segment = only_segment(folder)
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:lines]))
    assert trail.verify().broken == Broken(lines + 1, Fault.TRUNCATED)
    with pytest.raises(AuditError, match="does not end"):
        trail.append(an_export())


def test_a_trail_cut_within_a_line_is_no_crash(folder: Path, trail: AuditTrail) -> None:
    for _ in range(2):
        trail.append(an_export())
    segment = only_segment(folder)
    segment.write_bytes(segment.read_bytes()[:-5])
    content = segment.read_bytes()
    with pytest.raises(AuditError, match="does not end"):
        trail.append(an_export())
    assert segment.read_bytes() == content, "the evidence stays"
    assert trail.verify().broken == Broken(2, Fault.TRUNCATED)


def test_a_trail_that_is_gone_is_found(folder: Path, trail: AuditTrail) -> None:
    trail.append(an_export())
    only_segment(folder).unlink()
    assert trail.verify().broken == Broken(1, Fault.TRUNCATED)
    with pytest.raises(AuditError, match="does not end"):
        trail.append(an_export())


def test_an_altered_record_is_found(folder: Path, trail: AuditTrail) -> None:
    for _ in range(3):
        trail.append(an_export())
    segment = only_segment(folder)
    content = segment.read_bytes().replace(b"j.doe@site", b"a.doe@site", 1)
    segment.write_bytes(content)
    assert trail.verify() == Verdict(1, Broken(1, Fault.ALTERED), 0)


def test_a_last_record_that_was_altered_is_not_added_to(folder: Path, trail: AuditTrail) -> None:
    trail.append(an_export())
    segment = only_segment(folder)
    segment.write_bytes(segment.read_bytes() + b"not a record\n")
    with pytest.raises(AuditError, match="does not end"):
        trail.append(an_export())


def test_without_its_head_a_trail_is_not_opened_nor_added_to(folder: Path, trail: AuditTrail) -> None:
    trail.append(an_export())
    (folder / "head.json").unlink()
    for use in (lambda: AuditTrail(folder, KEY), trail.verify, lambda: trail.append(an_export())):
        with pytest.raises(AuditError, match="restore it"):
            use()


def test_with_another_key_a_trail_is_not_opened(folder: Path, trail: AuditTrail) -> None:
    with pytest.raises(AuditError, match="another key"):
        AuditTrail(folder, bytes(32))


def test_a_trail_is_never_begun_again(folder: Path, trail: AuditTrail) -> None:
    with pytest.raises(AuditError, match="There is an audit trail"):
        AuditTrail.create(folder, KEY)
    trail.append(an_export())
    (folder / "head.json").unlink()
    with pytest.raises(AuditError, match="There is an audit trail"):
        AuditTrail.create(folder, KEY)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="cannot be locked"):
        AuditTrail(tmp_path / "none", KEY)


def test_the_head_may_be_elsewhere(tmp_path: Path, folder: Path) -> None:
    anchor = tmp_path / "vault" / "head.json"
    trail = AuditTrail.create(folder, KEY, anchor=anchor)
    trail.append(an_export())
    assert reopened(folder, anchor=anchor).verify() == Verdict(1, None, 0)
    assert not (folder / "head.json").exists()


def test_what_cannot_be_written_is_an_error(
    folder: Path, trail: AuditTrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("orthanc_plugins.audit.segments.os.fsync", full)
        with pytest.raises(AuditError, match="No space left"):
            trail.append(an_export())
    trail.append(an_export())
    assert trail.verify().broken is None


def test_the_end_of_a_long_line_is_found(folder: Path, trail: AuditTrail) -> None:
    segment = folder / "trail-000000000001.jsonl"
    for content, last, whole, torn in [
        (b"", None, 0, 0),
        (b"a\n", b"a\n", 2, 0),
        (b"a\nbb\n", b"bb\n", 5, 0),
        (b"a\nbb\nc", b"bb\n", 5, 1),
        (b"c", None, 0, 1),
        (b"a\n" + 200_000 * b"b" + b"\n", 200_000 * b"b" + b"\n", 200_003, 0),
        (b"a\n" + 200_000 * b"b", b"a\n", 2, 200_000),
    ]:
        segment.write_bytes(content)
        end = tail(folder)
        assert (end.last_line, end.whole_bytes, end.torn_bytes) == (last, whole, torn)


def asked(trail: AuditTrail, **wanted: Any) -> list[int]:
    return [record.sequence for record in trail.records(TrailQuery(**wanted))]


def test_questions_are_answered_the_newest_first(folder: Path, trail: AuditTrail) -> None:
    trail = reopened(folder, largest_segment_bytes=1)
    for event in (
        an_export(at(9)),
        an_export(at(10, outcome=Outcome.SERIOUS_FAILURE), OTHER_STUDY_UID),
        *events()[3:],
    ):
        trail.append(event)
    assert asked(trail) == [5, 4, 3, 2, 1]
    assert asked(trail, limit=2) == [5, 4]
    assert asked(trail, kind=EventKind.EXPORT) == [2, 1]
    assert asked(trail, kind=EventKind.EXPORT, limit=1) == [2]
    assert asked(trail, study_uid=OTHER_STUDY_UID) == [2]
    assert asked(trail, actor="j.doe@site.example") == [5, 3, 2, 1]
    assert asked(trail, actor="nobody") == []
    assert asked(trail, outcome=Outcome.SERIOUS_FAILURE) == [2]
    assert asked(trail, outcome=Outcome.SUCCESS, kind=EventKind.EXPORT) == [1]
    assert asked(trail, since=datetime(2026, 11, 30, 10, tzinfo=UTC)) == [5, 4, 3, 2]
    assert asked(trail, until=datetime(2026, 11, 30, 10, tzinfo=UTC)) == [1]
    assert asked(trail, before=4, limit=2) == [3, 2]
    assert asked(trail, before=2, kind=EventKind.EXPORT) == [1]
    assert asked(trail, before=1) == []


def test_a_question_to_a_broken_trail_says_so(folder: Path, trail: AuditTrail) -> None:
    trail.append(an_export())
    with only_segment(folder).open("ab") as file:
        file.write(b"not a record\n")
    with pytest.raises(AuditError, match="verify the trail"):
        trail.records(TrailQuery())


def test_a_record_being_written_is_not_yet_read(folder: Path, trail: AuditTrail) -> None:
    trail.append(an_export())
    with only_segment(folder).open("ab") as file:
        file.write(b'{"digest"')
    assert asked(trail) == [1]
    assert to_json(an_export()) == dict(trail.records(TrailQuery())[0].event)
