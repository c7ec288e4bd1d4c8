"""A study full of marker values leaves none of them in logs, job records or answers about jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.builders import DAMAGES, Identity, renamed
from tests.stack import running_stack

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.conftest import NewCase

MARK = "Zqxmarker"
IDENTITY = Identity(
    patient_name=f"{MARK}Family^{MARK}Given",
    patient_id=f"{MARK}-ID-4711",
    birth_date="19230417",
    accession_number=f"{MARK}ACC",
    study_id=f"{MARK}STD",
    referring_physician=f"{MARK}Referrer^Doctor",
    extra={
        "StudyDescription": f"{MARK} study",
        "SeriesDescription": f"{MARK} series",
        "InstitutionName": f"{MARK} hospital",
        "OperatorsName": f"{MARK}Operator",
    },
)
MARKERS = [MARK.encode(), MARK.lower().encode(), MARK.upper().encode(), b"19230417"]


def test_no_marker_is_logged_or_stored_beside_the_archive(new_case: NewCase, tmp_path: Path) -> None:
    names = [f"{MARK} Heart", f"GTV {MARK}Family", f"../{MARK}", f"{MARK}", "Lung"]
    with running_stack(tmp_path / "data") as stack:
        stack.wait_until_healthy()
        studies = []
        for kind in (
            "as it is",
            "not_a_number",
            "no_contour_sequence",
            "other_frame_of_reference",
            "truncated",
        ):
            case = new_case(identity=IDENTITY)
            spoilt = case.copied_structure_set()
            renamed(spoilt, names)
            if kind in DAMAGES:
                DAMAGES[kind](spoilt)
            case.with_structure_set(spoilt).write(tmp_path / kind)
            path = tmp_path / kind / "rtstruct.dcm"
            if kind == "truncated":
                path.write_bytes(path.read_bytes()[:-2000])
                stack.post("/pacs/api/upload", data=path.read_bytes())
            else:
                stack.receive(tmp_path / kind / "images", path)
                studies.append(case.reference.study_uid)
        jobs = [stack.job_in_state(study, "succeeded", "failed") for study in studies]
        answers = [
            stack.get("/pacs/api/jobs"),
            stack.get("/pacs/api/metrics"),
            stack.get("/pacs/api/statistics"),
        ]
        answers += [stack.get(f"/pacs/api/jobs/{job['job_id']}") for job in jobs]
        assert {job["state"] for job in jobs} == {"succeeded", "failed"}
        assert not [answer.url for answer in answers if any(mark in answer.content for mark in MARKERS)]
    beside = [
        path
        for folder in ("logs", "run", "store")
        for path in (tmp_path / "data" / folder).rglob("*")
        if path.is_file()
    ]
    assert {path.name for path in beside} >= {"orthanc.log", "worker.log", "pacs.sqlite", "jobs.sqlite"}
    told = {
        str(path.relative_to(tmp_path)): mark
        for path in beside
        for mark in MARKERS
        if mark in path.read_bytes()
    }
    assert told == {}
