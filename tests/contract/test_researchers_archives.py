"""A released study arrives in a real archive of the researchers', by either of its interfaces, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.researchers import archive_of
from orthanc_plugins.delivery import ArchiveDestination
from orthanc_plugins.errors import ReleaseRefused
from orthanc_plugins.rules.projects import ProjectDestination
from tests.standin import running_plain_orthanc
from tests.unit.delivery.parcels import build_parcel, without_structures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.standin import PlainOrthanc


@pytest.fixture
def research(tmp_path: Path) -> Iterator[PlainOrthanc]:
    with running_plain_orthanc(tmp_path / "research") as orthanc:
        yield orthanc


@pytest.fixture(params=["orthanc", "dicomweb"])
def destination(
    request: pytest.FixtureRequest, research: PlainOrthanc, tmp_path: Path
) -> Iterator[ArchiveDestination]:
    below = {"orthanc": "", "dicomweb": "/dicom-web"}[request.param]
    choice = ProjectDestination.model_validate({"kind": request.param, "url": research.url + below})
    archive = archive_of(choice)
    yield ArchiveDestination(archive, "researchers", workspace=tmp_path)
    archive.close()


def test_a_study_arrives_and_what_comes_later_joins_it(
    destination: ArchiveDestination, tmp_path: Path
) -> None:
    parcel = build_parcel(tmp_path / "parcel")
    first = destination.deliver(without_structures(parcel))
    assert (first.instances, first.sent, first.changes, first.stored) == (4, 4, {}, {})
    second = destination.deliver(parcel)
    assert (second.instances, second.sent, second.uncovered) == (5, 1, 0)
    assert destination.deliver(parcel).sent == 0


def test_an_object_that_the_suite_has_not_released_is_refused(
    destination: ArchiveDestination, tmp_path: Path
) -> None:
    parcel = build_parcel(tmp_path / "parcel")
    destination.deliver(parcel)
    with pytest.raises(ReleaseRefused, match="1 object that the suite has not released"):
        destination.deliver(without_structures(parcel))
