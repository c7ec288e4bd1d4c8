"""The pixels of a data set, however they are coded: their digest, and how they are described to a person."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from orthanc_plugins.content.datasets import (
    DIGEST_BYTES,
    PHOTOMETRIC_INTERPRETATION,
    PIXELS,
    PLANAR_CONFIGURATION,
    has_pixels,
)
from orthanc_plugins.content.encoding import EXPLICIT
from orthanc_plugins.content.frames import (
    decoded_colours,
    describe,
    frames_of,
    little_endian,
    syntax_name,
)
from orthanc_plugins.errors import InvalidDicom, NoDecoder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.content.encoding import DataSet

LABELS = (PHOTOMETRIC_INTERPRETATION, PLANAR_CONFIGURATION)
"""Attributes that say how values are to be read and that change with the coding."""
_LOSSY = 0x00282110


@dataclass(frozen=True, slots=True)
class PixelDigest:
    """Pixels in short; digests are hexadecimal, of 16 bytes, or empty.

    Parameters
    ----------
    coding
        The transfer syntax of compressed pixels, empty of others: however those are written, they are one
        coding.
    code
        Of the pixels as coded: equal for equal pixels in one coding. Empty where there are none.
    values
        Of the decoded values; empty where they are not known, for nobody asked or they cannot be decoded.
    damage
        What is wrong with them, as far as it shows without decoding; empty where nothing does.
    """

    coding: str = ""
    code: str = ""
    values: str = ""
    damage: str = ""


@dataclass(frozen=True)
class Pixels:
    """Pixels of a data set or of an item, as they are coded.

    ``damage`` says what the file lacks of them, empty when nothing.
    """

    data_set: DataSet
    transfer_syntax_uid: str
    damage: str = ""

    @property
    def there(self) -> bool:
        """Whether there are any."""
        return has_pixels(self.data_set)

    @property
    def element(self) -> int:
        """Tag of the element that holds them."""
        return next(tag for tag in PIXELS if tag in self.data_set)

    @property
    def coding(self) -> str:
        """The transfer syntax of compressed pixels, empty of others."""
        compressed = self.data_set.places[self.element].fragments is not None
        return self.transfer_syntax_uid if compressed else ""

    @property
    def colours(self) -> str:
        """The photometric interpretation of the decoded values."""
        syntax = self.transfer_syntax_uid if self.coding else EXPLICIT
        return decoded_colours(self.data_set.text(PHOTOMETRIC_INTERPRETATION), syntax)

    @property
    def is_lossy(self) -> bool:
        """Whether they say that they were compressed with loss (PS3.3 C.7.6.1.1.5)."""
        return self.data_set.text(_LOSSY) == "01"

    @property
    def shown(self) -> str:
        """Size and coding for a person."""
        syntax = syntax_name(self.transfer_syntax_uid) if self.coding else "not compressed"
        try:
            found = describe(self.data_set)
        except InvalidDicom as error:
            return f"{syntax}; {error}"
        frames = f"{found.frames:,} frames, " if found.frames > 1 else ""
        return f"{found.columns} × {found.rows}, {frames}{found.stored} bits, {found.photometric}, {syntax}"  # noqa: RUF001

    def label(self, tag: int) -> str | None:
        """Return the value of one of `LABELS`, None where it has none."""
        if tag == PHOTOMETRIC_INTERPRETATION:
            return self.data_set.text(tag) or None
        number = self.data_set.whole_number(tag)
        return None if number is None else str(number)

    def code(self) -> Iterator[memoryview]:
        """Yield the parts of the pixels as they are coded, in little endian words.

        Left out are tables of where frames begin (PS3.5 A.4).
        """
        view, place = memoryview(self.data_set.data), self.data_set.places[self.element]
        if place.fragments is not None:
            for start, stop in place.fragments[1:]:
                yield view[start:stop]
        elif self.data_set.big_endian:
            yield memoryview(little_endian(view[place.start : place.stop], self.element, place))
        else:
            yield view[place.start : place.stop]

    def digest(self, *, decode: bool = False) -> PixelDigest:
        """Return the digest; ``decode`` has it tell the values of compressed pixels too."""
        if not self.there:
            return PixelDigest()
        values, damage = "", self.damage
        if decode or not self.coding:
            try:
                values = self._values()
            except InvalidDicom as error:
                damage = damage or ("" if isinstance(error, NoDecoder) else str(error))
        code = blake2b(digest_size=DIGEST_BYTES)
        for tag in LABELS:
            code.update(f"{self.label(tag)}\\".encode())
        if values and not self.coding:
            code.update(values.encode())
        else:
            for part in self.code():
                code.update(part)
        return PixelDigest(self.coding, code.hexdigest(), values, damage)

    def _values(self) -> str:
        """Return the digest of the values, of their shape and colours."""
        found = describe(self.data_set)
        digest, count = blake2b(digest_size=DIGEST_BYTES), 0
        for frame in frames_of(self.data_set, self.transfer_syntax_uid):
            digest.update(frame.data)
            count += 1
        digest.update(f"{count}/{found.shape}/{found.container}/{self.colours}".encode())
        return digest.hexdigest()
