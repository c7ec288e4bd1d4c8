"""What a report is about, and what of it is shown."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from pydicom.datadict import dictionary_VR, tag_for_keyword

from orthanc_plugins.sync.differences import Comparison, DifferenceClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from orthanc_plugins.content.reports.checked import Checked
    from orthanc_plugins.identifiers import StudyUid
    from orthanc_plugins.sync.differences import Depth, Difference, Level

WITHHELD = "withheld"
"""Stands for a value that may tell who the patient is."""
CLASSES = {
    DifferenceClass.MISSING_LEFT: (
        "Missing in Orthanc",
        "DCM4CHEE holds it and Orthanc does not. Each study, series or instance is told once, as a whole.",
    ),
    DifferenceClass.MISSING_RIGHT: (
        "Missing in DCM4CHEE",
        "Orthanc holds it and DCM4CHEE does not. Each study, series or instance is told once, as a whole.",
    ),
    DifferenceClass.COUNT: (
        "Counts",
        "An archive lists an instance more than once, or tells other numbers than it lists instances.",
    ),
    DifferenceClass.METADATA: (
        "Attribute",
        "A value differs, or only one copy has one. Nothing that either archive records explains it.",
    ),
    DifferenceClass.COERCED: (
        "Changed by the archive",
        "A value differs, and the copy that was changed records the value that the other one has.",
    ),
    DifferenceClass.TRANSFER_SYNTAX_ONLY: (
        "Coding only",
        "Pixels are compressed in another way, and every decoded value is the same.",
    ),
    DifferenceClass.PIXEL: (
        "Pixels",
        "Pixels or other contents differ in their values, or one copy cannot be read.",
    ),
}
"""Each class of differences: its name, and what it means."""
_PATIENT_GROUP = "0010"
_KEYWORDS = re.compile(r"([A-Z][A-Za-z0-9]+)=")
_PATH_STEP = re.compile(r"\.(?=[0-9A-Fa-f]{4})")


@dataclass
class Summary:
    """What was found in comparisons that are added one by one, and need not be kept.

    ``studies`` counts them, ``differing`` those with differences, ``incomplete`` those that are not
    compared as a whole, ``equal`` those with neither; ``counts`` are differences by their class.
    """

    studies: int = 0
    differing: int = 0
    incomplete: int = 0
    equal: int = 0
    counts: Counter[DifferenceClass] = field(default_factory=Counter)
    depths: set[Depth] = field(default_factory=set)

    def add(self, one: Comparison) -> None:
        """Count a comparison."""
        self.studies += 1
        self.differing += bool(one.differences)
        self.incomplete += bool(one.incomplete)
        self.equal += one.equal
        self.counts.update(one.classes)
        self.depths.add(one.depth)

    @property
    def verdict(self) -> str:
        """What was found, in a sentence."""
        if not self.studies:
            return "Nothing was compared."
        if self.equal == self.studies:
            by_content = self.depths == {"content"}
            how = "down to every element and pixel" if by_content else "in which instances there are"
            what = "Both copies" if self.studies == 1 else f"All {self.studies:,} studies"
            return f"{what} are the same, {how}."
        differences = self.counts.total()
        parts = [f"{differences:,} difference{'s' * (differences != 1)}"] if differences else []
        if self.studies > 1 and differences:
            parts[0] += f" in {self.differing:,} of {self.studies:,} studies"
        if self.incomplete:
            parts.append(f"{self.incomplete:,} of {self.studies:,} could not be compared as a whole")
        return f"{'; '.join(parts)}."


@dataclass(frozen=True)
class Report:
    """Comparisons that are reported together.

    Parameters
    ----------
    title
        What they are: of a study, of a patient, of both archives.
    comparisons
        One a study.
    made_at
        When the report is made, in UTC.
    names
        What to call a study beside its UID, such as its patient's name; only where that was asked for.
    with_identity
        Show values that tell who the patient is, or may: all of group 0010, person names, and what private
        elements hold. They are withheld otherwise.
    whole
        What was found in all, where ``comparisons`` are but the first of many.
    checked
        How far both archives were checked, of a report of everything: ``comparisons`` are of what differs.
    """

    title: str
    comparisons: tuple[Comparison, ...]
    made_at: datetime
    names: Mapping[StudyUid, str] = field(default_factory=dict)
    with_identity: bool = False
    whole: Summary | None = None
    checked: Checked | None = None

    @cached_property
    def shown(self) -> tuple[Comparison, ...]:
        """The comparisons as they may be shown."""
        if self.with_identity:
            return self.comparisons
        return tuple(map(shown_comparison, self.comparisons))

    @cached_property
    def summary(self) -> Summary:
        """What was found in all."""
        if self.whole is not None:
            return self.whole
        summary = Summary()
        for one in self.comparisons:
            summary.add(one)
        return summary

    @property
    def not_shown(self) -> int:
        """How many studies the summary is of and the comparisons are not."""
        return self.summary.studies - len(self.comparisons)

    @property
    def counts(self) -> Counter[DifferenceClass]:
        """How many differences of each class there are."""
        return self.summary.counts

    @property
    def incomplete(self) -> int:
        """How many studies could not be compared as a whole."""
        return self.summary.incomplete

    @property
    def verdict(self) -> str:
        """What was found, in a sentence; of everything in some more."""
        return verdict_of(self.summary, self.checked)

    @property
    def is_clean(self) -> bool:
        """Whether everything was compared, and is the same."""
        equal = all(one.equal for one in self.comparisons)
        return equal and (bool(self.comparisons) if self.checked is None else self.checked.is_clean)


def verdict_of(summary: Summary, checked: Checked | None) -> str:
    """Return what was found in a sentence; where everything was checked, in some more."""
    if checked is None:
        return summary.verdict
    parts = [checked.verdict]
    if differences := summary.counts.total():
        parts.append(
            f"{differences:,} {'difference is' if differences == 1 else 'differences are'} told here."
        )
    if summary.incomplete:
        studies = "study" if summary.incomplete == 1 else "studies"
        parts.append(f"{summary.incomplete:,} {studies} could not be compared as a whole.")
    return " ".join(parts)


def class_name(kind: DifferenceClass) -> str:
    """Return what a class of differences is called."""
    return CLASSES[kind][0]


class Group(NamedTuple):
    """Differences of one study, series or instance; ``uid`` is empty of the study itself."""

    level: Level
    uid: str
    differences: tuple[Difference, ...]


def grouped(differences: Iterable[Difference]) -> Iterator[Group]:
    """Yield differences that follow one another by what they are of."""
    for (level, uid), found in groupby(differences, lambda one: (one.level, _uid(one))):
        yield Group(level, uid, tuple(found))


def _uid(difference: Difference) -> str:
    return difference.sop_instance_uid or difference.series_uid or ""


def shown_comparison(comparison: Comparison) -> Comparison:
    """Return a comparison without values that may tell who the patient is."""
    return replace(comparison, differences=tuple(map(without_identity, comparison.differences)))


def without_identity(difference: Difference) -> Difference:
    """Return a difference without values that may tell who the patient is."""
    if not _tells_identity(difference):
        return difference
    left, right = (None if value is None else WITHHELD for value in (difference.left, difference.right))
    return replace(difference, left=left, right=right)


def _tells_identity(difference: Difference) -> bool:
    steps = _PATH_STEP.split(difference.tag or "")
    if any(step.startswith(_PATIENT_GROUP) or _is_private(step) for step in steps) or _is_name(steps[-1][:8]):
        return True
    if not steps[-1].endswith("]"):
        return False
    named = _KEYWORDS.findall(f"{difference.left} {difference.right}")
    return any(_tag_tells_identity(keyword) for keyword in named)


def _is_private(step: str) -> bool:
    group = step[:4]
    return bool(group) and int(group, 16) % 2 == 1


@cache
def _is_name(tag: str) -> bool:
    try:
        return bool(tag) and dictionary_VR(int(tag, 16)) == "PN"
    except (KeyError, ValueError):
        return False


@cache
def _tag_tells_identity(keyword: str) -> bool:
    tag = tag_for_keyword(keyword)
    return tag is not None and (f"{tag:08X}".startswith(_PATIENT_GROUP) or _is_name(f"{tag:08X}"))
