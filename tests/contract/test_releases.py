"""What is remembered of releases, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.store import ReleaseFilter, ReleaseState

if TYPE_CHECKING:
    from orthanc_plugins.store import Store

ONE, TWO = "A" * 32, "B" * 32


def test_what_is_begun_is_remembered_to_the_minute(store: Store) -> None:
    store.releases.begin(ONE, "trial", "basic")
    found = store.releases.find(ONE)
    assert found is not None
    assert (found.project, found.profile, found.state) == ("trial", "basic", ReleaseState.WORKING)
    assert (found.begun_at.second, found.begun_at.microsecond) == (0, 0)
    assert found.begun_at <= datetime.now(UTC)
    assert (found.pseudonym, found.labels, found.ended_at) == ("", {}, None)
    assert store.releases.find(TWO) is None


def test_what_becomes_known_is_added_and_the_rest_stays(store: Store) -> None:
    store.releases.begin(ONE, "trial", "basic")
    store.releases.note(ONE, ReleaseState.RELEASED, pseudonym="ANON00001", study_uid="2.25.1", instances=3)
    store.releases.note(
        ONE,
        ReleaseState.CERTIFIED,
        labels={"project": "PACS_ANONYMIZED"},
        changes={"0008,1030": 3},
        certificate_sha256="0" * 64,
    )
    found = store.releases.find(ONE)
    assert found is not None
    assert (found.pseudonym, found.study_uid, found.instances) == ("ANON00001", "2.25.1", 3)
    assert (found.labels, found.changes) == ({"project": "PACS_ANONYMIZED"}, {"0008,1030": 3})
    assert found.ended_at is not None
    assert found.ended_at.second == 0


def test_begun_again_it_works_again_and_keeps_what_is_known(store: Store) -> None:
    store.releases.begin(ONE, "trial", "basic")
    store.releases.note(ONE, ReleaseState.FAILED, pseudonym="ANON00001", reason="XNAT is away.")
    store.releases.begin(ONE, "trial", "basic")
    found = store.releases.find(ONE)
    assert found is not None
    assert (found.state, found.reason, found.ended_at) == (ReleaseState.WORKING, "", None)
    assert found.pseudonym == "ANON00001"


def test_lists_are_of_what_was_asked_for(store: Store) -> None:
    store.releases.begin(ONE, "trial", "basic")
    store.releases.begin(TWO, "other", "basic")
    store.releases.note(TWO, ReleaseState.HELD, pseudonym="ANON00002")

    def listed(wanted: ReleaseFilter) -> list[str]:
        return [one.release_id for one in store.releases.page(wanted).entries]

    assert sorted(listed(ReleaseFilter())) == [ONE, TWO]
    assert listed(ReleaseFilter(project="trial")) == [ONE]
    assert listed(ReleaseFilter(state=ReleaseState.HELD)) == [TWO]
    assert listed(ReleaseFilter(pseudonym="ANON00002")) == [TWO]
    page = store.releases.page(limit=1, offset=1)
    assert (len(page.entries), page.total) == (1, 2)


def test_a_project_can_be_forgotten(store: Store) -> None:
    store.releases.begin(ONE, "trial", "basic")
    store.releases.begin(TWO, "other", "basic")
    assert store.releases.forget_project("trial") == 1
    assert store.releases.find(ONE) is None
    assert store.releases.find(TWO) is not None
