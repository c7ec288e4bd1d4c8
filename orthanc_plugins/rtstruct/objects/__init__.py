"""Results as DICOM: what any viewer and archive takes, in the study the structure set is of.

`build_segmentations` gives SEG of the masks, one segment a region; `build_measurement_report` an SR (TID
1500) of volumes, surfaces and intensities that refers to the segments; `build_surface` an Encapsulated STL of
one region. Each is made of an `Origin`, what all objects of a structure set share, and `DrawnRegion` records.

Decisions
---------
2026-12-01  Segments are BINARY: regions of a plan overlap, and a label map would have to choose.
2026-12-01  A segmentation lies on the grid of the masks, slice by slice, so that it is the mask, also where
            images are missing or uneven; it names an image wherever one lies on the slice.
2026-12-01  One STL a region: a file of STL holds one surface without names, and viewers colour it as one.
2026-12-01  UIDs follow from the structure set's and from what was found: the same again has the same UIDs,
            and an archive that holds it keeps what it has.
2026-12-01  Our objects are told by Manufacturer and model, which de-identification keeps, and not by names.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
