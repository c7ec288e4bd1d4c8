"""What may be told of a run: no value, no UID and no file name of an original."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydicom.datadict import keyword_for_tag

from orthanc_plugins.deid.markers import longitudinal, method_codes
from orthanc_plugins.deid.standard import EDITION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orthanc_plugins.release.inputs import Studies
    from orthanc_plugins.release.outcome import Decided, Outcome
    from orthanc_plugins.release.project import Project


def report_of(project: Project, found: Studies, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the report of a run, as JSON has it; where it was cut short, of the studies that were done."""
    return {
        "project": project.name,
        "key_id": project.pseudonyms.key_id,
        "profile": project.profile.name,
        "policy": project.profile.digest,
        "patients": project.form.kind,
        "edition": EDITION,
        "suite": project.engine.version,
        "method_codes": list(method_codes(project.profile, pixels_cleaned=False)),
        "longitudinal": longitudinal(project.profile),
        "input": {
            "files": found.files,
            "same": found.same,
            "directories": found.directories,
            "studies": len(found.studies),
            "faults": [
                {"number": fault.number, "dicom": fault.is_dicom, "reason": fault.reason}
                for fault in found.faults
            ],
        },
        "studies": [_study(outcome) for outcome in outcomes],
    }


def _study(outcome: Outcome) -> dict[str, Any]:
    return {
        "state": str(outcome.state),
        "reason": outcome.reason,
        "patient": outcome.pseudonym,
        "study_uid": outcome.study_uid,
        "instances": outcome.instances,
        "actions": [
            {
                "action": action,
                "tag": f"{tag >> 16:04X},{tag & 0xFFFF:04X}",
                "keyword": keyword_for_tag(tag),
                "times": times,
            }
            for (action, tag), times in sorted(outcome.actions.items())
        ],
        "pixels": {"looked_at": outcome.looked_at, "masked": outcome.masked},
        "faces": dict(outcome.faces),
        "decisions": [_decided(one) for one in outcome.decisions],
        "check": outcome.check.to_dict() if outcome.check is not None else None,
        "files": [
            {"path": file.path, "sha256": file.sha256, "sop_class_uid": file.sop_class_uid}
            for file in outcome.files
        ],
        "seconds": {what: round(seconds, 3) for what, seconds in outcome.seconds.items()},
    }


def _decided(one: Decided) -> dict[str, Any]:
    decision = one.decision
    return {
        "sop_instance_uid": one.sop_instance_uid,
        "decide": decision.decide.value,
        "holds": sorted(decision.holds),
        "boxes": len(decision.boxes),
        "frames": sorted(decision.frames),
        "by": decision.by,
        "at": decision.at.isoformat(),
        "why": decision.why.value,
    }
