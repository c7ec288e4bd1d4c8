"""Who a study is of, and who made it where: gathered from its originals, by the check itself."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from orthanc_plugins.validation.attributes import (
    BIRTH_DATE,
    CLASS_UIDS,
    CONTACTS,
    DEVICE_DATES,
    DEVICE_UIDS,
    DEVICES,
    IDENTIFIERS,
    IDENTITY_CONCEPTS,
    IDENTITY_SEQUENCES,
    INSTITUTIONS,
    NO_PERSONS,
    PLACEHOLDERS,
    REGISTERED,
    VOCABULARY_DATES,
    WORKFLOW_IDENTIFIERS,
)
from orthanc_plugins.validation.claims import FULL_DATES, RETAIN_DEVICE, RETAIN_INSTITUTION, RETAIN_UIDS
from orthanc_plugins.validation.writings import ANYWHERE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orthanc_plugins.validation.claims import Claims
    from orthanc_plugins.validation.reading import Instance, Leaf

_TEXTS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "IS", "DS"})
_COMPACT_DATE = 8
_CODE_VALUE, _CODE_MEANING, _CONCEPT_NAME, _TEXT_VALUE = 0x00080100, 0x00080104, 0x0040A043, 0x0040A160
_SCHEMES = frozenset({0x00080102, 0x00080103})


@dataclass(frozen=True, repr=False)
class Identity:
    """Values that must not be met in what is released.

    ``names`` are whole person names as DICOM writes them, ``dates`` and ``birth_dates`` are YYYYMMDD,
    ``encodings`` Python's names of the character sets that the originals use. It is never shown or stored.
    """

    names: frozenset[str] = frozenset()
    identifiers: frozenset[str] = frozenset()
    contacts: frozenset[str] = frozenset()
    institutions: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    birth_dates: frozenset[str] = frozenset()
    dates: frozenset[str] = frozenset()
    uids: frozenset[str] = frozenset()
    device_uids: frozenset[str] = frozenset()
    encodings: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        counted = (f"{field.name}={len(getattr(self, field.name))}" for field in fields(self))
        return f"Identity({', '.join(counted)})"

    def __or__(self, other: Identity) -> Identity:
        """Return both together."""
        return Identity(*(getattr(self, one.name) | getattr(other, one.name) for one in fields(self)))

    def without_claimed(self, claims: Claims) -> Identity:
        """Return what may not stay, given what options allow to.

        A birth date never may, unless it is that of a newborn's study.
        """
        nothing: frozenset[str] = frozenset()
        return Identity(
            self.names,
            self.identifiers,
            self.contacts,
            nothing if claims.has(RETAIN_INSTITUTION) else self.institutions,
            nothing if claims.has(RETAIN_DEVICE) else self.devices,
            self.birth_dates - self.dates if claims.has(FULL_DATES) else self.birth_dates,
            nothing if claims.has(FULL_DATES) else self.dates,
            nothing if claims.has(RETAIN_UIDS) else self.uids,
            nothing if claims.has(RETAIN_UIDS) or claims.has(RETAIN_DEVICE) else self.device_uids,
            self.encodings,
        )


def identity_of(instances: Iterable[Instance]) -> Identity:
    """Return the identity that objects hold, all their items included."""
    gathered = _Gathered()
    for instance in instances:
        for leaf in instance.leaves.values():
            gathered.add(leaf)
            if leaf.tag == _TEXT_VALUE and _concept(leaf, instance) in IDENTITY_CONCEPTS:
                gathered.put("identifiers", leaf)
    return gathered.identity


class _Gathered:
    """Values as they are met."""

    def __init__(self) -> None:
        self._found: dict[str, set[str]] = {field.name: set() for field in fields(Identity)}

    @property
    def identity(self) -> Identity:
        return Identity(**{name: frozenset(values) for name, values in self._found.items()})

    def add(self, leaf: Leaf) -> None:
        """Take an element's values, if they tell anything."""
        if not leaf.value or leaf.vr == "SQ":
            return
        kind = _kind(leaf)
        if kind in {"dates", "birth_dates"}:
            self._take_days(kind, leaf)
        elif kind in {"uids", "device_uids"}:
            self._found[kind].update(uids_of(leaf))
        elif kind:
            self.put(kind, leaf)

    def put(self, kind: str, leaf: Leaf) -> None:
        """Take an element's text as of a kind."""
        text = leaf.text
        many = text.split("\\") if leaf.vr not in {"ST", "LT", "UT", "UR"} else [text]
        self._found[kind].update(filter(None, (value.strip() for value in many)))
        self._found["encodings"].update(leaf.encodings)

    def _take_days(self, kind: str, leaf: Leaf) -> None:
        """Take days; what stands in a date's place and is none is taken as it is written."""
        for value in leaf.plain.split("\\"):
            if day := day_of(value):
                self._found[kind].add(day)
            elif len(value.strip()) >= ANYWHERE and value.strip()[:_COMPACT_DATE] not in PLACEHOLDERS:
                self._found["identifiers"].add(value.strip())


def _concept(leaf: Leaf, instance: Instance) -> str:
    """Return the code that names a content item of a report, empty where it has none."""
    code = instance.leaves.get((*leaf.place[:-1], _CONCEPT_NAME, 0, _CODE_VALUE))
    return code.plain if code else ""


def _kind(leaf: Leaf) -> str:
    """Return which of an identity's fields an element's values belong to, empty for none."""
    if leaf.vr in {"DA", "DT"}:
        return _kind_of_date(leaf.tag)
    if leaf.vr == "UI":
        kind = "device_uids" if leaf.tag in DEVICE_UIDS else "uids"
        return kind if is_instance_uid(leaf) else ""
    if leaf.vr == "PN":
        return "names"
    return _kind_of_text(leaf) if leaf.vr in _TEXTS else ""


def _kind_of_text(leaf: Leaf) -> str:
    if leaf.tag in WORKFLOW_IDENTIFIERS and not any(character.isdigit() for character in leaf.plain):
        return ""
    known = next((kind for kind, tags in _BY_TAG.items() if leaf.tag in tags), "")
    if known or not inside_identity(leaf) or leaf.tag in _SCHEMES:
        return known
    if leaf.tag != _CODE_MEANING:
        return "identifiers"
    return "institutions" if NO_PERSONS.intersection(leaf.place) else "names"


_BY_TAG = {
    "identifiers": IDENTIFIERS,
    "contacts": CONTACTS,
    "institutions": INSTITUTIONS,
    "devices": DEVICES,
}


def _kind_of_date(tag: int) -> str:
    if tag == BIRTH_DATE:
        return "birth_dates"
    return "" if tag in VOCABULARY_DATES | DEVICE_DATES else "dates"


def inside_identity(leaf: Leaf) -> bool:
    """Return whether an element is in an item whose text is all identity."""
    return any(tag in IDENTITY_SEQUENCES for tag in leaf.place[:-1:2])


def is_instance_uid(leaf: Leaf) -> bool:
    """Return whether the UIDs of an element name things of this study, not kinds and tables."""
    return leaf.vr == "UI" and leaf.tag not in CLASS_UIDS


def uids_of(leaf: Leaf) -> list[str]:
    """Return the UIDs of an element that are not registered ones."""
    return [uid for uid in leaf.plain.split("\\") if uid.strip(" \0") and not uid.startswith(REGISTERED)]


def day_of(value: str) -> str:
    """Return the day of a date or a date and time as YYYYMMDD, empty when it tells none or a placeholder.

    >>> day_of("2024.01.31"), day_of("20240131120000.5+0100"), day_of("202401"), day_of("19000101")
    ('20240131', '20240131', '', '')
    """
    digits = value.strip().replace(".", "", 2) if value.strip()[4:5] == "." else value.strip()
    day = digits[:_COMPACT_DATE]
    return day if len(day) == _COMPACT_DATE and day.isdigit() and day not in PLACEHOLDERS else ""
