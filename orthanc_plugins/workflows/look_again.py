"""Looks again at a study that was released: whether its destination still holds what was certified.

A destination may write files anew after they were certified, as XNAT does when it runs its project's script
over a session that is given another label: their digests are then in no certificate. So the study is
de-identified again, which gives the files that were released byte for byte, and what is there is held
against them with the same declared list of changes. Nothing is sent. Where only what was declared has
changed, another certificate, of the digests as they are now, is issued and stored beside the study.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from orthanc_plugins.audit.codes import Action
from orthanc_plugins.audit.codes import Outcome as Ended
from orthanc_plugins.audit.events import Occasion, instances_accessed
from orthanc_plugins.audit.parties import AuditSource, Participant, PatientObject, StudyObject
from orthanc_plugins.certificates import load_signing_key, opened
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, NotFound, ReleaseRefused
from orthanc_plugins.projects import SUITE, release_id_of
from orthanc_plugins.release import State
from orthanc_plugins.store import ReleaseFiles, ReleaseState
from orthanc_plugins.workflows.release_certificate import attach, certified, delivered_of, earlier_of
from orthanc_plugins.workflows.release_choices import chosen_profile, chosen_project, opened_project
from orthanc_plugins.workflows.release_held import decisions_of
from orthanc_plugins.workflows.release_making import fetched, made, told
from orthanc_plugins.workflows.release_parcel import parcel_of
from orthanc_plugins.workflows.release_work import WorkFolder

if TYPE_CHECKING:
    from orthanc_plugins.certificates import SignedCertificate
    from orthanc_plugins.deid.profile import Profile
    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.jobs import DeidentificationOrder
    from orthanc_plugins.pseudonyms import Pseudonyms
    from orthanc_plugins.rules import DeidentificationProject
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import ReleaseRecord
    from orthanc_plugins.workflows.deidentify_study import OpenDestination, Result

logger = logging.getLogger(__name__)

AS_CERTIFIED, OTHERWISE, GONE, CHANGED = "as_certified", "otherwise", "gone", "changed"
_ELSEWHERE = "the record of the release tells what (GET api/releases)."


class ReleaseLook:
    """One look at a release. Each step may be done again.

    Parameters
    ----------
    order
        What was asked for when it was released.
    open_destination
        Opens where a project's studies go.
    """

    def __init__(
        self,
        services: Services,
        order: DeidentificationOrder,
        job_id: JobId,
        open_destination: OpenDestination,
    ) -> None:
        self._services = services
        self._order = order
        self._open = open_destination
        self._chosen = services.deidentification
        self._releases = services.store.releases
        self._files = ReleaseFiles(services.data)
        self._work = WorkFolder.of_job(services.data, job_id)

    def look(self) -> Result:
        """Return whether the destination holds what was certified; what is otherwise, the release tells.

        Raises
        ------
        ReleaseRefused
            The study was never certified, or is de-identified otherwise now: nothing can be compared.
        ArchiveUnavailable
            The destination does not answer.
        """
        began = datetime.now(UTC)
        record = self._releases.find(release_id_of(self._pseudonyms, self._order))
        content = None if record is None else self._files.read(record.release_id, "certificate.json")
        if record is None or content is None:
            raise ReleaseRefused("The study was not released and certified as it is now: ask for that.")
        try:
            instances = fetched(self._services.orthanc, self._order, self._work)
        except NotFound:
            return {"outcome": GONE}
        if instances is None:
            return {"outcome": CHANGED}
        released = self._made_again(opened(content))
        found = self._found(record, released, began)
        self._releases.note_look(record.release_id, found)
        self._record(record, is_whole=not found)
        return {"outcome": OTHERWISE if found else AS_CERTIFIED, "instances": instances}

    def tidy(self) -> Result:
        """Remove the originals and what was made of them."""
        self._work.remove()
        return {}

    @cached_property
    def _pseudonyms(self) -> Pseudonyms:
        return self._chosen.custodian.pseudonyms(self._order.project)

    @cached_property
    def _settings(self) -> DeidentificationProject:
        return chosen_project(self._chosen, self._order.project)

    @cached_property
    def _profile(self) -> Profile:
        return chosen_profile(self._chosen, self._settings, self._order.profile)

    def _made_again(self, envelope: SignedCertificate) -> dict[str, Any]:
        """Return the study as it was released, made again of the originals.

        Raises
        ------
        ReleaseRefused
            It is another one.
        """
        project = opened_project(self._chosen, self._settings, self._profile)
        decisions = decisions_of(self._services, self._settings, release_id_of(self._pseudonyms, self._order))
        workers = self._chosen.processes
        found, outcome = made(project, self._order, self._work, workers=workers, decisions=decisions)
        released = told(project, found, outcome)
        was = {PurePosixPath(file.path).stem: file.sha256 for file in envelope.certificate.study.files}
        if outcome.state is State.RELEASED and _files(released) == was:
            return released
        raise ReleaseRefused(
            "The study is de-identified otherwise now than when it was certified (another version of the "
            "suite, or another profile), so what is there cannot be compared: have it done again."
        )

    def _found(self, record: ReleaseRecord, released: dict[str, Any], began: datetime) -> str:
        """Return what is otherwise there than was certified, empty for nothing; then it is certified anew.

        Raises
        ------
        ArchiveUnavailable
            The destination does not answer; without its words, which may name a subject.
        """
        earlier = earlier_of(self._services, self._order.project, released)
        parcel = parcel_of(released, self._work, self._pseudonyms, earlier)
        try:
            with self._open(self._services, self._settings, self._work.workspace) as destination:
                delivery = destination.look(parcel)
                envelope = certified(
                    self._files,
                    record.release_id,
                    key=load_signing_key(self._chosen.custodian.folder),
                    report=released["report"],
                    profile=self._profile,
                    began=began,
                    delivered=delivered_of(delivery),
                )
                if envelope.certificate.digest != record.certificate_sha256:
                    attach(destination, parcel, envelope)
        except ArchiveUnavailable as error:
            raise ArchiveUnavailable(
                "The destination of the project does not answer: look again later.", archive=error.archive
            ) from None
        except (ArchiveRefused, ReleaseRefused) as error:
            logger.warning("What is delivered is not as it was certified; %s", _ELSEWHERE)
            return str(error)
        digest = envelope.certificate.digest
        self._releases.note(record.release_id, ReleaseState.CERTIFIED, certificate_sha256=digest)
        return ""

    def _record(self, record: ReleaseRecord, *, is_whole: bool) -> None:
        """Record that somebody looked, and how it ended (PS3.15 A.5.3.6)."""
        ended = Ended.SUCCESS if is_whole else Ended.SERIOUS_FAILURE
        event = instances_accessed(
            Occasion(datetime.now(UTC), AuditSource(SUITE), ended, "looked_again"),
            action=Action.READ,
            people=[Participant(SUITE), Participant(self._order.asker or "unknown", is_requestor=True)],
            studies=[StudyObject(record.study_uid, {})],
            patient=PatientObject(record.pseudonym),
        )
        self._chosen.custodian.trail().append(event)


def _files(released: dict[str, Any]) -> dict[str, str]:
    """Return SHA-256 of each file, by its new SOP Instance UID."""
    (study,) = released["report"]["studies"]
    return {PurePosixPath(file["path"]).stem: file["sha256"] for file in study["files"]}
