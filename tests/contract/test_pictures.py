"""Pictures as the real Orthanc and what stands in DCM4CHEE's place render them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.archives import OrthancArchive, OrthancRest
from orthanc_plugins.archives.base import Transport
from orthanc_plugins.errors import ArchiveRefused
from orthanc_plugins.identifiers import StudyUid
from tests.contract.orthanc_archive.files import file
from tests.contract.waiting import eventually

if TYPE_CHECKING:
    from orthanc_plugins.archives import Dcm4cheeArchive
    from orthanc_plugins.archives.base import Archive, InstanceEntry
    from tests.contract.real_orthanc import RealOrthanc

STUDY = StudyUid("1.2.826.0.1.3680043.8.498.4711")
SHADES = bytes(range(16))


def _held(archive: Archive) -> list[InstanceEntry]:
    """Have the archive hold an image and an object without pixels; return them in this order."""
    bare: dict[str, Any] = dict.fromkeys(("PixelData", "Rows", "Columns"))
    files = [
        file(STUDY, PatientID="picture", PixelData=SHADES),
        file(STUDY, "2", PatientID="picture", Modality="SR", **bare),
    ]
    outcomes = list(archive.store(files, Transport.STOW))
    assert [outcome.state for outcome in outcomes] == ["stored", "stored"]
    eventually(lambda: len(archive.instances(STUDY)) == 2, "both are listed")
    return sorted(archive.instances(STUDY), key=lambda one: one.series_uid)


def test_dcm4chee_renders_an_image_and_nothing_else(archive: Dcm4cheeArchive) -> None:
    image, bare = _held(archive)
    assert archive.picture(image, 32).startswith(b"\xff\xd8\xff")
    with pytest.raises(ArchiveRefused):
        archive.picture(bare, 32)


def test_orthanc_renders_an_image_within_the_size_asked_for_and_nothing_else(
    real_orthanc: RealOrthanc,
) -> None:
    archive = OrthancArchive(OrthancRest(real_orthanc.url))
    image, bare = _held(archive)
    picture = archive.picture(image, 2)
    assert picture.startswith(b"\x89PNG\r\n")
    assert max(int.from_bytes(picture[place : place + 4], "big") for place in (16, 20)) == 2
    with pytest.raises(ArchiveRefused):
        archive.picture(bare, 2)
    archive.close()
