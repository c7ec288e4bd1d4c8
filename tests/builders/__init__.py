"""Synthetic DICOM with known answers: every data set the tests, benches and the sample case use.

A *phantom* is a list of shapes (`shapes`) in the frame of the images: u along a row, v down a column,
w along the normal of the slices, millimetres from the middle of the stack. Because contours are exact
sections of a shape, volumes, surfaces and intensities are known in closed form for any orientation.

Public: `build_case` (images, structure set and truth in one), `build_dose` (an RT Dose in a case's frame of
reference, its values a function of place: `uniform`, `linear`, `ball`), `Case`, `Truth`, `Identity`,
`ImageFrame`, `PATIENT_POSITIONS`, `rotated`, `sample_regions`, `RegionSpec`, the shapes, `damage` (table
`DAMAGES`: what real files do wrong), `HOSTILE_NAMES`, `UidSource`.
``python -m tests.builders OUTPUT`` writes a case to a folder.

Decisions
---------
2026-11-21  Everything is a pure function of its arguments: UIDs come from a seed, dates are constants.
            Two runs give the same bytes, so results can be compared by checksum.
2026-11-21  Contour numbers are written as raw bytes: pydicom's decimal strings would take most of the time
            and would refuse what the damaged cases need (NaN, wrong counts).
"""

from tests.builders.case import Case, Identity, Truth, build_case
from tests.builders.damage import DAMAGES, HOSTILE_NAMES, POINT_LIKE, renamed
from tests.builders.dose import ball, build_dose, linear, uniform
from tests.builders.images import PATIENT_POSITIONS, ImageFrame, build_images, rotated
from tests.builders.phantom import RegionSpec, sample_regions
from tests.builders.shapes import Box, Cylinder, Difference, Ellipsoid, Fork, Keyhole, Shape, Together, Torus
from tests.builders.structure_set import build_structure_set, contour_bytes
from tests.builders.uids import UidSource

__all__ = [
    "DAMAGES",
    "HOSTILE_NAMES",
    "PATIENT_POSITIONS",
    "POINT_LIKE",
    "Box",
    "Case",
    "Cylinder",
    "Difference",
    "Ellipsoid",
    "Fork",
    "Identity",
    "ImageFrame",
    "Keyhole",
    "RegionSpec",
    "Shape",
    "Together",
    "Torus",
    "Truth",
    "UidSource",
    "ball",
    "build_case",
    "build_dose",
    "build_images",
    "build_structure_set",
    "contour_bytes",
    "linear",
    "renamed",
    "rotated",
    "sample_regions",
    "uniform",
]
