"""At which level a difference lies: what all instances of a study or series share is told once.

An attribute of patient or study that differs in the same way in every instance is one difference of the
study; anything that differs in the same way in every instance of a series is one of the series. Pixels are
always their own instance's.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.sync.differences import Difference, DifferenceClass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.content.findings import Finding
    from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid
    from orthanc_plugins.sync.differences import Level

_PATIENT_GROUP = "0010"
_STUDY_TAGS = frozenset(
    (
        *("00080020", "00080030", "00080050", "00080051", "00080090", "00080096", "0008009C", "0008009D"),
        *("00081030", "00081032", "00081048", "00081049", "00081060", "00081062", "00081080", "00081084"),
        *("00081110", "00081120", "00120010", "00120020", "00120030", "00120040", "00120062", "00120063"),
        *("00120064", "00200010", "0020000D", "00321033", "00321034", "00380010", "00380014", "00401012"),
    )
)
"""Attributes of the modules of patient and study (PS3.3 C.7.1, C.7.2), beside those of group 0010."""
_SERIES_TAGS = frozenset(
    (
        *("00080021", "00080031", "00080060", "00080068", "00080070", "00080080", "00080081", "00081010"),
        *("0008103E", "0008103F", "00081040", "00081050", "00081052", "00081070", "00081072", "00081090"),
        *("00081111", "00180015", "00181000", "00181020", "00181030", "00185100", "0020000E", "00200011"),
        *("00200052", "00200060", "00201040", "00400244", "00400245", "00400250", "00400251", "00400253"),
        *("00400254", "00400260", "00400275"),
    )
)
"""Attributes of the modules of series, frame of reference and equipment (PS3.3 C.7.3, C.7.4, C.7.5)."""
_OWN = frozenset({DifferenceClass.PIXEL})
_SEVERAL = 2


@dataclass
class Collected:
    """What was found in which instances of a study.

    ``compared`` are the instances that were, by series; in memory is each finding once, however many
    instances share it.
    """

    study_uid: StudyUid
    compared: dict[SeriesUid, set[SopInstanceUid]] = field(default_factory=lambda: defaultdict(set))
    _found: dict[Finding, dict[SeriesUid, list[SopInstanceUid]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def add(self, series_uid: SeriesUid, uid: SopInstanceUid, finding: Finding) -> None:
        """Add what was found in an instance."""
        self._found[finding][series_uid].append(uid)

    def differences(self) -> Iterator[Difference]:
        """Yield what was found, each at the highest level that it holds for as a whole."""
        for finding, by_series in self._found.items():
            if self._is_of_study(finding, by_series):
                count = sum(map(len, by_series.values()))
                yield self._at("study", finding, count=count)
                continue
            for series_uid, uids in by_series.items():
                if self._is_of_series(finding, series_uid, uids):
                    yield self._at("series", finding, series_uid, count=len(uids))
                else:
                    yield from (self._at("instance", finding, series_uid, uid) for uid in uids)

    def _is_of_study(self, finding: Finding, by_series: dict[SeriesUid, list[SopInstanceUid]]) -> bool:
        tag = finding.tag or ""
        if finding.kind in _OWN or not (tag.startswith(_PATIENT_GROUP) or _top(tag) in _STUDY_TAGS):
            return False
        return sum(map(len, by_series.values())) == sum(map(len, self.compared.values()))

    def _is_of_series(self, finding: Finding, series_uid: SeriesUid, uids: list[SopInstanceUid]) -> bool:
        if finding.kind in _OWN or len(uids) != len(self.compared[series_uid]):
            return False
        of_series = _top(finding.tag or "") in _SERIES_TAGS | _STUDY_TAGS
        return of_series or len(uids) >= _SEVERAL

    def _at(
        self,
        level: Level,
        finding: Finding,
        series_uid: SeriesUid | None = None,
        uid: SopInstanceUid | None = None,
        *,
        count: int = 1,
    ) -> Difference:
        """Return a finding as a difference at a level, which so many instances share."""
        detail = finding.detail + (f" So in all {count:,} instances." if count >= _SEVERAL else "")
        return Difference(finding.kind, level, self.study_uid, series_uid, uid, *finding[1:5], detail)


def _top(tag: str) -> str:
    """Return the element of the data set itself that a path begins with."""
    return tag[:8]
