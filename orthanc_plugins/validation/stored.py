"""Whether what a destination stores is what was sent to it, and holds nothing of the originals.

A destination may write a file anew: another preamble and group 2 (PS3.10 7.1), lengths and encodings of
sequences. Values stay, at every place, pixels to the bit, but for what it is declared to change. What it has
written itself (the XML of a session, names of files) is searched for the originals' identity as well.

Decisions
---------
2026-11-30  Pixels are compared as bytes: a destination that encodes them anew is refused, and asked to keep
            what it is given.
2026-11-30  An attribute may be declared to have one other value, never any: XNAT's relabelling is to exactly
            project, subject and session.
2026-11-30  An element may be taken away only where its value said nothing: it was empty, or a dummy.
2026-11-30  A destination's script leaves its number in (0012,0064): demanded where the script is on, it is
            the proof that the destination's own barrier ran. Of what was stored before, an older number is
            taken, and several, of each time that it ran.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from orthanc_plugins.validation.claims import Claims
from orthanc_plugins.validation.comparison import Comparison
from orthanc_plugins.validation.identity import day_of
from orthanc_plugins.validation.patterns import Kind, patterns_of
from orthanc_plugins.validation.reading import SOP_CLASS, SOP_INSTANCE, read, shown
from orthanc_plugins.validation.report import Finding, Severity
from orthanc_plugins.validation.residual import Residue
from orthanc_plugins.validation.search import Index

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from orthanc_plugins.validation.identity import Identity
    from orthanc_plugins.validation.reading import Instance, Leaf, Place

CHECK = "stored"
METHOD, METHOD_CODES = 0x00120063, 0x00120064
_CODE_VALUE, _SCHEME, _VERSION, _MEANING = 0x00080100, 0x00080102, 0x00080103, 0x00080104
_OF_A_TRACE = frozenset({_CODE_VALUE, _SCHEME, _VERSION, _MEANING})


@dataclass(frozen=True)
class Trace:
    """What a script of the destination leaves in each object that it has worked on.

    Parameters
    ----------
    scheme
        Coding Scheme Designator (0008,0102) of its item in (0012,0064).
    number
        Code Value (0008,0100) of that item; None where the destination does not tell it.
    demanded
        Whether it must be there; otherwise it may.
    """

    scheme: str
    number: int | None
    demanded: bool = True


@dataclass(frozen=True)
class Allowed:
    """What a destination may change itself, and nothing else.

    Parameters
    ----------
    values
        Top-level attributes, and the one other value that each may have.
    emptied
        Attributes that may be missing, or be there, where they are empty.
    dismissible
        Values that say nothing: an element that has one of them may be gone.
    traces
        Of its scripts, in the order in which they run.
    """

    values: Mapping[int, str] = field(default=MappingProxyType({}))
    emptied: frozenset[int] = frozenset()
    dismissible: frozenset[bytes] = frozenset()
    traces: tuple[Trace, ...] = ()


@dataclass(frozen=True)
class StoredPair:
    """An object as it was sent and as it is stored; ``name`` is what the destination calls its file.

    ``original`` is what it was made of; its path is never shown. ``before`` tells that it was stored by an
    earlier delivery.
    """

    original: Path = field(repr=False)
    released: Path
    stored: Path
    name: str
    before: bool = False


class StoredCheck:
    """The check of what a destination stores of one study.

    Parameters
    ----------
    identity
        Of all originals (`orthanc_plugins.validation.gather`).
    claims
        What is said of the released objects.
    allowed
        What the destination may change.
    """

    def __init__(self, identity: Identity, claims: Claims, allowed: Allowed) -> None:
        searched = identity.without_claimed(claims)
        self._claims = claims
        self._allowed = allowed
        self._residue = Residue(searched)
        self._index = Index(patterns_of(searched))
        self._days: set[str] = set()
        self.changes: Counter[str] = Counter()
        """How many objects have each attribute as the destination changed it, and was declared to."""

    def object(self, pair: StoredPair) -> list[Finding]:
        """Return what is wrong with a stored object.

        Raises
        ------
        InvalidDicom
            One of the files cannot be read.
        """
        released, stored = read(pair.released), read(pair.stored)
        name = released.plain(SOP_INSTANCE)
        self._days |= {day for leaf in released.leaves.values() for day in _days(leaf)}
        difference = _Difference(released, stored, self._allowed, before=pair.before)
        places = difference.places()
        self.changes.update(difference.changed)
        findings = [Finding(CHECK, name, _plain(place), text) for place, text in places]
        findings += [Finding(CHECK, name, "", text) for text in _file_faults(released, stored)]
        comparison = Comparison(read(pair.original), stored, self._claims, name, pair.name)
        left = (one for one in self._residue.check(comparison) if one.severity is Severity.ERROR)
        return [*findings, *left]

    def stranger(self, stored: Path, name: str) -> list[Finding]:
        """Return what is left of the identity in an object of the study that was not sent now."""
        return self.words(stored.read_bytes(), "an object that was not sent") + self.words(
            name.encode(), "name of a file"
        )

    def words(self, data: bytes, place: str) -> list[Finding]:
        """Return what is left of the identity in bytes that the destination has written itself.

        Dates are those of released objects, or of today, as the destination notes when something came.
        """
        known = self._days | _today()
        found = {
            hit.pattern.kind
            for hit in self._index.search(data)
            if not (hit.pattern.kind is Kind.DATE and _digits(hit.pattern.digits) in known)
        }
        return [Finding(CHECK, "", place, f"holds a {kind} of the originals") for kind in sorted(found)]


class _Difference:
    """Two objects, place by place."""

    def __init__(self, released: Instance, stored: Instance, allowed: Allowed, *, before: bool) -> None:
        self._released = released.leaves
        self._stored = stored.leaves
        self._allowed = allowed
        self._before = before
        self.changed: Counter[str] = Counter()

    def places(self) -> list[tuple[Place, str]]:
        """Return the places that differ and are not declared to, each with what is wrong."""
        found = []
        for place in sorted(self._released.keys() | self._stored.keys()):
            if place[-1] & 0xFFFF == 0 or place[0] == METHOD_CODES:
                continue  # lengths of groups (PS3.5 7.2); codes by themselves
            text = self._fault(place, self._released.get(place), self._stored.get(place))
            if text:
                found.append((place, text))
        return found + [((METHOD_CODES,), text) for text in self._code_faults()]

    def _fault(self, place: Place, sent: Leaf | None, held: Leaf | None) -> str:
        """Return what is wrong with an element, empty for nothing."""
        if sent is not None and held is not None and sent.stripped == held.stripped:
            return ""
        if self._is_empty_either_way(place, sent, held) or self._is_declared(place, held):
            return ""
        if sent is not None and held is None and sent.stripped in self._allowed.dismissible:
            self._note(place[-1])
            return ""
        if held is None:
            return "it is gone"
        return "it was added" if sent is None else "it has another value"

    def _is_empty_either_way(self, place: Place, sent: Leaf | None, held: Leaf | None) -> bool:
        there = [leaf for leaf in (sent, held) if leaf is not None]
        return place[-1] in self._allowed.emptied and all(not leaf.stripped for leaf in there)

    def _is_declared(self, place: Place, held: Leaf | None) -> bool:
        """Return whether an element has the other value that is declared, or only more methods."""
        tag = place[0]
        if len(place) != 1 or held is None:
            return False
        if held.plain == self._allowed.values.get(tag):
            self._note(tag)
            return True
        return tag == METHOD and self._adds_methods(held)

    def _adds_methods(self, held: Leaf) -> bool:
        """Return whether (0012,0063) has its values, and one more for each time that a script ran."""
        sent = self._released.get((METHOD,))
        before = sent.plain.split("\\") if sent else []
        after = [value.strip() for value in held.plain.split("\\")]
        schemes = {trace.scheme for trace in self._allowed.traces}
        added = after[len(before) :]
        is_added = (
            after[: len(before)] == [value.strip() for value in before]
            and (self._before or len(added) <= len(self._allowed.traces))
            and all(value.split(" ")[0] in schemes for value in added)
        )
        if is_added:
            self._note(METHOD)
        return is_added

    def _code_faults(self) -> Iterator[str]:
        """Yield what is wrong with (0012,0064): the items that were sent, then one for each script."""
        sent, held = _items(self._released), _items(self._stored)
        if held[: len(sent)] != sent:
            yield "its items are not those that were sent"
            return
        added = held[len(sent) :]
        if added:
            self._note(METHOD_CODES)
        for number, trace in enumerate(self._allowed.traces):
            later = sum(one.demanded for one in self._allowed.traces[number + 1 :])
            taken = 0
            while added and self._is_of(trace, added[0]) and self._may_take(trace, taken, len(added) - later):
                added, taken = added[1:], taken + 1
            if trace.demanded and not taken:
                yield "the destination's script has not left its number: it did not run"
                return
        if added:
            yield "it has items that no script of the destination accounts for"

    def _may_take(self, trace: Trace, taken: int, spare: int) -> bool:
        """Return whether an item is to be that of a script of which some were ``taken``.

        ``spare`` are those that scripts which run later do not need. A destination may run a script over what
        it has stored before, as XNAT does when a session is given another label or project.
        """
        if trace.demanded and not taken:
            return True
        return spare > 0 and (not taken or self._before)

    def _is_of(self, trace: Trace, item: Mapping[Place, str]) -> bool:
        """Return whether an item is what a script leaves."""
        plain = {place[-1]: value for place, value in item.items()}
        number = plain.get(_CODE_VALUE, "")
        if not plain.keys() <= _OF_A_TRACE or plain.get(_SCHEME) != trace.scheme or not number.isdigit():
            return False
        if trace.number is None or int(number) == trace.number:
            return True
        return self._before and int(number) < trace.number

    def _note(self, tag: int) -> None:
        self.changed[f"{tag >> 16:04X},{tag & 0xFFFF:04X}"] = 1


def refusal_of(findings: list[Finding]) -> str:
    """Return what is wrong in words: each attribute, in how many objects.

    >>> one = Finding(CHECK, "1.2", "(0008,1030)", "it has another value")
    >>> refusal_of([one, one._replace(instance="1.3")])
    '(0008,1030): it has another value, in 2 objects'
    """
    told: dict[tuple[str, str], set[str]] = {}
    for finding in findings:
        told.setdefault((finding.location, finding.text), set()).add(finding.instance)
    parts = []
    for (location, text), instances in told.items():
        where = f"{location}: " if location else ""
        many = "1 object" if len(instances) == 1 else f"{len(instances)} objects"
        parts.append(f"{where}{text}" + (f", in {many}" if instances != {""} else ""))
    return "; ".join(parts)


def claims_of(method_codes: frozenset[str]) -> Claims:
    """Return claims by the codes alone, as far as the search for an identity needs them."""
    full, modified = "113106" in method_codes, "113107" in method_codes
    return Claims(
        method_codes=method_codes,
        longitudinal="unmodified" if full else "modified" if modified else "removed",
        pixels_cleaned="113101" in method_codes,
    )


def _file_faults(released: Instance, stored: Instance) -> Iterator[str]:
    """Yield what is wrong with a stored file: its transfer syntax, its group 2, bytes of no element."""
    if released.transfer_syntax != stored.transfer_syntax:
        yield "it was encoded anew, in another transfer syntax"
    meta = stored.meta
    named = str(meta.get("MediaStorageSOPClassUID", "")), str(meta.get("MediaStorageSOPInstanceUID", ""))
    if named != (stored.plain(SOP_CLASS), stored.plain(SOP_INSTANCE)):
        yield "its file meta information names another object"
    if stored.unused > released.unused:
        yield "bytes that belong to no element were added"


def _items(leaves: Mapping[Place, Leaf]) -> list[dict[Place, str]]:
    """Return the items of (0012,0064): values by their place in it."""
    items: dict[int, dict[Place, str]] = {}
    for place, leaf in leaves.items():
        if place[0] == METHOD_CODES and len(place) > 1:
            items.setdefault(place[1], {})[place[2:]] = leaf.plain
    return [items[number] for number in sorted(items)]


def _plain(place: Place) -> str:
    """Return a place without numbers of items, so that equal ones are counted together."""
    return ".".join(shown((tag,)) for tag in place[::2])


def _days(leaf: Leaf) -> list[str]:
    if leaf.vr not in {"DA", "DT"}:
        return []
    return [day for value in leaf.plain.split("\\") if (day := day_of(value))]


def _digits(text: str) -> str:
    """Return a written day as YYYYMMDD, where it begins with the year."""
    return "".join(character for character in text if character.isdigit())


def _today() -> set[str]:
    """Return today, and the days before and after it: the destination's clock is in another zone."""
    now = datetime.now(UTC)
    return {(now + timedelta(days=days)).strftime("%Y%m%d") for days in (-1, 0, 1)}
