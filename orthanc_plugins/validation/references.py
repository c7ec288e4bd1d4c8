"""Whether what pointed at something in the originals points at the same thing in what is released."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from orthanc_plugins.validation.attributes import DEVICE_UIDS, LOCAL_UIDS, REGISTERED
from orthanc_plugins.validation.claims import RETAIN_DEVICE, RETAIN_UIDS
from orthanc_plugins.validation.comparison import is_kept_alive, is_private, is_remade
from orthanc_plugins.validation.identity import is_instance_uid, uids_of
from orthanc_plugins.validation.reading import SOP_CLASS, SOP_INSTANCE, Place, shown
from orthanc_plugins.validation.report import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orthanc_plugins.validation.claims import Claims
    from orthanc_plugins.validation.comparison import Comparison
    from orthanc_plugins.validation.reading import Leaf

CHECK = "references"
STUDY, SERIES, FRAME_OF_REFERENCE = 0x0020000D, 0x0020000E, 0x00200052
_PUBLIC_ROOTS = (REGISTERED, "2.16.840.1.113883.6.")
"""Of DICOM, and of the code systems that HL7 has registered for all."""
_DEFINING = (SOP_INSTANCE, STUDY, SERIES, FRAME_OF_REFERENCE)
"""Top-level attributes by which an object is found, and others point at it."""


class Mapped(NamedTuple):
    """UIDs at the same place of both objects. What they were is never told."""

    old: str
    new: str
    place: Place
    instance: str


@dataclass(frozen=True)
class Links:
    """What one object says of the study's net: internal to the check, as it holds original UIDs.

    ``mapped`` are all UIDs that both objects have, ``lost`` those that the released one has no more.
    """

    mapped: tuple[Mapped, ...]
    lost: tuple[Mapped, ...]


def check_own(comparison: Comparison) -> Iterator[Finding]:
    """Yield what is wrong with the UIDs of one object by itself."""
    released, meta = comparison.released, comparison.released.meta
    for tag, keyword in (
        (SOP_INSTANCE, "MediaStorageSOPInstanceUID"),
        (SOP_CLASS, "MediaStorageSOPClassUID"),
    ):
        if str(meta.get(keyword, "")) != released.plain(tag):
            yield comparison.finding(CHECK, (tag,), "it is not the one of the file meta information")
    for before, after in comparison.both:
        if before.tag in LOCAL_UIDS and not before.plain.startswith(_PUBLIC_ROOTS):
            continue
        if before.vr == "UI" and not is_instance_uid(before) and before.stripped != after.stripped:
            yield comparison.finding(CHECK, after.place, "a class, coding scheme or other kind was changed")
    for tag in _DEFINING:
        if comparison.original.plain(tag) and not released.plain(tag):
            yield comparison.finding(CHECK, (tag,), "it is missing")
    before_places = comparison.original.leaves
    for place, leaf in released.leaves.items():
        if is_instance_uid(leaf) and leaf.stripped and place not in before_places and not is_remade(place):
            yield comparison.finding(CHECK, place, "a UID stands where the original has none")


def links_of(comparison: Comparison) -> Links:
    """Return the UIDs of an object, each with what became of it."""
    mapped: list[Mapped] = []
    lost: list[Mapped] = []
    for leaf in comparison.original.leaves.values():
        if not is_instance_uid(leaf) or not leaf.stripped or is_private(leaf.place):
            continue
        if leaf.tag in DEVICE_UIDS and comparison.claims.has(RETAIN_DEVICE):
            continue
        after = comparison.released.leaves.get(leaf.place)
        if after is not None and after.stripped:
            mapped.extend(_mapped(leaf, after, comparison.instance))
        elif not _may_go(leaf, comparison.claims):
            lost.extend(Mapped(uid, "", leaf.place, comparison.instance) for uid in uids_of(leaf))
    return Links(tuple(mapped), tuple(lost))


def _mapped(before: Leaf, after: Leaf, instance: str) -> Iterator[Mapped]:
    old, new = before.plain.split("\\"), after.plain.split("\\")
    for one, other in zip(old, new, strict=False):
        yield Mapped(one.strip(" \0"), other.strip(" \0"), before.place, instance)
    for one in old[len(new) :]:
        yield Mapped(one.strip(" \0"), "", before.place, instance)


def _may_go(leaf: Leaf, claims: Claims) -> bool:
    """Return whether the profile lets a UID go with what it is in."""
    return is_remade(leaf.place) or not is_kept_alive(leaf.place, claims)


def check_net(links: Iterable[Links], claims: Claims) -> Iterator[Finding]:
    """Yield where the released objects' net is not that of the originals.

    One new UID for each old one, and one old for each new, means that whatever pointed at an object of the
    study still does, and that nothing else points there.
    """
    links = tuple(links)
    mapped = [one for found in links for one in found.mapped]
    yield from _not_as_claimed(mapped, claims)
    yield from _ambiguous(mapped)
    defined = {one.old for one in mapped if len(one.place) == 1 and one.place[0] in _DEFINING}
    for found in links:
        for one in found.lost:
            if one.old in defined:
                yield _finding(one, "what pointed at an object of the study points nowhere")


def _not_as_claimed(mapped: Iterable[Mapped], claims: Claims) -> Iterator[Finding]:
    """Yield UIDs that were kept though they are not claimed to be, and the other way round."""
    retained = claims.has(RETAIN_UIDS)
    for one in mapped:
        if retained or one.old.startswith(REGISTERED):
            if one.old != one.new:
                yield _finding(one, "it was changed, and is one to keep")
        elif one.old == one.new:
            yield _finding(one, "it is the original's UID")


def _ambiguous(mapped: Iterable[Mapped]) -> Iterator[Finding]:
    """Yield UIDs that stand for two of the originals', or of which the original stands for two of them."""
    mapped = list(mapped)
    became, was = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for one in mapped:
        became[one.old].add(one.new)
        was[one.new].add(one.old)
    for one in mapped:
        if len(became[one.old]) > 1:
            yield _finding(one, "the same UID of the originals became another one elsewhere")
        if len(was[one.new]) > 1:
            yield _finding(one, "two UIDs of the originals became this one")


def _finding(one: Mapped, text: str) -> Finding:
    return Finding(CHECK, one.instance, shown(one.place), text)
