"""The keywords of DICOM's data elements that a rule can ask for.

``keywords.txt`` holds those of pydicom's dictionary (PS3.6) whose value is text or numbers: no sequences, no
binary values, nothing of the groups 0000 and 0002. A test keeps it equal to the dictionary of the locked
pydicom and tells how it is made anew.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib import resources

LISTED_OF_STUDIES = frozenset(
    {
        "PatientID",
        "PatientName",
        "PatientBirthDate",
        "PatientSex",
        "StudyDate",
        "StudyTime",
        "StudyID",
        "AccessionNumber",
        "StudyDescription",
        "ReferringPhysicianName",
    }
)
"""Keywords of what both archives list of a study: `archives.base.STUDY_ATTRIBUTES`, as a test makes sure."""


@cache
def known_keywords() -> frozenset[str]:
    """Return every keyword a rule can ask for."""
    return frozenset((resources.files(__package__) / "keywords.txt").read_text(encoding="ascii").split())


def checked_keyword(keyword: str) -> str:
    """Return the keyword.

    Raises
    ------
    ValueError
        It is none of DICOM's, or that of a sequence or of binary values; the text names one that is close.
    """
    if keyword in known_keywords():
        return keyword
    close = get_close_matches(keyword, known_keywords(), 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise ValueError(
        f"{keyword[:64]} is no DICOM keyword of a data element with text or numbers{hint} "
        "Keywords are written as in PS3.6, such as BodyPartExamined"
    )


def checked_study_keyword(keyword: str) -> str:
    """Return the keyword.

    Raises
    ------
    ValueError
        It is none of `LISTED_OF_STUDIES`; the text names those.
    """
    if keyword in LISTED_OF_STUDIES:
        return keyword
    raise ValueError(
        f"{keyword[:64]} is not among what both archives list of a study, so the rule would match none: "
        f"{', '.join(sorted(LISTED_OF_STUDIES))} can be asked for; modalities are a condition of their own"
    )
