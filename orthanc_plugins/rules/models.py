"""Rules as they stand in the settings: a section each, keys in PascalCase."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from orthanc_plugins.rules.keywords import checked_keyword, checked_study_keyword
from orthanc_plugins.rules.section import SECTION
from orthanc_plugins.rules.windows import Window

SyncDirection = Literal["none", "dcm4chee_to_orthanc", "orthanc_to_dcm4chee", "both"]
"""Which way missing instances are copied; with ``none`` they are only found."""

_HIGHEST_PRIORITY = 100
_Pattern = Annotated[str, StringConstraints(max_length=256)]
_Keyword = Annotated[str, AfterValidator(checked_keyword)]
_StudyKeyword = Annotated[str, AfterValidator(checked_study_keyword)]
_Modality = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_ ]{1,16}$")]
"""A Code String (PS3.5 6.2)."""
_AeTitle = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[ -\[\]-~]{1,16}$")]
"""PS3.5 6.2: no backslash, no control characters, no spaces around it."""
_Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def _checked_window(text: str) -> str:
    return Window.parse(text).text


WindowText = Annotated[str, AfterValidator(_checked_window)]
"""A window as settings write it."""


class _Rule(BaseModel):
    """What a rule asks of a study: all of it; of a list, one; nothing where a condition is left out."""

    model_config = SECTION

    name: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}$"),
        Field(description="Name of the rule, its own; letters, digits, blanks and `_.-`."),
    ]
    enabled: Annotated[bool, Field(description="Whether the rule is applied.")] = True
    modalities: Annotated[
        tuple[_Modality, ...], Field(description="Modality of the series: one of these, such as `CT`.")
    ] = ()
    study_description: Annotated[
        _Pattern | None,
        Field(
            description="Study Description: a pattern of the whole of it, case does not count; `*` stands "
            "for any characters, `?` for one, so `*thorax*` is anywhere in it."
        ),
    ] = None
    tags: Annotated[
        dict[_Keyword, _Pattern],
        Field(
            description="Any other data elements by DICOM keyword, each with a pattern as the description "
            "has; an empty one asks that there is no value. Those of the series win over those of the study."
        ),
    ] = {}


class StudyRule(_Rule):
    """What a rule asks of a study in Orthanc."""

    calling_aets: Annotated[
        tuple[_AeTitle, ...],
        Field(
            description="AE title that sent the series to Orthanc: one of these; `*` and `?` as in patterns, "
            "case counts. What came by HTTP has none."
        ),
    ] = ()
    labels: Annotated[
        tuple[_Label, ...], Field(description="Orthanc's labels on the study: one of these.")
    ] = ()


class ForwardingRule(StudyRule):
    """Which studies are sent on when they are complete in Orthanc, and how."""

    destination: Annotated[Literal["dcm4chee"], Field(description="Where to.")] = "dcm4chee"
    send: Annotated[
        Literal["study", "matching_series"],
        Field(description="`study`: all of it; `matching_series`: only the series that meet the rule."),
    ] = "study"
    transport: Annotated[Literal["stow", "c-store"], Field(description="How: DICOMweb or DIMSE.")] = "stow"
    priority: Annotated[
        int, Field(description="Higher goes first.", ge=-_HIGHEST_PRIORITY, le=_HIGHEST_PRIORITY)
    ] = 0
    window: Annotated[
        WindowText | None,
        Field(
            description="Hours in which to send, such as `18:00-06:00` or `Mon-Fri 18:00-06:00, Sat-Sun "
            "00:00-24:00`, in the local time of the worker's machine; always when not set."
        ),
    ] = None
    verify: Annotated[
        Literal["instances", "content"],
        Field(
            description="What the destination is asked afterwards: `instances`, whether it lists each one; "
            "`content`, for each one back, to be compared."
        ),
    ] = "instances"
    storage_commitment: Annotated[
        bool, Field(description="Ask the destination, too, to commit itself to keeping them (PS3.4 J).")
    ] = False

    @property
    def hours(self) -> Window | None:
        """The hours in which to send, None for always."""
        return None if self.window is None else Window.parse(self.window)


class SyncRule(_Rule):
    """Another direction, or another way, for some studies, by what both archives list of a study."""

    tags: Annotated[
        dict[_StudyKeyword, _Pattern],
        Field(
            description="Attributes of patient and study by DICOM keyword, each with a pattern as the "
            "description has; an empty one asks that there is no value. Only those that both archives list, "
            "such as `PatientID`, `AccessionNumber`, `ReferringPhysicianName`."
        ),
    ] = {}
    direction: Annotated[
        SyncDirection, Field(description="Which way missing instances are copied; `none`: not at all.")
    ]
    transport: Annotated[
        Literal["stow", "c-store"], Field(description="How DCM4CHEE is sent to: DICOMweb or DIMSE.")
    ] = "stow"
    priority: Annotated[
        int, Field(description="Higher goes first.", ge=-_HIGHEST_PRIORITY, le=_HIGHEST_PRIORITY)
    ] = 0
    window: Annotated[
        WindowText | None,
        Field(
            description="Hours in which to copy, such as `18:00-06:00`; written as in a rule of forwarding."
        ),
    ] = None
