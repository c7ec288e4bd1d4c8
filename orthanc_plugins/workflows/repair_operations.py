"""One operation of a repair: look, keep what is there, change it, and look again.

Each can be run again after it was cut off anywhere: what is done is seen and not done twice, and an archive
that was left without an instance in the middle of a replacement gets it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName, StoreState, Transport
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.content.edit import Stamp, edited, texts_of
from orthanc_plugins.errors import ArchiveUnavailable, RepairError
from orthanc_plugins.store import ChangeRecord, ChangeState, InstanceState
from orthanc_plugins.sync.plan_text import counted
from orthanc_plugins.sync.settle import Effect
from orthanc_plugins.sync.strategies import archive_title
from orthanc_plugins.transfers import Effects, Limiter, Transfer
from orthanc_plugins.workflows.study_copies import (
    HELD_ONCE,
    OF_THE_STUDY,
    UpdatesStudies,
    differing_elements,
    same,
    top_elements,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orthanc_plugins.archives.base import DicomFile
    from orthanc_plugins.identifiers import SopInstanceUid
    from orthanc_plugins.store import RepairFiles, Repairs, TransferredInstance, TransferState
    from orthanc_plugins.sync.actions import InstanceRef
    from orthanc_plugins.sync.settle import Operation
    from orthanc_plugins.workflows.study_copies import StudyCopies

_CHANGED_SINCE = "It was changed by someone else meanwhile, so it is left alone: compare the study again."


@dataclass
class _Quiet:
    """Takes notes of a transfer, for this run alone: what is kept of a repair stands in its own tables."""

    instances: dict[SopInstanceUid, TransferredInstance] = field(default_factory=dict)

    def note(self, instances: Sequence[TransferredInstance], *, bytes_sent: int = 0) -> None:  # noqa: ARG002
        """Remember how instances stand now."""
        self.instances |= {one.sop_instance_uid: one for one in instances}

    def become(self, state: TransferState) -> None:
        """Nothing is shown of it: the repair shows its actions."""


@dataclass(frozen=True)
class Hands:
    """What an operation works with.

    Parameters
    ----------
    guard
        Raises when the study may be another's by now.
    limiter
        How many bytes a second may leave.
    pause
        Waits for so many seconds.
    transport
        How instances are copied to DCM4CHEE; Orthanc has one way.
    """

    repair_id: str
    copies: StudyCopies
    repairs: Repairs
    files: RepairFiles
    limiter: Limiter
    guard: Callable[[], None]
    pause: Callable[[float], None]
    transport: Transport = Transport.STOW
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def carry_out(operation: Operation, hands: Hands) -> None:
    """Carry out an operation, or see that it is done.

    Raises
    ------
    RepairError, ArchiveRefused, InvalidDicom
        It cannot be done; the text says what to do.
    ArchiveUnavailable
        It may be done later.
    """
    if operation.effect is Effect.COPY:
        _copy(operation, hands)
    elif operation.effect is Effect.EDIT:
        _edit(operation, hands)
    else:
        _replace(operation, hands)


# Copies


def _copy(operation: Operation, hands: Hands) -> None:
    target, copies = operation.target, hands.copies
    there = copies.listed(target, anew=True)
    absent = [one for one in operation.instances if one.sop_instance_uid not in there]
    hands.repairs.keep([_change(operation, one, hands) for one in absent])
    notes = _Quiet()
    if absent:
        effects = Effects(notes, hands.limiter, lambda: None, hands.guard, hands.pause)
        wanted = [one.sop_instance_uid for one in absent]
        source, destination = copies.archive(target.other), copies.archive(target)
        transport = hands.transport if target is ArchiveName.DCM4CHEE else Transport.STOW
        transfer = Transfer(source, destination, copies.study_uid, transport, wanted=wanted, patient=False)
        transfer.run(effects)
        there = copies.listed(target, anew=True)
    arrived = [one for one in operation.instances if one.sop_instance_uid in there]
    operations = [_key(operation, one) for one in arrived]
    hands.repairs.change_became(hands.repair_id, operations, ChangeState.CHANGED)
    failed = [one for one in notes.instances.values() if one.state is InstanceState.FAILED]
    if failed or len(arrived) < len(operation.instances):
        detail = next((one.detail for one in failed if one.detail), "It does not list them.")
        left = max(len(failed), len(operation.instances) - len(arrived))
        raise RepairError(f"{counted(left, 'instance')} did not arrive in {archive_title(target)}: {detail}")


# Single instances


def _edit(operation: Operation, hands: Hands) -> None:
    (instance,) = operation.instances
    strict = top_elements(operation.paths)
    change = _known(operation, hands)
    current = hands.copies.file(operation.target, instance.sop_instance_uid)
    if change is None:
        current = _there(current, operation)
        other = hands.copies.file_needed(operation.target.other, instance.sop_instance_uid)
        if not differing_elements(current, other) & strict:
            return
        stamp = Stamp(hands.now(), archive_title(operation.target).upper())
        later = described(edited(current.content, other.content, operation.paths, stamp))
        change = _kept(operation, hands, current, later)
    _put(operation, hands, change, strict, current)


def _replace(operation: Operation, hands: Hands) -> None:
    (instance,) = operation.instances
    change = _known(operation, hands)
    current = hands.copies.file(operation.target, instance.sop_instance_uid)
    if change is None:
        current = _there(current, operation)
        other = hands.copies.file_needed(operation.target.other, instance.sop_instance_uid)
        later = _as_held_there(operation, hands, current, other)
        if same(operation.target, current, later):
            return
        change = _kept(operation, hands, current, later)
    _put(operation, hands, change, frozenset(), current)


def _as_held_there(operation: Operation, hands: Hands, current: DicomFile, other: DicomFile) -> DicomFile:
    """Return the other archive's copy, with what the target holds once for the study and is not to change."""
    if not isinstance(hands.copies.archive(operation.target), UpdatesStudies):
        return other
    kept = (differing_elements(current, other) & HELD_ONCE) - top_elements(operation.paths)
    if not kept:
        return other
    stamp = Stamp(hands.now(), archive_title(operation.target.other).upper())
    return described(edited(other.content, current.content, sorted(kept), stamp))


def _there(current: DicomFile | None, operation: Operation) -> DicomFile:
    if current is None:
        uid = operation.instances[0].sop_instance_uid
        raise RepairError(f"{operation.target} no longer holds instance {uid}: compare the study again.")
    return current


def _put(
    operation: Operation,
    hands: Hands,
    change: ChangeRecord,
    strict: frozenset[str],
    current: DicomFile | None,
) -> None:
    """Have the archive hold the later file where it holds the former, and see that it does.

    Parameters
    ----------
    strict
        Elements of the top level that matter; none: all that the two files differ in.
    current
        What the archive holds now; None where a run that was cut off left it without the instance.
    """
    former, later = (
        described(hands.files.kept(hands.repair_id, one)) for one in (change.former, change.later)
    )
    strict = strict or differing_elements(former, later)
    is_same = partial(same, operation.target, strict=strict)
    detail = ""
    if current is None or not is_same(current, later):
        if current is not None and not is_same(current, former):
            raise RepairError(_CHANGED_SINCE)
        detail = _give(operation, hands, later)
        current = hands.copies.file_needed(operation.target, change.sop_instance_uid)
        if not is_same(current, later):
            current = _by_study(operation, hands, current, later)
    if not is_same(current, later):
        raise RepairError(
            detail or f"{archive_title(operation.target)} said that it took the change, and did not."
        )
    hands.repairs.change_became(hands.repair_id, [change.operation], ChangeState.CHANGED)


def _give(operation: Operation, hands: Hands, file: DicomFile) -> str:
    """Have the archive put a file in the place of its own; return why it did not."""
    hands.guard()
    archive = hands.copies.archive(operation.target)
    outcome = archive.replace(file)
    if outcome.state is StoreState.FAILED:
        told = f"did not take instance {file.sop_instance_uid}: {outcome.detail}"
        raise ArchiveUnavailable(f"{archive_title(operation.target)} {told}", archive=operation.target)
    return outcome.detail if outcome.state is StoreState.REFUSED else ""


def _by_study(operation: Operation, hands: Hands, current: DicomFile, later: DicomFile) -> DicomFile:
    """Change what the archive holds once for the whole study; return its copy then.

    DCM4CHEE merges the attributes of patient and study that it holds into every instance it gives out: they
    are changed there, not in files, and only where all its instances of the study are to get the same value.

    Raises
    ------
    RepairError
        The other archive has another value in some instance, or lacks one.
    """
    archive = hands.copies.archive(operation.target)
    before, after = (texts_of(one.content, top_elements(operation.paths)) for one in (current, later))
    wanted = {name: value for name, value in after.items() if name in OF_THE_STUDY and value != before[name]}
    if not wanted or not isinstance(archive, UpdatesStudies):
        return current
    if not hands.copies.all_have(operation.target.other, wanted):
        title, other = archive_title(operation.target), archive_title(operation.target.other)
        raise RepairError(
            f"{title} holds {' and '.join(wanted)} once for the whole study, and {other} has another value "
            "in other instances of it, or lacks some: it was not changed there. Plan a new repair."
        )
    former = {name: before[name] for name in wanted}
    (instance,) = operation.instances
    change = _change(operation, instance, hands, (_json(former), _json(wanted)), "study")
    hands.repairs.keep([change])
    hands.guard()
    archive.update_study(hands.copies.study_uid, wanted)
    hands.repairs.change_became(hands.repair_id, [change.operation], ChangeState.CHANGED)
    return hands.copies.file_needed(operation.target, instance.sop_instance_uid)


def _json(values: dict[str, str]) -> bytes:
    return json.dumps(values, sort_keys=True, ensure_ascii=False).encode()


# What is kept


def _key(operation: Operation, instance: InstanceRef, effect: str = "") -> str:
    """Return what tells a change from the repair's others, whenever it is asked for."""
    ordinals = ".".join(map(str, operation.ordinals))
    return f"{effect or operation.effect}:{operation.target}:{instance.sop_instance_uid}:{ordinals}"


def _known(operation: Operation, hands: Hands) -> ChangeRecord | None:
    """Return the change of an earlier run of the operation, None when it did not come so far."""
    (instance,) = operation.instances
    return next(iter(hands.repairs.changes(hands.repair_id, _key(operation, instance))), None)


def _kept(operation: Operation, hands: Hands, former: DicomFile, later: DicomFile) -> ChangeRecord:
    (instance,) = operation.instances
    change = _change(operation, instance, hands, (former.content, later.content))
    hands.repairs.keep([change])
    return change


def _change(
    operation: Operation,
    instance: InstanceRef,
    hands: Hands,
    contents: tuple[bytes, bytes] = (b"", b""),
    effect: str = "",
) -> ChangeRecord:
    """Return the record of a change; what was before and is to be after it is on disk then."""
    former, later = (hands.files.keep(hands.repair_id, one) if one else "" for one in contents)
    return ChangeRecord(
        repair_id=hands.repair_id,
        operation=_key(operation, instance, effect),
        effect=effect or operation.effect,
        archive=operation.target,
        series_uid=instance.series_uid,
        sop_instance_uid=instance.sop_instance_uid,
        former=former,
        later=later,
    )
