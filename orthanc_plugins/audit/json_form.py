"""Events as JSON, in which the trail keeps them, and back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from orthanc_plugins.audit.codes import Action, Code, EventKind, LifeCycle, NetworkPoint, Outcome
from orthanc_plugins.audit.events import AuditEvent, Occasion
from orthanc_plugins.audit.parties import (
    AuditObject,
    AuditSource,
    Evidence,
    Participant,
    PatientObject,
    ResourceObject,
    StudyObject,
)
from orthanc_plugins.errors import AuditError

_OBJECTS: dict[str, type[AuditObject]] = {
    "study": StudyObject,
    "patient": PatientObject,
    "resource": ResourceObject,
}
_NAMES = {kind: name for name, kind in _OBJECTS.items()}


def to_json(event: AuditEvent) -> dict[str, Any]:
    """Return an event as values of JSON alone; equal events are equal."""
    occasion = event.occasion
    return {
        "kind": event.kind.value,
        "event_id": event.kind.code.value,
        "action": event.action.value,
        "time": occasion.time.isoformat(timespec="milliseconds"),
        "outcome": occasion.outcome.value,
        "reason": occasion.reason,
        "source": asdict(occasion.source),
        "types": [asdict(code) for code in event.types],
        "participants": [_participant(one) for one in event.participants],
        "objects": [_object(one) for one in event.objects],
        "evidence": None if event.evidence is None else _evidence(event.evidence),
    }


def from_json(content: dict[str, Any]) -> AuditEvent:
    """Return the event of what `to_json` returned.

    Raises
    ------
    AuditError
        It is no event.
    """
    try:
        return AuditEvent(
            kind=EventKind(content["kind"]),
            action=Action(content["action"]),
            occasion=_occasion_of(content),
            participants=tuple(map(_participant_of, content["participants"])),
            objects=tuple(map(_object_of, content["objects"])),
            types=tuple(Code(**code) for code in content["types"]),
            evidence=None if content["evidence"] is None else _evidence_of(content["evidence"]),
        )
    except (KeyError, TypeError, ValueError):
        raise AuditError("An audit record does not hold an event of this version of the suite.") from None


def _participant(participant: Participant) -> dict[str, Any]:
    return {
        **asdict(participant),
        "roles": [asdict(role) for role in participant.roles],
        "access_point_kind": participant.access_point_kind.value,
    }


def _object(one: AuditObject) -> dict[str, Any]:
    content = {"object": _NAMES[type(one)], **asdict(one)}
    if isinstance(one, StudyObject):
        content["sop_classes"] = dict(one.sop_classes)
        content["life_cycle"] = one.life_cycle.value
        instances = content.pop("instances")
        content |= {"instances": list(instances)} if instances else {}
    return content


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        **asdict(evidence),
        "options": list(evidence.options),
        "counts": dict(evidence.counts),
        "file_digests": list(evidence.file_digests),
    }


def _occasion_of(content: dict[str, Any]) -> Occasion:
    return Occasion(
        time=datetime.fromisoformat(content["time"]),
        source=AuditSource(**content["source"]),
        outcome=Outcome(content["outcome"]),
        reason=content["reason"],
    )


def _participant_of(content: dict[str, Any]) -> Participant:
    media_type = content["media_type"]
    return Participant(
        **content
        | {
            "roles": tuple(Code(**role) for role in content["roles"]),
            "access_point_kind": NetworkPoint(content["access_point_kind"]),
            "media_type": None if media_type is None else Code(**media_type),
        }
    )


def _object_of(content: dict[str, Any]) -> AuditObject:
    kind = _OBJECTS[content["object"]]
    fields = {name: value for name, value in content.items() if name != "object"}
    if kind is StudyObject:
        fields["life_cycle"] = LifeCycle(fields["life_cycle"])
        fields["instances"] = tuple(fields.get("instances", ()))
    return kind(**fields)


def _evidence_of(content: dict[str, Any]) -> Evidence:
    lists = {name: tuple(content[name]) for name in ("options", "file_digests")}
    return Evidence(**content | lists)
