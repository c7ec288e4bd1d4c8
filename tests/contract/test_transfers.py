"""The ledger of transfers, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
from orthanc_plugins.store import (
    InstanceState,
    Store,
    TransferFilter,
    TransferState,
    WaitsFor,
)
from tests.contract.ledger import LONG, STUDY, A, B, C, at_once, instance, now, request

if TYPE_CHECKING:
    from orthanc_plugins.store import Transfers


@pytest.fixture
def transfers(store: Store) -> Transfers:
    return store.transfers


# Since when both archives hold the same


def test_since_when_both_hold_an_instance_alike_is_known_from_what_was_sent_or_compared(
    transfers: Transfers,
) -> None:
    asked = {}
    for name, sends in (("sent", 1), ("there", 0)):
        asked[name] = transfers.request(replace(request(name), remark="Why.")).requested_at
        transfers.note(name, [instance(A, "verified", sends), instance(B, "verified"), instance(C, "failed")])
    compared = transfers.request(replace(request("compared", source="dcm4chee"), verify="content"))
    transfers.note("compared", [instance(B, "verified"), instance(C, "failed")])
    assert transfers.agreed_at(STUDY, ()) == {A: asked["sent"], B: compared.requested_at}
    assert transfers.agreed_at(STUDY, {"compared"}) == {A: asked["sent"], B: asked["sent"]}
    assert transfers.agreed_at(StudyUid("1.9"), ()) == {}
    assert compared.remark == ""
    found = transfers.transfer("sent")
    assert found is not None
    assert found.remark == "Why."


def test_those_with_hours_are_known_until_they_end(transfers: Transfers) -> None:
    transfers.request(request("always"))
    transfers.request(replace(request("night"), window="18:00-06:00"))
    assert [one.transfer_id for one in transfers.with_hours()] == ["night"]
    transfers.end("night", TransferState.CANCELLED)
    assert transfers.with_hours() == []


# Asking


def test_a_transfer_is_queued_with_its_instances(transfers: Transfers) -> None:
    before = now()
    record = transfers.request(request())
    assert (record.state, record.wanted, record.verified) == (TransferState.QUEUED, 3, 0)
    assert record.waits_for is WaitsFor.HAND_OVER
    assert record.not_before is not None
    assert before <= record.requested_at <= record.not_before
    assert transfers.transfer("t") == record
    assert transfers.instances("t") == [instance(uid, "queued") for uid in (A, B, C)]


def test_asking_again_changes_nothing(transfers: Transfers) -> None:
    transfers.request(request())
    transfers.begin("t")
    transfers.note("t", [instance(A, "accepted", 1)])
    begun = transfers.transfer("t")
    assert transfers.request(request(cause="request", wanted=(A,))) == begun
    assert len(transfers.instances("t")) == 3


def test_asking_at_the_same_moment_makes_one_transfer(transfers: Transfers) -> None:
    answers = at_once(8, lambda _: transfers.request(request()))
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert transfers.transfers()[1] == 1


def test_a_transfer_that_nobody_asked_for_is_none(transfers: Transfers) -> None:
    assert transfers.transfer("x") is None
    assert transfers.instances("x") == []


def test_a_study_of_five_thousand_instances_is_asked_for(transfers: Transfers) -> None:
    uids = tuple(SopInstanceUid(f"1.2.3.{number}") for number in range(5000))
    assert transfers.request(request(wanted=uids)).wanted == 5000
    transfers.note("t", [instance(uid, "sending", 1) for uid in uids])
    found = transfers.transfer("t")
    assert found is not None
    assert found.sent == 5000


# Going on


def test_a_transfer_goes_from_queued_to_verified(transfers: Transfers) -> None:
    transfers.request(request())
    begun = transfers.begin("t")
    assert (begun.state, begun.attempts, begun.not_before, begun.waits_for) == ("sending", 1, None, None)
    transfers.note("t", [instance(A, "accepted"), instance(B, "accepted", 1), instance(C, "sending", 1)])
    transfers.note("t", [instance(C, "accepted", 2)], bytes_sent=500)
    transfers.note("t", [], bytes_sent=20)
    transfers.become("t", TransferState.ACCEPTED)
    half_way = transfers.transfer("t")
    assert half_way is not None
    assert half_way.state is TransferState.ACCEPTED
    assert (half_way.wanted, half_way.already_there, half_way.sent, half_way.accepted) == (3, 1, 2, 2)
    assert (half_way.verified, half_way.failed, half_way.bytes_sent) == (0, 0, 520)
    transfers.note("t", [instance(uid, "verified", sends) for uid, sends in ((A, 0), (B, 1), (C, 2))])
    ended = transfers.end("t", TransferState.VERIFIED)
    assert (ended.state, ended.verified, ended.already_there) == (TransferState.VERIFIED, 3, 1)
    assert ended.ended_at is not None
    assert ended.started_at == begun.started_at


def test_what_has_ended_stays_as_it_is(transfers: Transfers) -> None:
    transfers.request(request())
    transfers.begin("t")
    ended = transfers.end("t", TransferState.CANCELLED)
    transfers.become("t", TransferState.SENT)
    transfers.wait("t", WaitsFor.WINDOW, now(), "It is early.")
    transfers.end("t", TransferState.VERIFIED)
    assert transfers.begin("t") == ended
    assert transfers.transfer("t") == ended


def test_the_instances_of_a_study_wanted_whole_are_counted_as_they_are_noted(transfers: Transfers) -> None:
    assert transfers.request(request(wanted=None)).wanted == 0
    transfers.note("t", [instance(A, "queued"), instance(B, "failed", 1, "A700: no space.")])
    found = transfers.transfer("t")
    assert found is not None
    assert (found.wanted, found.failed) == (2, 1)
    failed = transfers.instances("t", states=[InstanceState.FAILED])
    assert [one.detail for one in failed] == ["A700: no space."]
    assert transfers.instances("t", limit=1, offset=1) == failed


def test_one_that_failed_is_done_again_when_asked_and_one_that_is_verified_is_not(
    transfers: Transfers,
) -> None:
    transfers.request(request())
    transfers.begin("t")
    transfers.note("t", [instance(A, "verified", 1), instance(B, "failed", 1, "refused")])
    transfers.end("t", TransferState.PARTLY, ("TransferFailed", "1 of 3 instances failed."))
    assert transfers.ask_again("t")
    again = transfers.transfer("t")
    assert again is not None
    assert (again.state, again.attempts, again.failed, again.error_name) == ("queued", 0, 0, None)
    assert transfers.instances("t", states=[InstanceState.QUEUED]) == [
        instance(B, "queued", 1),
        instance(C, "queued"),
    ]
    transfers.end("t", TransferState.VERIFIED)
    assert not transfers.ask_again("t")
    assert not transfers.ask_again("x")


def test_for_how_long_it_is_tried_in_vain_is_kept_until_somebody_asks_again(transfers: Transfers) -> None:
    transfers.request(request())
    transfers.begin("t")
    at = now()
    transfers.note_failure("t", at, 60.0, 30.0)
    record = transfers.transfer("t")
    assert record is not None
    assert (record.failed_at, record.failing_s, record.not_taken_s) == (at, 60.0, 30.0)
    transfers.wait("t", WaitsFor.WINDOW, at, "Its hours are over.")
    record = transfers.transfer("t")
    assert record is not None
    assert (record.failed_at, record.failing_s) == (None, 60.0)
    transfers.end("t", TransferState.FAILED)
    assert transfers.ask_again("t", by_itself=True)
    record = transfers.transfer("t")
    assert record is not None
    assert (record.failing_s, record.not_taken_s, record.retries) == (0.0, None, 1)


def test_what_failed_in_a_time_is_found_by_its_cause(transfers: Transfers) -> None:
    for name, cause in (("a", "rule:CT"), ("b", "rule:MR"), ("c", "rule:CT")):
        transfers.request(request(name, cause=cause))
    for name in ("a", "b"):
        transfers.end(name, TransferState.PARTLY)
    transfers.end("c", TransferState.VERIFIED)
    then = now()
    assert [one.transfer_id for one in transfers.failed(["rule:CT"], then - LONG, then, 1)] == ["a"]
    assert transfers.failed([], then - LONG, then, 1) == []
    assert transfers.failed(["rule:CT"], then + LONG, then + 2 * LONG, 1) == []
    assert transfers.failed(["rule:CT"], then - LONG, then, 0) == []


# Waking


def test_a_transfer_is_due_when_its_time_has_come(transfers: Transfers) -> None:
    transfers.request(request())
    assert transfers.due(now(), 10) == []
    (due,) = transfers.due(now() + LONG, 10)
    transfers.handed_over("t", due.not_before)
    assert transfers.due(now() + LONG, 10) == []


def test_one_that_waits_anew_is_not_taken_for_handed_over(transfers: Transfers) -> None:
    transfers.request(request())
    (due,) = transfers.due(now() + LONG, 10)
    transfers.begin("t")
    transfers.wait("t", WaitsFor.ARCHIVE, now(), "DCM4CHEE does not answer.")
    transfers.handed_over("t", due.not_before)
    (again,) = transfers.due(now(), 10)
    assert (again.waits_for, again.error_message) == (WaitsFor.ARCHIVE, "DCM4CHEE does not answer.")


def test_the_most_urgent_are_due_first(transfers: Transfers) -> None:
    for name, priority in (("low", -1), ("first", 5), ("second", 5)):
        transfers.request(request(name, priority=priority))
    assert [one.transfer_id for one in transfers.due(now() + LONG, 2)] == ["first", "second"]


def test_all_that_wait_for_an_archive_wait_longer_and_go_on_together(transfers: Transfers) -> None:
    then = now()
    for name in ("a", "b", "window"):
        transfers.request(request(name))
        transfers.wait(name, WaitsFor.WINDOW if name == "window" else WaitsFor.ARCHIVE, then, "")
    transfers.postpone("dcm4chee", then + LONG)
    assert [one.transfer_id for one in transfers.due(then + LONG / 2, 9)] == ["window"]
    transfers.hasten("dcm4chee", then)
    assert {one.transfer_id for one in transfers.due(then, 9)} == {"a", "b", "window"}
    transfers.postpone("xnat", then + LONG)
    assert len(transfers.due(then, 9)) == 3


def test_a_transfer_that_stands_still_at_work_is_found(transfers: Transfers) -> None:
    transfers.request(request("queued"))
    transfers.request(request("working"))
    transfers.begin("working")
    assert [one.transfer_id for one in transfers.at_work(now() + LONG)] == ["working"]
    assert transfers.at_work(now() - LONG) == []


# Looking


def test_transfers_are_found_by_study_state_cause_and_destination(transfers: Transfers) -> None:
    transfers.request(request("a"))
    transfers.request(request("b", study="1.9", cause="rule:MR"))
    transfers.request(request("c", source="dcm4chee", cause="sync"))
    transfers.end("b", TransferState.FAILED, ("E", "why"))

    def found(**wanted: object) -> list[str]:
        records, total = transfers.transfers(TransferFilter(**wanted))  # type: ignore[arg-type]
        assert total == len(records)
        return [one.transfer_id for one in records]

    assert found() == ["c", "b", "a"]
    assert found(study_uid=STUDY) == ["c", "a"]
    assert found(states=[TransferState.FAILED]) == ["b"]
    assert found(cause="rule:CT") == ["a"]
    assert found(cause="rule:") == ["b", "a"]
    assert found(destination="orthanc") == ["c"]
    records, total = transfers.transfers(limit=1, offset=1)
    assert ([one.transfer_id for one in records], total) == (["b"], 3)


def test_what_came_from_an_archive_is_known(transfers: Transfers) -> None:
    transfers.request(request("back", source="dcm4chee"))
    transfers.note("back", [instance(A, "verified", 1), instance(B, "verified"), instance(C, "failed", 1)])
    transfers.request(request("forth"))
    transfers.note("forth", [instance(C, "accepted", 1)])
    assert transfers.brought(STUDY, "dcm4chee", "orthanc") == {A}
    assert transfers.brought(STUDY, "orthanc", "dcm4chee") == {C}
    assert transfers.brought(StudyUid("1.9"), "dcm4chee", "orthanc") == frozenset()


def test_how_much_has_gone_where_is_told_by_state(transfers: Transfers) -> None:
    for name in ("a", "b"):
        transfers.request(request(name))
        transfers.note(name, [instance(A, "verified", 1), instance(B, "failed", 1)], bytes_sent=7)
        transfers.end(name, TransferState.PARTLY)
    transfers.request(request("c", source="dcm4chee"))
    told = {(one.destination, one.state): one for one in transfers.totals()}
    partly = told["dcm4chee", TransferState.PARTLY]
    assert (partly.transfers, partly.instances_verified, partly.instances_failed) == (2, 2, 2)
    assert partly.bytes_sent == 14
    assert told["orthanc", TransferState.QUEUED].transfers == 1


def test_the_newest_verified_are_those_for_which_bytes_left(transfers: Transfers) -> None:
    for name, size in (("old", 5), ("there", 0), ("new", 9)):
        transfers.request(request(name))
        transfers.note(name, [instance(A, "verified", int(size > 0))], bytes_sent=size)
        transfers.end(name, TransferState.VERIFIED)
    assert [one.transfer_id for one in transfers.newest_verified("dcm4chee", 5)] == ["new", "old"]
    assert transfers.newest_verified("orthanc", 5) == []


def test_single_instances_of_old_verified_transfers_are_forgotten_and_counts_stay(
    transfers: Transfers,
) -> None:
    for name, state in (("good", TransferState.VERIFIED), ("bad", TransferState.PARTLY)):
        transfers.request(request(name))
        transfers.note(name, [instance(uid, "verified", 1) for uid in (A, B, C)])
        transfers.end(name, state)
    assert transfers.forget_instances(now() - LONG) == 0
    assert transfers.forget_instances(now() + LONG) == 3
    assert transfers.instances("good") == []
    assert len(transfers.instances("bad")) == 3
    kept = transfers.transfer("good")
    assert kept is not None
    assert kept.verified == 3
