"""Texts of structured reports that may stay under Clean Structured Content (PS3.15 E.3.4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orthanc_plugins.deid.text.descriptions import cleaned_description
from orthanc_plugins.deid.text.telltales import reaches_somebody

if TYPE_CHECKING:
    from collections.abc import Callable

PRODUCT_TEXTS = {
    ("DCM", "111001"): "Algorithm Name",
    ("DCM", "111003"): "Algorithm Version",
    ("DCM", "113878"): "Device Manufacturer",
    ("DCM", "113879"): "Device Model Name",
    ("DCM", "121014"): "Device Observer Manufacturer",
    ("DCM", "121015"): "Device Observer Model Name",
    ("DCM", "121194"): "Device Subject Manufacturer",
    ("DCM", "121195"): "Device Subject Model Name",
    ("DCM", "122405"): "Algorithm Manufacturer",
}
"""Concepts that name a product, which many sites have: no words of a vocabulary, and no prose."""

DESCRIPTIVE_TEXTS = {
    ("DCM", "111002"): "Algorithm Parameters: may hold paths of files, so known words alone stay",
    ("DCM", "113605"): "Irradiation Event Label: often a counter, but typed by people",
    ("DCM", "121071"): "Finding: as a text it is prose, in which anatomy is worth keeping",
    ("DCM", "125203"): "Acquisition Protocol: a site's own name of a technique",
}
"""Concepts of whose texts the words of the vocabulary stay, with the reason; of others nothing does."""

_PRODUCT = re.compile(r"(?!.*\d{6})[ -?A-~]{1,64}")
"""Printable, short, without an @ and without a number as long as an identifier."""

_LONGEST = 1024


def text_may_stay(scheme: str, value: str) -> bool:
    """Return whether a text of a concept (0040,A043) names a product and may stay, if it repeats no identity.

    >>> text_may_stay("DCM", "111003"), text_may_stay("DCM", "121106")
    (True, False)
    """
    return (scheme, value) in PRODUCT_TEXTS


def allowed_text(scheme: str, value: str, text: str, echoes: Callable[[str], bool]) -> str | None:
    """Return a text of a report as it may be written, None where it is to be replaced.

    Parameters
    ----------
    scheme, value
        Of the item's Concept Name Code Sequence (0040,A043).
    echoes
        Whether a text repeats something of the patient's or the staff's identity.
    """
    if text_may_stay(scheme, value):
        is_product = _PRODUCT.fullmatch(text) and not reaches_somebody(text) and not echoes(text)
        return text if is_product else None
    if (scheme, value) in DESCRIPTIVE_TEXTS:
        return cleaned_description(text, echoes, max_length=_LONGEST) or None
    return None
