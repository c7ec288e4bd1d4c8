"""RT Dose over regions: dose-volume histograms and what is read from them.

Public: `read_dose`, `Dose`, `UsableDoses`, `MissingDose`, `in_other_frame`, `evaluate`, `summary`,
`preference`, `Histogram`, `is_metric`, `METRIC_FORMS`, the records `DoseSummary`, `RegionDose`, `DoseMetric`,
and the files `histogram_file`, `curves_picture`, `Curve`.

Decisions
---------
2026-11-21  The region is sampled, not the dose grid: cells as small as the region needs, each weighted by
            the share of it that the region covers, dose interpolated linearly at its middle. Histograms of
            dose voxels are empty for a region smaller than one.
2026-11-21  The solid is that of planimetry (every section times its slab), scaled to its volume, so that
            ``D2cc`` and ``volume_cc`` speak of the same cubic centimetres.
2026-11-21  Beyond the dose grid, half a voxel past its outermost values, nothing is known. That part is left
            out of every value, its volume is told and noted as a problem: zero would be an invented
            measurement.
2026-11-21  Minimum and maximum are of cells at least half covered, whose middles lie inside.
2026-11-21  D and V values, the median too, are read from a histogram of the region's own: linear within bins
            of a ten-thousandth of the highest dose around the region or less, and no wider than 0.01 Gy. They
            differ from a sorted list's by less than a bin, at a tenth of the time. Bins of 0.01 Gy for all
            gave a region of 0.001 Gy a median six times too high. Files hold steps of 0.05 Gy.
2026-11-21  Where half of a region is hot, half cold and nothing between, D50% is the hotter half's least
            dose: what at least half receives. Rounding does not choose.
2026-11-21  A dose that an archive refuses is handed in as `MissingDose`: the archives' errors stay with who
            asks them, and the results say what is not in them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
