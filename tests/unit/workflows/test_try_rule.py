"""A rule is tried on what came last, and nothing is sent."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.errors import StoreError, TransferError
from orthanc_plugins.identifiers import JobId, StudyUid
from orthanc_plugins.rules import ForwardingRule
from orthanc_plugins.services import Forwarding
from orthanc_plugins.store import (
    InstanceState,
    RuleTrialFiles,
    TransferredInstance,
    TransferRequest,
    TransferState,
)
from orthanc_plugins.workflows.try_rule import RuleTrial

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest, MemoryQueue

TOKEN = "ab" * 16
SET = ForwardingRule(name="Sets", modalities=("RTSTRUCT",))
THIN = ForwardingRule(name="Thin", tags={"SliceThickness": "1*"})


@pytest.fixture
def joined(services: Services, orthanc: FakeOrthancRest) -> Services:
    """Three studies: images, images with a set, images that the archive sent; the last came last."""
    for study, aet in (("1.1", "CT1"), ("1.2", "CT1"), ("1.3", "DCM4CHEE")):
        for number in range(2):
            orthanc.store(
                study,
                f"{study}.1",
                f"{study}.1.{number}",
                content=bytes(100),
                header={"SliceThickness": "1.25"},
                metadata={"RemoteAET": aet, "ReceptionDate": "20261129T120000"},
            )
    orthanc.store("1.2", "1.2.2", "1.2.2.1", modality="RTSTRUCT", content=bytes(50))
    return replace(services, forwarding=Forwarding(rules=(SET, THIN), bandwidth_limit_bytes_s=1e6))


def tried(services: Services, last: int = 100, **rule: Any) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Return the job's result and the outcome of trying a rule."""
    files = RuleTrialFiles(services.data)
    content = ForwardingRule(**{"name": "Tried", **rule}).model_dump(mode="json", by_alias=True)
    files.write(TOKEN, "rule", {"rule": content, "last": last})
    result = RuleTrial(services).run(TOKEN)
    outcome = files.read(TOKEN, "outcome")
    assert outcome is not None
    return result, outcome


def test_each_study_is_told_with_what_would_have_been_sent_and_why(
    joined: Services, queue: MemoryQueue
) -> None:
    result, outcome = tried(joined, modalities=("CT",), send="matching_series")
    assert result == {"outcome": "done", "studies": 3, "matched": 3}
    by_uid = {one["study_uid"]: one for one in outcome["studies"]}
    told = [(by_uid[uid]["instances"], by_uid[uid]["kept_back"]) for uid in ("1.1", "1.2", "1.3")]
    assert told == [(2, 0), (2, 0), (0, 2)]
    assert by_uid["1.2"]["stored_bytes"] == 200
    assert by_uid["1.2"]["reasons"] == ["1 series: each is of modality CT."]
    assert by_uid["1.1"]["received_at"] == "2026-11-29T12:00:00+00:00"
    assert (outcome["load"]["studies"], outcome["load"]["instances"]) == (2, 4)
    assert queue.jobs() == []
    assert joined.store.transfers.transfers()[1] == 0


def test_reasons_and_counts_agree_where_more_goes_than_matches_or_less(joined: Services) -> None:
    by_uid = {one["study_uid"]: one for one in tried(joined, modalities=("CT",))[1]["studies"]}
    assert (by_uid["1.2"]["series"], by_uid["1.2"]["instances"]) == (2, 3)
    assert by_uid["1.2"]["reasons"] == [
        "1 series: each is of modality CT.",
        "1 more series: the rule sends the study whole.",
    ]
    assert (by_uid["1.3"]["series"], by_uid["1.3"]["instances"]) == (0, 0)
    assert by_uid["1.3"]["reasons"] == [
        "1 series: each is of modality CT.",
        "2 instances kept back: the archive had sent them, or they were removed from there.",
    ]


@pytest.fixture
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_in_utc")
@pytest.mark.parametrize(("window", "hour"), [("18:00-06:00", "18"), ("11:00-13:00", "12"), (None, "12")])
def test_when_a_study_would_have_gone_is_told(joined: Services, window: str | None, hour: str) -> None:
    outcome = tried(joined, modalities=("CT",), send="matching_series", window=window)[1]
    by_uid = {one["study_uid"]: one for one in outcome["studies"]}
    assert (outcome["window"], by_uid["1.1"]["goes_at"]) == (window, f"2026-11-29T{hour}:00:00+00:00")
    assert by_uid["1.3"]["goes_at"] is None
    waits = [f"It waits for its hours, {window}, until 2026-11-29 18:00 UTC."] if hour == "18" else []
    assert by_uid["1.1"]["reasons"][1:] == waits
    assert outcome["load"]["busiest_hour"]["begins_at"] == f"2026-11-29T{hour}:00:00+00:00"


def test_other_rules_that_match_are_told_and_the_rule_itself_is_not(joined: Services) -> None:
    _, outcome = tried(joined, name="Thin", modalities=("CT",))
    by_uid = {one["study_uid"]: one["also"] for one in outcome["studies"]}
    assert by_uid == {"1.1": [], "1.2": ["Sets"], "1.3": []}
    _, outcome = tried(joined)
    assert {one["study_uid"]: one["also"] for one in outcome["studies"]}["1.2"] == ["Sets", "Thin"]


def test_a_rule_that_is_switched_off_is_tried_as_if_it_were_on(joined: Services) -> None:
    assert tried(joined, enabled=False)[0]["matched"] == 3


@pytest.mark.parametrize("extended", [True, False])
def test_the_last_studies_are_those_to_which_something_came_last(
    joined: Services, orthanc: FakeOrthancRest, monkeypatch: pytest.MonkeyPatch, *, extended: bool
) -> None:
    capabilities = {"Version": "1.12.7", "Capabilities": {"HasExtendedFind": extended}}
    monkeypatch.setattr(orthanc, "system", lambda: capabilities)
    _, outcome = tried(joined, last=2)
    assert {one["study_uid"] for one in outcome["studies"]} == {"1.2", "1.3"}
    assert len(tried(joined, last=50)[1]["studies"]) == 3


def test_how_fast_the_destination_took_what_was_sent_lately_is_told_within_the_limit(
    joined: Services,
) -> None:
    assert tried(joined)[1]["load"]["bytes_per_s"] is None
    transfers = joined.store.transfers
    request = TransferRequest("t", JobId("t"), StudyUid("1.1"), "orthanc", "dcm4chee", "sync", "stow")
    transfers.request(request)
    transfers.begin("t")
    transfers.note("t", [TransferredInstance("1", InstanceState.VERIFIED, 1)], bytes_sent=10**12)  # type: ignore[arg-type]
    time.sleep(0.01)
    transfers.end("t", TransferState.VERIFIED)
    load = tried(joined)[1]["load"]
    assert load["bytes_per_s"] == 1e6
    assert load["sending_s"] == load["stored_bytes"] / 1e6


def test_a_trial_that_is_no_longer_kept_is_told(joined: Services) -> None:
    with pytest.raises(TransferError, match="no longer kept"):
        RuleTrial(joined).run(TOKEN)


# Its files


def test_the_files_of_a_trial_are_the_owners_alone_and_go_after_a_day(tmp_path: Path) -> None:
    files = RuleTrialFiles(tmp_path)
    files.write(TOKEN, "rule", {"a": 1})
    (path,) = (tmp_path / "rule-trials").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert files.read(TOKEN, "rule") == {"a": 1}
    assert files.read(TOKEN, "outcome") is None
    os.utime(path, (0, 0))
    files.write("cd" * 16, "rule", {})
    assert files.read(TOKEN, "rule") is None


def test_a_trial_has_no_name_that_leads_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        RuleTrialFiles(tmp_path).read("../../etc/passwd", "rule")


def test_a_trial_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "rule-trials").write_text("a file")
    with pytest.raises(StoreError, match="check the data directory"):
        RuleTrialFiles(tmp_path).write(TOKEN, "rule", {})
