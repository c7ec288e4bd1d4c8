"""A study of Orthanc by the job into a project of XNAT's stand-in, with its certificate beside it."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.api.standing import is_held
from orthanc_plugins.certificates import differences, opened
from orthanc_plugins.delivery import RESOURCE
from orthanc_plugins.projects import XnatAccess
from orthanc_plugins.store import ReleaseFiles, ReleaseState
from orthanc_plugins.workflows import deidentification_workflows
from orthanc_plugins.workflows.deidentification_workflows import run_deidentification
from orthanc_plugins.workflows.deidentify_study import StudyDeidentification
from orthanc_plugins.workflows.destinations import open_destination
from tests.contract.xnat.delivering import CREDENTIALS
from tests.fakes import FakeOrthancRest, MemoryQueue
from tests.unit.conftest import migrated_database, orthanc, queue, services, store
from tests.unit.workflows.deidentified import SETTINGS, Rig, new_rig
from tests.unit.workflows.repaired import DurableSteps

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.services import Services
    from tests.contract.xnat.site import Site

__all__ = ["FakeOrthancRest", "MemoryQueue", "migrated_database", "orthanc", "queue", "services", "store"]


@pytest.fixture
def rig(site: Site, services: Services, orthanc: FakeOrthancRest, monkeypatch: pytest.MonkeyPatch) -> Rig:
    steps = DurableSteps()
    monkeypatch.setattr(deidentification_workflows, "run_step", steps)
    destination = SETTINGS.destination.model_copy(update={"project": site.project})
    rig = new_rig(services, orthanc, steps, SETTINGS.model_copy(update={"destination": destination}))
    access = XnatAccess(site.process.url, CREDENTIALS.username, CREDENTIALS.password, install_script=True)
    chosen = replace(rig.services.deidentification, xnat=access)
    rig.services = replace(rig.services, deidentification=chosen)
    return rig


def run(rig: Rig) -> dict[str, Any]:
    rig.steps.forget()
    return dict(run_deidentification(StudyDeidentification(rig.services, rig.order(), open_destination)))


def test_a_study_becomes_a_session_with_its_certificate_and_late_objects_join_it(
    rig: Rig, site: Site
) -> None:
    structures = rig.made.pop()
    for instance in rig.orthanc.instance_ids(rig.study):
        rig.orthanc.delete(instance)
    rig.receive()
    assert run(rig) == {"outcome": "certified", "instances": 2}
    first = rig.release()
    rig.receive([structures])
    assert run(rig) == {"outcome": "certified", "instances": 3}
    release = rig.release()
    assert (release.state, release.labels) == (ReleaseState.CERTIFIED, first.labels)
    assert release.labels["project"] == site.project
    kept = ReleaseFiles(rig.services.data).read(release.release_id, "certificate.json")
    assert kept is not None
    delivery = opened(kept).certificate.delivery
    assert delivery is not None
    assert (delivery.subject, delivery.project) == ("ANON00001", site.project)
    session = release.address.removeprefix(site.process.url).partition("?")[0]
    assert len(site.rows(f"{session}/scans/ALL/files")) == 3
    beside = [row["Name"].rpartition(".")[2] for row in site.rows(f"{session}/resources/{RESOURCE}/files")]
    assert sorted(beside) == ["json", "json", "pdf", "pdf"]
    zipped = site.get(f"{session}/scans/ALL/files?format=zip")
    assert (zipped.status_code, zipped.content[:2]) == (200, b"PK")


def test_what_is_downloaded_from_xnat_is_what_the_certificate_lists(
    rig: Rig, site: Site, tmp_path: Path
) -> None:
    run(rig)
    release = rig.release()
    envelope = opened(ReleaseFiles(rig.services.data).read(release.release_id, "certificate.json") or b"")
    uri = f"/data/projects/{site.project}/experiments/{release.labels['session']}"
    zipped = site.get(f"{uri}/scans/ALL/files", params={"format": "zip"}).content
    with zipfile.ZipFile(io.BytesIO(zipped)) as packed:
        packed.extractall(tmp_path / "download")
    found = differences(tmp_path / "download", envelope)
    assert (bool(found), found.as_sent, found.as_stored) == (False, 0, 3)


def test_a_session_that_was_deleted_is_missed_and_delivered_anew(rig: Rig, site: Site) -> None:
    run(rig)
    release, access = rig.release(), rig.services.deidentification.xnat
    project = rig.services.deidentification.projects[release.project]
    assert is_held(project, access, release)
    uri = f"/data/projects/{site.project}/experiments/{release.labels['session']}"
    assert site.delete(f"{uri}?removeFiles=true").status_code == 200
    assert not is_held(project, access, release)
    assert run(rig) == {"outcome": "certified", "instances": 3}
    assert is_held(project, access, rig.release())
