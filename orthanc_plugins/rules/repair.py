"""What a repair may do by itself: a strategy for each attribute and for each class of difference."""

from __future__ import annotations

import re
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from orthanc_plugins.rules.keywords import checked_keyword, known_keywords
from orthanc_plugins.rules.section import SECTION

_TAG_PATH = re.compile(r"[0-9A-Fa-f]{8}(?:(?:\[\*\])?\.[0-9A-Fa-f]{8})*")
_WILDCARDS = frozenset("*?")


class Strategy(StrEnum):
    """Which of two values stays."""

    PREFER_ORTHANC = "prefer_orthanc"
    PREFER_DCM4CHEE = "prefer_dcm4chee"
    NEWEST = "newest"
    """The one that is provably the newer; where nothing proves it, a person decides."""
    NEVER_OVERWRITE = "never_overwrite"
    """A value is put where there is none, and never in another's place."""
    MANUAL = "manual"
    """A person decides."""


def _checked_name(name: str) -> str:
    """Return the name of an attribute or of several; tags in capitals and without item numbers."""
    if _TAG_PATH.fullmatch(name):
        return name.upper().replace("[*]", "")
    if not _WILDCARDS & set(name):
        return _without_uids(checked_keyword(name))
    if not any(fnmatchcase(keyword, name) for keyword in known_keywords()):
        raise ValueError(f"{name} matches no keyword of DICOM")
    return name


def _without_uids(keyword: str) -> str:
    if keyword.endswith("UID"):
        raise ValueError(f"{keyword} cannot be repaired: UIDs are never rewritten")
    return keyword


type Attribute = Annotated[str, StringConstraints(max_length=256), AfterValidator(_checked_name)]
"""A keyword, a pattern of keywords such as ``Patient*``, or a path of tags such as ``300A00B0.300A00C2``."""


class RepairPolicy(BaseModel):
    """What a repair does with each difference; the default copies what never was there, else it asks.

    Parameters
    ----------
    attributes
        Of several entries that name an attribute, one that names it exactly wins, then the first written.
    """

    model_config = SECTION

    missing: Annotated[
        Literal["copy", "manual"],
        Field(
            description="Instances that one archive lacks: `copy` them, or let a person decide (`manual`)."
        ),
    ] = "copy"
    deleted: Annotated[
        Literal["block", "manual", "copy"],
        Field(
            description="Missing instances that were deleted or rejected on purpose: `block`, let a person "
            "decide (`manual`), or `copy` them all the same."
        ),
    ] = "block"
    disappeared: Annotated[
        Literal["manual", "copy"],
        Field(
            description="Missing instances that the archive once listed, where it is not known whether they "
            "were deleted or lost: let a person decide (`manual`), or `copy` them."
        ),
    ] = "manual"
    default: Annotated[
        Strategy,
        Field(
            description="Which value of an attribute stays: `prefer_orthanc`, `prefer_dcm4chee`, `newest` "
            "(proven by dates in the instances, else a person decides), `never_overwrite` (only fills what "
            "is empty) or `manual` (a person decides)."
        ),
    ] = Strategy.MANUAL
    attributes: Annotated[
        dict[Attribute, Strategy],
        Field(
            description="Another strategy for some attributes, by keyword, by a pattern of keywords such as "
            "`Patient*`, or by tag (`00100010`; `300A00B0` is all below that sequence)."
        ),
    ] = {}
    pixel: Annotated[
        Strategy, Field(description="Which instance stays where pixels or other bulk values differ.")
    ] = Strategy.MANUAL
    coerced: Annotated[
        Strategy | Literal["leave"],
        Field(
            description="Values that an archive changed by its own rules and says so: `leave`, or a strategy."
        ),
    ] = "leave"

    def strategy_of(self, keyword: str | None, tags: str) -> Strategy:
        """Return the strategy of an attribute.

        Parameters
        ----------
        keyword
            Keyword of the element, None where it has none.
        tags
            Path of its tags in capitals, without item numbers, such as ``300A00B0.300A00C2``.
        """
        for name in (keyword, tags):
            if name is not None and name in self.attributes:
                return self.attributes[name]
        for name, strategy in self.attributes.items():
            if tags.startswith(f"{name}.") or (keyword is not None and fnmatchcase(keyword, name)):
                return strategy
        return self.default
