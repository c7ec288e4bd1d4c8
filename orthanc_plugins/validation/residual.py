"""Whether anything of the originals' identity is left: in any byte, in any word, in the same element."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from orthanc_plugins.validation.attributes import (
    BIRTH_DATE,
    CONTACTS,
    DEVICES,
    HELD_AGAINST_ITSELF,
    IDENTIFIERS,
    INSTITUTIONS,
    KEPT_BY_OPTION,
    tags,
)
from orthanc_plugins.validation.dates import moved_days
from orthanc_plugins.validation.documents import ENCAPSULATED_DOCUMENT, open_document
from orthanc_plugins.validation.identity import inside_identity
from orthanc_plugins.validation.patterns import Kind, patterns_of
from orthanc_plugins.validation.reading import shown, span_at
from orthanc_plugins.validation.report import Severity
from orthanc_plugins.validation.report_ages import check_report_ages
from orthanc_plugins.validation.search import Index
from orthanc_plugins.validation.writings import (
    NAME_WORD,
    TECHNICAL,
    VALUE_WORD,
    folded,
    has_no_spaces,
    is_common,
    name_parts,
    pieces,
    spellings,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.validation.comparison import Comparison
    from orthanc_plugins.validation.identity import Identity
    from orthanc_plugins.validation.patterns import Pattern
    from orthanc_plugins.validation.reading import Instance, Leaf
    from orthanc_plugins.validation.report import Finding

CHECK = "residual"
_TEXTS = frozenset({"PN", "LO", "SH", "LT", "ST", "UT", "UC", "UR", "AE"})
_VOCABULARY = tags(
    """CodeValue LongCodeValue CodingSchemeDesignator CodingSchemeVersion CodeMeaning CodingSchemeName
    Manufacturer ManufacturerModelName SoftwareVersions DeidentificationMethod ContextIdentifier
    MappingResource MappingResourceName TransducerType ScanOptions CodingSchemeResponsibleOrganization"""
)
"""Words of standards and makers, in which a short name is met by chance."""
_AGE = 0x00101010
_OLDEST = 90
"""Ages over 89 are told as 90 or more (45 CFR 164.514(b)(2)(C))."""
_COMPARED = IDENTIFIERS | CONTACTS | DEVICES | INSTITUTIONS | HELD_AGAINST_ITSELF | {BIRTH_DATE}


class Residue:
    """What is left of an identity in released objects.

    Parameters
    ----------
    identity
        What may not stay, of all originals of the study and, if it is known, of the patient's other studies.
    """

    def __init__(self, identity: Identity) -> None:
        self._index = Index(patterns_of(identity))
        self._phrases: dict[str, list[tuple[list[str], Kind]]] = defaultdict(list)
        self._unparted: dict[str, Kind] = {}
        for text, kind in _phrases(identity):
            if has_no_spaces(text):
                self._unparted[folded(text)] = kind
            elif phrase := words(text):
                self._phrases[phrase[0]].append((phrase, kind))

    def tells(self, text: str) -> bool:
        """Return whether a text that is to be told holds what is searched for in every byte."""
        return next(self._index.search(text.encode()), None) is not None

    def check(self, comparison: Comparison) -> Iterator[Finding]:
        """Yield what is left in an object."""
        yield from self._bytes(comparison)
        yield from self._words(comparison)
        yield from _same_element(comparison)
        age = comparison.released.plain(_AGE)
        if age.endswith("Y") and age[:-1].isdigit() and int(age[:-1]) > _OLDEST:
            yield comparison.finding(
                CHECK, (_AGE,), f"an age of more than {_OLDEST} years singles people out"
            )
        yield from check_report_ages(comparison)

    def _bytes(self, comparison: Comparison) -> Iterator[Finding]:
        """Yield what is met in the bytes of the file, of its name, and of what they hold packed."""
        released = comparison.released
        moved = moved_days(comparison)
        told = set()
        for part, data in _parts(comparison):
            for pattern, start in self._index.search(data):
                if pattern.kind is Kind.DATE and pattern.digits in moved:
                    continue
                if not part and pattern.kind is Kind.IDENTIFIER and _is_own_time(comparison, start):
                    continue
                place = part or _located(released, pattern, start)
                if (place, pattern.kind) not in told:
                    told.add((place, pattern.kind))
                    text = f"{_article(pattern.kind)} of the originals is in its bytes ({pattern.encoding})"
                    yield comparison.finding(CHECK, place, text)
        yield from _unread(comparison)

    def _words(self, comparison: Comparison) -> Iterator[Finding]:
        """Yield what is met among the words of text, and of text that does not part words."""
        told = set()
        for leaf in comparison.released.leaves.values():
            if leaf.vr not in _TEXTS or leaf.tag in _VOCABULARY:
                continue
            for kind in self._kinds_in(leaf):
                if (leaf.place, kind) not in told:
                    told.add((leaf.place, kind))
                    yield comparison.finding(
                        CHECK, leaf.place, f"{_article(kind)} of the originals is among its words"
                    )

    def _kinds_in(self, leaf: Leaf) -> Iterator[Kind]:
        text = leaf.text
        found = words(text)
        for place, word in enumerate(found):
            for phrase, kind in self._phrases.get(word, ()):
                if found[place : place + len(phrase)] == phrase:
                    yield kind
        if not text.isascii():
            plain = folded(text)
            yield from (kind for part, kind in self._unparted.items() if part in plain)


def _phrases(identity: Identity) -> Iterator[tuple[str, Kind]]:
    """Yield the texts that are met as whole words, in all of their spellings."""
    for name in identity.names:
        for part in name_parts(name):
            for spelling in spellings(part):
                if len(spelling) >= NAME_WORD and spelling not in TECHNICAL:
                    yield spelling, Kind.NAME
    for kind, values in (
        (Kind.IDENTIFIER, identity.identifiers),
        (Kind.CONTACT, identity.contacts),
        (Kind.INSTITUTION, identity.institutions),
        (Kind.DEVICE, identity.devices),
    ):
        for value in values:
            for part in pieces(value) if kind is Kind.CONTACT else (value,):
                if len(part) >= VALUE_WORD and not is_common(part):
                    yield part, kind


def _parts(comparison: Comparison) -> Iterator[tuple[str, bytes]]:
    """Yield what is searched and what to call it; the data set itself has no name, its elements have."""
    released = comparison.released
    head = len(released.data) - len(released.body)
    if released.data.endswith(released.body):
        yield "preamble or file meta information", released.data[:head]
    else:
        yield "deflated file", released.data
    yield "", released.body
    yield "name of the file", comparison.name.encode()
    for leaf in _documents(released):
        for view in open_document(leaf.value).views:
            yield shown(leaf.place), view


def _documents(released: Instance) -> list[Leaf]:
    return [leaf for leaf in released.leaves.values() if leaf.tag == ENCAPSULATED_DOCUMENT]


def _unread(comparison: Comparison) -> Iterator[Finding]:
    """Yield of documents what nobody has read."""
    for leaf in _documents(comparison.released):
        document = open_document(leaf.value)
        if document.unread:
            yield comparison.finding(
                CHECK, leaf.place, f"{document.unread} streams of the document cannot be read"
            )
        if document.pictures:
            text = f"{document.pictures} pictures of the document were not looked at"
            yield comparison.finding(CHECK, leaf.place, text, Severity.WARNING)


def _is_own_time(comparison: Comparison, start: int) -> bool:
    """Return whether a place in the bytes is in a time of day that the original has there, too.

    Numbers of six digits are often identifiers, and often times.
    """
    place = (span_at(comparison.released, start) or 0,)
    before, after = comparison.original.leaves.get(place), comparison.released.leaves.get(place)
    return before is not None and after is not None and before.vr == "TM" and before.value == after.value


def _located(released: Instance, pattern: Pattern, start: int) -> str:
    """Return the place of the element that holds a pattern, as exactly as it is known."""
    top = span_at(released, start)
    for place, leaf in released.leaves.items():
        if place[0] == top and pattern.code in leaf.value.lower():
            return shown(place)
    return shown((top,)) if top is not None else "after the last element"


def _article(kind: Kind) -> str:
    return f"{'an' if kind in {Kind.IDENTIFIER, Kind.INSTITUTION} else 'a'} {kind}"


def _same_element(comparison: Comparison) -> Iterator[Finding]:
    """Yield elements that tell who or where, and still have the original's value, however short."""
    kept = frozenset[int]().union(
        *(found for code, found in KEPT_BY_OPTION.items() if comparison.claims.has(code))
    )
    for place, leaf in comparison.released.leaves.items():
        before = comparison.original.leaves.get(place)
        if before is None or not leaf.stripped or before.stripped != leaf.stripped:
            continue
        identifies = (
            (leaf.vr == "PN" and name_parts(leaf.text)) or leaf.tag in _COMPARED or inside_identity(leaf)
        )
        if identifies and leaf.vr != "SQ" and not any(tag in kept for tag in place[::2]):
            yield comparison.finding(CHECK, place, "it has the original's value")
