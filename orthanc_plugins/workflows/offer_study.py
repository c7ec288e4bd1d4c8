"""Decides by the rules for which project a study is de-identified, and asks for it: the workflow's step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.errors import NotFound
from orthanc_plugins.identifiers import BENCHMARK_PATIENT_PREFIX, OrthancId
from orthanc_plugins.jobs import DeidentificationOrder, deidentify_study_request
from orthanc_plugins.orthanc_facts import contents_of, study_in_orthanc
from orthanc_plugins.rules import first_matching, keywords_asked

if TYPE_CHECKING:
    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.rules import StudyFacts
    from orthanc_plugins.services import Services

_PRODUCT = "Orthanc PACS Suite"
"""Begins the De-identification Method (0012,0063) of what the suite has made."""
_MARKS = frozenset({"PatientIdentityRemoved", "DeidentificationMethod"})


class StudyOffering:
    """The step of the workflow."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._chosen = services.deidentification

    def offer(self, study: str) -> dict[str, JsonValue]:
        """Decide for which project a study is de-identified, and ask for it; the result tells why not.

        Done again it asks for the same job. What the suite itself has de-identified is never sent again.
        """
        orthanc, orthanc_id = self._services.orthanc, OrthancId(study)
        keywords = sorted(keywords_asked(self._chosen.rules) | _MARKS)
        try:
            content = contents_of(orthanc, orthanc_id)
            facts = study_in_orthanc(orthanc, orthanc_id, keywords).facts
        except NotFound:
            return {"outcome": "gone"}
        if facts.tags.get("PatientID", "").startswith(BENCHMARK_PATIENT_PREFIX):
            return _not_offered("It is the benchmark's.")
        if is_deidentified_here(facts):
            return _not_offered("The suite has de-identified it.")
        found = first_matching(self._chosen.rules, facts)
        if not found:
            return _not_offered("No rule asks for it.")
        (rule,) = found
        project = self._chosen.projects[rule.project]
        order = DeidentificationOrder(
            orthanc_id,
            project.name,
            project.profile,
            reversible=project.reversible,
            content=content,
            asker=f"rule:{rule.name.replace(' ', '_')}",
        )
        job_id = self._services.queue.submit(deidentify_study_request(order))
        return {"outcome": "asked", "rule": rule.name, "project": project.name, "job_id": job_id}


def is_deidentified_here(facts: StudyFacts) -> bool:
    """Return whether the suite has made any of a study (PS3.3 C.12.1.1.1, C.7.1.1)."""
    return any(
        one.tags.get("PatientIdentityRemoved", "").strip().upper() == "YES"
        and _PRODUCT in one.tags.get("DeidentificationMethod", "")
        for one in facts.series
    )


def _not_offered(reason: str) -> dict[str, JsonValue]:
    return {"outcome": "nothing to do", "reason": reason}
