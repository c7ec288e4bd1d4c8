"""What two copies of a study differ in: the records that comparison, repair, store and reports share.

Left is Orthanc, right is DCM4CHEE. Everything here is text and whole numbers, so that the JSON of a
comparison is strict and comes back as the same records. Values are those of patients: a comparison is kept
where patients' data are kept, and never logged.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid

LEFT, RIGHT = "Orthanc", "DCM4CHEE"
"""What the archive on a side is called in sentences."""

type Level = Literal["study", "series", "instance"]
type Depth = Literal["instance", "content"]

_LEVELS: tuple[str, ...] = get_args(Level.__value__)
_DEPTHS: tuple[str, ...] = get_args(Depth.__value__)


class DifferenceClass(StrEnum):
    """What kind of difference it is; which of them a difference is follows from what can be proven."""

    MISSING_LEFT = "missing_left"
    """Orthanc does not hold it: a study, a series or, where the series is there, an instance."""
    MISSING_RIGHT = "missing_right"
    """DCM4CHEE does not hold it."""
    COUNT = "count"
    """Numbers differ that no missing instance explains: an instance listed more than once, or a number told
    that is not that of the instances listed. Of inventories alone, also counts that differ."""
    METADATA = "metadata"
    """An attribute's value differs, or only one copy has it."""
    COERCED = "coerced"
    """An attribute's value differs, and one copy records in its Original Attributes Sequence (0400,0561) that
    it was changed from the value that the other copy has."""
    TRANSFER_SYNTAX_ONLY = "transfer_syntax_only"
    """Pixels are coded in another way and decode to the same values."""
    PIXEL = "pixel"
    """Pixels or other bulk values differ, or one copy's cannot be decoded."""


@dataclass(frozen=True)
class Difference:
    """One difference between the two copies.

    Parameters
    ----------
    kind
        Its class.
    level
        Where it lies. Missing as a whole, a study is one difference, and so is a series.
    series_uid, sop_instance_uid
        Where it lies below the study; of an instance in different series, the left one's.
    tag
        Path of the element, eight hexadecimal digits each, the first item of a sequence being ``[0]``:
        ``30060020[3].30060026``.
        A private one names its creator: ``0029[SIEMENS CSA HEADER]10``. None where it is not one element's.
    keyword
        Keyword of the last element of the path, None where the dictionary has none.
    left, right
        The values for a person, shortened; None where the side does not have it.
    detail
        One sentence.
    """

    kind: DifferenceClass
    level: Level
    study_uid: StudyUid
    series_uid: SeriesUid | None = None
    sop_instance_uid: SopInstanceUid | None = None
    tag: str | None = None
    keyword: str | None = None
    left: str | None = None
    right: str | None = None
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON, key for key."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Difference:
        """Return the record that `to_json` gave.

        Raises
        ------
        ValueError
            It is none.
        """
        try:
            kind, level = DifferenceClass(content["kind"]), content["level"]
            found = cls(**{**content, "kind": kind})
        except (KeyError, TypeError) as error:
            raise ValueError("The JSON is no difference.") from error
        if level not in _LEVELS:
            raise ValueError("The JSON is no difference: it is at no level there is.")
        return found


@dataclass(frozen=True)
class StudyCounts:
    """How many series and instances of a study an archive holds."""

    series: int
    instances: int


@dataclass(frozen=True)
class Comparison:
    """What was found when the two copies of a study were compared.

    Parameters
    ----------
    depth
        ``instance``: which instances there are; ``content``: also what is in them.
    compared_at
        When; aware, in UTC.
    left, right
        Counts of each side, None where it does not hold the study.
    instances_compared
        How many instances both sides hold and were compared, at the given depth.
    differences
        In the order of study, series, instance, element.
    incomplete
        What could not be read or compared and why, each a sentence. Such a comparison is never equal.
    notes
        What is worth saying beside the differences, each a sentence: why instances are missing, where that is
        known; that both copies are damaged, and are the same bytes.
    """

    study_uid: StudyUid
    depth: Depth
    compared_at: datetime
    left: StudyCounts | None
    right: StudyCounts | None
    instances_compared: int
    differences: tuple[Difference, ...] = ()
    incomplete: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether everything was compared and nothing differs, at the given depth."""
        return not self.differences and not self.incomplete

    @property
    def classes(self) -> Counter[DifferenceClass]:
        """How many differences of each class there are."""
        return Counter(difference.kind for difference in self.differences)

    def to_json(self) -> dict[str, Any]:
        """Return the record as strict JSON; ``equal`` and ``classes`` stand in it for those who read it."""
        return {
            "study_uid": self.study_uid,
            "depth": self.depth,
            "compared_at": self.compared_at.astimezone(UTC).isoformat(),
            "equal": self.equal,
            "classes": {kind.value: count for kind, count in sorted(self.classes.items())},
            "left": None if self.left is None else asdict(self.left),
            "right": None if self.right is None else asdict(self.right),
            "instances_compared": self.instances_compared,
            "differences": [difference.to_json() for difference in self.differences],
            "incomplete": list(self.incomplete),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Comparison:
        """Return the record that `to_json` gave.

        Raises
        ------
        ValueError
            It is none.
        """
        try:
            left, right, depth = content["left"], content["right"], content["depth"]
            found = cls(
                study_uid=content["study_uid"],
                depth=depth,
                compared_at=datetime.fromisoformat(content["compared_at"]),
                left=None if left is None else StudyCounts(**left),
                right=None if right is None else StudyCounts(**right),
                instances_compared=content["instances_compared"],
                differences=tuple(Difference.from_json(one) for one in content["differences"]),
                incomplete=tuple(content["incomplete"]),
                notes=tuple(content["notes"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError("The JSON is no comparison.") from error
        if depth not in _DEPTHS:
            raise ValueError("The JSON is no comparison: it has no depth there is.")
        return found
