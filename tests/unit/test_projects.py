"""What the custodian keeps is made once, and never again in place of what was lost."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.audit.codes import EventKind
from orthanc_plugins.audit.query import TrailQuery
from orthanc_plugins.custody.identities import Identity
from orthanc_plugins.errors import AuditError, CustodyError, KeyUnusable
from orthanc_plugins.identifiers import OrthancId
from orthanc_plugins.jobs import DeidentificationOrder
from orthanc_plugins.projects import Custodian, release_id_of
from orthanc_plugins.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from pathlib import Path

STUDY = OrthancId("6bf20a51-a2f5e4ad-15ee6ff0-d6e7f0a5-1a4d6a14")


@pytest.fixture
def custodian(tmp_path: Path) -> Custodian:
    return Custodian(tmp_path / "custody", tmp_path / "audit")


def test_a_project_is_made_with_register_and_trail_and_making_it_again_changes_nothing(
    custodian: Custodian,
) -> None:
    key_id = custodian.create("trial")
    assert custodian.pseudonyms("trial").key_id == key_id
    assert custodian.create("trial") == key_id
    assert custodian.projects() == ("trial",)
    assert custodian.count_patients("trial") == 0
    assert custodian.trail().verify().records == 0
    assert not custodian.has_identities("trial")


def test_a_project_that_nobody_made_is_refused_with_what_to_do(custodian: Custodian) -> None:
    with pytest.raises(KeyUnusable, match="pacs project create trial"):
        custodian.pseudonyms("trial")


def test_a_lost_register_is_refused_and_not_made_anew(custodian: Custodian, tmp_path: Path) -> None:
    custodian.create("trial")
    (tmp_path / "custody" / "trial.numbers.sqlite").unlink()
    with pytest.raises(CustodyError, match="second pseudonym"):
        custodian.pseudonyms("trial")
    with pytest.raises(CustodyError):
        custodian.create("trial")


def test_a_lost_custody_folder_does_not_begin_another_trail(custodian: Custodian, tmp_path: Path) -> None:
    custodian.create("trial")
    custodian.destroy_key("trial", "ann")
    shutil.rmtree(tmp_path / "custody")
    with pytest.raises(AuditError):
        custodian.create("trial")


def test_a_lost_trail_is_refused(custodian: Custodian, tmp_path: Path) -> None:
    custodian.create("trial")
    shutil.rmtree(tmp_path / "audit")
    with pytest.raises(AuditError, match="restore"):
        custodian.trail()


def test_a_reversible_project_has_a_way_back_until_it_is_destroyed(custodian: Custodian) -> None:
    custodian.create("trial", reversible=True)
    custodian.create("trial", reversible=True)
    table = custodian.identities("trial", {"custodian"})
    table.remember("ANON00001", Identity("P1"))
    assert custodian.identities("trial", {"custodian"}).pseudonyms() == ("ANON00001",)
    custodian.destroy_identities("trial", "ann")
    with pytest.raises(KeyUnusable):
        custodian.identities("trial", {"custodian"})
    (record,) = custodian.trail().records(TrailQuery())
    assert (record.event["kind"], record.event["reason"]) == (
        EventKind.SECURITY_ALERT.value,
        "mapping_destroyed",
    )
    assert [one["user_id"] for one in record.event["participants"]] == ["orthanc-pacs-suite", "ann"]


def test_a_project_without_a_way_back_is_told_how_to_have_one(custodian: Custodian) -> None:
    custodian.create("trial")
    with pytest.raises(KeyUnusable, match=r"has no mapping key .* pacs project create trial --reversible"):
        custodian.identities("trial", {"custodian"})


def test_the_way_back_is_kept_apart_from_its_key(tmp_path: Path) -> None:
    """So each folder alone, as a thief or a backup has it, tells of nobody."""
    custodian = Custodian(tmp_path / "custody", tmp_path / "audit", tmp_path / "identities")
    custodian.create("trial", reversible=True)
    custodian.identities("trial", {"custodian"}).remember("ANON00001", Identity("P1"))
    assert [path.name for path in (tmp_path / "identities").iterdir()] == ["trial.identities.sqlite"]
    assert not list((tmp_path / "custody").glob("*.identities.*"))
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "identities").iterdir()] == [0o600]
    custodian.destroy_identities("trial", "ann")
    assert not list((tmp_path / "identities").iterdir())


@pytest.mark.parametrize("lost", ["custody/audit.head.json", "audit"])
def test_nothing_is_destroyed_where_that_cannot_be_recorded(
    custodian: Custodian, tmp_path: Path, lost: str
) -> None:
    custodian.create("trial", reversible=True)
    (tmp_path / lost).rename(tmp_path / "elsewhere")
    for destroy in (custodian.destroy_identities, custodian.destroy_key):
        with pytest.raises(AuditError):
            destroy("trial", "ann")
    (tmp_path / "elsewhere").rename(tmp_path / lost)
    assert custodian.has_identities("trial")
    assert custodian.projects() == ("trial",)


def test_what_was_made_without_a_trail_is_destroyed_on_record(custodian: Custodian, tmp_path: Path) -> None:
    Custodian(tmp_path / "custody").create("trial")
    custodian.destroy_key("trial", "ann")
    (record,) = custodian.trail().records(TrailQuery())
    assert record.event["reason"] == "key_destroyed"


def test_a_destroyed_way_back_is_not_made_again_and_the_project_goes_on(custodian: Custodian) -> None:
    custodian.create("trial", reversible=True)
    custodian.destroy_identities("trial", "ann")
    assert custodian.way_back("trial", {"custodian"}) is None
    assert custodian.is_identities_destroyed("trial")
    assert custodian.create("trial") == custodian.pseudonyms("trial").key_id
    with pytest.raises(KeyUnusable, match="not reversible any more"):
        custodian.create("trial", reversible=True)
    with pytest.raises(CustodyError, match="was destroyed before"):
        custodian.destroy_identities("trial", "ann")


def test_a_way_back_that_is_lost_is_no_destroyed_one(custodian: Custodian, tmp_path: Path) -> None:
    custodian.create("trial", reversible=True)
    assert custodian.way_back("trial", {"custodian"}) is not None
    (tmp_path / "custody" / "trial.mapping.key").unlink()
    with pytest.raises(KeyUnusable, match="restore"):
        custodian.way_back("trial", {"custodian"})


def test_what_was_never_kept_is_not_destroyed(custodian: Custodian) -> None:
    custodian.create("trial")
    with pytest.raises(CustodyError, match="never kept"):
        custodian.destroy_identities("trial", "ann")
    with pytest.raises(CustodyError, match="is not here"):
        custodian.destroy_key("other", "ann")
    assert custodian.trail().verify().records == 0
    assert not custodian.is_identities_destroyed("trial")


def test_a_destroyed_key_takes_the_register_and_the_name_with_it(
    custodian: Custodian, tmp_path: Path
) -> None:
    custodian.create("trial")
    custodian.destroy_key("trial", "ann")
    assert [path.name for path in (tmp_path / "custody").glob("trial.*")] == ["trial.pseudonyms.destroyed"]
    assert custodian.projects() == ()
    for use in (custodian.create, custodian.pseudonyms):
        with pytest.raises(KeyUnusable, match="a project of another name") as refused:
            use("trial")
        assert "pacs project create" not in str(refused.value)
    with pytest.raises(CustodyError, match="was destroyed before"):
        custodian.destroy_key("trial", "ann")


def test_a_register_whose_key_is_lost_gets_no_other_key(custodian: Custodian, tmp_path: Path) -> None:
    custodian.create("trial")
    (tmp_path / "custody" / "trial.pseudonyms.key").unlink()
    with pytest.raises(KeyUnusable, match="restore"):
        custodian.create("trial")
    assert not (tmp_path / "custody" / "trial.pseudonyms.key").exists()


def test_how_patients_are_called_is_the_projects_for_good(custodian: Custodian) -> None:
    custodian.create("keys")
    custodian.create("numbers", otherwise="numbered")
    custodian.create("asked", patients="keyed", otherwise="numbered")
    kinds = {name: custodian.patient_form(name).kind for name in custodian.projects()}
    assert kinds == {"asked": "keyed", "keys": "keyed", "numbers": "numbered"}
    custodian.create("keys", otherwise="numbered")
    assert custodian.patient_form("keys").kind == "keyed"
    for use in (custodian.create, custodian.patient_form):
        with pytest.raises(CustodyError, match="are keyed, and numbered is asked for"):
            use("keys", patients="numbered")


def test_the_name_of_the_suites_own_key_is_no_project(custodian: Custodian) -> None:
    with pytest.raises(KeyUnusable):
        custodian.create("suite")


def test_without_a_trail_nothing_is_recorded(tmp_path: Path) -> None:
    custodian = Custodian(tmp_path / "custody")
    custodian.create("trial")
    custodian.destroy_key("trial", "ann")
    with pytest.raises(AuditError):
        custodian.trail()


def test_a_release_is_known_by_its_key_and_its_order_alone() -> None:
    order = DeidentificationOrder(STUDY, "trial", "basic", reversible=False, content="0123")
    ours = release_id_of(Pseudonyms(bytes(32)), order)
    assert len(ours) == 32
    assert ours == release_id_of(Pseudonyms(bytes(32)), order)
    assert ours != release_id_of(Pseudonyms(b"\1" * 32), order)
    later = DeidentificationOrder(STUDY, "trial", "basic", reversible=False, content="4567")
    assert ours != release_id_of(Pseudonyms(bytes(32)), later)
