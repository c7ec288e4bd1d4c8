"""Results stored back as DICOM in the real stack: they appear, are sent on once, make no work, go again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.stack import eventually
from tests.system.test_forwarding import running_pair

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.conftest import Study
    from tests.system.test_forwarding import Pair


def held_by_orthanc(pair: Pair, study_uid: str) -> set[str]:
    query = {"Level": "Instance", "Query": {"StudyInstanceUID": study_uid}, "Expand": True}
    found = pair.stack.post("/tools/find", json=query).json()
    return {one["MainDicomTags"]["SOPInstanceUID"] for one in found}


def test_results_are_stored_and_sent_on_once_and_go_with_the_structure_set(
    tmp_path: Path, study: Study
) -> None:
    suite: dict[str, Any] = {"Structures": {"StoredObjects": ["seg", "sr", "stl"]}}
    with running_pair(tmp_path, suite=suite) as pair:
        sent = {str(one.SOPInstanceUID) for one in (*study.case.images, study.case.structure_set)}
        pair.stack.receive(study.images, study.structure_set)
        result = pair.stack.job_in_state(study.uid, "succeeded")["result"]
        ours = held_by_orthanc(pair, study.uid) - sent
        assert len(ours) == result["objects"] > 2
        eventually(lambda: pair.held_by_archive(study.uid) == sent | ours, "all of it is sent on")
        eventually(
            lambda: {one["state"] for one in pair.transfers(study.uid)} == {"verified"},
            "every transfer has ended",
        )
        assert sum(one["sent"] for one in pair.transfers(study.uid)) == len(sent | ours)
        assert len(pair.stack.jobs_of(study.uid)) == 1
        uid = str(study.case.structure_set.SOPInstanceUID)
        pair.stack.delete(f"/instances/{pair.stack.instance_id(uid)}")
        images = {str(one.SOPInstanceUID) for one in study.case.images}
        eventually(lambda: held_by_orthanc(pair, study.uid) == images, "what was made of it is gone too")
