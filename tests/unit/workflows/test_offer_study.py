"""Which complete studies are de-identified by themselves, and which never are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.identifiers import BENCHMARK_PATIENT_PREFIX
from orthanc_plugins.jobs import JobKind
from orthanc_plugins.projects import Custodian, Deidentification
from orthanc_plugins.rules import DeidentificationProject, DeidentificationRule
from orthanc_plugins.workflows.offer_study import StudyOffering
from tests.fakes.orthanc_rest import orthanc_id

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest, MemoryQueue

STUDY = orthanc_id("1.2")
MADE_HERE = {"PatientIdentityRemoved": "YES", "DeidentificationMethod": "Orthanc PACS Suite 0.1.0\\PS3.15"}


def offer(services: Services, tmp_path: Path, *rules: dict[str, Any]) -> dict[str, Any]:
    named = [{"name": f"R{number}", "project": "trial", **rule} for number, rule in enumerate(rules)]
    chosen = Deidentification(
        Custodian(tmp_path),
        {
            "trial": DeidentificationProject(name="trial", profile="basic"),
            "dose": DeidentificationProject(name="dose", profile="research_rt", reversible=True),
        },
        rules=tuple(DeidentificationRule.model_validate(rule) for rule in named),
    )
    return dict(StudyOffering(replace(services, deidentification=chosen)).offer(STUDY))


def store(orthanc: FakeOrthancRest, modality: str = "CT", **more: Any) -> None:
    uid = f"1.2.{len(modality)}.{modality == 'CT':d}"
    orthanc.store("1.2", uid, f"{uid}.1", modality=modality, **more)


def test_the_first_rule_that_matches_says_for_which_project(
    services: Services, orthanc: FakeOrthancRest, queue: MemoryQueue, tmp_path: Path
) -> None:
    store(orthanc)
    store(orthanc, "RTSTRUCT")
    rules: Any = ({"modalities": ["MR"]}, {"modalities": ["RTSTRUCT"], "project": "dose"}, {})
    told = offer(services, tmp_path, *rules)
    assert (told["outcome"], told["rule"], told["project"]) == ("asked", "R1", "dose")
    (job,) = queue.jobs(kind=JobKind.DEIDENTIFY_STUDY)
    assert queue.requests[job.job_id].arguments[:4] == (STUDY, "dose", "research_rt", "reversible")
    assert queue.requests[job.job_id].arguments[-1] == "rule:R1", "the audit trail names the rule"
    assert offer(services, tmp_path, *rules)["job_id"] == told["job_id"]
    assert len(queue.requests) == 1


def test_a_study_to_which_something_was_added_is_another_job(
    services: Services, orthanc: FakeOrthancRest, queue: MemoryQueue, tmp_path: Path
) -> None:
    store(orthanc)
    offer(services, tmp_path, {})
    store(orthanc, "RTSTRUCT")
    offer(services, tmp_path, {})
    assert len(queue.requests) == 2


@pytest.mark.parametrize("rules", [(), ({"modalities": ["MR"]},), ({"enabled": False},)])
def test_without_a_rule_nothing_leaves(
    services: Services,
    orthanc: FakeOrthancRest,
    queue: MemoryQueue,
    tmp_path: Path,
    rules: tuple[dict[str, Any], ...],
) -> None:
    store(orthanc)
    assert offer(services, tmp_path, *rules)["outcome"] == "nothing to do"
    assert queue.requests == {}


def test_what_the_suite_has_made_is_never_exported_again(
    services: Services, orthanc: FakeOrthancRest, queue: MemoryQueue, tmp_path: Path
) -> None:
    store(orthanc)
    store(orthanc, "RTSTRUCT", header=MADE_HERE)
    assert offer(services, tmp_path, {})["reason"] == "The suite has de-identified it."
    assert queue.requests == {}


def test_what_others_have_deidentified_may_go(
    services: Services, orthanc: FakeOrthancRest, tmp_path: Path
) -> None:
    store(orthanc, header={**MADE_HERE, "DeidentificationMethod": "Another tool"})
    assert offer(services, tmp_path, {})["outcome"] == "asked"


def test_the_benchmarks_studies_stay(services: Services, orthanc: FakeOrthancRest, tmp_path: Path) -> None:
    store(orthanc, study_tags={"PatientID": f"{BENCHMARK_PATIENT_PREFIX}1"})
    assert offer(services, tmp_path, {})["outcome"] == "nothing to do"


def test_a_study_that_is_gone_is_no_fault(services: Services, tmp_path: Path) -> None:
    assert offer(services, tmp_path, {}) == {"outcome": "gone"}
