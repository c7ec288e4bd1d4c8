"""Whether the object says of its de-identification what is true (PS3.15 E.2, E.3; PS3.3 C.7.1.1, C.12.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orthanc_plugins.validation.claims import CLEAN_FACE
from orthanc_plugins.validation.documents import ENCAPSULATED_DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.validation.comparison import Comparison
    from orthanc_plugins.validation.reading import Instance
    from orthanc_plugins.validation.report import Finding

CHECK = "markers"
_REMOVED, _METHOD, _METHOD_CODES = 0x00120062, 0x00120063, 0x00120064
_BURNED_IN, _FACE, _LONGITUDINAL = 0x00280301, 0x00280302, 0x00280303
_CODE, _SCHEME = 0x00080100, 0x00080102
_METHOD_FORM = re.compile(r"1131(?:0\d|1[0-2])")
"""Codes of CID 7050, De-identification Method (PS3.16)."""


def check_markers(comparison: Comparison) -> Iterator[Finding]:
    """Yield marks that are missing, or say more than was done."""
    released, claims = comparison.released, comparison.claims
    if released.plain(_REMOVED) != "YES":
        yield comparison.finding(CHECK, (_REMOVED,), "Patient Identity Removed is not YES")
    if not released.plain(_METHOD):
        yield comparison.finding(CHECK, (_METHOD,), "De-identification Method is missing")
    yield from _codes(comparison)
    if released.plain(_LONGITUDINAL) != claims.longitudinal.upper():
        yield comparison.finding(CHECK, (_LONGITUDINAL,), "it says otherwise of dates than is claimed")
    if released.plain(_BURNED_IN) == "NO" and not (comparison.is_cleaned or _is_replaced(comparison)):
        yield comparison.finding(CHECK, (_BURNED_IN,), "it says NO, and pixels were not cleaned")
    if released.plain(_FACE) == "NO" and not claims.has(CLEAN_FACE):
        yield comparison.finding(CHECK, (_FACE,), "it says NO, and features were not cleaned")


def _is_replaced(comparison: Comparison) -> bool:
    """Return whether the object is a document, and another one than it was: nothing is burned into that."""
    before, after = (
        instance.leaves.get((ENCAPSULATED_DOCUMENT,))
        for instance in (comparison.original, comparison.released)
    )
    return before is not None and after is not None and before.value != after.value


def _codes(comparison: Comparison) -> Iterator[Finding]:
    """Yield codes of methods that are missing, or that nobody claims."""
    stated = _methods(comparison.released)
    earlier = {(code, scheme) for code, scheme in _methods(comparison.original) if _is_standard(code, scheme)}
    claimed = {(code, "DCM") for code in comparison.codes}
    place = (_METHOD_CODES,)
    if len(stated) != len(set(stated)):
        yield comparison.finding(CHECK, place, "a code of a method stands there twice")
    if missing := claimed - set(stated):
        told = ", ".join(sorted(code for code, _ in missing))
        yield comparison.finding(CHECK, place, f"codes of methods are missing: {told}")
    if earlier - set(stated):
        yield comparison.finding(CHECK, place, "codes of earlier methods are missing")
    if set(stated) - claimed - earlier:
        yield comparison.finding(CHECK, place, "a code stands there that is not claimed")


def _is_standard(code: str, scheme: str) -> bool:
    """Return whether a method is one of CID 7050; those of others may say anything, so they need not stay."""
    return scheme == "DCM" and _METHOD_FORM.fullmatch(code) is not None


def _methods(instance: Instance) -> list[tuple[str, str]]:
    """Return code and scheme of each item."""
    count = int(instance.plain(_METHOD_CODES) or 0)
    return [(_item(instance, number, _CODE), _item(instance, number, _SCHEME)) for number in range(count)]


def _item(instance: Instance, number: int, tag: int) -> str:
    leaf = instance.leaves.get((_METHOD_CODES, number, tag))
    return leaf.plain if leaf else ""
