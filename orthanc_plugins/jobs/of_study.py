"""Which jobs act on a study, by their identifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.jobs.messages import JobKind

if TYPE_CHECKING:
    from collections.abc import Collection

    from orthanc_plugins.identifiers import OrthancId, StudyUid

_NAMED_BY_UID = (JobKind.COMPARE_STUDY, JobKind.REPORT_COMPARISON)
_NAMED_BY_ORTHANC = (
    JobKind.FORWARD_STUDY,
    JobKind.OFFER_STUDY,
    JobKind.DEIDENTIFY_STUDY,
    JobKind.VERIFY_RELEASE,
    JobKind.PREVIEW_RELEASE,
)


def beginnings_of_study(study_uid: StudyUid, held: Collection[OrthancId]) -> list[str]:
    """Return how the identifiers of jobs begin that name a study.

    Jobs on structure sets and transfers do not: the store knows whose they are.

    Parameters
    ----------
    held
        The study as Orthanc holds it: once, or once for each patient that shares the UID.
    """
    of_uid = [f"{_word(kind)}.{study_uid}." for kind in _NAMED_BY_UID]
    return of_uid + [f"{_word(kind)}.{study}." for kind in _NAMED_BY_ORTHANC for study in held]


def _word(kind: JobKind) -> str:
    return kind.value.replace("_", "-")
