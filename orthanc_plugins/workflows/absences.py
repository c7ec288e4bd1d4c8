"""Why an archive no longer lists instances that it once did: what is proven, and what is not known."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.archives.rejections import REVOKE_FIRST
from orthanc_plugins.identifiers import orthanc_id_of
from orthanc_plugins.store import Absence, Tombstone, Writing
from orthanc_plugins.sync.inventory import instance_key, split_keys
from orthanc_plugins.sync.looking import CLOCKS_AGREE_WITHIN, KeepsOut, TellsRejected
from orthanc_plugins.sync.plan_text import counted
from orthanc_plugins.sync.strategies import archive_title
from orthanc_plugins.workflows.on_the_way import notes_of_transfers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from orthanc_plugins.archives.base import InstanceEntry
    from orthanc_plugins.identifiers import StudyUid
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import StudyPair
    from orthanc_plugins.sync.differences import Comparison
    from orthanc_plugins.workflows.compared_copies import Compared

type Sentences = dict[ArchiveName, dict[str, str]]
"""For each archive the instances that it no longer lists, by SOP Instance UID, each with why."""

_ALL_THE_SAME = (
    "To copy it all the same, lift the tombstone first (`pacs sync --lift`), or plan with `deleted: copy`."
)


def absences(
    services: Services,
    holdings: Mapping[ArchiveName, Sequence[InstanceEntry]],
    pair: StudyPair | None,
) -> tuple[Sentences, Sentences]:
    """Return what is gone from each archive on purpose, and what is gone for a reason nobody knows.

    The archives are asked for proof once more; what they tell is remembered with the tombstone. What the
    inventory still holds, and the archive no longer lists, is gone too, although no round has noticed yet.
    What the archive would not take is kept out of it, whether or not there is a tombstone.

    Parameters
    ----------
    holdings
        What each archive lists of a study now.
    pair
        What the inventories hold of it.
    """
    meant: Sentences = {}
    unknown: Sentences = {}
    for archive in ArchiveName:
        listed = {one.sop_instance_uid for one in holdings[archive]}
        lacking = [one for one in holdings[archive.other] if one.sop_instance_uid not in listed]
        if not lacking:
            continue
        if kept_out := _kept_out(services, archive, lacking[0].study_uid):
            told = REVOKE_FIRST.format(archive=archive_title(archive))
            meant[archive] = {
                one.sop_instance_uid: told for one in lacking if one.sop_instance_uid in kept_out
            }
        tombstone = _tombstone(services, archive, lacking, pair)
        if tombstone is None:
            continue
        if tombstone.told is Absence.DISAPPEARED:
            tombstone = _proven(services, archive, lacking, tombstone, pair)
        for entry in lacking:
            key = instance_key(entry.sop_instance_uid)
            if tombstone.covers(key) and entry.sop_instance_uid not in kept_out:
                kind = tombstone.kind_of(key)
                found = meant if kind.is_meant else unknown
                found.setdefault(archive, {})[entry.sop_instance_uid] = _sentence(archive, tombstone, kind)
    return meant, unknown


def leave_out(
    services: Services, archive: ArchiveName, study_uid: StudyUid, lacking: Collection[str], *, by: str
) -> None:
    """Remember that a person decided that instances of a study stay out of an archive.

    Parameters
    ----------
    lacking
        SOP Instance UIDs of what the archive does not list.
    by
        Who decided.
    """
    if not lacking:
        return
    inventory = services.store.inventory
    known = inventory.buried(archive, [study_uid]).get(study_uid)
    inventory.bury(
        Tombstone(
            archive,
            study_uid,
            whole=False,
            keys=frozenset(map(instance_key, lacking)),
            kind=Absence.DECIDED,
            noted_at=datetime.now(UTC),
            noted_by=by,
            held_at=None if known is None else known.held_at,
        )
    )


def with_reasons(services: Services, compared: Compared) -> Compared:
    """Return a comparison that also says why instances are missing, as far as that is known."""
    comparison = compared.comparison
    pair = services.store.inventory.pairs([comparison.study_uid]).get(comparison.study_uid)
    told = absences(services, compared.holdings, pair)
    notes = notes_of_transfers(services, compared.holdings)
    return replace(compared, comparison=explained(comparison, *told, notes=notes))


def explained(comparison: Comparison, *absent: Sentences, notes: Iterable[str] = ()) -> Comparison:
    """Return a comparison whose notes say of missing instances what `absences` found.

    Parameters
    ----------
    notes
        What else there is to say of them.
    """
    found_absent = [
        f"Missing in {archive_title(archive)}, {counted(count, 'instance')}: {sentence}"
        for found in absent
        for archive, sentences in found.items()
        for sentence, count in Counter(sentences.values()).items()
    ]
    return replace(comparison, notes=(*comparison.notes, *found_absent, *notes))


def _kept_out(services: Services, archive: ArchiveName, study_uid: StudyUid) -> Collection[str]:
    """Return the instances of a study that an archive would not take now."""
    asked = services.archives[archive]
    return asked.kept_out([study_uid]).get(study_uid, ()) if isinstance(asked, KeepsOut) else ()


def _tombstone(
    services: Services, archive: ArchiveName, lacking: Sequence[InstanceEntry], pair: StudyPair | None
) -> Tombstone | None:
    """Return the tombstone that holds, with what is gone and was not noticed yet."""
    inventory = services.store.inventory
    study_uid = lacking[0].study_uid
    row = None if pair is None else (pair.left if archive is ArchiveName.ORTHANC else pair.right)
    held = split_keys(inventory.keys(archive, study_uid) or b"") if row is not None else frozenset()
    gone = held & {instance_key(one.sop_instance_uid) for one in lacking}
    tombstone = inventory.buried(archive, [study_uid]).get(study_uid)
    if row is None or not gone:
        return tombstone
    if tombstone is not None:
        return replace(tombstone, keys=tombstone.keys | gone)
    return Writing("", datetime.now(UTC)).tombstone(row, gone)


def _proven(
    services: Services,
    archive: ArchiveName,
    lacking: Sequence[InstanceEntry],
    tombstone: Tombstone,
    pair: StudyPair | None,
) -> Tombstone:
    """Return a tombstone with what can be proven of it; what is buried already has it remembered."""
    study_uid = tombstone.study_uid
    kind = Absence.DELETED if archive is ArchiveName.ORTHANC else Absence.REJECTED
    uids: Collection[str] = ()
    if kind is Absence.DELETED:
        uids = _deleted(services, lacking, tombstone, pair)
    elif isinstance(asked := services.archives[archive], TellsRejected):
        uids = asked.rejected([study_uid]).get(study_uid, ())
    keys = tombstone.keys & frozenset(map(instance_key, uids))
    if not keys:
        return tombstone
    services.store.inventory.prove(archive, {study_uid: keys}, kind)
    return replace(tombstone, kind=kind, proven=keys | (tombstone.proven or frozenset()))


def _deleted(
    services: Services, lacking: Sequence[InstanceEntry], tombstone: Tombstone, pair: StudyPair | None
) -> set[str]:
    """Return the instances that Orthanc said it deleted after it last listed them."""
    row = None if pair is None else pair.left or pair.right
    if row is None or tombstone.held_at is None:
        return set()
    names: dict[str, InstanceEntry] = {
        orthanc_id_of(row.patient_id, one.study_uid, one.series_uid, one.sop_instance_uid): one
        for one in lacking
    }
    told = services.store.inventory.deletions(names)
    since = tombstone.held_at - CLOCKS_AGREE_WITHIN
    return {names[name].sop_instance_uid for name, at in told.items() if at > since}


def _sentence(archive: ArchiveName, tombstone: Tombstone, kind: Absence) -> str:
    title = archive_title(archive)
    noted = _moment(tombstone.noted_at)
    if kind is Absence.DELETED:
        return f"{title} deleted it, noted {noted}. {_ALL_THE_SAME}"
    if kind is Absence.REJECTED:
        return f"{title} no longer has it on purpose: it was rejected there, noted {noted}. {_ALL_THE_SAME}"
    if kind is Absence.DECIDED:
        return f"A person decided that it stays out of {title}, noted {noted}. {_ALL_THE_SAME}"
    held = "once" if tombstone.held_at is None else f"until {_moment(tombstone.held_at)}"
    return (
        f"{title} held it {held} and no longer lists it, noted {noted}; whether it was deleted or lost is "
        "not known."
    )


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
