"""Studies of both archives, by their inventories: where each is, and how its two copies differ."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from orthanc_plugins.api.dependencies import STUDY_PATTERN, Joined, PageParameters, study_uid_of
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.problems import problem_documented
from orthanc_plugins.errors import NotFound
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.services import Services
from orthanc_plugins.store import (
    ContentCheck,
    InventoryDifference,
    InventoryRow,
    Presence,
    StudyFilter,
    StudyPair,
    Tombstone,
)

router = APIRouter(prefix="/studies", tags=["both archives"])

StudyPath = Annotated[
    str, Path(pattern=STUDY_PATTERN, description="Study Instance UID, or Orthanc identifier of the study.")
]

type StudyPresence = Literal["only_orthanc", "only_dcm4chee", "both", "same", "differing"]
"""Where a study is; ``same`` and ``differing`` are those of ``both``.

They differ by the inventories, or by a comparison of content that is current and did not find them equal.
"""

_DATE = r"^[0-9]{8}$"
_PRESENCE: dict[StudyPresence, Presence] = {
    "only_orthanc": Presence.ONLY_LEFT,
    "only_dcm4chee": Presence.ONLY_RIGHT,
    "both": Presence.BOTH,
    "same": Presence.SAME,
    "differing": Presence.DIFFERING,
}
_DIFFERENCE = {
    InventoryDifference.ONLY_LEFT: "missing_in_dcm4chee",
    InventoryDifference.ONLY_RIGHT: "missing_in_orthanc",
    InventoryDifference.COUNT: "count",
    InventoryDifference.CONTENTS: "instances",
    InventoryDifference.ATTRIBUTES: "metadata",
}


class Copy(BaseModel):
    """A study as one archive holds it; times are UTC."""

    series: int
    instances: int
    modalities: list[str]
    listed_at: datetime = Field(description="When the archive last said so.")
    changed_at: datetime = Field(description="Since when the inventory knows it as it is.")


class Check(BaseModel):
    """The newest comparison of the study, down to its instances or to what is in them."""

    checked_at: datetime
    depth: str
    equal: bool
    current: bool = Field(description="Whether both copies still look as they did then.")
    classes: dict[str, int] = Field(description="How many differences of each class were found.")
    comparison_url: str


class Buried(BaseModel):
    """That the study, or some of its instances, were taken out of an archive and are not sent there again."""

    archive: str
    kind: str
    whole: bool
    instances: int = Field(description="How many instances are meant where it is not the whole study.")
    noted_at: datetime
    noted_by: str


class Study(BaseModel):
    """A study over both archives; a copy is null where the archive does not hold it."""

    study_uid: str
    patient_id: str
    patient_name: str
    study_date: str
    presence: StudyPresence = Field(description="`both` is not told: it is `same` or `differing`.")
    differences: list[str] = Field(
        description="How the inventories differ: `missing_in_orthanc`, `missing_in_dcm4chee`, `count`, "
        "`instances` (as many, but others), `metadata`; `content`: `check` is current and not equal."
    )
    orthanc: Copy | None
    dcm4chee: Copy | None
    check: Check | None
    viewer_url: str


class StudyDetail(Study):
    """A study with what is known of deletions."""

    tombstones: list[Buried]


class StudyPage(BaseModel):
    """A page of studies, newest study date first."""

    studies: list[Study]
    total: int
    limit: int
    offset: int


class StudyQuery(PageParameters):
    """Which studies to list; all conditions must hold."""

    presence: StudyPresence | None = Field(
        default=None,
        description="`same` and `differing` are those that `both` archives hold, by their lists and by what "
        "was compared of their content and has not changed since.",
    )
    patient_id: str | None = Field(default=None, max_length=64, description="PatientID, exactly.")
    search: str | None = Field(
        default=None, min_length=1, max_length=64, description="Text in PatientID or PatientName."
    )
    first_date: str | None = Field(default=None, pattern=_DATE, description="Study date from, YYYYMMDD.")
    last_date: str | None = Field(default=None, pattern=_DATE, description="Study date to, YYYYMMDD.")


@router.get("", summary="List studies of both archives")
def list_studies(services: Joined, links: Linked, wanted: Annotated[StudyQuery, Query()]) -> StudyPage:
    """List studies with where they are, by the inventories of the last round of synchronisation."""
    asked = StudyFilter(
        presence=None if wanted.presence is None else _PRESENCE[wanted.presence],
        patient_id=wanted.patient_id,
        search=wanted.search,
        first_date=wanted.first_date,
        last_date=wanted.last_date,
    )
    page = services.store.inventory.studies(asked, limit=wanted.limit, offset=wanted.offset)
    checks = services.store.inventory.checks(pair.study_uid for pair in page.entries)
    return StudyPage(
        studies=[_study(services, links, pair, checks.get(pair.study_uid)) for pair in page.entries],
        total=page.total,
        limit=wanted.limit,
        offset=wanted.offset,
    )


@router.get(
    "/{study}",
    summary="Show a study of both archives",
    responses={404: problem_documented("Neither archive is known to hold the study.")},
)
def show_study(services: Joined, links: Linked, study: StudyPath) -> StudyDetail:
    """Show where a study is, how its copies differ, and what of it was deleted or rejected."""
    study_uid = study_uid_of(services, study)
    inventory = services.store.inventory
    pair = inventory.pairs([study_uid]).get(study_uid)
    if pair is None:
        raise NotFound(
            "Neither archive is known to hold the study. The next round of synchronisation may find it: "
            "POST api/sync starts one now.",
            archive="inventory",
        )
    known = _study(services, links, pair, inventory.checks([study_uid]).get(study_uid))
    buried = inventory.tombstones(study_uid=study_uid, lifted=False).entries
    return StudyDetail(**known.model_dump(), tombstones=list(_buried(buried)))


def _study(services: Services, links: Links, pair: StudyPair, check: ContentCheck | None) -> Study:
    shown = pair.left or pair.right
    if shown is None:
        raise ValueError("A study that no archive holds was listed.")
    differences = [_DIFFERENCE[difference] for difference in pair.differences]
    if check is not None and check.is_unequal_now(pair):
        differences.append("content")
    return Study(
        study_uid=pair.study_uid,
        patient_id=shown.patient_id,
        patient_name=shown.patient_name,
        study_date=shown.study_date,
        presence=_presence_of(pair, differs=bool(differences)),
        differences=sorted(differences),
        orthanc=_copy(pair.left),
        dcm4chee=_copy(pair.right),
        check=None if check is None else _check(links, pair, check),
        viewer_url=services.viewer_link(pair.study_uid),
    )


def _presence_of(pair: StudyPair, *, differs: bool) -> StudyPresence:
    """Return where a study is, in the words of answers."""
    if pair.right is None:
        return "only_orthanc"
    if pair.left is None:
        return "only_dcm4chee"
    return "differing" if differs else "same"


def _copy(row: InventoryRow | None) -> Copy | None:
    if row is None:
        return None
    return Copy(
        series=row.series_count,
        instances=row.instance_count,
        modalities=list(row.modalities),
        listed_at=row.listed_at,
        changed_at=row.changed_at,
    )


def _check(links: Links, pair: StudyPair, check: ContentCheck) -> Check:
    return Check(
        checked_at=check.checked_at,
        depth=check.depth,
        equal=check.equal,
        current=check.is_current(pair),
        classes=dict(check.classes),
        comparison_url=links.comparison(StudyUid(pair.study_uid)),
    )


def _buried(tombstones: Iterable[Tombstone]) -> Iterable[Buried]:
    for one in tombstones:
        yield Buried(
            archive=one.archive,
            kind=one.told,
            whole=one.whole,
            instances=len(one.keys),
            noted_at=one.noted_at,
            noted_by=one.noted_by,
        )
