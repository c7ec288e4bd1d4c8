"""What a repair consists of: its actions and their plan, as records that become JSON and come back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.rules.repair import RepairPolicy
from orthanc_plugins.sync.differences import DifferenceClass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid
    from orthanc_plugins.sync.differences import Comparison


LACKING = {
    DifferenceClass.MISSING_LEFT: ArchiveName.ORTHANC,
    DifferenceClass.MISSING_RIGHT: ArchiveName.DCM4CHEE,
}
"""Which archive lacks what a difference of these classes is about."""


class ActionKind(StrEnum):
    """What is done with a difference."""

    COPY = "copy"
    """Instances are copied to the archive that lacks them."""
    UPDATE = "update"
    """Attributes of one instance get the other archive's values."""
    REPLACE = "replace"
    """The whole instance is put in the place of the other archive's."""
    MANUAL = "manual"
    """A person decides."""
    BLOCKED = "blocked"
    """It was deleted or rejected on purpose, or a person left it out: it does not come back."""
    LEAVE = "leave"
    """Both stay as they are."""

    @property
    def changes(self) -> bool:
        """Whether it changes an archive."""
        return self in {ActionKind.COPY, ActionKind.UPDATE, ActionKind.REPLACE}


class Keep(StrEnum):
    """What a person decided, named for its effect."""

    ORTHANC = "orthanc"
    """DCM4CHEE gets what Orthanc has."""
    DCM4CHEE = "dcm4chee"
    """Orthanc gets what DCM4CHEE has."""
    COPY = "copy"
    """Missing instances are copied to the archive that lacks them."""
    LEAVE = "leave"
    """All stays as it is; instances that an archive lacks stay out of it, which is remembered."""


def stored_keep(word: str) -> Keep:
    """Return a decision as files and tables hold it; ``both`` is how the oldest of them say `Keep.LEAVE`."""
    return Keep.LEAVE if word == "both" else Keep(word)


@dataclass(frozen=True, order=True)
class InstanceRef:
    """An instance and the series it is in."""

    series_uid: SeriesUid
    sop_instance_uid: SopInstanceUid


@dataclass(frozen=True)
class AttributeValues:
    """An element that differs, and what both copies have: shortened for a person, None where it is absent."""

    tag: str
    keyword: str | None
    orthanc: str | None
    dcm4chee: str | None

    def of(self, archive: ArchiveName) -> str | None:
        """Return what one copy has."""
        return self.orthanc if archive is ArchiveName.ORTHANC else self.dcm4chee


@dataclass(frozen=True)
class Action:
    """One part of a plan.

    Parameters
    ----------
    ordinal
        Counted from 1; stays the action's name when a person has decided.
    target
        The archive that is changed; of what a person decides or what stays, None.
    instances
        A copy has those of one series, an update or replacement one; others all that share the same reason.
    attributes
        The elements in question; none of instances that are copied.
    whole_sequences
        Tags of sequences that are taken over whole, because the number of their items differs.
    size_bytes
        Of the files that are sent; None where an archive does not tell one of them.
    options
        What a person may decide; none where nobody has to.
    caution
        What else it changes, or what it depends on at the archive; empty where there is nothing to say.
    differences
        Where, in the comparison, the differences stand that it deals with.
    """

    ordinal: int
    kind: ActionKind
    difference: DifferenceClass | None
    target: ArchiveName | None
    instances: tuple[InstanceRef, ...]
    reason: str
    attributes: tuple[AttributeValues, ...] = ()
    whole_sequences: tuple[str, ...] = ()
    size_bytes: int | None = None
    options: tuple[Keep, ...] = ()
    modality: str = ""
    differences: tuple[int, ...] = ()
    caution: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Action:
        """Return the record that `to_json` gave; KeyError, TypeError or ValueError when it is none."""
        difference, target = content["difference"], content["target"]
        converted = {
            "kind": ActionKind(content["kind"]),
            "difference": None if difference is None else DifferenceClass(difference),
            "target": None if target is None else ArchiveName(target),
            "instances": tuple(InstanceRef(**one) for one in content["instances"]),
            "attributes": tuple(AttributeValues(**one) for one in content["attributes"]),
            "whole_sequences": tuple(content["whole_sequences"]),
            "options": tuple(stored_keep(one) for one in content["options"]),
            "differences": tuple(content["differences"]),
        }
        return cls(**{**content, **converted})


@dataclass(frozen=True)
class Totals:
    """How much a kind of action comes to; ``unknown_sizes`` are actions whose bytes are not known."""

    actions: int
    instances: int
    size_bytes: int
    unknown_sizes: int


@dataclass(frozen=True)
class RepairPlan:
    """What would be done about the differences of a study, in this order.

    Parameters
    ----------
    comparison_digest
        Of the comparison it was made from, see `comparison_digest`.
    incomplete
        What the comparison could not read, each a sentence: nothing is done about it.
    """

    study_uid: StudyUid
    made_at: datetime
    compared_at: datetime
    comparison_digest: str
    policy: RepairPolicy
    actions: tuple[Action, ...]
    incomplete: tuple[str, ...] = ()

    @property
    def totals(self) -> dict[ActionKind, Totals]:
        """How much each kind of action comes to, those that occur."""
        return {kind: _total(found) for kind in ActionKind if (found := self.of_kind(kind))}

    @property
    def digest(self) -> str:
        """What tells this plan from every other of the same study, whenever it was made."""
        return plan_digest(self.to_json())

    def of_kind(self, *kinds: ActionKind) -> tuple[Action, ...]:
        """Return the actions of some kinds."""
        return tuple(action for action in self.actions if action.kind in kinds)

    def action(self, ordinal: int) -> Action | None:
        """Return an action by its ordinal."""
        return self.actions[ordinal - 1] if 0 < ordinal <= len(self.actions) else None

    def to_json(self) -> dict[str, Any]:
        """Return the plan as strict JSON; ``totals`` stand in it for those who read it."""
        return {
            "study_uid": self.study_uid,
            "made_at": self.made_at.astimezone(UTC).isoformat(),
            "compared_at": self.compared_at.astimezone(UTC).isoformat(),
            "comparison_digest": self.comparison_digest,
            "policy": self.policy.model_dump(mode="json"),
            "totals": {kind.value: asdict(total) for kind, total in self.totals.items()},
            "actions": [action.to_json() for action in self.actions],
            "incomplete": list(self.incomplete),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RepairPlan:
        """Return the plan that `to_json` gave.

        Raises
        ------
        ValueError
            It is none.
        """
        try:
            return cls(
                study_uid=content["study_uid"],
                made_at=datetime.fromisoformat(content["made_at"]),
                compared_at=datetime.fromisoformat(content["compared_at"]),
                comparison_digest=content["comparison_digest"],
                policy=RepairPolicy.model_validate(content["policy"]),
                actions=tuple(Action.from_json(one) for one in content["actions"]),
                incomplete=tuple(content["incomplete"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("The JSON is no plan of a repair.") from error


def plan_digest(content: Mapping[str, Any]) -> str:
    """Return `RepairPlan.digest` of a plan as JSON, also of one that an older version has written."""
    times = {"made_at", "compared_at"}
    return _digest({name: value for name, value in content.items() if name not in times})


def comparison_digest(comparison: Comparison) -> str:
    """Return what tells a comparison from any other of the same study, whenever it was made."""
    content = comparison.to_json()
    del content["compared_at"]
    return _digest(content)


def _total(actions: tuple[Action, ...]) -> Totals:
    sizes = [action.size_bytes for action in actions]
    return Totals(
        actions=len(actions),
        instances=len({(action.target, one) for action in actions for one in action.instances}),
        size_bytes=sum(size for size in sizes if size is not None),
        unknown_sizes=sum(
            size is None and action.kind.changes for size, action in zip(sizes, actions, strict=True)
        ),
    )


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
