"""A release to XNAT that is cut off in any of its phases: one session, nothing twice, nothing unchecked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

from orthanc_plugins.audit.query import TrailQuery
from orthanc_plugins.certificates import create_signing_key
from orthanc_plugins.errors import JobError, StoreError
from orthanc_plugins.jobs import (
    DeidentificationOrder,
    JobState,
    deidentify_study_request,
    verify_release_request,
)
from orthanc_plugins.orthanc_facts import contents_of
from orthanc_plugins.projects import release_id_of
from orthanc_plugins.services import build_services
from orthanc_plugins.settings import load_settings
from orthanc_plugins.store import ReleaseState
from tests.contract.waiting import eventually
from tests.fakes.faulty_archive import faulty_proxy
from tests.standin import running_plain_orthanc
from tests.standin_objects import content_of
from tests.unit.release.studies import objects
from tests.worker_process import WorkerProcess
from tests.xnat_process import PASSWORD, running_xnat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from orthanc_plugins.services import Services
    from orthanc_plugins.store import ReleaseRecord
    from tests.fakes.faulty_archive import FaultyProxy
    from tests.xnat_process import XnatProcess

PATIENCE_S = 180.0
PROJECT = "trial"
XNAT_PROJECT = "PACS_ANONYMIZED"
OBJECTS = 3


@dataclass
class Site:
    """A hospital's Orthanc, XNAT, a worker between them, and what it asks of XNAT."""

    folder: Path
    xnat: XnatProcess
    wire: FaultyProxy
    services: Services
    worker: WorkerProcess
    order: DeidentificationOrder

    @property
    def work(self) -> Path:
        return self.services.data / "deidentification"

    def log(self) -> str:
        return self.worker.log()[-4000:]

    def wait(self, look: Callable[[], Any], what: str) -> Any:
        def looked() -> Any:
            assert self.worker.is_alive, self.log()
            return look()

        return eventually(looked, what, PATIENCE_S)

    def ask(self) -> None:
        def asked() -> bool:
            try:
                self.services.queue.submit(deidentify_study_request(self.order))
            except (JobError, StoreError):
                return False  # the worker makes its databases first
            return True

        self.wait(asked, "the job is asked for")

    @property
    def state(self) -> JobState:
        return self.services.queue.job(deidentify_study_request(self.order).job_id).state

    def ended(self) -> None:
        self.wait(lambda: self.state.ended, "the job ends")

    def asks(self, line: str) -> bool:
        """Return whether XNAT was asked for what begins, and goes on, as a line says; ``*`` is anything."""
        begin, _, rest = line.partition("*")
        return any(one.startswith(begin) and rest in one for one in self.wire.requests)

    def release(self) -> ReleaseRecord:
        pseudonyms = self.services.deidentification.custodian.pseudonyms(PROJECT)
        record = self.services.store.releases.find(release_id_of(pseudonyms, self.order))
        assert record is not None
        return record

    def rows(self, path: str) -> list[dict[str, str]]:
        answer = requests.get(
            f"{self.xnat.url}{path}", params={"format": "json"}, auth=("admin", PASSWORD), timeout=60
        )
        if answer.status_code == 404:
            return []
        answer.raise_for_status()
        found: list[dict[str, str]] = answer.json()["ResultSet"]["Result"]
        return found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with (
        running_plain_orthanc(tmp_path / "hospital") as hospital,
        running_xnat(tmp_path / "xnat", idle_s=1) as xnat,
        faulty_proxy(xnat.url) as wire,
    ):
        section = {
            "DataDirectory": str(tmp_path / "data"),
            "Orthanc": {"Url": hospital.url},
            "Xnat": {"Url": wire.url, "Username": "admin", "Password": PASSWORD, "InstallScript": True},
            "Deidentification": {
                "Projects": [{"Name": PROJECT, "Profile": "research_rt", "Patients": "numbered"}]
            },
        }
        (tmp_path / "suite.json").write_text(json.dumps({"PacsSuite": section}), encoding="utf-8")
        services = build_services(load_settings({"PacsSuite": section}, {}), None)
        custodian = services.deidentification.custodian
        custodian.create(PROJECT, patients="numbered")
        create_signing_key(custodian.folder)
        for one in objects():
            study = services.orthanc.put(content_of(one)).study
        assert study is not None
        content = contents_of(services.orthanc, study)
        order = DeidentificationOrder(study, PROJECT, "research_rt", reversible=False, content=content)
        site = Site(tmp_path, xnat, wire, services, WorkerProcess(tmp_path / "suite.json"), order)
        site.worker.start()
        try:
            yield site
        finally:
            site.worker.kill()
            services.close()


def delivered_once(site: Site) -> None:
    """Assert that all is as after a run in which nothing went wrong."""
    site.ended()
    record = site.release()
    assert (record.state, record.pseudonym, record.instances) == (
        ReleaseState.CERTIFIED,
        "ANON00001",
        OBJECTS,
    ), (record, site.log())
    (session,) = site.rows(f"/data/projects/{XNAT_PROJECT}/experiments")
    assert session["label"] == record.labels["session"]
    root = f"/data/experiments/{session['ID']}"
    assert len(site.rows(f"{root}/scans/ALL/files")) == OBJECTS
    assert site.rows(f"/data/prearchive/projects/{XNAT_PROJECT}") == []
    names = sorted(row["Name"] for row in site.rows(f"{root}/resources/DEIDENTIFICATION/files"))
    kind = f"certificate-{record.certificate_sha256[:12]}"
    assert {f"{kind}.json", f"{kind}.pdf"} <= set(names)
    assert list(site.work.iterdir()) == []
    trail = site.services.deidentification.custodian.trail()
    assert trail.verify().broken is None
    exports = [one.event for one in trail.records(TrailQuery()) if one.event["kind"] == "export"]
    assert [one["outcome"] for one in exports] == [0]


def in_files(*patterns: str) -> Callable[[Site], bool]:
    return lambda site: all(list(site.services.data.glob(pattern)) for pattern in patterns)


def being_checked(site: Site) -> bool:
    """Return whether all objects are made and wait, unchecked."""
    return len(list(site.work.glob("*/out/.unchecked-*/**/*.dcm"))) == OBJECTS


def asking(line: str) -> Callable[[Site], bool]:
    return lambda site: site.asks(line)


_IMPORT, _ARCHIVE = "POST /data/services/import", "POST /data/services/archive"
PHASES: dict[str, tuple[Callable[[Site], bool], dict[str, Any] | None]] = {
    "fetch": (in_files("deidentification/*/in/*.dcm"), None),
    "de-identify": (in_files("deidentification/*/out/.unchecked-*"), None),
    "validate": (being_checked, None),
    "upload": (asking(_IMPORT), {"kind": "delay", "at": _IMPORT, "delay_s": 2}),
    "prearchive": (
        lambda site: site.asks(_IMPORT) and site.asks(f"GET /data/prearchive/projects/{XNAT_PROJECT}/*scans"),
        {"kind": "delay", "at": "GET /data/prearchive/*/scans", "delay_s": 2},
    ),
    "archive": (asking(_ARCHIVE), {"kind": "slow_archive", "delay_s": 2}),
    "read back": (
        asking("GET /data/experiments/*scans/ALL/files"),
        {"kind": "delay", "at": "GET *scans/ALL/files", "delay_s": 2},
    ),
    "certificate": (
        asking("PUT /data/experiments/*DEIDENTIFICATION"),
        {"kind": "delay", "at": "PUT *DEIDENTIFICATION*", "delay_s": 2},
    ),
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_worker_killed_in_any_phase_goes_on_and_the_study_is_there_once(site: Site, phase: str) -> None:
    reached, fault = PHASES[phase]
    if fault is not None:
        site.xnat.fault(**fault)
    site.ask()
    site.wait(lambda: reached(site) or site.state.ended, f"{phase}: {site.log()}")
    was_running = not site.state.ended
    site.worker.kill()
    assert was_running, f"{phase} was over before it was seen"
    site.worker.start()
    delivered_once(site)


@pytest.mark.parametrize("line", [_IMPORT, _ARCHIVE])
def test_an_xnat_killed_in_the_middle_is_waited_for(site: Site, line: str) -> None:
    site.xnat.fault("delay", at=line, delay_s=2)
    site.ask()
    site.wait(lambda: site.asks(line), f"XNAT is asked: {site.log()}")
    site.xnat.kill()
    site.xnat.start()
    delivered_once(site)


def test_without_its_key_nothing_goes_on_and_with_it_again_all_does(site: Site) -> None:
    site.xnat.fault("delay", at=_IMPORT, delay_s=2)
    site.ask()
    site.wait(lambda: site.asks(_IMPORT), f"XNAT is asked: {site.log()}")
    site.worker.kill()
    key = site.services.deidentification.custodian.folder / f"{PROJECT}.pseudonyms.key"
    kept = key.rename(site.folder / "kept.key")
    site.worker.start()
    site.ended()
    job = site.services.queue.job(deidentify_study_request(site.order).job_id)
    assert job.failure is not None
    assert (job.failure.name, "pseudonyms key" in job.failure.message) == ("KeyUnusable", True)
    assert site.rows(f"/data/projects/{XNAT_PROJECT}/experiments") == []
    assert list(site.work.iterdir()) == []
    kept.rename(key)
    site.services.queue.run_again(job.job_id)
    delivered_once(site)


def verified(site: Site, look: str) -> str:
    """Have what was delivered verified again, and return what came of it."""
    job_id = site.services.queue.submit(verify_release_request(site.order, look))
    site.wait(lambda: site.services.queue.job(job_id).state.ended, "the look ends")
    assert list(site.work.iterdir()) == []
    return str((site.services.queue.job(job_id).result or {})["outcome"])


def test_what_was_delivered_is_verified_again_by_the_worker(site: Site) -> None:
    site.ask()
    delivered_once(site)
    sent = [one for one in site.wire.requests if one.startswith("POST /data/services/")]
    assert verified(site, "first") == "as_certified", site.log()
    session = f"/data/projects/{XNAT_PROJECT}/experiments/{site.release().labels['session']}"
    requests.delete(
        site.xnat.url + session, params={"removeFiles": "true"}, auth=("admin", PASSWORD), timeout=60
    )
    assert verified(site, "second") == "otherwise", site.log()
    assert "XNAT has no session" in site.release().look_found
    assert [one for one in site.wire.requests if one.startswith("POST /data/services/")] == sent
