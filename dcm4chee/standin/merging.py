"""Coercion: what the archive holds of patient, study and series wins over what an object says.

So does dcm4chee: ``StoreServiceEJB.coerceAttributes`` on store, ``MergeAttributesCoercion`` on retrieval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dcm4chee.standin.dataset import is_empty
from dcm4chee.standin.tags import ORIGINAL_ATTRIBUTES, SPECIFIC_CHARACTER_SET

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dcm4chee.standin.dataset import Attributes, Element

MODIFYING_SYSTEM = "dcm4chee-arc"
"""The device, as dcm4chee signs what it modifies (0400,0563)."""

_NOT_MERGED = frozenset({ORIGINAL_ATTRIBUTES, SPECIFIC_CHARACTER_SET})


def same(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Return whether two elements have the same value; padding and the value representation do not count."""
    if one == other:
        return True
    if one is None or other is None:
        return is_empty(one) and is_empty(other)
    if one.get("InlineBinary") != other.get("InlineBinary"):
        return False
    return bool(_comparable(one.get("Value", [])) == _comparable(other.get("Value", [])))


def _comparable(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip(" \0")
    if isinstance(value, list):
        return [_comparable(one) for one in value]
    if isinstance(value, dict) and value.keys() <= {"Alphabetic", "Ideographic", "Phonetic"}:
        return {key: text.rstrip(" ^") for key, text in value.items() if text.rstrip(" ^")}
    if isinstance(value, dict):
        return {key: _comparable(one) for key, one in value.items() if key != "vr"}
    return value


def supplemented(held: Attributes, received: Attributes) -> Attributes:
    """Return what is held, with what was received where nothing was (update policy SUPPLEMENT)."""
    missing = {
        tag: element for tag, element in received.items() if not is_empty(element) and is_empty(held.get(tag))
    }
    return held | missing


def overwritten(received: Attributes, held: Attributes) -> Attributes:
    """Return the elements of what is held that an object says otherwise or not at all."""
    return {
        tag: element
        for tag, element in held.items()
        if tag not in _NOT_MERGED and not is_empty(element) and not same(received.get(tag), element)
    }


def original_item(previous: Attributes, moment: str, reason: str = "COERCE", source: str = "") -> Attributes:
    """Return an item of OriginalAttributesSequence (PS3.3 C.12.1.1.9.1) for attributes that are modified.

    Parameters
    ----------
    previous
        The values before.
    moment
        Date and time as DT (PS3.5 6.2).
    reason
        ``COERCE`` or ``CORRECT``.
    source
        SourceOfPreviousValues (0400,0564), empty when unknown.
    """
    origin: Element = {"vr": "LO", "Value": [source]} if source else {"vr": "LO"}
    return {
        "04000550": {"vr": "SQ", "Value": [dict(sorted(previous.items()))]},
        "04000562": {"vr": "DT", "Value": [moment]},
        "04000563": {"vr": "LO", "Value": [MODIFYING_SYSTEM]},
        "04000564": origin,
        "04000565": {"vr": "CS", "Value": [reason]},
    }


def merged(received: Attributes, changes: Attributes, originals: Sequence[Attributes]) -> Attributes:
    """Return attributes with changes in place and items appended to OriginalAttributesSequence."""
    result = received | changes
    if originals:
        own = received.get(ORIGINAL_ATTRIBUTES, {}).get("Value", [])
        result[ORIGINAL_ATTRIBUTES] = {"vr": "SQ", "Value": [*own, *originals]}
    return result
