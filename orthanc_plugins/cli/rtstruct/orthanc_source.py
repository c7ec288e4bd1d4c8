"""Structure sets in an Orthanc, with the images and doses it holds. Loaded for addresses alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from orthanc_plugins.orthanc_doses import dose_file, find_doses
from orthanc_plugins.orthanc_images import find_images, load_series
from orthanc_plugins.rtstruct.dose import in_other_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orthanc_plugins.archives import OrthancRest
    from orthanc_plugins.cli.rtstruct.orthanc_address import OrthancAddress
    from orthanc_plugins.identifiers import OrthancId
    from orthanc_plugins.rtstruct import ImageSeries, StructureSet
    from orthanc_plugins.rtstruct.dose import MissingDose


@dataclass(frozen=True)
class OrthancSource:
    """A structure set in an Orthanc; why there are no images for it is not looked into."""

    address: OrthancAddress
    instance: OrthancId
    sop_instance_uid: str
    no_images_because: str = ""

    @property
    def label(self) -> str:
        """The instance's address in Orthanc, without credentials."""
        return f"{self.address.root}/instances/{self.instance}"

    def content(self) -> bytes:
        """Return the stored file."""
        return _client(self.address).file(self.instance)

    def images(self, structure_set: StructureSet) -> ImageSeries | None:
        """Return the images that are in Orthanc now, complete or not."""
        orthanc = _client(self.address)
        found = find_images(orthanc, structure_set, orthanc.instance(self.instance), wait=False)
        return None if found.series is None else load_series(orthanc, found.series)

    def doses(self, structure_set: StructureSet) -> Mapping[str, Callable[[], bytes | MissingDose]]:
        """Return the doses of its study that are in Orthanc now."""
        orthanc = _client(self.address)
        study = orthanc.series(orthanc.instance(self.instance).series_orthanc_id).study_orthanc_id
        found = find_doses(orthanc, study, structure_set.frame_of_reference_uid)
        files: dict[str, Callable[[], bytes | MissingDose]] = {
            instance: partial(dose_file, orthanc, instance) for instance in found.wanted
        }
        if found.elsewhere:
            files[f"{found.elsewhere} elsewhere"] = partial(in_other_frame, found.elsewhere)
        return files


@lru_cache(maxsize=4)
def _client(address: OrthancAddress) -> OrthancRest:
    """Return this process's client of an Orthanc, whose connections are kept."""
    return address.connect()
