"""Terms that code strings (CS) have: those that PS3.3 defines, and words of anatomy and technique."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_SHORT = 4
"""Characters up to which any term is taken: modalities, sides, views, and vendors' abbreviations."""
_SEPARATORS = re.compile(r"[ _0-9]+")


@cache
def code_strings() -> frozenset[str]:
    """Return the defined and enumerated terms that are known."""
    lines = (files("orthanc_plugins.deid.standard") / "code_strings.txt").read_text("ascii").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def is_term(value: str, words: frozenset[str]) -> bool:
    """Return whether a code string is a term that somebody may have defined, rather than a name or a number.

    Parameters
    ----------
    words
        Words of anatomy and technique in lower case; a term made of them alone, or of short pieces, stays.

    >>> [is_term(value, frozenset({"lung"})) for value in ("APPROVED", "SMITHSON", "LUNG_3")]
    [True, False, True]
    """
    if len(value) <= _SHORT or value in code_strings():
        return True
    if sum(letter.isdigit() for letter in value) > _SHORT:
        return False
    return all(len(word) <= _SHORT or word.lower() in words for word in _SEPARATORS.split(value))
