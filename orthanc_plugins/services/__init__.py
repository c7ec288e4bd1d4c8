"""The one place that joins the parts: archives, store and queue, built from settings."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from orthanc_plugins.archives import (
    BasicCredentials,
    ClientCredentials,
    Dcm4cheeArchive,
    OrthancArchive,
    OrthancRest,
)
from orthanc_plugins.archives.base import ArchiveName, Transport
from orthanc_plugins.archives.commitment import Commitment, StorageCommitment, commitment_not_configured
from orthanc_plugins.archives.dicom_peer import DicomPeer
from orthanc_plugins.archives.dicomweb import DicomWebConnection
from orthanc_plugins.archives.sessions import HttpOptions
from orthanc_plugins.benchmark.targets import (
    DicomAddress,
    Target,
    basic_authorisation,
    dcm4chee_target,
    orthanc_target,
    trust_of,
)
from orthanc_plugins.errors import ConfigurationError
from orthanc_plugins.jobs import DbosQueue, Doorbell, JobQueue
from orthanc_plugins.projects import Custodian, Deidentification
from orthanc_plugins.rules import RepairPolicy, Window
from orthanc_plugins.services.releasing import deidentification_of, sign_on_of
from orthanc_plugins.services.secrets import told
from orthanc_plugins.sign_on import SignOn
from orthanc_plugins.store import Store, create_store_engine
from orthanc_plugins.store.retention import Retention

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orthanc_plugins.archives import Credentials
    from orthanc_plugins.archives.base import Archive, InstanceEntry
    from orthanc_plugins.identifiers import StudyUid
    from orthanc_plugins.rules import ForwardingRule, SyncDirection, SyncRule
    from orthanc_plugins.settings import (
        Dcm4cheeSettings,
        RetentionSettings,
        Settings,
        StructureFormat,
    )

AUTHORISATION_VARIABLE = "PACS_SUITE_ORTHANC_AUTHORISATION"
"""Carries Orthanc's internal token from the plugin to its embedded worker; never logged, never stored."""


_MEGABYTE = 10**6
_WHO = (
    "Dcm4chee: give Username and Password, or TokenUrl, ClientId and ClientSecret, or none of them where the "
    "archive asks for nobody."
)


@dataclass(frozen=True)
class UploadLimits:
    """How much an upload may hold, in bytes once unpacked: in one file, and together."""

    largest_file_bytes: int
    largest_total_bytes: int


@dataclass(frozen=True)
class Forwarding:
    """What is sent on to DCM4CHEE.

    ``bandwidth_limit_bytes_s`` is None where there is no limit; what ``archive_aet`` sent is not sent back.
    """

    rules: tuple[ForwardingRule, ...] = ()
    match: Literal["first", "all"] = "first"
    bandwidth_limit_bytes_s: float | None = None
    archive_aet: str = "DCM4CHEE"


@dataclass(frozen=True)
class Synchronisation:
    """How both archives are kept in step; ``nightly_at`` is HH:MM on this machine's clock.

    ``content_pass`` are the hours in which content is compared by itself, None where it is not.
    """

    interval_s: float = 60.0
    direction: SyncDirection = "none"
    rules: tuple[SyncRule, ...] = ()
    nightly_at: str = "02:00"
    content_pass: Window | None = None


@dataclass(frozen=True)
class Labelling:
    """Whether labels are kept on studies in Orthanc, and what stands before each."""

    enabled: bool = True
    prefix: str = ""


def _nothing_deidentified() -> Deidentification:
    return Deidentification(Custodian(Path("custody")))


@dataclass(frozen=True)
class Services:
    """What routes and workflows work with; tests hand in fakes.

    ``exports`` is the folder of the results, ``viewer_url`` OHIF's address as a browser sees it,
    ``formats``, ``dose_metrics``, ``compare_regions``, ``require_same_frame_of_reference`` and
    ``partial_volume`` say what is made of a structure set, ``upload_limits`` what an upload may hold.
    ``archives`` are those that are compared and kept in step: Orthanc, and DCM4CHEE where it is set;
    ``data`` is the folder of what the suite keeps of them: comparisons, undo records, benchmarks.
    ``web_libraries`` is the folder of the libraries of the suite's pages.
    ``benchmark_targets`` are both archives as the benchmark asks them, none where there is one alone.
    ``commit`` asks DCM4CHEE to commit itself to keeping instances, ``repair`` says what a repair does where
    whoever asks for one says nothing else, ``retention`` how long what is kept,
    ``repair_transport`` how a repair copies to DCM4CHEE, ``deidentification`` what leaves without identity,
    ``sign_on`` tells who asks, ``labels`` say how studies stand, on Orthanc's own pages; ``stored_objects``
    are the results that are stored back into Orthanc.
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
    archives: Mapping[ArchiveName, Archive] = field(default_factory=dict)
    data: Path = Path("data")
    web_libraries: Path = Path("web")
    forwarding: Forwarding = Forwarding()
    synchronisation: Synchronisation = Synchronisation()
    benchmark_targets: Mapping[ArchiveName, Target] = field(default_factory=dict)
    commit: Callable[[Sequence[InstanceEntry]], Commitment] = commitment_not_configured
    repair: RepairPolicy = field(default_factory=RepairPolicy)
    repair_transport: Transport = Transport.STOW
    retention: Retention = field(default_factory=Retention)
    deidentification: Deidentification = field(default_factory=_nothing_deidentified)
    sign_on: SignOn = field(default_factory=SignOn)
    labels: Labelling = Labelling()
    stored_objects: tuple[Literal["seg", "sr", "stl"], ...] = ()

    @property
    def archive_names(self) -> list[ArchiveName]:
        """The archives that are set; Orthanc always is."""
        return list(self.archives) or [ArchiveName.ORTHANC]

    @property
    def benchmarks(self) -> Path:
        """Folder of benchmarks, each in one of its own."""
        return self.data / "benchmarks"

    @property
    def comparisons(self) -> Path:
        """Folder of what comparisons of archives found: patients' data."""
        return self.data / "comparisons"

    def viewer_link(self, study_uid: StudyUid) -> str:
        """Return the address that shows a study in OHIF."""
        return f"{self.viewer_url}/viewer?StudyInstanceUIDs={study_uid}"

    def close(self) -> None:
        """Give back all connections."""
        for archive in self.archives.values():
            archive.close()
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
    rest = _orthanc_rest(settings, authorisation)
    hours = settings.synchronisation.content_pass
    return Services(
        orthanc=rest,
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
        stored_objects=settings.structures.stored_objects,
        upload_limits=UploadLimits(
            largest_file_bytes=settings.uploads.largest_file_mb * _MEGABYTE,
            largest_total_bytes=settings.uploads.largest_total_mb * _MEGABYTE,
        ),
        archives=_archives(settings, rest),
        data=settings.data_directory,
        web_libraries=settings.web_libraries,
        repair=settings.repair.policy,
        repair_transport=Transport(settings.repair.transport),
        retention=_retention(settings.retention),
        forwarding=_forwarding(settings),
        synchronisation=Synchronisation(
            interval_s=settings.synchronisation.interval_s,
            direction=settings.synchronisation.direction,
            rules=settings.synchronisation.rules,
            nightly_at=settings.synchronisation.nightly_at,
            content_pass=None if hours is None else Window.parse(hours),
        ),
        benchmark_targets=benchmark_targets(settings, authorisation),
        commit=_commit(settings.dcm4chee),
        deidentification=deidentification_of(settings),
        sign_on=sign_on_of(settings),
        labels=Labelling(settings.labels.enabled, settings.labels.prefix or ""),
    )


def benchmark_targets(settings: Settings, authorisation: str | None = None) -> Mapping[ArchiveName, Target]:
    """Return both archives as the benchmark asks them; none where no second one is set.

    ``authorisation`` is that of `build_services`.

    Raises
    ------
    ConfigurationError
        DCM4CHEE's address, user or certificates are none.
    """
    orthanc, chosen = settings.orthanc, settings.dcm4chee
    if chosen.url is None:
        return {}
    if authorisation is not None:
        headers: Mapping[str, str] = {"Authorization": authorisation}
    else:
        user = orthanc.username
        headers = {} if user is None else basic_authorisation(user, told(orthanc.password))
    url, trust = str(chosen.url).rstrip("/"), trust_of(chosen.ca_file)
    options = HttpOptions(_credentials(chosen), chosen.ca_file, timeout_s=chosen.timeout_s)
    dicom = DicomAddress(
        chosen.aet,
        chosen.dicom_host or chosen.url.host or "localhost",
        chosen.dicom_port,
        (trust or ssl.create_default_context()) if chosen.dicom_tls else None,
    )
    authorised = DicomWebConnection(url, ArchiveName.DCM4CHEE, options).authorisation_headers
    return {
        ArchiveName.ORTHANC: orthanc_target(str(orthanc.url), lambda: headers),
        ArchiveName.DCM4CHEE: dcm4chee_target(url, authorised, dicom=dicom, trust=trust),
    }


def _orthanc_rest(settings: Settings, authorisation: str | None) -> OrthancRest:
    orthanc = settings.orthanc
    use_credentials = authorisation is None and orthanc.username is not None
    return OrthancRest(
        str(orthanc.url),
        timeout_s=orthanc.timeout_s,
        credentials=(orthanc.username or "", told(orthanc.password)) if use_credentials else None,
        headers=None if authorisation is None else {"Authorization": authorisation},
    )


def _archives(settings: Settings, rest: OrthancRest) -> Mapping[ArchiveName, Archive]:
    archives: dict[ArchiveName, Archive] = {ArchiveName.ORTHANC: OrthancArchive(rest)}
    chosen = settings.dcm4chee
    if chosen.url is not None:
        archives[ArchiveName.DCM4CHEE] = Dcm4cheeArchive(
            str(chosen.url).rstrip("/"),
            aet=chosen.aet,
            dicom_host=chosen.dicom_host,
            dicom_port=chosen.dicom_port,
            dicom_tls=chosen.dicom_tls,
            calling_aet=chosen.calling_aet or "ORTHANC",
            credentials=_credentials(chosen),
            ca_file=chosen.ca_file,
            timeout_s=chosen.timeout_s,
        )
    return archives


def _credentials(chosen: Dcm4cheeSettings) -> Credentials:
    """Return who the suite is for DCM4CHEE.

    Raises
    ------
    ConfigurationError
        Only a part of it is set, or both a user and a client.
    """
    client = (chosen.token_url, chosen.client_id, chosen.client_secret)
    if chosen.token_url is None and chosen.username is None:
        if any(part is not None for part in (*client, chosen.password)):
            raise ConfigurationError(_WHO)
        return None
    if chosen.token_url is None:
        if any(part is not None for part in client) or chosen.password is None:
            raise ConfigurationError(_WHO)
        return BasicCredentials(chosen.username or "", told(chosen.password))
    if chosen.client_id is None or chosen.client_secret is None or chosen.username is not None:
        raise ConfigurationError(_WHO)
    return ClientCredentials(str(chosen.token_url), chosen.client_id, told(chosen.client_secret))


def _commit(chosen: Dcm4cheeSettings) -> Callable[[Sequence[InstanceEntry]], Commitment]:
    """Return what asks DCM4CHEE to commit itself to keeping instances."""
    if chosen.url is None or chosen.commitment_port is None:
        return commitment_not_configured
    peer = DicomPeer(
        chosen.dicom_host or chosen.url.host or "localhost",
        chosen.dicom_port,
        chosen.aet,
        chosen.commitment_aet,
        (trust_of(chosen.ca_file) or ssl.create_default_context()) if chosen.dicom_tls else None,
        chosen.timeout_s,
    )
    return StorageCommitment(peer, chosen.commitment_port).ask


def _forwarding(settings: Settings) -> Forwarding:
    """Return what is sent on.

    Raises
    ------
    ConfigurationError
        A rule wants storage commitment, and there is no port on which the answer is waited for.
    """
    wanting = [rule.name for rule in settings.forwarding.rules if rule.enabled and rule.storage_commitment]
    if wanting and settings.dcm4chee.commitment_port is None:
        raise ConfigurationError(
            f"Forwarding.Rules: {', '.join(wanting)} wants StorageCommitment: set Dcm4chee.CommitmentPort, "
            "on which DCM4CHEE's answer is waited for, and let DCM4CHEE know it."
        )
    limit = settings.forwarding.bandwidth_limit_mb_s
    return Forwarding(
        rules=settings.forwarding.rules,
        match=settings.forwarding.match,
        bandwidth_limit_bytes_s=None if limit is None else limit * _MEGABYTE,
        archive_aet=settings.dcm4chee.aet,
    )


def _retention(chosen: RetentionSettings) -> Retention:
    return Retention(
        history=timedelta(days=chosen.history_days),
        undo=timedelta(days=chosen.undo_days),
        repairs=timedelta(days=chosen.repair_days),
        reports=timedelta(days=chosen.report_days),
        previews=timedelta(hours=chosen.preview_hours),
        held_pictures=timedelta(days=chosen.held_picture_days),
    )
