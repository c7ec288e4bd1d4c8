"""Results of a structure set that Orthanc no longer holds are removed, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.identifiers import (
    RT_STRUCTURE_SET_STORAGE,
    JobId,
    OrthancId,
    SeriesUid,
    SopInstanceUid,
    StudyUid,
)
from orthanc_plugins.store import ResultRecord, StructureSubject
from orthanc_plugins.workflows import remove_results
from orthanc_plugins.workflows.remove_results import ResultRemoval, remove_folder

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest


@pytest.fixture
def removal(services: Services) -> ResultRemoval:
    services.exports.mkdir()
    return ResultRemoval(services)


def publish(services: Services, uid: str, instance: OrthancId) -> Path:
    """Make results of a structure set and return their folder."""
    subject = StructureSubject(StudyUid("1.2"), SeriesUid("1.2.3"), SopInstanceUid(uid), instance)
    result = ResultRecord(subject, JobId(f"job of {uid}"), f"1.2/1.2.3/{uid}", 1, 0, datetime.now(UTC))
    folder = services.exports / result.folder
    (folder / "masks").mkdir(parents=True)
    (folder / "masks" / "1.nii.gz").touch()
    services.store.remember_subject(result.job_id, subject)
    services.store.publish_result(result)
    return folder


def test_results_and_the_folders_they_leave_empty_are_removed(
    removal: ResultRemoval, services: Services
) -> None:
    publish(services, "1.2.3.1", OrthancId("gone"))
    assert removal.remove("gone") == {"outcome": "removed"}
    assert services.store.result_of_instance(OrthancId("gone")) is None
    assert list(services.exports.iterdir()) == []


def test_results_of_another_structure_set_of_the_series_are_kept(
    removal: ResultRemoval, services: Services
) -> None:
    publish(services, "1.2.3.1", OrthancId("gone"))
    other = publish(services, "1.2.3.2", OrthancId("other"))
    removal.remove("gone")
    assert [path.name for path in other.parent.iterdir()] == ["1.2.3.2"]
    assert services.store.result_of_instance(OrthancId("other")) is not None


def test_results_of_one_that_orthanc_holds_are_kept(
    removal: ResultRemoval, services: Services, orthanc: FakeOrthancRest
) -> None:
    instance = orthanc.store("1.2", "1.2.3", "1.2.3.1", sop_class=RT_STRUCTURE_SET_STORAGE)
    folder = publish(services, "1.2.3.1", instance)
    assert removal.remove(instance) == {"outcome": "kept"}
    assert folder.exists()


def test_one_without_results_has_nothing_to_remove(removal: ResultRemoval) -> None:
    assert removal.remove("unknown") == {"outcome": "nothing to remove"}


def test_files_that_an_administrator_has_removed_do_not_matter(
    removal: ResultRemoval, services: Services
) -> None:
    folder = publish(services, "1.2.3.1", OrthancId("gone"))
    remove_folder(services.exports, folder)
    assert removal.remove("gone") == {"outcome": "removed"}
    assert services.exports.exists()


def test_a_removal_that_was_cut_off_is_finished_when_it_is_done_again(
    removal: ResultRemoval, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = publish(services, "1.2.3.1", OrthancId("gone"))
    with monkeypatch.context() as patch:
        patch.setattr(remove_results, "remove_folder", _fail)
        with pytest.raises(OSError, match="cut off"):
            removal.remove("gone")
    removal.remove("gone")
    assert not folder.exists()
    assert services.store.result_of_instance(OrthancId("gone")) is None


def _fail(*_arguments: object) -> None:
    raise OSError("cut off")
