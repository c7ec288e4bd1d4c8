"""What a certificate does not say, in plain words, and what the site must still do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.certificates.methods import (
    CLEAN_DESCRIPTORS,
    FULL_DATES,
    MODIFIED_DATES,
    RETAIN_DEVICE,
    RETAIN_INSTITUTION,
    RETAIN_PATIENT,
    RETAIN_UIDS,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_RETAINED = {
    CLEAN_DESCRIPTORS: "Descriptions stay as far as their words are on a list and name nobody known from the "
    "originals; what a combination of harmless words tells is not judged.",
    FULL_DATES: "Dates and times are the true ones: who knows when somebody was examined finds them.",
    MODIFIED_DATES: "Dates were moved by one interval for each patient: the time between two examinations is "
    "the true one, and a rare sequence of them may be recognised.",
    RETAIN_PATIENT: "Age, sex, size, weight and the like stay: a rare combination may be recognised.",
    RETAIN_DEVICE: "The devices can be told apart, and with them perhaps the site.",
    RETAIN_UIDS: "UIDs are the original ones: whoever holds the originals finds them by these.",
    RETAIN_INSTITUTION: "The institution is named.",
}
_KEY = (
    "The pseudonyms are made with the project's key. For whoever holds that key or the originals the way "
    "back stays open, and the data stay personal data."
)
_NUMBERED = (
    "Patients are numbered by the project's register; UIDs are made with the project's key, and so is how "
    "far dates are moved where they are. For whoever holds the key and the register, or the originals, the "
    "way back stays open, and the data stay personal data."
)
_SEARCH = (
    "The check searches every file for what the originals tell of the patient, of staff and of places, and "
    "for what looks like it. A name that no identifying attribute of the originals has, in a spelling of its "
    "own, is not found by it."
)
_CONFORMANCE = (
    "{} of {} instances dciodvfy did not judge as a whole: it stops at their pixels, such as the 32 bits of "
    "doses, in the originals as well. All else of them it judged, if the report of the check does not say "
    "otherwise; the other checks saw them whole."
)
_PASSED = (
    "The pixels of {} {} left as they are because a person decided so, listed below: what they show was "
    "judged by nobody else, but that no text read in them repeats an identity that the originals tell."
)
_LEFT_OUT = "By a person's decision {} {} of the study did not leave; references to them lead nowhere here."
_MEDICAL = (
    "What the images show is not judged: a rare disease, an implant or an injury may be recognised by those "
    "who know of it."
)
_SIGNATURE = (
    "The signature says that this installation issued the certificate and that nothing of it was changed "
    "since. It does not say that the profile was the right one for the purpose."
)
_DUTIES = (
    "The site must still: keep the key apart from the data and from whoever receives them; settle with the "
    "recipient what the data may be used for, and that nobody tries to find the patients; see that they are "
    "not joined with other data about the same people; have them deleted when consent ends."
)


def limits_of(  # noqa: PLR0913 - each is a fact of its own, given by name
    codes: Collection[str],
    *,
    instances: int,
    looked_at: int,
    faces: bool,
    exceptions: bool,
    numbered: bool,
    partly_judged: int = 0,
    decided: Sequence[str] = (),
) -> tuple[str, ...]:
    """Return what must be known beside what was done, the most general first.

    Parameters
    ----------
    codes
        Of the methods applied (CID 7050).
    instances, looked_at
        Of the study, and those whose pixels were searched for text.
    numbered
        Pseudonyms of patients are numbers of the project's register.
    partly_judged
        Instances that dciodvfy could not judge as a whole.
    decided
        What persons decided, of each object that was held.
    """
    limits = _limits(codes, instances, looked_at, faces=faces, exceptions=exceptions)
    judged = (_CONFORMANCE.format(partly_judged, instances),) if partly_judged else ()
    return (_NUMBERED if numbered else _KEY, *judged, *_decisions(decided), *limits)


def _decisions(decided: Sequence[str]) -> Iterator[str]:
    if passed := decided.count("pass"):
        yield _PASSED.format(passed, "instance" if passed == 1 else "instances")
    if left := decided.count("leave_out"):
        yield _LEFT_OUT.format(left, "instance" if left == 1 else "instances")


def _limits(
    codes: Collection[str], instances: int, looked_at: int, *, faces: bool, exceptions: bool
) -> Iterator[str]:
    yield from (text for code, text in _RETAINED.items() if code in codes)
    if exceptions:
        yield "Some attributes are treated otherwise than the options say; they are listed with the reasons."
    yield _SEARCH
    yield _pixels(instances, looked_at)
    if faces:
        yield (
            "Faces were not removed: a face can be rendered from images of a head, and from a surface drawn "
            "around it. Whoever receives them must be told, and must not do it."
        )
    yield _MEDICAL
    yield _SIGNATURE
    yield _DUTIES


def _pixels(instances: int, looked_at: int) -> str:
    seen = (
        f"In {looked_at} of {instances} instances text in the pixels was looked for by a program"
        if looked_at
        else "Text in the pixels was not looked for, as the profile found no instance of a kind that has it"
    )
    return f"{seen}; handwriting, small or faint letters and other scripts than it knows may be missed."
