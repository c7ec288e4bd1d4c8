"""What a user may do in a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xnat_standin.answers import forbidden, not_found

if TYPE_CHECKING:
    import sqlite3

    from xnat_standin.users import User
    from xnat_standin.xnat import Xnat


def readable(xnat: Xnat, user: User, project: str) -> sqlite3.Row:
    """Return a project that a user may read.

    Raises
    ------
    RefusedError
        404: there is none. 403: it is not for this user.
    """
    row = xnat.archive.project(project)
    if row is None:
        raise not_found(f"Unable to identify project {project}")
    if not may_read(xnat, user, row):
        raise forbidden("The server understood the request, but is refusing to fulfill it")
    return row


def editable(xnat: Xnat, user: User, project: str) -> sqlite3.Row:
    """Return a project that a user may change; refusals as in `readable`."""
    row = readable(xnat, user, project)
    if not user.admin and xnat.archive.role(project, user.name) not in {"Owners", "Members"}:
        raise forbidden("Specified user account has insufficient privileges for this project.")
    return row


def owned(xnat: Xnat, user: User, project: str) -> sqlite3.Row:
    """Return a project that a user owns; refusals as in `readable`."""
    row = readable(xnat, user, project)
    if not user.admin and xnat.archive.role(project, user.name) != "Owners":
        raise forbidden("Specified user account has insufficient privileges for this project.")
    return row


def may_read(xnat: Xnat, user: User, project: sqlite3.Row) -> bool:
    """Return whether a user may read a project."""
    if user.admin or project["accessibility"] == "public":
        return True
    return xnat.archive.role(project["id"], user.name) is not None
