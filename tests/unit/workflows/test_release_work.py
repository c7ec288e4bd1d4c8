"""Folders of originals are private, and gone once no job works in them."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from orthanc_plugins.identifiers import OrthancId
from orthanc_plugins.jobs import DeidentificationOrder, deidentify_study_request, verify_release_request
from orthanc_plugins.workflows.release_work import Sweeping, WorkFolder, work_root

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.jobs import JobRequest
    from tests.fakes import MemoryQueue

STUDY = OrthancId("6bf20a51-a2f5e4ad-15ee6ff0-d6e7f0a5-1a4d6a14")


def request(content: str) -> JobRequest:
    order = DeidentificationOrder(STUDY, "trial", "basic", reversible=False, content=content)
    return deidentify_study_request(order)


def folder_of(asked: JobRequest, data: Path) -> WorkFolder:
    folder = WorkFolder.of_job(data, asked.job_id)
    folder.begin()
    (folder.originals / "1.dcm").write_bytes(b"an original")
    return folder


def test_nobody_else_looks_into_it_and_its_name_tells_nothing(tmp_path: Path) -> None:
    folder = folder_of(request("1"), tmp_path)
    for path in (folder.path, folder.path.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert STUDY not in str(folder.path)
    assert "trial" not in str(folder.path.relative_to(tmp_path))


def test_what_is_marked_is_read_again_until_it_is_begun_anew(tmp_path: Path) -> None:
    folder = folder_of(request("1"), tmp_path)
    assert folder.marked("fetched") is None
    folder.mark("fetched", {"instances": 3})
    assert folder.marked("fetched") == {"instances": 3}
    folder.begin()
    assert folder.marked("fetched") is None
    assert list(folder.originals.iterdir()) == []


def test_folders_of_ended_jobs_are_swept_and_those_of_others_stay(tmp_path: Path, queue: MemoryQueue) -> None:
    order = DeidentificationOrder(STUDY, "trial", "basic", reversible=False, content="1")
    look = verify_release_request(order, "look")
    requests = [*(request(content) for content in "1234"), look]
    folders = [folder_of(asked, tmp_path) for asked in requests]
    queued, running, failed, *_ = requests
    for asked in (queued, running, failed, look):
        queue.submit(asked)
    queue.start(running.job_id)
    queue.fail(failed.job_id, "HeldForReview")
    (work_root(tmp_path) / "a file").touch()
    Sweeping(tmp_path, queue).sweep()
    assert [one.path.exists() for one in folders] == [True, True, False, False, True]


def test_where_nothing_was_ever_fetched_nobody_is_asked(tmp_path: Path, queue: MemoryQueue) -> None:
    queue.unavailable = True
    Sweeping(tmp_path, queue).sweep()
    assert not work_root(tmp_path).exists()
