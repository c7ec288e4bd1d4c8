"""What a path below ``/data`` names: projects, subjects, experiments, scans, resources and files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xnat_standin.access import editable, readable
from xnat_standin.answers import not_found

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from xnat_standin.users import User
    from xnat_standin.xnat import Xnat

ROOTS = {"projects", "subjects", "experiments"}
_LEVELS = (*ROOTS, "scans", "resources")


@dataclass(frozen=True)
class Place:
    """A collection, or one of it; what of the path is there."""

    collection: str = ""
    key: str | None = None
    """What is named in the collection; None is all of it."""
    project: sqlite3.Row | None = None
    subject: sqlite3.Row | None = None
    experiment: sqlite3.Row | None = None
    scans: tuple[sqlite3.Row, ...] = ()
    resource: sqlite3.Row | None = None
    owners: tuple[str, ...] = ()
    """Whose resources are meant: ``project:…``, ``subject:…``, ``experiment:…``, ``scan:…``."""


def walk(xnat: Xnat, user: User, segments: Sequence[str], *, changes: bool) -> Place:
    """Return what a path names.

    The last name need not be there: its row is then None, or there are no scans.

    Raises
    ------
    RefusedError
        404: something before the last name is not there. 403: it is not for this user.
    """
    place, place_of = Place(), 0
    while place_of < len(segments):
        collection, rest = segments[place_of], list(segments[place_of + 1 :])
        if collection == "files":
            return replace(place, collection="files", key="/".join(rest) or None)
        if collection not in _LEVELS or (place_of == 0 and collection not in ROOTS):
            raise not_found(f"There is no {collection} here.")
        place = replace(place, collection=collection, key=rest[0] if rest else None)
        if rest:
            place = _step(xnat, place, rest[0], is_last=len(rest) == 1)
        _check(xnat, user, place, changes=changes)
        place_of += 2
    return place


def _step(xnat: Xnat, place: Place, key: str, *, is_last: bool) -> Place:
    archive = xnat.archive
    project = str(place.project["id"]) if place.project else None
    match place.collection:
        case "projects":
            row = archive.project(key)
            next_place = replace(place, project=row, owners=(f"project:{key}",))
        case "subjects":
            row = archive.subject(project, key)
            owners = (f"subject:{row['id']}",) if row else ()
            next_place = replace(place, subject=row, owners=owners)
        case "experiments":
            row = archive.experiment(project, key)
            owners = (f"experiment:{row['id']}",) if row else ()
            next_place = replace(place, experiment=row, owners=owners)
        case "scans":
            scans = _scans(xnat, place, key)
            row = scans[0] if scans else None
            next_place = replace(place, scans=scans, owners=tuple(f"scan:{scan['pk']}" for scan in scans))
        case _:
            found = [one for owner in place.owners if (one := archive.resource(owner, key))]
            row = found[0] if found else None
            next_place = replace(place, resource=row)
            if len(place.owners) > 1:
                next_place = replace(next_place, owners=place.owners)
    if row is None and not is_last:
        raise not_found(f"Unable to identify {place.collection.removesuffix('s')} {key}")
    return _with_parents(xnat, next_place)


def _with_parents(xnat: Xnat, place: Place) -> Place:
    """Return a place with the subject and project of what it has."""
    if place.experiment is not None and place.subject is None:
        place = replace(place, subject=xnat.archive.subject(None, place.experiment["subject"]))
    if place.project is None and place.subject is not None:
        place = replace(place, project=xnat.archive.project(place.subject["project"]))
    return place


def _scans(xnat: Xnat, place: Place, key: str) -> tuple[sqlite3.Row, ...]:
    """Return the scans that are meant: one, some with commas, or ``ALL``."""
    if place.experiment is None:
        raise not_found("Scans are below an experiment.")
    experiment = place.experiment["id"]
    if key in {"ALL", "*"}:
        return tuple(xnat.archive.scans(experiment))
    found = (xnat.archive.scan(experiment, name) for name in key.split(","))
    return tuple(scan for scan in found if scan is not None)


def _check(xnat: Xnat, user: User, place: Place, *, changes: bool) -> None:
    if place.project is not None:
        (editable if changes else readable)(xnat, user, place.project["id"])
