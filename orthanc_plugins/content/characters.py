"""Text of data sets, whatever character set it is written in (PS3.5 6.1, PS3.3 C.12.1.1.2).

What cannot be read in the character set that is stated is not guessed: it is None here, and its bytes are
compared.
"""

from __future__ import annotations

from functools import lru_cache

from pydicom.charset import convert_encodings, decode_bytes, default_encoding
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

from orthanc_plugins.rtstruct.reading.hush import hush_pydicom

type Encodings = tuple[str, ...]
"""Python's names of the character sets of a data set, the first for text that switches to no other."""

_ESCAPE = b"\x1b"
_BACKSLASH, _EQUALS = 0x5C, 0x3D
_REPLACED = "\N{REPLACEMENT CHARACTER}"
_RESETS = frozenset({*TEXT_VR_DELIMS, _BACKSLASH})
_RESETS_IN_NAMES = frozenset({*PN_DELIMS, *TEXT_VR_DELIMS, _BACKSLASH, _EQUALS})


@lru_cache(maxsize=256)
def encodings_of(character_set: bytes) -> Encodings:
    r"""Return the encodings of a value of Specific Character Set (0008,0005).

    The default repertoire is read as ISO 8859-1, as every reader does with letters it does not have; so is
    a character set that nobody knows.

    >>> encodings_of(b"ISO_IR 192"), encodings_of(b"\\ISO 2022 IR 87")
    (('UTF8',), ('iso8859', 'iso2022_jp'))
    """
    hush_pydicom()
    stated = [part.strip(" \0") for part in character_set.decode("ascii", "replace").split("\\")]
    try:
        return tuple(convert_encodings(stated))
    except (ValueError, LookupError):
        return (default_encoding,)


def is_plain(value: bytes) -> bool:
    """Return whether a text is the same in every character set: ASCII, and no switch to another."""
    return value.isascii() and _ESCAPE not in value


def decoded(value: bytes, encodings: Encodings, *, name: bool = False) -> str | None:
    """Return a text, None where it cannot be read in these character sets.

    Parameters
    ----------
    name
        It is a person name, in which delimiters switch back to the first character set.
    """
    try:
        if _ESCAPE not in value:
            return value.decode(encodings[0])
        hush_pydicom()
        text = decode_bytes(value, encodings, set(_RESETS_IN_NAMES if name else _RESETS))
    except (UnicodeError, LookupError):
        return None
    return None if _REPLACED in text else text
