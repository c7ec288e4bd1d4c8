"""What a plan promises, whatever differs and whatever the policy: tried on archives in memory."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import RepairError
from orthanc_plugins.rules.repair import RepairPolicy, Strategy
from orthanc_plugins.sync.actions import ActionKind, Keep, RepairPlan
from orthanc_plugins.sync.plan import Known, make_plan
from orthanc_plugins.sync.settle import Begun, changed_since, not_repaired, operations
from tests.unit.sync.simulated import KEYWORDS, NOON, OF_THE_STUDY, Copy, Pair

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orthanc_plugins.identifiers import SopInstanceUid
    from orthanc_plugins.sync.settle import Operation

UIDS = tuple(f"1.2.3.{number}" for number in range(5))
NOBODY: Mapping[int, Keep] = {}


def copies() -> st.SearchStrategy[dict[str, Copy]]:
    values = st.dictionaries(st.sampled_from(sorted(KEYWORDS)), st.sampled_from("AB"))
    coerced = st.frozensets(st.sampled_from(sorted(KEYWORDS)), max_size=2)
    one = st.builds(Copy, st.just(""), st.just("CT"), values, st.integers(0, 1), coerced)
    return st.dictionaries(st.sampled_from(UIDS), one).map(_placed)


def _placed(held: dict[str, Copy]) -> dict[str, Copy]:
    """Return copies in series that both archives agree on: one UID lies in one series."""
    for uid, one in held.items():
        number = int(uid[-1]) // 2
        one.series_uid = f"1.2.3.9.{number}"
        one.modality = ("CT", "RTSTRUCT", "MR")[number]
    return held


pairs = st.builds(
    lambda left, right: Pair({ArchiveName.ORTHANC: left, ArchiveName.DCM4CHEE: right}), copies(), copies()
)
attributes = st.dictionaries(
    st.sampled_from(["PatientName", "Patient*", "StudyDate", "300A00B0"]),
    st.sampled_from(Strategy),
    max_size=2,
)
policies = st.builds(
    RepairPolicy,
    missing=st.sampled_from(["copy", "manual"]),
    deleted=st.sampled_from(["block", "block", "manual", "copy"]),
    default=st.sampled_from(Strategy),
    attributes=attributes,
    pixel=st.sampled_from(Strategy),
    coerced=st.one_of(st.just("leave"), st.sampled_from(Strategy)),
)
tombstones = st.dictionaries(
    st.sampled_from(ArchiveName),
    st.dictionaries(st.sampled_from(UIDS), st.just("It was deleted on purpose."), max_size=2),
)


def planned(pair: Pair, policy: RepairPolicy, buried: Mapping[ArchiveName, Any] | None = None) -> RepairPlan:
    return make_plan(pair.compare(), policy, Known(pair.holdings(), buried or {}), made_at=NOON)


def carried_out(pair: Pair, plan: RepairPlan, decisions: Mapping[int, Keep] = NOBODY) -> Pair:
    after = copy.deepcopy(pair)
    for operation in operations(plan, decisions):
        after.apply(operation)
    return after


@given(pairs, policies, tombstones)
def test_what_remains_is_for_a_person_blocked_or_left(
    pair: Pair, policy: RepairPolicy, buried: dict[ArchiveName, dict[str, str]]
) -> None:
    plan = planned(pair, policy, buried)
    after = carried_out(pair, plan)
    assert not_repaired(plan, pair.compare(), after.seen(), NOBODY) is None
    if all(action.kind.changes for action in plan.actions):
        assert after.compare().equal
    # Planned again, nothing is left to do by itself.
    again = planned(after, policy, buried)
    assert not any(action.kind.changes for action in again.actions)


@given(pairs, policies)
def test_every_difference_is_dealt_with_and_only_differences_are(pair: Pair, policy: RepairPolicy) -> None:
    comparison = pair.compare()
    plan = planned(pair, policy)
    dealt_with = sorted(index for action in plan.actions for index in set(action.differences))
    assert sorted(set(dealt_with)) == list(range(len(comparison.differences)))
    for_one = [i for i in dealt_with if comparison.differences[i].sop_instance_uid is not None]
    assert len(for_one) == len(set(for_one))
    if comparison.equal:
        assert plan.actions == ()


@given(pairs, policies)
def test_what_does_not_differ_is_not_touched(pair: Pair, policy: RepairPolicy) -> None:
    after = carried_out(pair, planned(pair, policy))
    for archive, held in pair.copies.items():
        for uid, before in held.items():
            other = pair.copies[archive.other].get(uid)
            now = after.copies[archive][uid]
            if other is None:
                assert now == before
                continue
            same = {tag for tag in KEYWORDS if before.values.get(tag) == other.values.get(tag)}
            assert {tag: now.values.get(tag) for tag in same} == {tag: before.values.get(tag) for tag in same}
            if before.pixels == other.pixels:
                assert now.pixels in {before.pixels, other.pixels}


@given(pairs, policies, tombstones)
def test_no_instance_is_lost_and_every_value_came_from_one_of_the_copies(
    pair: Pair, policy: RepairPolicy, buried: dict[ArchiveName, dict[str, str]]
) -> None:
    after = carried_out(pair, planned(pair, policy, buried))
    for archive, held in after.copies.items():
        assert held.keys() >= pair.copies[archive].keys()
        for uid, now in held.items():
            if uid in buried.get(archive, {}) and policy.deleted != "copy":
                assert uid in pair.copies[archive], "a deleted instance came back"
            sources = [there[uid] for there in pair.copies.values() if uid in there]
            for tag, value in now.values.items():
                assert value in {one.values.get(tag) for one in sources}


@given(pairs, policies, st.data())
def test_decided_by_people_everything_ends_as_they_said(
    pair: Pair, policy: RepairPolicy, data: st.DataObject
) -> None:
    plan = planned(pair, policy)
    decisions = {
        action.ordinal: data.draw(st.sampled_from(action.options))
        for action in plan.of_kind(ActionKind.MANUAL)
    }
    after = carried_out(pair, plan, decisions)
    assert not_repaired(plan, pair.compare(), after.seen(), decisions) is None
    differences = pair.compare().differences
    staying = plan.of_kind(ActionKind.LEAVE, ActionKind.BLOCKED)
    left = {differences[index].kind for action in staying for index in action.differences}
    if Keep.LEAVE not in decisions.values():
        assert {one.kind for one in after.compare().differences} <= left


class HeldOnce(Pair):
    """A pair whose DCM4CHEE has one value of the attributes of patient and study in all its instances.

    As in a repair, that is not changed where Orthanc no longer has one: RepairError.
    """

    def apply(self, operation: Operation) -> None:
        orthanc, held = (self.copies[name] for name in ArchiveName)
        if operation.target is ArchiveName.DCM4CHEE:
            for tag in OF_THE_STUDY.intersection(operation.paths):
                if len({orthanc[uid].values.get(tag) for uid in held}) > 1:
                    raise RepairError("Orthanc has several values.")
        before = {tag: one.values.get(tag) for one in held.values() for tag in OF_THE_STUDY}
        super().apply(operation)
        if operation.target is ArchiveName.DCM4CHEE:
            (changed,) = (held[one.sop_instance_uid] for one in operation.instances)
            now = {tag: changed.values.get(tag) if tag in operation.paths else before[tag] for tag in before}
            self.share(now)

    def share(self, values: Mapping[str, str | None]) -> None:
        for one in self.copies[ArchiveName.DCM4CHEE].values():
            kept = {tag: value for tag, value in one.values.items() if tag not in values}
            one.values = kept | {tag: value for tag, value in values.items() if value is not None}


@given(pairs, policies, st.data())
def test_what_is_held_once_for_the_study_brings_no_new_differences_and_locks_nothing(
    pair: Pair, policy: RepairPolicy, data: st.DataObject
) -> None:
    """Every other decision is taken after what was decided before it has been carried out."""
    left, right = (pair.copies[name] for name in ArchiveName)
    world = HeldOnce(
        {ArchiveName.ORTHANC: {k: v for k, v in left.items() if k in right}, ArchiveName.DCM4CHEE: right}
    )
    for first in list(right.values())[:1]:
        world.share({tag: first.values.get(tag) for tag in OF_THE_STUDY})
    planned_from = world.seen()
    known = Known(world.holdings(), held_once=frozenset(KEYWORDS[tag] for tag in OF_THE_STUDY))
    plan = make_plan(planned_from.comparison, policy, known, made_at=NOON)
    decisions: dict[int, Keep] = {}
    done: set[int] = set()
    touched: set[SopInstanceUid] = set()
    for action in (None, *plan.of_kind(ActionKind.MANUAL)):
        if action is not None:
            decisions[action.ordinal] = data.draw(st.sampled_from(action.options))
        todo = operations(plan, decisions, done)
        pending = {ordinal for one in todo for ordinal in one.ordinals}
        begun = Begun(done, touched)
        now = world.seen()
        assert changed_since(plan, planned_from.comparison, now, to_do=pending, begun=begun) is None
        for operation in todo:
            try:
                world.apply(operation)
            except RepairError:
                return  # a whole instance has been taken over from DCM4CHEE before: it is told as failed
            touched |= {one.sop_instance_uid for one in operation.instances}
        done |= pending
        assert not_repaired(plan, planned_from.comparison, world.seen(), decisions) is None


@given(pairs, policies)
def test_carrying_it_out_twice_changes_nothing_more(pair: Pair, policy: RepairPolicy) -> None:
    plan = planned(pair, policy)
    once = carried_out(pair, plan)
    assert carried_out(once, plan) == once


@given(pairs, policies, st.integers(0, 40))
def test_a_repair_that_was_cut_off_may_go_on(pair: Pair, policy: RepairPolicy, done: int) -> None:
    plan = planned(pair, policy)
    todo = operations(plan, NOBODY)
    halfway = copy.deepcopy(pair)
    for operation in todo[:done]:
        halfway.apply(operation)
    begun = {ordinal for operation in todo[:done] for ordinal in operation.ordinals}
    pending = {ordinal for operation in todo for ordinal in operation.ordinals}
    assert changed_since(plan, pair.compare(), halfway.seen(), to_do=pending, begun=Begun(begun)) is None
    assert carried_out(halfway, plan) == carried_out(pair, plan)


@given(
    pairs, policies, st.sampled_from(ArchiveName), st.sampled_from(UIDS), st.sampled_from(sorted(KEYWORDS))
)
def test_a_change_in_either_archive_is_noticed_before_anything_is_done(
    pair: Pair, policy: RepairPolicy, where: ArchiveName, uid: str, tag: str
) -> None:
    plan = planned(pair, policy)
    changed = copy.deepcopy(pair)
    held = changed.copies[where]
    if uid in held:
        held[uid].values[tag] = "changed since"
    else:
        held[uid] = _placed({uid: Copy("")})[uid]
    pending = {ordinal for operation in operations(plan, NOBODY) for ordinal in operation.ordinals}
    told = changed_since(plan, pair.compare(), changed.seen(), to_do=pending, begun=Begun())
    concerned = {one.sop_instance_uid for action in plan.actions for one in action.instances}
    if uid in pair.copies[where] and uid in pair.copies[where.other]:
        assert told is not None
    elif uid in concerned and any(
        uid == one.sop_instance_uid
        for action in plan.actions
        if action.kind.changes
        for one in action.instances
    ):
        # Someone else has copied it meanwhile, or changed what is to be copied as a whole.
        assert (told is not None) == (uid not in pair.copies[where])


@given(pairs, policies)
def test_a_plan_comes_back_from_its_json(pair: Pair, policy: RepairPolicy) -> None:
    plan = planned(pair, policy)
    assert RepairPlan.from_json(plan.to_json()) == plan
    assert RepairPlan.from_json(plan.to_json()).digest == plan.digest
