"""What a rule would have sent: the studies it was tried on, and what it would have asked for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DAY_S = 86_400.0


@dataclass(frozen=True)
class TriedStudy:
    """What a rule says of a study, were it switched on and alone.

    Parameters
    ----------
    received_at
        When its last instance came to Orthanc.
    series, instances, stored_bytes
        What would have been sent; 0 where the rule does not match.
    kept_back
        Instances that would not go although the rule asks for them: the archive had sent them, or they were
        removed from there.
    also
        Other rules that are switched on and match the study, too.
    goes_at
        When it would have been sent: once it was there, or when the rule's hours opened; None where nothing
        of it is sent, or it is not known when it came.
    """

    study_uid: str
    received_at: datetime | None
    matched: bool
    reasons: tuple[str, ...]
    series: int = 0
    instances: int = 0
    stored_bytes: int = 0
    kept_back: int = 0
    also: tuple[str, ...] = ()
    goes_at: datetime | None = None


@dataclass(frozen=True)
class BusiestHour:
    """The hour in which most bytes would have had to be sent, by when each study would have gone."""

    begins_at: datetime
    studies: int
    instances: int
    stored_bytes: int


@dataclass(frozen=True)
class Load:
    """What all of it would have asked of the destination.

    Parameters
    ----------
    bytes_per_day
        On average over the time from the first to the last of the studies tried; None within less than a day.
    bytes_per_s
        How fast it has taken what was sent to it lately, within the limit that is set; None when nothing was.
    sending_s
        How long sending all of it takes at that rate.
    """

    studies: int
    series: int
    instances: int
    stored_bytes: int
    bytes_per_day: float | None
    busiest_hour: BusiestHour | None
    bytes_per_s: float | None
    sending_s: float | None


def load_of(studies: Sequence[TriedStudy], bytes_per_s: float | None) -> Load:
    """Return what the studies that a rule matches would have asked of the destination."""
    sent = [study for study in studies if study.instances]
    size = sum(study.stored_bytes for study in sent)
    times = [study.received_at for study in studies if study.received_at is not None]
    span_s = (max(times) - min(times)).total_seconds() if times else 0.0
    return Load(
        studies=len(sent),
        series=sum(study.series for study in sent),
        instances=sum(study.instances for study in sent),
        stored_bytes=size,
        bytes_per_day=size / (span_s / _DAY_S) if span_s >= _DAY_S else None,
        busiest_hour=_busiest_hour(sent),
        bytes_per_s=bytes_per_s,
        sending_s=size / bytes_per_s if bytes_per_s else None,
    )


def trial_to_json(rule: str, window: str | None, studies: Sequence[TriedStudy], load: Load) -> dict[str, Any]:
    """Return a trial of a rule of this name and these hours as JSON; times in ISO 8601."""
    content: dict[str, Any] = _plain(
        {
            "rule": rule,
            "window": window,
            "studies": [asdict(study) for study in studies],
            "load": asdict(load),
        }
    )
    return content


def _busiest_hour(sent: Sequence[TriedStudy]) -> BusiestHour | None:
    hours: Mapping[datetime, list[TriedStudy]] = defaultdict(list)
    for study in sent:
        goes_at = study.goes_at or study.received_at
        if goes_at is not None:
            hour = goes_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            hours[hour].append(study)
    if not hours:
        return None

    def size(hour: datetime) -> tuple[int, datetime]:
        return sum(study.stored_bytes for study in hours[hour]), hour

    busiest = max(hours, key=size)
    return BusiestHour(
        busiest,
        len(hours[busiest]),
        sum(study.instances for study in hours[busiest]),
        size(busiest)[0],
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
