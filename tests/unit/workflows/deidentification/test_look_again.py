"""A released study is looked at again: it is as it was certified, or what is otherwise is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.certificates import opened
from orthanc_plugins.errors import ArchiveUnavailable, NotFound, PacsSuiteError, ReleaseRefused
from orthanc_plugins.jobs import verify_release_request
from orthanc_plugins.store import ReleaseFiles, ReleaseState
from orthanc_plugins.workflows.deidentification_workflows import run_look
from orthanc_plugins.workflows.look_again import ReleaseLook
from tests.unit.workflows.deidentification.seen import events, left_in

if TYPE_CHECKING:
    from orthanc_plugins.jobs import DeidentificationOrder
    from tests.unit.workflows.deidentification.steps import RecordingSteps
    from tests.unit.workflows.deidentified import Rig


def look(rig: Rig, order: DeidentificationOrder | None = None) -> dict[str, Any]:
    order = order or rig.order(asker="eve")
    rig.steps.forget()
    job_id = verify_release_request(order, "1").job_id
    return dict(run_look(ReleaseLook(rig.services, order, job_id, rig.destination.opened)))


def stored_digests(rig: Rig) -> set[str | None]:
    content = ReleaseFiles(rig.services.data).read(rig.release().release_id, "certificate.json")
    assert content is not None
    return {file.sha256_stored for file in opened(content).certificate.study.files}


def test_what_is_as_it_was_certified_keeps_its_certificate_and_nothing_is_sent(rig: Rig) -> None:
    rig.run()
    before, attached = rig.release(), dict(rig.destination.attached)
    assert look(rig) == {"outcome": "as_certified", "instances": 3}
    release = rig.release()
    assert release.looked_at is not None
    assert replace(release, looked_at=None) == before
    assert (rig.destination.sent, rig.destination.attached) == ([3], attached)
    assert left_in(rig) == []


def test_what_was_written_anew_as_declared_is_certified_anew(rig: Rig) -> None:
    rig.run()
    before, digests = rig.release().certificate_sha256, stored_digests(rig)
    rig.destination.written = b"relabelled again"
    assert look(rig)["outcome"] == "as_certified"
    assert rig.release().certificate_sha256 != before
    assert rig.release().state is ReleaseState.CERTIFIED
    assert not stored_digests(rig) & digests
    assert len(rig.destination.attached) == 4
    assert rig.destination.sent == [3]


@pytest.mark.parametrize(
    "error",
    [ReleaseRefused("Session ANON00001_X has another value."), NotFound("It is gone.", archive="xnat")],
)
def test_what_is_otherwise_is_told_with_the_release_and_recorded_and_its_certificate_stays(
    rig: Rig, steps: RecordingSteps, error: PacsSuiteError
) -> None:
    rig.run()
    before = rig.release()
    rig.destination.failures.append(error)
    assert look(rig) == {"outcome": "otherwise", "instances": 3}
    release = rig.release()
    assert (release.look_found, release.state) == (str(error), ReleaseState.CERTIFIED)
    assert release.certificate_sha256 == before.certificate_sha256
    assert not [text for text in steps.stored if "ANON00001" in text]
    assert look(rig)["outcome"] == "as_certified"
    assert rig.release().look_found == ""
    looks = [one for one in events(rig) if one["reason"] == "looked_again"]
    assert [one["outcome"] for one in looks] == [0, 8]
    assert {one["objects"][0]["study_uid"] for one in looks} == {release.study_uid}
    assert [one["user_id"] for one in looks[0]["participants"] if one["is_requestor"]] == ["eve"]


def test_a_destination_that_does_not_answer_tells_nothing(rig: Rig) -> None:
    rig.run()
    rig.destination.failures.append(ArchiveUnavailable("ANON00001 is away.", archive="xnat"))
    with pytest.raises(ArchiveUnavailable, match="look again later") as away:
        look(rig)
    assert "ANON00001" not in str(away.value)
    assert rig.release().looked_at is None
    assert left_in(rig) == []


def test_what_was_never_certified_is_not_looked_at(rig: Rig) -> None:
    with pytest.raises(ReleaseRefused, match="was not released and certified"):
        look(rig)
    assert rig.destination.parcels == []


def test_an_original_that_has_changed_or_is_gone_is_told(rig: Rig) -> None:
    rig.run()
    order = rig.order()
    rig.receive(rig.made[:1])
    assert look(rig, order) == {"outcome": "changed"}
    rig.orthanc.empty()
    assert look(rig, order) == {"outcome": "gone"}
    assert left_in(rig) == []


def test_what_is_made_otherwise_now_is_not_compared(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.run()
    monkeypatch.setattr("orthanc_plugins.workflows.release_choices.__version__", "99")
    with pytest.raises(ReleaseRefused, match="de-identified otherwise now"):
        look(rig)
    assert left_in(rig) == []
