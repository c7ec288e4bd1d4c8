"""Two structure sets in the real Orthanc against each other, and the regions of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom.uid import UID

from tests.stack import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.builders import Case
    from tests.stack import Stack
    from tests.system.conftest import NewCase

    type Written = Callable[[Case], tuple[Path, Path]]

SHIFT_MM = 4.0


def shifted(case: Case, path: Path) -> str:
    """Write the case's structure set with all contours moved to the left; return its UID."""
    moved = case.copied_structure_set()
    moved.SOPInstanceUID = moved.file_meta.MediaStorageSOPInstanceUID = UID(f"{moved.SOPInstanceUID}.2")
    for region in moved.ROIContourSequence:
        for contour in region.ContourSequence:
            points = np.array(contour.ContourData, dtype=float).reshape(-1, 3) + np.array((SHIFT_MM, 0, 0))
            contour.ContourData = [f"{value:.4f}" for value in points.reshape(-1)]
    moved.save_as(path, enforce_file_format=True)
    return str(moved.SOPInstanceUID)


def test_sets_and_pairs_are_compared_on_request(
    stack: Stack, new_case: NewCase, written: Written, tmp_path: Path
) -> None:
    case = new_case()
    uid = str(case.structure_set.SOPInstanceUID)
    stack.receive(*written(case))
    series = stack.job_in_state(case.reference.study_uid, "succeeded")["series_uid"]
    table = stack.get(f"/pacs/api/rtstruct/{series}/comparison").json()
    assert len(table["pairs"]) == 10
    pair = stack.get(f"/pacs/api/rtstruct/{series}/comparison?region=1&other=2")
    assert pair.status_code == 200
    full = pair.json()["pairs"][0]
    assert full["overlap"] == table["pairs"][0]["overlap"]
    assert full["surface"]["hausdorff_mm"] > 0

    other = shifted(case, tmp_path / "shifted.dcm")
    stack.receive(tmp_path / "shifted.dcm")
    asked = f"/pacs/api/rtstruct/comparison?a={uid}&b={other}"
    found = eventually(lambda: stack.get(asked) if stack.get(asked).status_code == 200 else None, "compared")
    content = found.json()
    assert [one["region_name"] for one in content["pairs"]] == list(case.truth)
    for one in content["pairs"]:
        assert one["overlap"]["centroid_distance_mm"] == pytest.approx(SHIFT_MM, abs=0.5)
        assert one["surface"]["hausdorff_mm"] == pytest.approx(SHIFT_MM, abs=1.0)
    folder = stack.deployment.data / "exports" / "comparisons"
    assert [path for path in folder.iterdir() if other in path.name]

    assert stack.get(f"/pacs/api/rtstruct/comparison?a={uid}&b=1.2.3.4.5").status_code == 404
    unknown = stack.get(f"/pacs/api/rtstruct/comparison?a={uid}&b={other}&region=1&other=99")
    assert unknown.status_code == 422
    assert "has no region 99" in unknown.json()["detail"]
