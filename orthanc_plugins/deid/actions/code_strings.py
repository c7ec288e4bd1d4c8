"""Code strings: a term stays, a name or a number in the place of one does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.characters import decoded
from orthanc_plugins.deid.keeping import is_legal
from orthanc_plugins.deid.standard.code_strings import code_strings, is_term
from orthanc_plugins.deid.text.vocabulary import WORDS

if TYPE_CHECKING:
    from orthanc_plugins.deid.actions.by_type import ByType
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule

_OTHER = b"OTHER"
_REMEMBERED = 4096


class Terms:
    """K for code strings (CS).

    Parameters
    ----------
    otherwise
        What is done with a single value that is no term.
    """

    def __init__(self, otherwise: ByType) -> None:
        self.otherwise = otherwise
        self._known: dict[bytes, tuple[bytes, bytes]] = {}

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return the terms; one of several values that is none becomes OTHER."""
        known = self._known.get(value)
        if known is None:
            new = _terms(value)
            known = new, _unlisted(new)
            if len(self._known) < _REMEMBERED:
                self._known[value] = known
        new, unlisted = known
        if new == _OTHER and b"\\" not in value:
            return self.otherwise(value, rule, place, job)
        if unlisted and job.echoes(decoded(unlisted, b"")):
            return self.otherwise(value, rule, place, job)
        return value if new == value else new

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return (
            "K for code strings: terms that PS3.3 defines, short ones and such of known words stay; of "
            "several values one that is none becomes OTHER"
        )


class NumberedLayer:
    """For Graphic Layer (0070,0002), which annotations refer to, so that each needs a name of its own.

    Parameters
    ----------
    terms
        What says whether a name may stay.
    """

    def __init__(self, terms: Terms) -> None:
        self.terms = terms

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return the name if it is a term, else the same number wherever it stands in the object."""
        if self.terms(value, rule, place, job) == value:
            return value
        number = job.layers.setdefault(value.strip(b" \0"), len(job.layers) + 1)
        new = b"DEID_LAYER_%d" % number
        return new + b" " * (len(new) % 2)

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return "layers of graphics: terms stay, others become DEID_LAYER_1 and so on, so layers stay apart"


def _unlisted(value: bytes) -> bytes:
    """Return the values that are no terms of the standard; those are, whoever is called Pname."""
    parts = (part.strip(b" \0") for part in value.split(b"\\"))
    return b"\n".join(part for part in parts if part.decode("ascii") not in code_strings())


def _terms(value: bytes) -> bytes:
    if not is_legal(b"CS", value):
        return _OTHER
    parts = [part.strip(b" \0") for part in value.split(b"\\")]
    known = [part if is_term(part.decode("ascii"), WORDS) else _OTHER for part in parts]
    if known == parts:
        return value
    new = b"\\".join(known)
    return _OTHER if new == _OTHER else new + b" " * (len(new) % 2)
