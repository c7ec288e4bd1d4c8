"""Labels on studies over the real parts: they tell how a study stands, and are no change of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import ImageFrame, build_case
from tests.stack import Stack, eventually, running_stack
from tests.standin import running_standin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A suite that forwards everything, and often looks at what it knows."""
    data = tmp_path_factory.mktemp("labels")
    with running_standin(data / "dcm4chee") as dcm4chee:
        section = {
            "Dcm4chee": {"Url": dcm4chee.url, "DicomPort": dcm4chee.dicom_port},
            "Forwarding": {"Rules": [{"Name": "everything"}]},
            "Synchronisation": {"IntervalS": 1},
            "SweepIntervalS": 1,
        }
        with running_stack(data / "suite", PacsSuite=section) as stack:
            stack.wait_until_healthy()
            yield stack


def changes(stack: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.get("/changes?limit=10000").json()["Changes"]
    return found


def test_a_study_that_is_verified_and_processed_says_so_and_a_persons_label_stays(
    both: Stack, tmp_path: Path
) -> None:
    case = build_case(frame=ImageFrame(size=(4, 32, 32), spacing_mm=(4.0, 4.0), gap_mm=3.0), regions=1)
    case.write(tmp_path)
    both.receive(tmp_path)
    (study,) = both.get("/studies").json()

    def labels() -> set[str]:
        return set(both.get(f"/studies/{study}/labels").json())

    eventually(lambda: labels() == {"verified", "rt-processed"}, f"the labels; they are {labels()}")
    found = both.post("/tools/find", json={"Level": "Study", "Query": {}, "Labels": ["verified"]}).json()
    assert found == [study]
    before = changes(both)
    both.put(f"/studies/{study}/labels/teaching", data=b"")
    both.delete(f"/studies/{study}/labels/verified")
    both.kill_worker()
    eventually(
        lambda: labels() == {"teaching", "verified", "rt-processed"}, "all is made good after a restart"
    )
    assert changes(both) == before  # Orthanc logs no label
    assert len(both.jobs_of(case.reference.study_uid)) == 1

    both.delete(f"/studies/{study}").raise_for_status()
    both.receive(tmp_path)
    eventually(lambda: labels() >= {"verified", "rt-processed"}, "a study that came again is labelled again")
    assert "teaching" not in labels()
