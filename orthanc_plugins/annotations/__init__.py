"""What readers noted of images: measurements of SR, segments of SEG, regions of RTSTRUCT, as rows.

`read_annotations` gives the rows of one object: who, when, on what, what was found, value and unit, and the
geometry, so that it can be shown again. A room of pydicom alone; it knows no archive and no database.

Decisions
---------
2026-12-01  Measurement reports (TID 1500) are read item by item and not by highdicom's reader: that one
            refuses what dcmjs writes (a NUM without a value, a POINT of two points, findings after their
            measurements), and readers' work must not be lost for it. What highdicom writes is read alike.
2026-12-01  One row for each value: both axes of a bidirectional measurement share their tracking UID.
2026-12-01  A report that cannot be read whole is refused whole: half a history would look like all of it.
"""

from orthanc_plugins.annotations.reading import read_annotations
from orthanc_plugins.annotations.records import Annotation, AnnotationKind, Coded, Shape, Source

__all__ = ["Annotation", "AnnotationKind", "Coded", "Shape", "Source", "read_annotations"]
