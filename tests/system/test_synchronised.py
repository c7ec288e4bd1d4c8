"""Both archives are kept in step by the running suite: what is missing is copied, what was lost is seen."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
import requests
from pydicom import dcmread

from tests.stack import PATIENCE_S, eventually
from tests.system.test_forwarding import running_pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.conftest import Study
    from tests.system.test_forwarding import Pair


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    section = {"Forwarding": {}, "Synchronisation": {"Direction": "both", "IntervalS": 2}}
    with running_pair(tmp_path_factory.mktemp("synchronised"), suite=section) as pair:
        yield pair


def ask(pair: Pair, method: str, path: str, **options: Any) -> Any:
    answer = requests.request(method, f"{pair.stack.url}/pacs/api{path}", timeout=PATIENCE_S, **options)
    assert answer.ok, answer.text
    return answer.json()


def study_in(pair: Pair, study_uid: str, presence: str) -> dict[str, Any]:
    """Return the study once it is where it should be by the inventories."""

    def look() -> dict[str, Any] | None:
        listed = ask(pair, "GET", f"/studies?presence={presence}&limit=500")["studies"]
        return next((one for one in listed if one["study_uid"] == study_uid), None)

    return eventually(look, f"the study is {presence}", within_s=120)


def compared(pair: Pair, study_uid: str) -> dict[str, Any]:
    found: dict[str, Any] = ask(pair, "GET", f"/studies/{study_uid}/comparison?wait_s=60")
    assert "equal" in found, found
    return found


def inside(pair: Pair, study_uid: str) -> list[str]:
    """Return the identifiers of a study's images in the Orthanc that plays the archive."""
    query = {"Level": "Instance", "Query": {"StudyInstanceUID": study_uid, "Modality": "CT"}}
    answer = requests.post(f"{pair.archive.orthanc_url}/tools/find", json=query, timeout=PATIENCE_S)
    return [str(one) for one in answer.json()]


def test_what_one_archive_alone_holds_is_copied_and_verified(pair: Pair, study: Study) -> None:
    pair.stack.receive(study.images, study.structure_set)
    study_in(pair, study.uid, "same")
    (transfer,) = pair.transfers(study.uid)
    assert (transfer["cause"], transfer["state"]) == ("sync", "verified")
    assert compared(pair, study.uid)["equal"]


def test_what_came_from_the_archive_is_not_sent_back(pair: Pair, study: Study) -> None:
    files = [*sorted(study.images.iterdir()), study.structure_set]
    for file in files:
        answer = requests.post(
            f"{pair.archive.orthanc_url}/instances", data=file.read_bytes(), timeout=PATIENCE_S
        )
        assert answer.ok
    study_in(pair, study.uid, "same")
    (transfer,) = pair.transfers(study.uid)
    assert (transfer["destination"], transfer["verified"]) == ("orthanc", len(files))


def test_a_loss_is_seen_stays_until_somebody_decides_and_is_mended(pair: Pair, study: Study) -> None:
    pair.stack.receive(study.images, study.structure_set)
    study_in(pair, study.uid, "same")
    assert compared(pair, study.uid)["equal"]
    victim = inside(pair, study.uid)[0]
    assert requests.delete(f"{pair.archive.orthanc_url}/instances/{victim}", timeout=PATIENCE_S).ok
    assert compared(pair, study.uid)["classes"] == {"missing_right": 1}  # before any round hears of it
    study_in(pair, study.uid, "differing")
    shown = ask(pair, "GET", f"/studies/{study.uid}")
    assert [(one["archive"], one["instances"]) for one in shown["tombstones"]] == [("dcm4chee", 1)]
    assert compared(pair, study.uid)["classes"] == {"missing_right": 1}
    told = ask(pair, "POST", "/sync", json={"wait_s": 60})
    assert (told["status"], told["synced_studies"]) == ("success", 0)
    action, repair = planned(pair, study.uid)
    assert (action["kind"], action["options"]) == ("manual", ["copy", "leave"])
    assert "whether it was deleted or lost is not known" in action["reason"]
    ask(pair, "POST", f"{repair}/actions/1/decide", json={"keep": "copy"})
    assert ask(pair, "POST", f"{repair}/apply", json={"wait_s": 60})["state"] == "verified"
    study_in(pair, study.uid, "same")
    assert compared(pair, study.uid)["equal"]
    assert ask(pair, "GET", f"/studies/{study.uid}")["tombstones"] == []


def planned(pair: Pair, study_uid: str) -> tuple[dict[str, Any], str]:
    """Return the only action of a new plan, and the repair's address."""
    asked = ask(pair, "POST", f"/studies/{study_uid}/repair", json={"wait_s": 60})
    repair = f"/repairs/{asked['repair_id']}"
    (action,) = ask(pair, "GET", repair)["actions"]
    return action, repair


def test_what_somebody_took_out_is_told_as_that_and_stays_out(pair: Pair, study: Study) -> None:
    pair.stack.receive(study.images, study.structure_set)
    study_in(pair, study.uid, "same")
    rejected, deleted = sorted(inside_orthanc(pair, study.uid))[:2]
    place = f"studies/{study.uid}/series/{rejected[1]}/instances/{rejected[0]}/reject/113001%5EDCM"
    assert requests.post(f"{pair.archive.url}/{place}", timeout=PATIENCE_S).ok
    study_in(pair, study.uid, "differing")
    action, _ = planned(pair, study.uid)
    assert (action["kind"], action["target"]) == ("blocked", None)
    assert "it was rejected there" in action["reason"]
    (tombstone,) = ask(pair, "GET", f"/sync/tombstones?study={study.uid}")["tombstones"]
    assert (tombstone["kind"], tombstone["instances"]) == ("rejected", 1)

    ask(pair, "POST", "/sync/tombstones/lift", json={"archive": "dcm4chee", "study_uid": study.uid})
    assert requests.delete(f"{pair.stack.url}/instances/{deleted[2]}", timeout=PATIENCE_S).ok

    def noticed() -> bool:
        found = ask(pair, "GET", f"/sync/tombstones?study={study.uid}&archive=orthanc")
        return bool(found["tombstones"])

    eventually(noticed, "the deletion in Orthanc is noticed")
    asked = ask(pair, "POST", f"/studies/{study.uid}/repair", json={"wait_s": 60})
    actions = ask(pair, "GET", f"/repairs/{asked['repair_id']}")["actions"]
    reasons = {one["kind"]: one["reason"] for one in actions if deleted[0] in str(one["instances"])}
    assert reasons["blocked"].startswith("Orthanc deleted it")
    (orthanc_study,) = lookup(pair, study.uid, "Study")
    assert requests.delete(f"{pair.stack.url}/studies/{orthanc_study}", timeout=PATIENCE_S).ok
    eventually(lambda: study_kind(pair, study.uid) == "deleted", "the study's deletion is told")


def study_kind(pair: Pair, study_uid: str) -> str | None:
    found = ask(pair, "GET", f"/sync/tombstones?study={study_uid}&archive=orthanc")["tombstones"]
    return next((str(one["kind"]) for one in found if one["whole"]), None)


def lookup(pair: Pair, uid: str, level: str) -> list[str]:
    found = requests.post(f"{pair.stack.url}/tools/lookup", data=uid, timeout=PATIENCE_S).json()
    return [one["ID"] for one in found if one["Type"] == level]


def inside_orthanc(pair: Pair, study_uid: str) -> list[tuple[str, str, str]]:
    """Return UID, series and Orthanc's identifier of a study's images."""
    query = {
        "Level": "Instance",
        "Query": {"StudyInstanceUID": study_uid, "Modality": "CT"},
        "RequestedTags": ["SOPInstanceUID", "SeriesInstanceUID"],
        "Expand": True,
    }
    found = requests.post(f"{pair.stack.url}/tools/find", json=query, timeout=PATIENCE_S).json()
    return [
        (one["RequestedTags"]["SOPInstanceUID"], one["RequestedTags"]["SeriesInstanceUID"], one["ID"])
        for one in found
    ]


def test_a_damaged_pixel_is_found_by_comparing_content(pair: Pair, study: Study) -> None:
    pair.stack.receive(study.images, study.structure_set)
    study_in(pair, study.uid, "same")
    damage(pair, inside(pair, study.uid)[0])
    found = compared(pair, study.uid)
    assert found["classes"] == {"pixel": 1}
    report = requests.get(f"{pair.stack.url}{found['reports']['report.html']}", timeout=PATIENCE_S)
    assert "1 difference" in report.text


def damage(pair: Pair, instance: str) -> None:
    """Change one value of an image behind the archive's back."""
    address = f"{pair.archive.orthanc_url}/instances"
    dataset = dcmread(io.BytesIO(requests.get(f"{address}/{instance}/file", timeout=PATIENCE_S).content))
    pixels = bytearray(dataset.PixelData)
    pixels[200] ^= 1
    dataset.PixelData = bytes(pixels)
    changed = io.BytesIO()
    dataset.save_as(changed)
    assert requests.delete(f"{address}/{instance}", timeout=PATIENCE_S).ok
    assert requests.post(address, data=changed.getvalue(), timeout=PATIENCE_S).ok


def test_an_archive_that_is_down_is_told_and_caught_up_with(pair: Pair, study: Study) -> None:
    pair.archive.stop()
    try:
        pair.stack.receive(study.images, study.structure_set)
        told = ask(pair, "POST", "/sync", json={"wait_s": 60})
        assert told["status"] == "partial"
        page = ask(pair, "GET", "/patients?search=nobody")
        assert page["archives"]["dcm4chee"]["state"] == "unavailable"
        assert ask(pair, "GET", "/health")["services"]["dcm4chee"]["state"] == "unhealthy"
    finally:
        pair.archive.start()
    study_in(pair, study.uid, "same")


def test_everything_is_compared_on_demand(pair: Pair, study: Study) -> None:
    pair.stack.receive(study.images, study.structure_set)
    study_in(pair, study.uid, "same")
    asked = ask(pair, "POST", "/comparisons/generate", json={"depth": "content"})
    job = eventually(lambda: _ended(pair.stack.job(asked["job_id"])), "everything is compared")
    assert job["state"] == "succeeded", job
    found = ask(pair, "GET", f"/comparisons/generated/{asked['job_id']}")
    assert found["compared"] >= 1
    assert found["studies"]["only_orthanc"] == 0
    told = ask(pair, "GET", found["reports"]["report.json"].removeprefix("/pacs/api"))
    held = sum(told["checked"][kind] for kind in ("both", "only_left", "only_right"))
    assert told["summary"]["studies"] == held
    assert told["summary"]["studies_differing"] == len(told["comparisons"])
    page = requests.get(
        f"{pair.stack.url}/pacs/api/studies/{study.uid}/comparison/report.html", timeout=PATIENCE_S
    )
    assert "Both copies are the same" in page.text, "it is made when it is asked for"
    checks = ask(pair, "GET", "/comparisons?equal=true&limit=500")["comparisons"]
    assert study.uid in {one["study_uid"] for one in checks}


def _ended(job: dict[str, Any]) -> dict[str, Any] | None:
    return job if job["state"] in {"succeeded", "failed", "cancelled"} else None
