"""Text that is no identity: sides, scales, measurements and settings, as pictures have them.

A short list of what is allowed, not a list of what is forbidden: whatever it does not know is an identity.
Dates, times and numbers of more than three digits without a unit are never on it.
"""

from __future__ import annotations

import re

_NO_YEAR = r"(?!(19|20)\d\d(\D|$))"
_NUMBER = rf"[-+±]?{_NO_YEAR}\d{{1,5}}([.,]\d{{1,3}})?"
_UNIT = (
    r"(mm|cm|m|µm|um|mm/s|cm/s|m/s|mm2|cm2|mm²|cm²|mm3|cm3|ml|cc|l|db|hz|khz|mhz|kv|kvp|ma|mas|ms|s|sec|min|fps"
    r"|%|°|deg|°c|bpm|mgy|gy|cgy|mgy\*?cm|mgycm|msv|hu|suv|kbq/ml|bq/ml|g/ml|mmhg|t|w|x)"
)
_NAME = (
    r"(kvp?|mas?|tis?|tib|tic|mi|zoom|mag|fr|gain|gn|dr|fov|te|tr|ti|fa|wl?|ww|wc|c|l|im|img|se|ser|slice|sl|st"
    r"|loc|pos|depth|frq|freq|prf|wf|sv|pw|cf|map|dist|d\d?|a\d?|ctdivol|dlp|thk|tilt|rot|ang|lao|rao|cran|caud)"
)
_ALLOWED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"[RLAPHFSI]{1,2}|LT|RT|AP|PA|LAT|CC|MLO|RCC|LCC|RMLO|LMLO|LEFT|RIGHT|ERECT|SUPINE|PRONE|PORTABLE",
        rf"{_NUMBER}\s*{_UNIT}(\s*[x*\u00d7]\s*{_NUMBER}\s*{_UNIT})*",
        r"[-+]?\d{1,3}",
        r"[-+]?\d{1,3}[.,]\d",
        r"\d{1,4}\s*[x\u00d7]\s*\d{1,4}",
        rf"{_NAME}\s*[:=]?\s*[-+]?{_NO_YEAR}\d{{1,4}}([.,]\d{{1,2}})?(\s*/\s*\d{{1,4}})?\s*{_UNIT}?",
    )
)


def is_technical(text: str) -> bool:
    """Return whether a text is known to name nobody.

    >>> [is_technical(text) for text in ("R", "12.3 mm", "Zoom: 1.5x", "12.03.1961", "0815", "A. Ng")]
    [True, True, True, False, False, False]
    """
    words = " ".join(text.split())
    return any(pattern.fullmatch(words) for pattern in _ALLOWED)
