"""A secondary capture with text waits for a person, who masks it or lets it pass, through the real stack."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom.uid import UID

from scripts.lib.xnat import PROJECT
from tests.builders import Identity, ImageFrame
from tests.system.conftest import Study
from tests.system.researching import running_research

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.builders import Case
    from tests.system.conftest import NewCase
    from tests.system.researching import Research

MARK = "Zqxmarker"
KNOWN = {"X-User": "ann", "X-Proxy-Secret": "shared with the proxy"}
SECONDARY_CAPTURE = UID("1.2.840.10008.5.1.4.1.1.7")


@pytest.fixture(scope="module")
def research(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Research]:
    project = {
        "Name": PROJECT,
        "Profile": "research_rt",
        "MoreProfiles": ["basic"],
        "Patients": "numbered",
        "Destination": {"Kind": "xnat", "Project": PROJECT},
        "Decisions": ["mask", "pass", "leave_out"],
    }
    files = {
        "Name": "files",
        "Destination": {"Kind": "folder", "Folder": str(tmp_path_factory.mktemp("out"))},
    }
    chosen = {"Projects": [project, files], "DefaultProject": PROJECT}
    sign_on = {"UserHeader": "X-User", "ProxySecret": KNOWN["X-Proxy-Secret"]}
    folder = tmp_path_factory.mktemp("research")
    with running_research(folder, Deidentification=chosen, SignOn=sign_on) as running:
        yield running
        print(running.stack.tail())  # noqa: T201 - shown when a test fails


@pytest.fixture
def captured(new_case: NewCase, written: Callable[[Case], tuple[Path, Path]]) -> Callable[..., Study]:
    """A study whose first image is a capture that says that somebody can be recognised, with a text in it."""

    def study(number: int, text: str) -> Study:
        identity = Identity(patient_name=f"{MARK}{number}^Given", patient_id=f"{MARK}-ID-{number}")
        case = new_case(identity=identity, regions=2, frame=ImageFrame(size=(2, 256, 256)))
        first = case.images[0]
        first.SOPClassUID = first.file_meta.MediaStorageSOPClassUID = SECONDARY_CAPTURE
        first.ConversionType, first.RecognizableVisualFeatures = "DI", "YES"
        drawn = Image.new("L", (256, 256))
        ImageDraw.Draw(drawn).text((20, 40), text, fill=255, font=ImageFont.load_default(28))
        first.PixelData = (np.asarray(drawn).astype("<i2") * 8).tobytes()
        return Study(case, *written(case))

    return study


def held(research: Research, study: Study, **wanted: Any) -> tuple[str, dict[str, Any]]:
    """Have a study asked for, and return its release and the object that waits."""
    research.stack.receive(study.images)
    body = {"wait_s": 60, **wanted}
    answer = research.stack.post(f"/pacs/api/anonymize/study/{study.uid}", json=body)
    assert (answer.status_code, answer.json().get("held")) == (409, 1), answer.text
    told = research.stack.get(f"/pacs/api/releases/{answer.json()['release_id']}/held", headers=KNOWN).json()
    return answer.json()["release_id"], told["objects"][0]


def decide(research: Research, one: dict[str, Any], **body: Any) -> Any:
    return research.stack.post(f"{one['href']}/decision", json=body, headers=KNOWN)


def resumed(research: Research, release_id: str) -> dict[str, Any]:
    """Have a release go on, and return it once it has ended."""
    answer = research.stack.post(f"/pacs/api/releases/{release_id}/resume", json={}, headers=KNOWN)
    assert answer.status_code == 202, answer.text
    research.ended(answer.json()["job_id"])
    told: dict[str, Any] = research.stack.get(f"/pacs/api/releases/{release_id}").json()
    return told


def test_a_capture_is_looked_at_masked_and_released_and_the_certificate_tells(
    research: Research, captured: Callable[..., Study]
) -> None:
    release_id, one = held(research, captured(1, "ROOM SEVEN"))
    assert {each["hold"] for each in one["holds"]} == {"recognisable", "text"}
    assert research.stack.get(f"{one['frames_url']}1.png").status_code == 403
    picture = research.stack.get(f"{one['frames_url']}1.png", headers=KNOWN)
    shown = np.asarray(Image.open(io.BytesIO(picture.content)))
    assert shown.shape == (256, 256, 3)
    assert shown[40:80].max() == 255
    box = {"left": 0, "top": 200, "right": 100, "bottom": 256}
    answer = decide(research, one, decide="mask", boxes=[box], reason="identity_covered")
    assert answer.status_code == 200, answer.text
    release = resumed(research, release_id)
    assert release["state"] == "certified", release
    certificate = research.stack.get(release["certificate_url"]).json()["certificate"]
    (made,) = certificate["decisions"]
    assert (made["decide"], made["by"], made["why"]) == ("mask", "ann", "identity_covered")
    reasons = [record["event"]["reason"] for record in research.audited(actor="ann")]
    assert {"held_looked_at", "decided_mask.identity_covered"} <= set(reasons)


def test_a_capture_passes_by_a_named_persons_decision(
    research: Research, captured: Callable[..., Study]
) -> None:
    release_id, one = held(research, captured(2, "ROOM SEVEN"))
    assert decide(research, one, decide="pass", reason="no_identity").status_code == 200
    release = resumed(research, release_id)
    assert release["state"] == "certified", release
    certificate = research.stack.get(release["certificate_url"]).json()["certificate"]
    assert [each["decide"] for each in certificate["decisions"]] == ["pass"]


def test_a_pass_that_a_project_does_not_allow_is_forbidden(
    research: Research, captured: Callable[..., Study]
) -> None:
    _, one = held(research, captured(3, "ROOM SEVEN"), project="files")
    answer = decide(research, one, decide="pass", reason="no_identity")
    assert answer.status_code == 403
    assert "Decisions" in answer.json()["detail"]


def test_an_identity_in_the_pixels_passes_by_no_decision(
    research: Research, captured: Callable[..., Study]
) -> None:
    release_id, one = held(research, captured(4, f"{MARK.upper()}4"))
    assert "identity" in {each["hold"] for each in one["holds"]}
    assert one["may"] == ["mask", "leave_out"]
    assert decide(research, one, decide="pass", reason="no_identity").status_code == 409
    assert research.stack.get(f"/pacs/api/releases/{release_id}").json()["state"] == "held"


def test_a_preview_shows_values_to_who_asked_and_nobody_else(
    research: Research, captured: Callable[..., Study]
) -> None:
    study = captured(5, "ROOM SEVEN")
    research.stack.receive(study.images)
    path = f"/pacs/api/studies/{study.uid}/deidentification/preview"
    begun = research.stack.post(path, json={}, headers=KNOWN).json()
    assert research.ended(begun["job_id"])["state"] == "succeeded"
    rows = research.stack.get(f"{begun['preview_url']}/attributes?limit=500", headers=KNOWN).json()
    (name,) = (row for row in rows["attributes"] if row["keyword"] == "PatientName")
    assert name["examples"][0]["before"].startswith(MARK)
    assert research.stack.get(begun["preview_url"], headers={**KNOWN, "X-User": "bob"}).status_code == 403


def test_nothing_of_the_patients_is_in_logs_and_jobs(research: Research) -> None:
    places = dict(research.places())
    assert any(place.endswith("worker.log") for place in places)
    assert not [place for place, content in places.items() if MARK.lower().encode() in content.lower()]
