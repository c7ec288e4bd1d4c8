"""Whether both archives hold the same before anything is timed, and what they held before afterwards."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from orthanc_plugins.benchmark.connection import DICOM
from orthanc_plugins.benchmark.multipart import boundary_of, split_parts
from orthanc_plugins.benchmark.upkeep import PAGE, SOP_INSTANCE_UID, value
from orthanc_plugins.errors import BenchmarkError

if TYPE_CHECKING:
    from orthanc_plugins.benchmark.dataset import SyntheticStudy
    from orthanc_plugins.benchmark.site import Site
    from orthanc_plugins.benchmark.upkeep import Counts

LOOKED_AT = 20
"""Images of a study whose pixels are compared, from first to last; all are seen to be listed."""


def verify_study(site: Site, study: SyntheticStudy) -> None:
    """Check that an archive lists every image of a study, and gives back the pixels that were sent.

    Raises
    ------
    BenchmarkError
        It does not: its times would not be comparable.
    ArchiveError
        It does not answer, or refuses.
    """
    web = site.upkeep.web
    rows = web.matches(f"/studies/{study.study_uid}/instances?includefield=SOPInstanceUID", PAGE)
    listed = {value(row, SOP_INSTANCE_UID) for row in rows}
    if listed != set(study.sop_instance_uids):
        raise _not_comparable(site, f"lists {len(listed)} of {study.images} synthetic images")
    step = max(1, study.images // LOOKED_AT)
    places = range(0, study.images, step)
    right = sum(_pixels(site, study, place) == study.pixels(place) for place in places)
    if right != len(places):
        raise _not_comparable(site, f"gives back {right} of {len(places)} images with the pixels sent")


def differences(before: Counts, after: Counts) -> dict[str, int]:
    """Return what an archive holds more (or, negative, less) than before, where that is not nothing.

    >>> differences({"studies": 3, "instances": 9}, {"studies": 3, "instances": 11})
    {'instances': 2}
    """
    return {name: after[name] - count for name, count in before.items() if after.get(name, count) != count}


def _pixels(site: Site, study: SyntheticStudy, place: int) -> bytes:
    web, uid = site.upkeep.web, study.sop_instance_uids[place]
    path = f"/studies/{study.study_uid}/series/{study.series_uid}/instances/{uid}"
    answer = web.send("GET", path, headers=DICOM)
    files = list(split_parts(answer.body, boundary_of(answer.content_type) or ""))
    if len(files) != 1:
        raise web.not_understood()
    try:
        return bytes(dcmread(io.BytesIO(files[0])).PixelData)
    except (InvalidDicomError, AttributeError) as error:
        raise web.not_understood() from error


def _not_comparable(site: Site, how: str) -> BenchmarkError:
    return BenchmarkError(
        f"{site.target.title} {how}: its times cannot be compared with the other archive's. See its log, and "
        "whether it compresses or alters what it receives."
    )
