"""Text as it is encoded in a data set, by its Specific Character Set (PS3.5 6.1)."""

from __future__ import annotations

import warnings
from functools import lru_cache

from pydicom.charset import convert_encodings, decode_bytes

_ESCAPE = b"\x1b"
_DELIMITERS = {0x0A, 0x0C, 0x0D, 0x09, 0x5C, 0x5E, 0x3D}
"""After these the character set is the first one again (PS3.5 6.1.2.5.3)."""


@lru_cache(256)
def _encodings(character_set: bytes) -> tuple[str, ...]:
    terms = [term.strip() for term in character_set.decode("ascii", "replace").split("\\")]
    try:
        return tuple(convert_encodings(terms))
    except LookupError:
        return ("latin-1",)


def decoded(value: bytes, character_set: bytes) -> str:
    r"""Return the text of an encoded value; what cannot be decoded stands as replacement characters.

    Parameters
    ----------
    character_set
        The value of (0008,0005) in force, empty for the default repertoire.

    >>> decoded(b"M\xfcller", b"ISO_IR 100")
    'Müller'
    """
    if value.isascii() and _ESCAPE not in value:
        return value.decode("ascii")
    if not character_set:
        return value.decode("latin-1")  # not legal, and what it most often is
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they quote values
        return decode_bytes(value, list(_encodings(character_set)), _DELIMITERS)
