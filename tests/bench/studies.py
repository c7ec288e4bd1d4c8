"""Studies for measurements: a case is built once, then copied with new identifiers as often as needed.

Only bytes are changed, and none is moved, so that making a study costs no more than copying it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.builders import Case

_UID = re.compile(rb"(2\.25\.\d{18,})\d{10}")
"""A UID of the builders: all but the last ten digits tell it from the others of its case."""
_PATIENT = re.compile(rb"PHANTOM-\d{4}")


@dataclass(frozen=True)
class Template:
    """The files of a case by their names, in the order they are sent, the structure set last."""

    name: str
    files: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, case: Case, folder: Path) -> Template:
        """Return the template of a case, which is written to a folder on the way."""
        paths = case.write(folder)
        return cls(folder.name, tuple((path.name, path.read_bytes()) for path in paths))

    def study(self, number: int) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of the files of the study of a number; each number is another patient."""
        last = b"%010d" % number
        patient = b"PHANT%07d" % number
        for name, content in self.files:
            yield name, _PATIENT.sub(patient, _UID.sub(rb"\g<1>" + last, content))

    def write(self, number: int, folder: Path) -> StudyFiles:
        """Write the study of a number below a folder and return where it is."""
        folder.mkdir(parents=True)
        paths = []
        for name, content in self.study(number):
            paths.append(folder / name)
            paths[-1].write_bytes(content)
        return StudyFiles(number, self.name, tuple(paths))


@dataclass(frozen=True)
class StudyFiles:
    """A study on disk: its number, the template it was made of, and its files, the structure set last."""

    number: int
    template: str
    files: tuple[Path, ...]
