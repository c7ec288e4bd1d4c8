"""De-identifies a study of Orthanc, delivers, certifies and records it: the steps of the workflow.

What a step returns, and what an error says, is stored beside Orthanc's identifier of the original: so neither
holds a pseudonym, a new UID, or a text of the destination. Those are in the record of the release, which only
the project's key joins to the original, and until the last step in the job's work folder.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from orthanc_plugins.audit.codes import Outcome as Ended
from orthanc_plugins.certificates import load_signing_key
from orthanc_plugins.errors import (
    ArchiveRefused,
    ArchiveUnavailable,
    HeldForReview,
    NotFound,
    PacsSuiteError,
    ReleaseRefused,
)
from orthanc_plugins.jobs import deidentify_study_request
from orthanc_plugins.projects import release_id_of
from orthanc_plugins.pseudonyms import PatientKey
from orthanc_plugins.release import State
from orthanc_plugins.store import JOB_TELLS, ReleaseFiles, ReleaseState
from orthanc_plugins.workflows.release_audit import ReleaseAudit, Told
from orthanc_plugins.workflows.release_certificate import (
    attach,
    certified,
    delivered_of,
    earlier_of,
    uncovered_told,
)
from orthanc_plugins.workflows.release_choices import chosen_profile, chosen_project, opened_project, way_back
from orthanc_plugins.workflows.release_held import decisions_of, note_held
from orthanc_plugins.workflows.release_identities import remember
from orthanc_plugins.workflows.release_making import fetched, made, told
from orthanc_plugins.workflows.release_parcel import parcel_of
from orthanc_plugins.workflows.release_work import WorkFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from orthanc_plugins.deid.profile import Profile
    from orthanc_plugins.delivery.parcel import Destination
    from orthanc_plugins.jobs import DeidentificationOrder, JsonValue
    from orthanc_plugins.pseudonyms import Pseudonyms
    from orthanc_plugins.release import Outcome, Studies
    from orthanc_plugins.rules import DeidentificationProject
    from orthanc_plugins.services import Services

    type OpenDestination = Callable[
        [Services, DeidentificationProject, Path], AbstractContextManager[Destination]
    ]

logger = logging.getLogger(__name__)

type Result = dict[str, JsonValue]

GONE, CHANGED, READY = "gone", "changed", "ready"
_ENDED = {
    State.HELD: (ReleaseState.HELD, Ended.MINOR_FAILURE),
    State.REFUSED: (ReleaseState.REFUSED, Ended.SERIOUS_FAILURE),
}
_ELSEWHERE = "the record of the release tells why (GET api/releases)."


@dataclass(frozen=True)
class _Whose:
    """Who a release is of, by keyed names alone."""

    study_uid: str
    pseudonym: str


class StudyDeidentification:
    """The steps of one run; each may be done again, in another process, and then goes on.

    A step whose forerunner's files are gone does its forerunner's work first.

    Parameters
    ----------
    open_destination
        Opens where a project's studies go.
    """

    def __init__(
        self, services: Services, order: DeidentificationOrder, open_destination: OpenDestination
    ) -> None:
        self._services = services
        self._order = order
        self._open = open_destination
        self._custodian = services.deidentification.custodian
        self._releases = services.store.releases
        self._files = ReleaseFiles(services.data)
        self._work = WorkFolder.of_job(services.data, deidentify_study_request(order).job_id)

    def check(self) -> Result:
        """See that all is there that is needed, before anything of the study is fetched.

        Raises
        ------
        PacsSuiteError
            A key, register, profile or trail is missing or not usable; the text says what to do.
        """
        profile = self._profile
        self._custodian.trail()
        load_signing_key(self._custodian.folder)
        opened_project(self._services.deidentification, self._project_settings, profile)
        if self._order.reversible:
            way_back(self._services.deidentification, self._project_settings)
        self._releases.begin(self._release_id, self._order.project, profile.name)
        self._releases.note(self._release_id, ReleaseState.WORKING, policy_digest=profile.digest)
        return {"outcome": READY}

    def fetch(self) -> Result:
        """Fetch the study, as long as it holds what was asked for; return how many instances it has."""
        known = self._work.marked("fetched")
        if known is not None:
            return {"outcome": READY, "instances": known["instances"]}
        try:
            instances = fetched(self._services.orthanc, self._order, self._work)
        except NotFound:
            return self._stopped(GONE, "Orthanc does not hold the study any more.")
        if instances is None:
            return self._stopped(CHANGED, "The study has changed since it was asked for: ask again.")
        self._work.mark("fetched", {"instances": instances, "began": datetime.now(UTC).isoformat()})
        return {"outcome": READY, "instances": instances}

    def release(self) -> Result:
        """De-identify what was fetched and check it; return whether it may leave."""
        known = self._released()
        state = State(known["report"]["studies"][0]["state"])
        instances: int = known["report"]["studies"][0]["instances"]
        return {"outcome": state.value, "instances": instances}

    def deliver(self) -> Result:
        """Deliver what may leave, once it is recorded that it was read.

        Raises
        ------
        ArchiveUnavailable, ReleaseRefused
            The destination does not take it, now or at all.
        """
        return {"instances": self._delivered()["instances"]}

    def certify(self) -> Result:
        """Issue the certificate, keep it, and store it beside the study."""
        released, delivered = self._released(), self._delivered()
        envelope = certified(
            self._files,
            self._release_id,
            key=load_signing_key(self._custodian.folder),
            report=released["report"],
            profile=self._profile,
            began=self._began,
            delivered=delivered,
        )
        parcel = parcel_of(released, self._work, self._pseudonyms)
        with self._destination() as destination:
            attach(destination, parcel, envelope)
        digest = envelope.certificate.digest
        self._releases.note(self._release_id, ReleaseState.DELIVERED, certificate_sha256=digest)
        return {}

    def record(self) -> Result:
        """Record that the study left; with that it is certified."""
        looked = "one_person" if self._order.one_person else ""
        self._audit(self._released()).exported(reason=looked)
        uncovered = self._delivered()["uncovered"]
        self._releases.note(self._release_id, ReleaseState.CERTIFIED, reason=uncovered_told(uncovered))
        return {}

    def record_kept_back(self) -> Result:
        """Record that the study was kept back."""
        known = self._released()
        state = State(known["report"]["studies"][0]["state"])
        self._audit(known).exported(_ENDED[state][1], state.value)
        return {}

    def record_failure(self, reason: str) -> Result:
        """Record that the study did not leave, or not whole, for another reason, one word."""
        self._note_failure()
        released = self._work.marked("released")
        whose = None if released is not None else self._whose_by_study()
        if released is not None:
            self._audit(released).exported(Ended.MAJOR_FAILURE, reason)
        elif whose is not None:
            ReleaseAudit(self._custodian.trail(), self._told(whose, {})).exported(Ended.MAJOR_FAILURE, reason)
        return {}

    def tidy(self) -> Result:
        """Remove the originals and what was made of them."""
        self._work.remove()
        return {}

    def abandon(self) -> None:
        """Remember that nobody wants the release any more, and remove what there is of it."""
        self._work.remove()
        self._releases.note(self._release_id, ReleaseState.FAILED, reason="The job was cancelled.")

    # What the steps have in common

    @cached_property
    def _project_settings(self) -> DeidentificationProject:
        return chosen_project(self._services.deidentification, self._order.project)

    @cached_property
    def _profile(self) -> Profile:
        return chosen_profile(self._services.deidentification, self._project_settings, self._order.profile)

    @cached_property
    def _pseudonyms(self) -> Pseudonyms:
        return self._custodian.pseudonyms(self._order.project)

    @cached_property
    def _release_id(self) -> str:
        return release_id_of(self._pseudonyms, self._order)

    @property
    def _asker(self) -> str:
        """The account that this run is for: whoever asked for it again, else whoever asked first."""
        askers = self._releases.askers([self._release_id]).get(self._release_id, ())
        begun_for = [one.asker for one in askers if one.begins]
        return begun_for[-1] if begun_for else self._order.asker

    @property
    def _began(self) -> datetime:
        known = self._work.marked("fetched")
        return datetime.now(UTC) if known is None else datetime.fromisoformat(known["began"])

    def _stopped(self, outcome: str, reason: str) -> Result:
        self._work.remove()
        self._releases.note(self._release_id, ReleaseState.FAILED, reason=reason)
        return {"outcome": outcome, "instances": 0}

    def _released(self) -> dict[str, Any]:
        """Return what became of the study; it is done now unless it was, and its files are there."""
        known = self._work.marked("released")
        if known is None:
            if self.fetch()["outcome"] != READY:
                raise ArchiveRefused(
                    "The study was deleted or changed while it was worked on: ask again.", archive="orthanc"
                )
            known = self._release()
            self._work.mark("released", known)
        return known

    def _release(self) -> dict[str, Any]:
        project = opened_project(self._services.deidentification, self._project_settings, self._profile)
        workers = self._services.deidentification.processes
        decisions = decisions_of(self._services, self._project_settings, self._release_id)
        found, outcome = made(project, self._order, self._work, workers=workers, decisions=decisions)
        study = found.studies[0] if found.studies else None
        note_held(self._services, self._release_id, project, study, outcome)
        self._remember(found, outcome)
        whose = self._whose(found, outcome)
        return {**told(project, found, outcome), "whose": [whose.study_uid, whose.pseudonym]}

    def _remember(self, found: Studies, outcome: Outcome) -> None:
        """Note how the release stands; where the project wants it, keep who is behind the pseudonym."""
        if outcome.state is State.RELEASED and self._order.reversible:
            table = way_back(self._services.deidentification, self._project_settings)
            if table is not None:
                remember(table, found.studies[0], outcome.pseudonym, self._pseudonyms)
        state = _ENDED[outcome.state][0] if outcome.state in _ENDED else ReleaseState.RELEASED
        self._releases.note(
            self._release_id,
            state,
            pseudonym=outcome.pseudonym,
            study_uid=outcome.study_uid,
            instances=outcome.instances,
            reason=outcome.reason,
        )

    def _delivered(self) -> dict[str, Any]:
        """Return what the destination holds; it is delivered now unless it was."""
        released = self._released()
        known = self._work.marked("delivered")
        if known is not None and "stored" in known:  # otherwise an older version of the suite has noted it
            return known
        self._audit(released).read()
        with self._destination() as destination:
            parcel = parcel_of(
                released,
                self._work,
                self._pseudonyms,
                earlier_of(self._services, self._order.project, released),
            )
            delivery = destination.deliver(parcel)
        known = delivered_of(delivery)
        shown = {name: known[name] for name in ("destination", "address", "labels", "instances", "changes")}
        self._releases.note(self._release_id, ReleaseState.DELIVERED, **shown)
        self._work.mark("delivered", known)
        return known

    @contextmanager
    def _destination(self) -> Iterator[Destination]:
        """Yield where the study goes; what it says on failure is noted with the release, and only there.

        Raises
        ------
        ArchiveUnavailable, ReleaseRefused
            It does not take the study; without its words, which may name a subject.
        """
        try:
            with self._open(self._services, self._project_settings, self._work.workspace) as destination:
                yield destination
        except ArchiveUnavailable as error:
            self._note_failure(str(error))
            raise ArchiveUnavailable(
                f"The destination of the project does not answer; {_ELSEWHERE}", archive=error.archive
            ) from None
        except (ArchiveRefused, ReleaseRefused) as error:
            self._note_failure(str(error))
            raise ReleaseRefused(f"The destination of the project does not take it; {_ELSEWHERE}") from None

    def _note_failure(self, reason: str = "") -> None:
        """Note that the release failed, unless it is known already how it ended; a reason known stays."""
        record = self._releases.find(self._release_id)
        if record is None or record.state in {ReleaseState.HELD, ReleaseState.REFUSED}:
            return
        known = {"reason": reason or record.reason or JOB_TELLS}
        self._releases.note(self._release_id, ReleaseState.FAILED, **known)

    def _audit(self, released: dict[str, Any]) -> ReleaseAudit:
        whose = _Whose(*released["whose"])
        return ReleaseAudit(self._custodian.trail(), self._told(whose, released["report"]))

    def _told(self, whose: _Whose, report: dict[str, Any]) -> Told:
        xnat = self._services.deidentification.xnat
        place = self._project_settings.destination.address(None if xnat is None else xnat.url)
        return Told(whose.study_uid, whose.pseudonym, place, self._began, report, self._asker)

    def _whose(self, found: Studies, outcome: Outcome) -> _Whose:
        """Return keyed names of study and patient, also where nothing was released."""
        known = found.studies[0] if found.studies else None
        if known is None:
            by_study = self._whose_by_study()
            if by_study is None:
                raise HeldForReview("Nothing of the study can be read.")
            return by_study
        patient = outcome.pseudonym or self._pseudonyms.patient(known.patient)
        return _Whose(outcome.study_uid or self._pseudonyms.uid(known.study_uid), patient)

    def _whose_by_study(self) -> _Whose | None:
        """Return keyed names made of the Study Instance UID alone; None where Orthanc does not tell it."""
        try:
            study_uid = self._services.orthanc.study_uid(self._order.study)
        except PacsSuiteError:
            logger.warning("Orthanc does not tell the UID of a study that is to be recorded.")
            return None
        return _Whose(
            self._pseudonyms.uid(study_uid), self._pseudonyms.patient(PatientKey.of_study(study_uid))
        )


def kept_back(outcome: str) -> PacsSuiteError:
    """Return the error with which the job of a study ends that was held or refused."""
    if outcome == State.HELD:
        return HeldForReview(f"Only a person can say whether the study may leave; {_ELSEWHERE}")
    return ReleaseRefused(f"The study is not to leave as it is; {_ELSEWHERE}")
