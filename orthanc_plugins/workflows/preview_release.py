"""Shows what a release would make of a study, and releases nothing.

Values and pictures of originals go into files that only the suite's account reads, for a short time; the job
has counts alone. It is recorded as a reading of originals before anything is read.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydicom.uid import UID

from orthanc_plugins.audit.codes import Action
from orthanc_plugins.audit.events import Occasion, instances_accessed
from orthanc_plugins.audit.parties import AuditSource, Participant, PatientObject, StudyObject
from orthanc_plugins.deid.wire import read_part10
from orthanc_plugins.errors import HeldForReview, NotFound
from orthanc_plugins.projects import SUITE, release_id_of
from orthanc_plugins.pseudonyms import PatientKey
from orthanc_plugins.release import Effort, frames_of, holds_of, previewed, sorted_studies
from orthanc_plugins.store import ShownFiles
from orthanc_plugins.workflows.release_choices import chosen_profile, chosen_project, previewed_project
from orthanc_plugins.workflows.release_held import decisions_of
from orthanc_plugins.workflows.release_making import fetched
from orthanc_plugins.workflows.release_parcel import fault_of
from orthanc_plugins.workflows.release_work import WorkFolder

if TYPE_CHECKING:
    from collections.abc import Callable

    from orthanc_plugins.deid.pixels import Box
    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.jobs import DeidentificationOrder
    from orthanc_plugins.pseudonyms import Pseudonyms
    from orthanc_plugins.release import Made, Preview, Project, StudyInput
    from orthanc_plugins.services import Services
    from orthanc_plugins.workflows.deidentify_study import Result

_THUMBNAIL = 320
"""Pixels of the longer side of a picture."""
_MOST_PICTURED = 500
_MOST_FINDINGS = 50


class ReleasePreview:
    """One preview. Its step may be done again: what it wrote before is written over."""

    def __init__(
        self, services: Services, order: DeidentificationOrder, job_id: JobId, preview_id: str, sample: int
    ) -> None:
        self._services = services
        self._order = order
        self._chosen = services.deidentification
        self._preview_id = preview_id
        self._sample = sample
        self._files = ShownFiles(services.data, "previews")
        self._work = WorkFolder.of_job(services.data, job_id)

    def preview(self) -> Result:
        """Make the preview; return how the release would end, and of how many objects."""
        settings = chosen_project(self._chosen, self._order.project)
        profile = chosen_profile(self._chosen, settings, self._order.profile)
        project = previewed_project(self._chosen, settings, profile)
        self._record()
        try:
            instances = fetched(self._services.orthanc, self._order, self._work)
        except NotFound:
            return {"outcome": "gone"}
        if instances is None:
            return {"outcome": "changed"}
        found = sorted_studies([self._work.originals])
        fault = fault_of(found)
        if fault is not None:
            summary = {"outcome": "held", "reasons": [fault], "objects": found.files, "objects_seen": 0}
            self._files.keep_json(self._preview_id, "summary.json", summary)
            return {"outcome": "held", "instances": instances}
        study = found.studies[0]
        if self._order.one_person:
            project.settle(study)
        release_id = release_id_of(self._pseudonyms, self._order)
        effort = Effort(self._chosen.processes, decisions=decisions_of(self._services, settings, release_id))
        sight = _Sight(self._files, self._preview_id, project, study)
        preview = previewed(study, project, self._work.released, sight.see, effort, sample=self._sample)
        self._files.keep_json(self._preview_id, "objects.json", sight.objects)
        self._files.keep_json(self._preview_id, "attributes.json", preview.tally.told(profile))
        self._files.keep_json(self._preview_id, "summary.json", _summary(preview, sight))
        held = sum(one["state"] == "held" for one in sight.objects)
        return {"outcome": preview.outcome.state.value, "instances": preview.seen, "held": held}

    def tidy(self) -> Result:
        """Remove the originals and what was made of them."""
        self._work.remove()
        return {}

    @cached_property
    def _pseudonyms(self) -> Pseudonyms:
        return self._chosen.custodian.pseudonyms(self._order.project)

    def _record(self) -> None:
        """Record that somebody reads originals (PS3.15 A.5.3.6); where that cannot be, nothing is read."""
        study_uid = self._services.orthanc.study_uid(self._order.study)
        event = instances_accessed(
            Occasion(datetime.now(UTC), AuditSource(SUITE), reason="previewed"),
            action=Action.READ,
            people=[Participant(SUITE), Participant(self._order.asker or "unknown", is_requestor=True)],
            studies=[StudyObject(self._pseudonyms.uid(study_uid), {}, anonymised=False)],
            patient=PatientObject(self._pseudonyms.patient(PatientKey.of_study(study_uid))),
        )
        self._chosen.custodian.trail().append(event)


class _Sight:
    """Notes each object of a preview, with pictures of those that have any to show."""

    def __init__(self, files: ShownFiles, preview_id: str, project: Project, study: StudyInput) -> None:
        self._files = files
        self._preview_id = preview_id
        self._project = project
        self._study = study
        self._pictured = 0
        self.objects: list[dict[str, Any]] = []

    @cached_property
    def _echoes(self) -> Callable[[str], bool]:
        """Asked only once it is settled whose study it is."""
        return self._project.subject(self._study).echoes

    def see(self, number: int, uid: str, one: Made) -> None:
        """Note an object."""
        data = one.original.read_bytes()
        holds, boxes = (tuple(one.holds), one.boxes or ())
        if one.is_held:
            all_holds, boxes = holds_of(data, self._project.profile, self._echoes)
            holds = tuple(sorted({*holds, *all_holds}))
        sop_class = UID(read_part10(data).sop_class_uid)
        self.objects.append(
            {
                "number": number,
                "sop_instance_uid": uid,
                "new_sop_instance_uid": self._project.engine.uid(uid),
                "sop_class": sop_class.name if sop_class.type == "SOP Class" else str(sop_class),
                "state": _state(one),
                "reason": one.reason,
                "holds": [str(hold) for hold in holds],
                "looked_at": one.boxes is not None,
                "boxes": [[box.left, box.top, box.right, box.bottom] for box in boxes],
                "faces": list(one.faces),
                "pictures": self._pictures(number, one, data, tuple(boxes)),
            }
        )

    def _pictures(self, number: int, one: Made, data: bytes, boxes: tuple[Box, ...]) -> list[str]:
        """Keep the first frame with what was found, and as it would leave; return which there are."""
        if (one.boxes is None and not one.is_held) or self._pictured == _MOST_PICTURED:
            return []
        self._pictured += 1
        kept = []
        made = [] if one.file is None else [("after", one.file.read_bytes(), ())]
        for name, content, marked in [("before", data, boxes), *made]:
            with suppress(HeldForReview):  # it has no pictures, and says why it is held
                png = frames_of(content).png(1, marked, longest=_THUMBNAIL)
                self._files.keep(self._preview_id, f"object-{number}-{name}.png", png)
                kept.append(name)
        return kept


def _state(one: Made) -> str:
    if one.is_left_out:
        return "left_out"
    if one.file is None:
        return "held" if one.is_held else "refused"
    return "masked" if one.boxes else "released"


def _summary(preview: Preview, sight: _Sight) -> dict[str, Any]:
    outcome = preview.outcome
    check = None if outcome.check is None else outcome.check.to_dict()
    states = [one["state"] for one in sight.objects]
    return {
        "outcome": outcome.state.value,
        "reasons": [*preview.held, *([outcome.reason] if outcome.reason else [])],
        "objects": preview.objects,
        "objects_seen": preview.seen,
        "states": {state: states.count(state) for state in sorted(set(states))},
        "patient_id": outcome.pseudonym,
        "study_instance_uid": outcome.study_uid,
        "faces": dict(outcome.faces),
        "check": None
        if check is None
        else {"passed": check["passed"], "findings": check["findings"][:_MOST_FINDINGS]},
    }
