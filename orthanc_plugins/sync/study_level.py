"""What DCM4CHEE holds once for a whole study or patient, and so cannot hold otherwise for some instances."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.sync.judgement import verdict_on
from orthanc_plugins.sync.paths import parse_path

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from orthanc_plugins.identifiers import SopInstanceUid
    from orthanc_plugins.rules.repair import RepairPolicy
    from orthanc_plugins.sync.differences import Difference
    from orthanc_plugins.sync.judgement import Findings

_IN_PART = (
    "DCM4CHEE holds {name} once for the whole study, and it differs so in {some} of the {all} instances "
    "there: Orthanc's value would change the others, too, so DCM4CHEE keeps its own."
)

_IDENTITY = frozenset({"PatientID", "IssuerOfPatientID"})
_NEVER = (
    "{name} says whose study it is, and is not changed in DCM4CHEE by a repair: where Orthanc's is right, "
    "move the study to its patient there."
)


def told_in_part(
    found: Sequence[Findings],
    policy: RepairPolicy,
    once: Collection[str],
    held: Collection[SopInstanceUid],
) -> list[Findings]:
    """Return findings that know for which of their differences DCM4CHEE cannot be given Orthanc's value.

    That is where something is held once for the whole study and not all instances there are to get the same
    value in its place, or where it is the patient's identity.

    Parameters
    ----------
    once
        Keywords of what DCM4CHEE holds once for the whole study or patient, and can change there; none where
        it holds everything instance by instance.
    held
        The instances that DCM4CHEE holds.
    """
    alike: dict[tuple[object, ...], set[SopInstanceUid]] = defaultdict(set)
    for one in found:
        for difference in one.differences.values():
            if _is_held_once(difference, once):
                alike[_change(difference, one, policy)].add(one.instance.sop_instance_uid)

    def told(one: Findings, difference: Difference) -> str:
        some = alike[_change(difference, one, policy)]
        if difference.keyword in _IDENTITY:
            return _NEVER.format(name=difference.keyword)
        if some == set(held):
            return ""
        return _IN_PART.format(name=difference.keyword, some=len(some), all=len(held))

    return [
        replace(
            one,
            kept_by_dcm4chee={
                index: why
                for index, difference in one.differences.items()
                if _is_held_once(difference, once) and (why := told(one, difference))
            },
        )
        for one in found
    ]


def _is_held_once(difference: Difference, once: Collection[str]) -> bool:
    kept = _IDENTITY.union(once) if once else once
    return difference.keyword in kept and difference.tag is not None and "." not in difference.tag


def _change(difference: Difference, findings: Findings, policy: RepairPolicy) -> tuple[object, ...]:
    """Return what is the same of all instances in which a difference is dealt with together."""
    verdict = verdict_on(difference, parse_path(difference.tag or ""), findings, policy)
    to_dcm4chee = verdict.by_person or verdict.keep is ArchiveName.ORTHANC
    return difference.kind, difference.tag, difference.left, difference.right, to_dcm4chee, verdict.reason
