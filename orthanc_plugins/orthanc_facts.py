"""What Orthanc knows of a study, as rules want to know it; a file is opened only for tags they ask for."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.rules import SeriesFacts, StudyFacts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from orthanc_plugins.archives import OrthancRest, SeriesRecord, StoredInstance, StudyRecord
    from orthanc_plugins.identifiers import OrthancId, SeriesUid, SopInstanceUid

_TIME = "%Y%m%dT%H%M%S"
"""How Orthanc writes a time, in UTC."""


@dataclass(frozen=True)
class Arrival:
    """An instance in Orthanc, and how it came.

    ``remote_aet`` is empty when it came by HTTP; ``received_at`` is None where Orthanc did not note it.
    """

    sop_instance_uid: SopInstanceUid
    series_uid: SeriesUid
    remote_aet: str
    received_at: datetime | None
    size_bytes: int


@dataclass(frozen=True)
class StudyInOrthanc:
    """A study with all of its instances; ``received_at`` is when the last one came."""

    facts: StudyFacts
    arrivals: tuple[Arrival, ...]
    received_at: datetime | None


def study_in_orthanc(orthanc: OrthancRest, study: OrthancId, keywords: Collection[str]) -> StudyInOrthanc:
    """Return what Orthanc knows of a study.

    Parameters
    ----------
    keywords
        Of all elements that rules ask for. Those that the index does not hold are read from the file of the
        first instance of each series.

    Raises
    ------
    NotFound
        Orthanc does not hold the study.
    """
    record = orthanc.study(study)
    series = orthanc.series_of_study(study)
    stored = _stored(orthanc, record, {one for found in series for one in found.instances})
    by_series: dict[SeriesUid, list[StoredInstance]] = defaultdict(list)
    for one in stored:
        by_series[one.series_uid].append(one)
    facts = StudyFacts(
        study_uid=record.study_uid,
        labels=record.labels,
        tags=record.tags,
        series=tuple(
            _series_facts(found, by_series[found.series_uid], _tags(orthanc, record, found, keywords))
            for found in series
            if by_series[found.series_uid]
        ),
    )
    arrivals = tuple(_arrival(one) for one in stored)
    times = [one.received_at for one in arrivals if one.received_at is not None]
    return StudyInOrthanc(facts, arrivals, max(times, default=None))


def contents_of(orthanc: OrthancRest, study: OrthancId) -> str:
    """Return what tells the study as it is now from what it was, and will be once something is added.

    Raises
    ------
    NotFound
        Orthanc does not hold the study.
    """
    last_update = orthanc.study(study).last_update
    instances = "|".join(sorted(orthanc.instance_ids(study)))
    return hashlib.sha256(f"{last_update}|{instances}".encode()).hexdigest()[:32]


def _stored(
    orthanc: OrthancRest, record: StudyRecord, instances: Collection[OrthancId]
) -> list[StoredInstance]:
    """Return the instances of a study; another patient's of the same Study Instance UID are left out."""
    return [one for one in _pages(orthanc, record) if one.orthanc_id in instances]


def _pages(orthanc: OrthancRest, record: StudyRecord) -> Iterator[StoredInstance]:
    since = 0
    while page := orthanc.find_instances([record.study_uid], since=since):
        yield from page
        since += len(page)


def _tags(
    orthanc: OrthancRest, record: StudyRecord, series: SeriesRecord, keywords: Collection[str]
) -> Mapping[str, str]:
    wanted = [keyword for keyword in keywords if keyword not in series.tags and keyword not in record.tags]
    if not wanted or not series.instances:
        return series.tags
    header = orthanc.header(min(series.instances))
    read = {keyword: value for keyword in wanted if isinstance(value := header.get(keyword), str)}
    return {**read, **series.tags}


def _series_facts(
    series: SeriesRecord, stored: Sequence[StoredInstance], tags: Mapping[str, str]
) -> SeriesFacts:
    aets = {aet for one in stored if (aet := one.metadata.get("RemoteAET", ""))}
    return SeriesFacts(
        series_uid=series.series_uid,
        modality=series.modality,
        calling_aets=tuple(sorted(aets)),
        tags=tags,
        instance_count=len(stored),
        stored_bytes=sum(one.size_bytes or 0 for one in stored),
    )


def _arrival(one: StoredInstance) -> Arrival:
    return Arrival(
        one.sop_instance_uid,
        one.series_uid,
        one.metadata.get("RemoteAET", ""),
        _time(one.metadata.get("ReceptionDate", "")),
        one.size_bytes or 0,
    )


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
