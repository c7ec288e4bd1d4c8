"""Studies for measurements: a case is built once, then copied with new identifiers as often as needed.

Only bytes are changed, and none is moved, so that making a study costs no more than copying it.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.builders import DAMAGES, HOSTILE_NAMES, ImageFrame, build_case, renamed, rotated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.builders import Case

_UID = re.compile(rb"(2\.25\.\d{18,})\d{10}")
"""A UID of the builders: all but the last ten digits tell it from the others of its case."""
_PATIENT = re.compile(rb"PHANTOM-\d{4}")
_REGIONS = 10


@dataclass(frozen=True)
class Template:
    """The files of a case by their names, in the order they are sent, the structure set last.

    ``regions`` is how many regions its results must name at least.
    """

    name: str
    files: tuple[tuple[str, bytes], ...]
    structure_set_uid: str
    regions: int

    @classmethod
    def of(cls, name: str, case: Case) -> Template:
        """Return the template of a case."""
        with tempfile.TemporaryDirectory() as folder:
            files = tuple((path.name, path.read_bytes()) for path in case.write(Path(folder)))
        structure_set = case.structure_set
        regions = len(structure_set.StructureSetROISequence)
        return cls(name, files, str(structure_set.SOPInstanceUID), regions)

    def with_structure_set(self, name: str, case: Case) -> Template:
        """Return the template of the same images with a case's structure set."""
        made = Template.of(name, replace(case, images=[]))
        return replace(made, files=(*self.files[:-1], *made.files))

    def uid(self, number: int) -> str:
        """Return the SOP Instance UID of the structure set of the study of a number."""
        return _numbered(self.structure_set_uid.encode(), number).decode()

    def write(self, number: int, folder: Path) -> list[Path]:
        """Write the study of a number, that of another patient than any other's, and return its files."""
        folder.mkdir(parents=True)
        paths = []
        for name, content in self.files:
            paths.append(folder / name)
            paths[-1].write_bytes(_numbered(content, number))
        return paths


def _numbered(content: bytes, number: int) -> bytes:
    return _PATIENT.sub(b"PHANT%07d" % number, _UID.sub(rb"\g<1>%010d" % number, content))


def mixture(slices: int = 60, matrix: int = 256) -> list[Template]:
    """Return what a night brings: three of four are plain CT, the others MR, PET, oblique, odd or damaged."""
    gap_mm, spacing_mm = 3.0, (400.0 / matrix,) * 2
    frame = ImageFrame(size=(slices, matrix, matrix), spacing_mm=spacing_mm, gap_mm=gap_mm)
    cases = {
        f"CT {seed}": build_case(frame=frame, regions=_REGIONS, noise=12, seed=seed) for seed in range(3)
    }
    plain = [Template.of(name, case) for name, case in cases.items()]
    odd = [
        Template.of("MR", build_case(frame=frame, modality="MR", noise=5, seed=10)),
        Template.of("PET", build_case(frame=frame, modality="PT", noise=5, seed=11)),
        Template.of("oblique", build_case(frame=replace(frame, orientation=rotated(12, -8, 15)), seed=12)),
        Template.of("missing slices", build_case(frame=replace(frame, missing=(20, 21, 40)), seed=13)),
        *_spoilt(plain[0], cases["CT 0"]),
    ]
    # Three plain ones before each odd one.
    return [template for place, other in enumerate(odd) for template in (*_three(plain, place), other)]


def _three(plain: list[Template], place: int) -> Iterator[Template]:
    for step in range(3):
        yield plain[(place + step) % len(plain)]


def _spoilt(template: Template, case: Case) -> Iterator[Template]:
    for name, damage in DAMAGES.items():
        structure_set = case.copied_structure_set()
        damage(structure_set)
        yield template.with_structure_set(name, case.with_structure_set(structure_set))
    structure_set = case.copied_structure_set()
    renamed(structure_set, HOSTILE_NAMES)
    yield template.with_structure_set("hostile names", case.with_structure_set(structure_set))
