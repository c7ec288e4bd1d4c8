"""Text as it is encoded in a data set, by its Specific Character Set (PS3.5 6.1)."""

from __future__ import annotations

import codecs
import warnings
from functools import lru_cache

from pydicom.charset import convert_encodings, decode_bytes, python_encoding

_ESCAPE = b"\x1b"
_CODECS = frozenset(codecs.lookup(name).name for name in python_encoding.values())
"""Of DICOM's character sets. Python knows more, such as "rot13", and pydicom takes those for one as well."""
_DELIMITERS = {0x0A, 0x0C, 0x0D, 0x09, 0x5C, 0x5E, 0x3D}
"""After these the character set is the first one again (PS3.5 6.1.2.5.3)."""


@lru_cache(256)
def _encodings(character_set: bytes) -> tuple[str, ...]:
    terms = [term.strip() for term in character_set.decode("ascii", "replace").split("\\")]
    try:
        found = tuple(convert_encodings(terms))
    except (LookupError, ValueError):  # an unknown one; one with a NUL in it
        return ("latin-1",)
    return found if {codecs.lookup(name).name for name in found} <= _CODECS else ("latin-1",)


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
