"""De-identification in a real worker between two Orthancs, killed in the middle of its steps."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread

from orthanc_plugins.audit.query import TrailQuery
from orthanc_plugins.certificates import create_signing_key
from orthanc_plugins.errors import JobError, StoreError
from orthanc_plugins.jobs import DeidentificationOrder, JobState, deidentify_study_request
from orthanc_plugins.orthanc_facts import contents_of
from orthanc_plugins.projects import release_id_of
from orthanc_plugins.services import build_services
from orthanc_plugins.settings import load_settings
from orthanc_plugins.store import ReleaseState
from tests.contract.waiting import eventually
from tests.fakes.faulty_archive import Fault, faulty_proxy
from tests.standin import running_plain_orthanc
from tests.standin_objects import content_of
from tests.unit.release.studies import SECRETS, objects, uids_of
from tests.unit.workflows.deidentified import rows_of
from tests.worker_process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pydicom.dataset import FileDataset

    from orthanc_plugins.identifiers import JobId, OrthancId
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import ReleaseRecord
    from tests.fakes.faulty_archive import FaultyProxy
    from tests.standin import PlainOrthanc

PATIENCE_S = 120.0
PROJECT = "trial"


@dataclass
class Site:
    """The hospital's Orthanc, the researchers', and a worker between them."""

    hospital: PlainOrthanc
    research: PlainOrthanc
    proxy: FaultyProxy
    services: Services
    worker: WorkerProcess
    made: list[FileDataset] = field(default_factory=objects)

    @property
    def work(self) -> Path:
        return self.services.data / "deidentification"

    def log(self) -> str:
        return self.worker.log()

    def wait(self, look: Callable[[], Any], what: str) -> Any:
        return eventually(look, what, PATIENCE_S)

    def receive(self, made: list[FileDataset]) -> OrthancId:
        """Have the hospital's Orthanc receive objects, and return their study."""
        for one in made:
            study = self.services.orthanc.put(content_of(one)).study
        assert study is not None
        return study

    def order(self, study: OrthancId) -> DeidentificationOrder:
        content = contents_of(self.services.orthanc, study)
        return DeidentificationOrder(study, PROJECT, "research_rt", reversible=False, content=content)

    def ask(self, order: DeidentificationOrder) -> JobId:
        """Ask for a job once the worker has made its databases."""

        def asked() -> JobId | None:
            try:
                return self.services.queue.submit(deidentify_study_request(order))
            except (JobError, StoreError):
                return None

        self.wait(lambda: "is ready" in self.log(), f"the worker is ready: {self.log()[-2000:]}")
        job_id: JobId = self.wait(asked, "the job is asked for")
        return job_id

    def release(self, order: DeidentificationOrder) -> ReleaseRecord | None:
        pseudonyms = self.services.deidentification.custodian.pseudonyms(PROJECT)
        return self.services.store.releases.find(release_id_of(pseudonyms, order))

    def ended(self, order: DeidentificationOrder, job_id: JobId) -> ReleaseRecord:
        self.wait(lambda: self.services.queue.job(job_id).state.ended, f"the job ends: {self.log()[-4000:]}")
        record = self.release(order)
        assert record is not None
        return record

    def has_come_to(self, pattern: str, job_id: JobId) -> bool:
        """Return whether a file is there, or was and is gone again with the end of the job."""
        return bool(list(self.services.data.glob(pattern))) or self.services.queue.job(job_id).state.ended

    def stored(self) -> list[Path]:
        """Return the files that the researchers' Orthanc has."""
        return [path for path in (self.research.folder / "storage").glob("??/??/*") if _is_dicom(path)]


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    plain = {"StorageCompression": False}
    with (
        running_plain_orthanc(tmp_path / "hospital") as hospital,
        running_plain_orthanc(tmp_path / "research", **plain) as research,
        faulty_proxy(research.url) as proxy,
    ):
        section = {
            "DataDirectory": str(tmp_path / "data"),
            "Orthanc": {"Url": hospital.url},
            "SweepIntervalS": 0.5,
            "Deidentification": {
                "Projects": [
                    {
                        "Name": PROJECT,
                        "Profile": "research_rt",
                        "Patients": "numbered",
                        "Destination": {"Kind": "orthanc", "Url": proxy.url},
                    }
                ],
                "Rules": [{"Name": "structures", "Project": PROJECT, "Modalities": ["RTSTRUCT"]}],
            },
        }
        (tmp_path / "suite.json").write_text(json.dumps({"PacsSuite": section}), encoding="utf-8")
        services = build_services(load_settings({"PacsSuite": section}, {}), None)
        custodian = services.deidentification.custodian
        custodian.create(PROJECT, patients="numbered")
        create_signing_key(custodian.folder)
        site = Site(hospital, research, proxy, services, WorkerProcess(tmp_path / "suite.json"))
        site.worker.start()
        try:
            yield site
        finally:
            site.worker.kill()
            services.close()


def delivered_once(site: Site, record: ReleaseRecord) -> None:
    """Assert that all is as after a run in which nothing went wrong."""
    assert (record.state, record.pseudonym) == (ReleaseState.CERTIFIED, "ANON00001"), (
        record,
        site.log(),
    )
    found = [dcmread(path) for path in site.stored()]
    assert len(found) == len({one.SOPInstanceUID for one in found}) == len(site.made)
    assert {str(one.PatientID) for one in found} == {"ANON00001"}
    assert {str(one.StudyInstanceUID) for one in found} == {record.study_uid}
    assert list(site.work.iterdir()) == []
    trail = site.services.deidentification.custodian.trail()
    assert trail.verify().broken is None
    exports = [one for one in trail.records(TrailQuery()) if one.event["kind"] == "export"]
    assert [one.event["outcome"] for one in exports] == [0]


@pytest.mark.parametrize(
    "moments",
    [
        ("deidentification/*/in/*.dcm", "deidentification/*/fetched.json"),
        ("deidentification/*/released.json", "deidentification/*/delivered.json"),
        ("certificates/*/certificate.json", "certificates/*/certificate.pdf"),
    ],
)
def test_killed_in_any_step_it_goes_on_and_the_study_is_delivered_once(
    site: Site, moments: tuple[str, str]
) -> None:
    order = site.order(site.receive(site.made))
    job_id = site.ask(order)
    for moment in moments:
        site.wait(partial(site.has_come_to, moment, job_id), f"{moment}: {site.log()[-2000:]}")
        site.worker.kill()
        site.worker.start()
    delivered_once(site, site.ended(order, job_id))


def test_a_destination_that_is_away_for_a_while_is_waited_for(site: Site) -> None:
    site.proxy.faults.append(Fault(method="POST", path=r"/instances$", times=2, status=503))
    order = site.order(site.receive(site.made))
    delivered_once(site, site.ended(order, site.ask(order)))


def test_a_rule_releases_what_is_complete_and_nothing_stored_joins_it_to_the_original(site: Site) -> None:
    site.wait(lambda: "is ready" in site.log(), "the worker is ready")
    site.wait(partial(_has_swept, site), "the sweep has begun")
    study = site.receive(site.made)
    order = site.order(study)
    record = site.wait(
        lambda: (found := site.release(order)) and (found if found.state.ended else None),
        f"the rule has released the study: {site.log()[-4000:]}",
    )
    (job,) = site.services.queue.jobs(job_ids=[deidentify_study_request(order).job_id])
    site.wait(lambda: site.services.queue.job(job.job_id).state is JobState.SUCCEEDED, "the job has ended")
    delivered_once(site, record)
    store = site.services.data / "store"
    jobs = b"".join(path.read_bytes() for path in store.glob("jobs.sqlite*"))
    tables = b"".join(path.read_bytes() for path in store.glob("pacs.sqlite*"))
    new = [record.pseudonym, record.study_uid, record.release_id, *record.labels.values()]
    assert not [word for word in new if word and word.encode() in jobs]
    originals = {study, order.digest, *uids_of(site.made)}
    rows = [row for row in rows_of(site.services.store) if any(word in row for word in new if word)]
    assert len(rows) == 1
    assert not [word for word in originals if word in rows[0]]
    told = site.log()
    assert not [word for word in {*SECRETS, *new} if word and word in told]
    assert not [word for word in SECRETS if word.encode() in jobs or word.encode() in tables]


def _has_swept(site: Site) -> bool:
    try:
        return site.services.store.position("orthanc-changes-offering") is not None
    except StoreError:
        return False
