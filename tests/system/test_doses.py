"""RT Doses that arrive over DICOM are in the results, whatever comes first."""

from __future__ import annotations

import json
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import build_dose, uniform
from tests.stack import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stack import Stack
    from tests.system.conftest import Study

GY = 20.0


@pytest.fixture
def dose(study: Study, tmp_path: Path) -> Path:
    """A dose of the study's frame of reference, as a file to send."""
    path = tmp_path / "rtdose.dcm"
    seed = int(study.uid[-6:])
    build_dose(study.case, uniform(GY), spacing_mm=(5, 5, 5), seed=seed).save_as(
        path, enforce_file_format=True
    )
    return path


def with_dose(stack: Stack, study: Study) -> dict[str, Any]:
    """Wait for results that hold a dose and return all that is answered of them."""

    def found() -> dict[str, Any] | None:
        series = study.case.structure_set.SeriesInstanceUID
        answer = stack.get(f"/pacs/api/rtstruct/{series}")
        return answer.json() if answer.ok and answer.json()["results"]["doses"] else None

    results: dict[str, Any] = eventually(found, "the results hold the dose")
    return results


@pytest.mark.parametrize("order", list(permutations(("images", "structure_set", "dose"))), ids="-".join)
def test_a_dose_is_in_the_results_whatever_comes_first(
    stack: Stack, study: Study, dose: Path, order: tuple[str, ...]
) -> None:
    files = {"images": study.images, "structure_set": study.structure_set, "dose": dose}
    for name in order:
        stack.receive(files[name])
        if name != "images" and set(order[: order.index(name) + 1]) == {"images", "structure_set"}:
            stack.job_in_state(study.uid, "succeeded")  # the dose comes after the results
    answer = with_dose(stack, study)
    for region in answer["results"]["regions"]:
        (received,) = region["dose"]
        assert received["mean"] == pytest.approx(GY, abs=0.01)
        assert received["unit"] == "Gy"
    number = answer["results"]["regions"][0]["number"]
    curve = json.loads(stack.get(answer["files"][f"{number}/dvh.json"]).content)
    assert curve["doses"][0]["cumulative_cc"][0] == pytest.approx(
        answer["results"]["regions"][0]["dose"][0]["volume_in_dose_cc"], abs=1e-5
    )
    assert stack.get(answer["files"]["dvh.png"]).content.startswith(b"\x89PNG")


def test_a_dose_that_is_sent_again_has_nothing_made_again(stack: Stack, study: Study, dose: Path) -> None:
    stack.receive(study.images, study.structure_set, dose)
    with_dose(stack, study)
    job = stack.job_in_state(study.uid, "succeeded")
    stack.receive(dose)
    (series,) = {one["ParentSeries"] for one in _instances(stack, dose)}
    eventually(lambda: stack.get(f"/series/{series}").json()["IsStable"], "the dose's series is stable")
    stack.post("/pacs/api/process", json={"study_instance_uid": study.uid})
    assert stack.job(job["job_id"])["ended_at"] == job["ended_at"]


def _instances(stack: Stack, path: Path) -> list[dict[str, Any]]:
    import pydicom  # noqa: PLC0415 - here alone

    uid = str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)
    found = stack.post("/tools/lookup", data=uid).json()
    return [stack.get(f"/instances/{one['ID']}").json() for one in found]
