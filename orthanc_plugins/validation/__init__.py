"""The independent check of what de-identification made: nothing leaves before it has passed.

What it is for: to hold every released object against its original, and the whole study against itself, by
code that shares nothing with the engine that made it. It reads with pydicom, where the engine walks bytes;
it finds out by itself who the study is of, how UIDs were mapped and by how much dates were moved. All it is
told is what is claimed: the options of PS3.15 annex E, and which boxes of pixels were masked.

Public: `check_study` (of `Pair`, `Claims`, `Box`) gives a `Report` of `Finding` with their `Severity`;
`gather` an `Identity` of a patient's other studies. ``Report.passed`` is the word on release.

Decisions
---------
2026-11-30  A report holds no value and no UID of an original: places, kinds and counts alone. It may be kept
            beside the released study, and be shown to whoever receives that.
2026-11-30  Everything that cannot be checked is an error: a file that cannot be read, a check that fails, a
            decoder that is missing. The reason is told by the kind of error alone, as errors quote values.
2026-11-30  What identifies is gathered from all originals, and searched for in each released object: a name
            that only the structure set holds must not be left in an image.
2026-11-30  The thresholds of the search, and why, are in ``writings``; the lists of attributes in
            ``attributes``. They are the check's own, and are not to be taken from the engine's tables.
2026-11-30  One map of UIDs for the study, from old to new and back, proves all references at once: those by
            SOP instance, series, study, frame of reference and whatever else is a UID.
2026-11-30  Under modified dates a day that one date was moved to may be that of another date: it is no
            residue, as each date is held against its own.
2026-11-30  Contradictory claims (PS3.15 E.3.6: dates full and modified) raise ProfileError: no output could
            satisfy them.
"""

from orthanc_plugins.validation.claims import Box, Claims, Pair
from orthanc_plugins.validation.identity import Identity
from orthanc_plugins.validation.report import Finding, Report, Severity
from orthanc_plugins.validation.study import check_study, gather

__all__ = ["Box", "Claims", "Finding", "Identity", "Pair", "Report", "Severity", "check_study", "gather"]
