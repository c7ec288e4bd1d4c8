"""The one place that joins the parts: archives, store and queue, built from settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orthanc_plugins.archives import OrthancRest
from orthanc_plugins.jobs import DbosQueue, Doorbell, JobQueue
from orthanc_plugins.store import Store, create_store_engine

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.identifiers import StudyUid
    from orthanc_plugins.settings import Settings, StructureFormat

AUTHORISATION_VARIABLE = "PACS_SUITE_ORTHANC_AUTHORISATION"
"""Carries Orthanc's internal token from the plugin to its embedded worker; never logged, never stored."""


_MEGABYTE = 10**6


@dataclass(frozen=True)
class UploadLimits:
    """How much an upload may hold, in bytes once unpacked: in one file, and together."""

    largest_file_bytes: int
    largest_total_bytes: int


@dataclass(frozen=True)
class Services:
    """What routes and workflows work with; tests hand in fakes.

    ``exports`` is the folder of the results, ``viewer_url`` OHIF's address as a browser sees it,
    ``formats``, ``dose_metrics``, ``compare_regions``, ``require_same_frame_of_reference`` and
    ``partial_volume`` say what is made of a structure set, ``upload_limits`` what an upload may hold.
    """

    orthanc: OrthancRest
    store: Store
    queue: JobQueue
    exports: Path
    viewer_url: str
    formats: tuple[StructureFormat, ...]
    dose_metrics: tuple[str, ...]
    compare_regions: bool
    require_same_frame_of_reference: bool
    mesh_detail: Literal["full", "medium", "low"]
    mesh_frame: Literal["LPS", "RAS"]
    partial_volume: bool
    upload_limits: UploadLimits

    def viewer_link(self, study_uid: StudyUid) -> str:
        """Return the address that shows a study in OHIF."""
        return f"{self.viewer_url}/viewer?StudyInstanceUIDs={study_uid}"

    def close(self) -> None:
        """Give back all connections."""
        self.queue.close()
        self.store.close()


def build_services(settings: Settings, authorisation: str | None) -> Services:
    """Return the services of these settings.

    Parameters
    ----------
    settings
        The checked settings.
    authorisation
        Value of the Authorization header for Orthanc's REST API, for processes that Orthanc itself
        trusts; user and password of the settings are used when None.
    """
    orthanc = settings.orthanc
    password = "" if orthanc.password is None else orthanc.password.get_secret_value()
    use_credentials = authorisation is None and orthanc.username is not None
    return Services(
        orthanc=OrthancRest(
            str(orthanc.url),
            timeout_s=orthanc.timeout_s,
            credentials=(orthanc.username or "", password) if use_credentials else None,
            headers=None if authorisation is None else {"Authorization": authorisation},
        ),
        store=Store(create_store_engine(settings.store_url)),
        queue=DbosQueue(settings.jobs_url, Doorbell(settings.run_directory).ring),
        exports=settings.exports,
        viewer_url=str(settings.ohif_url).rstrip("/"),
        formats=settings.structures.formats,
        dose_metrics=settings.structures.dose_metrics,
        compare_regions=settings.structures.compare_regions,
        require_same_frame_of_reference=settings.structures.require_same_frame_of_reference,
        mesh_detail=settings.structures.mesh_detail,
        mesh_frame=settings.structures.mesh_frame,
        partial_volume=settings.structures.partial_volume,
        upload_limits=UploadLimits(
            largest_file_bytes=settings.uploads.largest_file_mb * _MEGABYTE,
            largest_total_bytes=settings.uploads.largest_total_mb * _MEGABYTE,
        ),
    )
